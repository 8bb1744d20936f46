"""The queue shows whatever was posted: no odd post takes the page from moderators, and each can be decided about."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from community import rendering, services
from community.models import Post, ReviewItem, Thread
from tests.community.payloads import BIDI, PAYLOADS
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db

#: What members typed, or an import brought: stored without any of the checks of a form.
TEXTS = {
    "long line": "x" * rendering.MAX_LENGTH,
    "only controls of direction": BIDI * 20,
    "NULs": "\0\0a\0",
    "nothing": "",
    "half a character": "\ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "marks on one letter": "e" + "\u0301" * 5000,
    "fences never closed": "```\n" * 400,
    "deep quotes": ">" * 3000 + "x",
    "deep brackets": "[" * 4000,
    "deep emphasis": "*" * 5000 + "x",
    "broken table": "|" * 3000 + "\n" + "-|" * 3000,
    "placeholders": "{{ user.password }} {% load x %} %(a)s [[phone]] \u27e6\u27e7",
    "half a tag": "<div><p><b" + "</details></article></main>",
}


@pytest.fixture
def desk(client, settings):
    """A client signed in as a moderator."""
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(moderator())
    return client


def shown(desk) -> list[int]:
    """The numbers of the items on the page of the queue."""
    response = desk.get(reverse("desk:queue"))
    assert response.status_code == 200
    return [int(pk) for pk in re.findall(r'aria-labelledby="q(\d+)"', response.text)]


def store(post: Post, text: str) -> None:
    """Store a text as it is in every column that the queue shows."""
    Post.objects.filter(pk=post.pk).update(body=text, html=text)
    Thread.objects.filter(pk=post.thread_id).update(title=text[:200], slug=text[:80], excerpt=text[:200])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_odd_text_stands_between_the_others(desk, text):
    first, odd, last = PostFactory.create_batch(3, held=True)
    store(odd, text)
    ReviewItem.objects.filter(post=odd).update(appeal=text)
    services.flag_post(post=PostFactory(), user=MemberFactory(), reason="other", note=text[:300] or "x")

    assert len(shown(desk)) == 4
    item = ReviewItem.objects.get(post=odd)
    answer = desk.post(
        reverse("desk:decide", args=[item.pk]), {"act": "hide", "reason": "spam", "version": "1"}, follow=True
    )
    assert (answer.status_code, Post.objects.get(pk=odd.pk).state) == (200, "hidden")
    assert {first.state, last.state} == {"held"}


def test_hostile_texts_are_shown_as_text(desk):
    """As if the renderer had failed: what is stored as HTML is what was typed."""
    thread = ThreadFactory()
    texts = [text.encode("utf-8", "replace").decode() for text in PAYLOADS]
    for place, post in enumerate(PostFactory.create_batch(20, held=True, thread=thread)):
        store(post, "\n\n".join(texts[place::20])[: rendering.MAX_LENGTH])

    assert len(shown(desk)) == 20


@pytest.mark.parametrize("gone", ["author", "inactive author", "thread", "thread hidden", "thread merged", "handle"])
def test_what_a_post_belongs_to_may_be_gone(desk, gone):
    odd, fine = PostFactory.create_batch(2, held=True)
    if gone == "author":
        odd.author.delete()
    elif gone == "inactive author":
        type(odd.author).objects.filter(pk=odd.author_id).update(is_active=False)
    elif gone == "thread":
        services.delete_post(post=odd.thread.posts.get(number=1), by=moderator())
    elif gone == "thread hidden":
        services.hide_post(post=odd.thread.posts.get(number=1), by=None, reason="spam")
    elif gone == "thread merged":
        services.merge_threads(thread=odd.thread, into=fine.thread, by=moderator())
    else:
        type(odd.author).objects.filter(pk=odd.author_id).update(handle="a/b?c#d")

    items = shown(desk)

    assert ReviewItem.objects.get(post=fine, decision="").pk in items
    assert ReviewItem.objects.get(post=odd, decision="").pk in items


@pytest.mark.parametrize("reasons", [None, {}, "spam", [1], [["spam"]], [["spam", "much"]], [[None, None]], [[[], 5]]])
def test_reasons_may_be_anything(desk, reasons):
    odd, fine = PostFactory.create_batch(2, held=True)
    ReviewItem.objects.filter(post=odd).update(reasons=reasons if reasons is not None else [None])

    assert len(shown(desk)) == 2
    assert fine.author.handle in desk.get(reverse("desk:queue")).text


def test_what_no_template_can_show_can_still_be_decided_about(desk, monkeypatch):
    odd, fine = PostFactory.create_batch(2, held=True)

    def breaks(post: Post) -> str:
        if post.pk == odd.pk:
            raise RecursionError
        return "/"

    monkeypatch.setattr(Post, "get_absolute_url", breaks)
    assert len(shown(desk)) == 2
    page = desk.get(reverse("desk:queue")).text
    assert fine.author.handle in page
    item = ReviewItem.objects.get(post=odd)
    assert page.count(reverse("desk:decide", args=[item.pk])) == 2

    desk.post(reverse("desk:decide", args=[item.pk]), {"act": "hide", "reason": "spam", "version": "1"})

    assert Post.objects.get(pk=odd.pk).state == "hidden"
