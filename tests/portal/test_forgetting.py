"""Which cached pages a change invalidates: those that show it, and as few others as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from wagtail.models import Site

from community.services import (
    delete_post,
    hide_post,
    merge_threads,
    move_thread,
    post_reply,
    retitle,
    say_me_too,
    start_thread,
    vote_helpful,
)
from faq.models import RelatedArticle
from faq.services import give_feedback
from portal.core import page_cache
from portal.core.memo import forget_all
from portal.core.models import SupportSettings
from portal.core.scopes import content_changed, stamp
from tests.factories.catalog import ProductFactory
from tests.factories.community import ANSWER, AreaFactory, MemberFactory, ThreadFactory, moderator, token
from tests.factories.faq import ArticlePageFactory, TopicPageFactory

if TYPE_CHECKING:
    from community.models import Area
    from faq.models import ArticlePage

pytestmark = pytest.mark.django_db


class KeptPages:
    """Pages that this process caches for anonymous visitors."""

    def __init__(self, after_commit, **urls: str) -> None:
        self._after_commit = after_commit
        self._urls = urls
        for url in urls.values():
            assert Client().get(url).status_code == 200, url
        assert self.cold_after(lambda: content_changed("thread:42", "catalogue_of_nobody:7")) == set()

    def cold_after(self, change) -> set[str]:
        """The names of the pages that a change invalidates."""
        stamps = {name: self._stamp(url) for name, url in self._urls.items()}
        assert all(known.is_current_for_others() for known in stamps.values())
        with self._after_commit():
            change()
        return {name for name, known in stamps.items() if not known.is_current_for_others()}

    @staticmethod
    def _stamp(url: str):
        Client().get(url)
        for store in (page_cache.store, page_cache.answers):
            for key, page in store._pages.items():
                if unquote(url) == unquote(key[2] + (f"?{key[3]}" if key[3] else "")):
                    return page.stamp
        raise AssertionError(f"{url} is not kept")


def publish(article: ArticlePage, **values: object) -> None:
    for name, value in values.items():
        setattr(article, name, value)
    article.save_revision().publish()


@pytest.fixture
def articles(after_commit):
    with after_commit():
        topic, elsewhere = TopicPageFactory(), TopicPageFactory()
        linking = ArticlePageFactory(parent=elsewhere)
        found = {
            "changed": ArticlePageFactory(parent=topic),
            "neighbour": ArticlePageFactory(parent=topic),
            "linking": linking,
            "far": ArticlePageFactory(parent=TopicPageFactory()),
        }
        RelatedArticle.objects.create(page=linking, article=found["changed"])
    return found


@pytest.fixture
def kept(articles, after_commit, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with after_commit():
        content_changed("begin")  # a new log would invalidate everything
    stamp()
    topic, help_page = articles["changed"].get_parent(), articles["changed"].get_parent().get_parent()
    urls = {name: article.get_url() for name, article in articles.items()}
    return KeptPages(
        after_commit,
        **urls,
        topic=topic.get_url(),
        help=help_page.get_url(),
        home="/fa/",
        search=f"/fa/search/?q={quote('مودم')}",
    )


EVERYTHING = {"changed", "neighbour", "linking", "far", "topic", "help", "home", "search"}


def test_an_article_edited_in_its_place_makes_its_topic_and_those_that_link_to_it_cold(articles, kept):
    cold = kept.cold_after(lambda: publish(articles["changed"], title="تازه"))

    assert cold == EVERYTHING - {"far"}


def test_the_pages_that_went_cold_show_the_change(articles, kept):
    kept.cold_after(lambda: publish(articles["changed"], title="عنوان تازه"))

    for name in ("changed", "neighbour", "linking"):
        assert "عنوان تازه" in Client().get(articles[name].get_url()).text


@pytest.mark.parametrize("change", ["publish", "unpublish", "move", "delete", "audience", "address"])
def test_an_article_that_appears_vanishes_or_moves_makes_all_pages_cold(change, articles, kept):
    article = articles["changed"]
    changes = {
        "publish": lambda: ArticlePageFactory(parent=article.get_parent().specific),
        "unpublish": article.unpublish,
        "move": lambda: article.move(articles["far"].get_parent(), pos="last-child"),
        "delete": article.delete,
        "audience": lambda: publish(article, audience="partner"),
        "address": lambda: publish(article, slug="elsewhere"),
    }

    assert kept.cold_after(changes[change]) == EVERYTHING


def test_a_topic_that_is_renamed_makes_all_pages_cold(articles, kept):
    assert kept.cold_after(lambda: publish(articles["changed"].get_parent().specific, title="تازه")) == EVERYTHING


@pytest.mark.parametrize("change", ["product", "settings", "site"])
def test_what_all_pages_show_makes_all_pages_cold(change, articles, kept):
    changes = {
        "product": lambda: ProductFactory().save(),
        "settings": lambda: SupportSettings.for_site(Site.objects.get()).save(),
        "site": lambda: Site.objects.get().save(),
    }

    assert kept.cold_after(changes[change]) == EVERYTHING


def test_a_change_of_the_index_makes_only_answers_cold(kept):
    assert kept.cold_after(lambda: content_changed("search:index")) == {"search"}


@pytest.fixture
def thread(after_commit):
    """A thread on the home page."""
    with after_commit():
        return ThreadFactory(title="چراغ سرخ مودم")


def test_a_conversation_makes_only_answers_cold(thread, kept):
    def converse() -> None:
        author, by = MemberFactory(), thread.author
        start_thread(author=author, area=thread.area, title="پرسشی دیگر", body=ANSWER, token=token())
        post = post_reply(author=author, thread=thread, body=ANSWER, token=token())
        vote_helpful(post=post, user=by)
        say_me_too(thread=thread, user=author)

    assert kept.cold_after(converse) == {"search"}


def test_the_list_on_the_home_page_has_new_threads_once_it_is_made_again(thread, kept, after_commit):
    with after_commit():
        ThreadFactory(title="پرسشی تازه", area=thread.area)
    assert "پرسشی تازه" not in Client().get("/fa/").text

    forget_all()
    page_cache.store.clear()

    assert "پرسشی تازه" in Client().get("/fa/").text


def close_area(area: Area) -> None:
    area.audience = "staff"
    area.save()


@pytest.mark.parametrize(
    "change",
    [
        lambda thread, by: hide_post(post=thread.posts.get(number=1), by=by, reason="spam"),
        lambda thread, by: delete_post(post=thread.posts.get(number=1), by=by),
        lambda thread, by: move_thread(thread=thread, area=AreaFactory(audience="staff"), by=by),
        lambda thread, by: merge_threads(thread=thread, into=ThreadFactory(area=thread.area), by=by),
        lambda thread, by: retitle(thread=thread, title="عنوانی دیگر", by=by),
        lambda thread, _by: close_area(thread.area),
    ],
    ids=["hidden", "deleted", "moved to a private area", "merged", "renamed", "area closed"],
)
def test_a_thread_that_goes_from_sight_leaves_the_home_page_at_once(change, thread, kept):
    assert "چراغ سرخ مودم" in Client().get("/fa/").text
    by = moderator()

    cold = kept.cold_after(lambda: change(thread, by))

    assert "home" in cold
    assert "چراغ سرخ مودم" not in Client().get("/fa/").text


def test_a_vote_makes_nothing_cold(articles, kept):
    article = articles["changed"]

    cold = kept.cold_after(
        lambda: give_feedback(article=article, revision_id=article.live_revision_id, visitor="a" * 32, solved=True)
    )

    assert cold == set()


def test_a_draft_makes_nothing_cold(articles, kept):
    def draft() -> None:
        articles["changed"].title = "پیش‌نویس"
        articles["changed"].save_revision()

    assert kept.cold_after(draft) == set()
