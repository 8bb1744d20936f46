"""An address of the portal alone on its line becomes a card, as everybody may see what is there."""

from __future__ import annotations

import socket
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community import services
from community.link_cards import with_cards
from community.rendering import render
from faq.models import ShortLink
from portal.core import page_cache
from portal.core.link_cards import Resolved
from tests.community.payloads import PAYLOADS
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator
from tests.factories.faq import ArticlePageFactory

pytestmark = pytest.mark.django_db

SITE = "http://localhost:8000"
TITLE = "شب‌ها تصویر تلویزیون می‌پرد"


def shown(body) -> str:
    return with_cards({1: render(body)})[1]


def is_card(html) -> bool:
    return 'class="link-card"' in html


def test_a_thread_is_shown_with_title_and_beginning():
    thread = ThreadFactory(title=TITLE, body="از دیروز <b>تصویر</b> می‌پرد.")
    for address in (f"{SITE}{thread.get_absolute_url()}", f"{SITE}/t/{thread.pk}", f"{SITE}/t/{thread.pk}#post-1"):
        html = shown(f"ببینید:\n{address}\nهمین بود.")

        assert is_card(html)
        assert TITLE in html
        assert "&lt;b&gt;تصویر&lt;/b&gt;" in html
        assert f'href="{address}"' in html.replace("&amp;", "&")


def test_an_article_is_shown_by_its_address_and_its_short_link():
    article = ArticlePageFactory(title="مودم & چراغ", short_answer="از برق بکشید.")
    short = ShortLink.objects.get(translation_key=article.translation_key).get_absolute_url()
    for path in (article.get_url(), unquote(article.get_url()), short):
        html = shown(f"{SITE}{path}")

        assert is_card(html)
        assert "مودم &amp; چراغ" in html
        assert "از برق بکشید." in html


@pytest.mark.parametrize(
    "line",
    [
        "این را ببینید: {url}",
        "{url} را ببینید",
        "[متن من]({url})",
        "`{url}`",
        "    {url}",
        "- {url}",
        "{url}?page=2",
    ],
)
def test_an_address_amid_a_text_stays_a_link(line):
    thread = ThreadFactory(title=TITLE)

    assert not is_card(shown(line.format(url=f"{SITE}/t/{thread.pk}")))


def test_what_not_everybody_sees_is_a_link_for_all():
    private = ThreadFactory(title=TITLE, area=AreaFactory(audience="signed-in"))
    article = ArticlePageFactory(title=TITLE, audience="signed-in")
    draft = ArticlePageFactory(title=TITLE, draft=True)
    hidden = ThreadFactory(title=TITLE, hidden=True)
    paths = [private.get_absolute_url(), article.get_url(), draft.get_url() or "/fa/x/", f"/t/{hidden.pk}", "/t/999999"]

    for path in paths:
        assert not is_card(shown(f"{SITE}{path}"))
        assert TITLE not in shown(f"{SITE}{path}")


def test_pages_of_others_are_links_and_nobody_is_asked(monkeypatch):
    thread = ThreadFactory(title=TITLE)

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for address in (
        "https://example.org/t/1",
        f"http://localhost:8000.example.org/t/{thread.pk}",
        f"http://user@localhost:8000/t/{thread.pk}",
        "http://169.254.169.254/latest/",
        "http://localhost:9999/t/1",
    ):
        assert not is_card(shown(address))
    assert is_card(shown(f"{SITE}/t/{thread.pk}"))


@pytest.mark.parametrize(
    "address", ["/t/9" * 9, "/t/" + "9" * 40, "/fa/" + "%2e%2e/" * 9, "/fa/%00", "/%ff", "/a/0", "/fa//"]
)
def test_odd_addresses_are_links(address):
    assert not is_card(shown(f"{SITE}{address}"))


def test_a_page_costs_the_same_with_one_card_and_with_many():
    threads = ThreadFactory.create_batch(4)
    articles = [ArticlePageFactory() for _number in range(4)]

    def queries(number):
        some = [f"{SITE}/t/{each.pk}" for each in threads[:number]]
        some += [f"{SITE}{each.get_url()}" for each in articles[:number]]
        htmls = {key: render(url) for key, url in enumerate(some)}
        with CaptureQueriesContext(connection) as caught:
            assert all(map(is_card, with_cards(htmls).values()))
        return len(caught)

    queries(1)
    assert queries(1) == queries(4) <= 3


def test_only_so_many_become_cards():
    threads = ThreadFactory.create_batch(2)
    lines = "\n".join(f"{SITE}/t/{each}" for each in (*range(10**6, 10**6 + 20), threads[0].pk))

    assert not is_card(shown(lines))


def closed(thread):
    services.move_thread(thread=thread, area=AreaFactory(audience="staff"), by=moderator())


def renamed(thread):
    services.retitle(thread=thread, title="عنوانی تازه برای این", by=moderator())


def removed(thread):
    services.delete_post(post=thread.posts.get(number=1), by=moderator(), reason="spam")


@pytest.mark.parametrize("becomes", [closed, renamed, removed])
def test_a_kept_page_follows_what_it_shows(client, after_commit, becomes):
    target, thread = ThreadFactory(title=TITLE), ThreadFactory(title="پرسش دیگر")
    PostFactory(thread=thread, body=f"{SITE}{target.get_absolute_url()}", author=MemberFactory())
    page_cache.store.clear()
    assert f">{TITLE}</b>" in client.get(thread.get_absolute_url()).text

    with after_commit():
        becomes(target)

    page = client.get(thread.get_absolute_url()).text
    assert f">{TITLE}</b>" not in page
    assert is_card(page) == (becomes is renamed)


def test_a_kept_page_follows_an_article(client, after_commit):
    article, thread = ArticlePageFactory(title=TITLE), ThreadFactory(title="پرسش دیگر")
    PostFactory(thread=thread, body=f"{SITE}{article.get_url()}")
    page_cache.store.clear()
    assert is_card(client.get(thread.get_absolute_url()).text)

    with after_commit():
        article.title = "عنوانی دیگر"
        article.save_revision().publish()
    assert ">عنوانی دیگر</b>" in client.get(thread.get_absolute_url()).text

    with after_commit():
        article.unpublish()
    assert not is_card(client.get(thread.get_absolute_url()).text)


def test_hostile_texts_are_what_the_sanitiser_left(monkeypatch):
    monkeypatch.setattr("community.link_cards.resolve", lambda paths: Resolved())
    htmls = dict(enumerate(map(render, PAYLOADS)))

    assert with_cards(htmls) == htmls


def test_a_hostile_title_is_a_text():
    article = ArticlePageFactory(title='"><script>alert(1)</script>', short_answer="<img src=x onerror=alert(1)>")

    html = shown(f"{SITE}{article.get_url()}")

    assert "<script" not in html
    assert "<img" not in html
    assert "&quot;&gt;&lt;" in html
