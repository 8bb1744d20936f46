"""Titles and beginnings read in the direction of their language, and what was masked in that of the reader."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from community import services
from community.forms import SplitForm
from community.masks import as_stored, in_own_words
from community.models import Post
from community.notifications.common import quoted, values_of
from portal.notifications.registry import Fact
from tests.factories.community import ANSWER, AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db

#: Its first letter says that it reads from the left.
TITLE = "VDSL شب‌ها قطع می‌شود"
PHONE = "شمارهٔ من 0912 345 6789 است"


def directions(page: str, text: str) -> set[str]:
    """The directions of the elements that hold a text, ``-`` for one without; runs inside it have elements of their own."""
    found = re.findall(
        rf"<(?!title|link|meta)\w+([^<>]*)>\s*{re.escape(text)}", re.sub('<bdi dir="[a-z]+">|</bdi>', "", page)
    )
    return {(re.search(r'dir="(\w+)"', attributes) or [0, "-"])[1] for attributes in found}


def test_a_title_reads_in_the_direction_of_its_thread_wherever_it_is_shown(client):
    author = MemberFactory()
    thread = ThreadFactory(title=TITLE, author=author)
    first = thread.posts.get(number=1)
    services.bookmark(user=author, post=first)
    client.force_login(author)
    services.edit_post(post=first, editor=moderator(), body=ANSWER, title="x" + TITLE, version=first.version)
    services.edit_post(post=first, editor=moderator(), body=ANSWER * 2, title=TITLE, version=first.version + 1)
    pages = {
        "thread": thread.get_absolute_url(),
        "list": reverse("community:index"),
        "area": thread.area.get_absolute_url(),
        "bookmarks": reverse("community:bookmarks"),
        "member": reverse("community:person", args=[author.handle]),
        "history": reverse("community:history", args=[first.pk]),
        "reply": reverse("community:reply", args=[thread.pk]),
        "edit": reverse("community:edit", args=[first.pk]),
        "delete": reverse("community:delete", args=[first.pk]),
    }

    found = {name: directions(client.get(url).text, TITLE) for name, url in pages.items()}

    assert found == {name: {"rtl"} for name in pages}


def test_the_queue_shows_a_title_in_its_direction(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    ThreadFactory(title=TITLE, held=True)
    client.force_login(moderator())

    assert directions(client.get(reverse("desk:queue")).text, TITLE) == {"rtl"}


def test_the_beginning_of_a_thread_is_cut_at_the_end_of_its_language(client):
    area = AreaFactory()
    ThreadFactory(
        area=area, title="Should I rather buy a new router?", body="I would rather not buy a new router. " * 9
    )

    page = client.get(area.get_absolute_url() + "?lang=all").text

    assert re.search(r'<p dir="ltr" lang="en">(<bdi dir="ltr">)?I would rather', page)


def test_news_show_a_persian_title_from_the_right():
    fact = Fact(id=1, kind="", subject="", actor="sara", occurred_at=timezone.now())

    assert values_of([fact], TITLE)["title"] == f"\u2067{TITLE}\u2069"
    assert values_of([fact], "مودم")["title"] == "\u2068مودم\u2069"
    assert quoted("VDSL شب‌ها قطع می‌شود").startswith("\u200f\u2067")


# What was masked -----------------------------------------------------------------------------------------------------


def masked_thread(**given):
    return ThreadFactory(body=f"{PHONE} و هیچ چراغی روشن نیست", **given)


@pytest.mark.parametrize(("language", "shown"), [("fa", "[شماره تلفن]"), ("en", "[phone]")])
def test_what_was_masked_is_said_in_the_readers_language_wherever_a_text_is_shown(client, settings, language, shown):
    settings.STAFF_SECOND_FACTOR = False
    author = MemberFactory()
    thread = masked_thread(author=author)
    reply = PostFactory(thread=thread, author=author, body=PHONE)
    held = masked_thread(held=True)
    client.force_login(author)
    with override(language):
        addresses = [
            thread.get_absolute_url(),
            reverse("community:index") + "?lang=all",
            reverse("community:edit", args=[reply.pk]),
            reverse("community:reply", args=[thread.pk]) + f"?to={reply.pk}",
            reverse("community:reply", args=[thread.pk]) + f"?to={reply.pk}&quote=1",
        ]
        pages = [client.get(url).text for url in addresses]
        boss = moderator()
        client.force_login(boss)
        pages.append(client.get(reverse("desk:queue")).text)
        choices = str(SplitForm(user=boss, thread=thread).fields["posts"].choices)
        news = quoted(held.excerpt)

    others = {"[شماره تلفن]", "[phone]"} - {shown}
    for text in [*pages, choices, news]:
        assert shown in text
        assert not others & set(re.findall(r"\[[^\[\]<>]+\]", text))


def test_saving_what_was_masked_changes_nothing_of_it(client):
    author = MemberFactory()
    reply = PostFactory(author=author, body=PHONE)
    stored = reply.body
    client.force_login(author)
    url = reverse("community:edit", args=[reply.pk])
    body = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", client.get(url).text, re.DOTALL)[1]

    client.post(url, {"body": f"{body}!", "version": reply.version})

    assert "[phone]" not in body
    assert Post.objects.visible_to(author).get(pk=reply.pk).body == f"{stored}!"


def test_words_of_a_link_are_not_taken_for_what_was_masked():
    source = "[phone](https://example.com) ![email](upload:1) [phone]"

    with override("fa"):
        shown = in_own_words(source)

    assert shown.startswith("[phone](https://example.com) ![email](upload:1) [ش")
    assert as_stored(shown) == source
