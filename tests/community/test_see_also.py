"""What is like a question: found when it changes, shown while it is visible, never looked for by a reader."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community import services
from community.events import SeeAlsoWanted
from community.models import ThreadLoops
from community.see_also import surroundings_of
from community.services import loops
from portal.core import outbox, page_cache
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator
from tests.factories.faq import ArticlePageFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.loops", "community.models.loops")]

TITLE = "چراغ مودم قرمز است"


@pytest.fixture(autouse=True)
def without_semantic_search(settings):
    settings.SEARCH_SEMANTIC = False


def solved_thread(title=TITLE, **values):
    thread = ThreadFactory(title=title, **values)
    services.accept_solution(post=PostFactory(thread=thread, body=thread.title), by=None)
    thread.refresh_from_db()
    return thread


def asked(**values):
    """A question asked after everything else is in the index, with what is like it."""
    outbox.drain()
    thread = ThreadFactory(title=TITLE, **values)
    outbox.drain()
    return thread


def shown_to(user, thread):
    around = surroundings_of(user, thread)
    return [each.pk for each in around.threads], [each.title for each in around.articles]


def test_a_question_has_three_solved_threads_and_articles_like_it():
    solved = [solved_thread() for _number in range(4)]
    ThreadFactory(title=TITLE)  # not solved
    for number in range(4):
        ArticlePageFactory(title=f"چراغ مودم قرمز است {number}")
    solved_thread(title="صورت‌حساب دو بار آمد")

    threads, articles = shown_to(None, asked())

    assert len(threads) == len(articles) == 3
    assert set(threads) <= {thread.pk for thread in solved}


def test_it_is_looked_for_again_when_the_title_changes_and_when_it_is_solved():
    other = solved_thread(title="صورت‌حساب دو بار آمد", body="مبلغ برگشت نخورد")
    thread = asked()
    assert shown_to(None, thread)[0] == []

    services.retitle(thread=thread, title="صورت‌حساب من دو بار آمد", by=moderator())
    outbox.drain()
    assert shown_to(None, thread)[0] == [other.pk]

    ThreadLoops.objects.all().delete()
    services.accept_solution(post=PostFactory(thread=thread), by=None)
    outbox.drain()
    assert shown_to(None, thread)[0] == [other.pk]

    post = thread.posts.get(number=1)
    services.edit_post(post=post, editor=post.author, body=post.body, version=post.version, title=TITLE)
    outbox.drain()
    assert shown_to(None, thread)[0] == []


def test_a_question_that_is_solved_later_appears_at_those_like_it():
    thread = asked()
    assert shown_to(None, thread)[0] == []

    other = solved_thread()
    outbox.drain()

    assert shown_to(None, thread)[0] == [other.pk]


def test_ideas_and_what_is_hidden_have_none():
    solved_thread()
    outbox.drain()
    ThreadFactory(title=TITLE, idea=True)
    ThreadFactory(title=TITLE, held=True)
    outbox.drain()

    assert not ThreadLoops.objects.filter(thread__title=TITLE, thread__solved_at=None).exists()


def test_a_message_delivered_again_writes_nothing(monkeypatch):
    solved_thread()
    thread = asked()
    before = ThreadLoops.objects.filter(pk=thread.pk).values().get()
    touched = []
    monkeypatch.setattr("community.services.loops.content_changed", lambda *scopes: touched.append(scopes))

    loops.find_see_also(SeeAlsoWanted(thread_id=thread.pk))

    assert ThreadLoops.objects.filter(pk=thread.pk).values().get() == before
    assert touched == []


def test_a_reader_searches_nothing(client, monkeypatch):
    other = solved_thread()
    thread = asked()
    monkeypatch.setattr("community.services.loops.search", pytest.fail)
    monkeypatch.setattr("search.queries.answer", pytest.fail)

    assert other.get_absolute_url() in client.get(thread.get_absolute_url()).text


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_page_costs_the_same_with_one_and_with_three_of_each(client, signed_in):
    if signed_in:
        client.force_login(MemberFactory())
    solved, articles = [solved_thread() for _number in range(3)], ArticlePageFactory.create_batch(3)
    thread = asked()
    stored = ThreadLoops.objects.filter(pk=thread.pk)

    def queries(number):
        stored.update(
            similar_threads=[each.pk for each in solved[:number]],
            articles=[["faq.article", each.pk] for each in articles[:number]],
        )
        page_cache.store.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(thread.get_absolute_url()).status_code == 200
        return len(captured)

    queries(1)
    assert queries(1) == queries(3)


def gone(thread):
    services.delete_post(post=thread.posts.get(number=1), by=moderator(), reason="spam")


def moved(thread):
    services.move_thread(thread=thread, area=AreaFactory(audience="staff"), by=moderator())


def unsolved(thread):
    services.revoke_solution(post=thread.solution, by=moderator())


@pytest.mark.parametrize("becomes", [gone, moved, unsolved])
def test_a_thread_that_disappears_does_so_on_cached_pages_of_others_at_once(client, after_commit, becomes):
    other = solved_thread()
    thread = asked()
    assert other.get_absolute_url() in client.get(thread.get_absolute_url()).text

    with after_commit():
        becomes(other)

    assert other.get_absolute_url() not in client.get(thread.get_absolute_url()).text


def test_an_article_that_becomes_private_disappears_at_once(client, after_commit):
    article = ArticlePageFactory(title=TITLE)
    thread = asked()
    assert article.title in client.get(thread.get_absolute_url()).text.partition("see-also-articles")[2]

    with after_commit():
        article.audience = "staff"
        article.save_revision().publish()

    assert "see-also-articles" not in client.get(thread.get_absolute_url()).text


def test_a_post_in_a_similar_thread_leaves_the_page_warm(client, after_commit):
    other = solved_thread()
    thread = asked()
    client.get(thread.get_absolute_url())
    page = next(page for key, page in page_cache.store._pages.items() if key[2] == unquote(thread.get_absolute_url()))

    with after_commit():
        PostFactory(thread=other)
    assert page.stamp.is_current_for_others()

    with after_commit():
        services.retitle(thread=other, title="عنوانی دیگر برای این", by=moderator())
    assert not page.stamp.is_current_for_others()


def test_members_of_a_private_area_see_what_is_there():
    area, member = AreaFactory(audience="signed-in"), MemberFactory()
    other = solved_thread(area=area)
    thread, public = asked(area=area), asked()

    assert shown_to(member, thread)[0] == [other.pk]
    assert shown_to(None, thread)[0] == []
    assert other.pk not in ThreadLoops.objects.get(pk=public.pk).similar_threads


def test_a_persian_title_that_begins_with_a_latin_word_reads_from_the_right(client):
    other = solved_thread(title="VDSL شب‌ها قطع می‌شود و چراغ مودم قرمز است")
    page = client.get(asked().get_absolute_url()).text

    assert f'href="{other.get_absolute_url()}" dir="rtl"' in " ".join(page.split())
