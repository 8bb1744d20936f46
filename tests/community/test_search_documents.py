"""Threads in search: what is indexed, and that what goes from readers goes from search."""

from __future__ import annotations

import pytest
from django.utils import translation

from community import services
from community.models import Policy, Thread
from community.search_documents import ThreadDocument
from community.services.reading import remind
from portal.core import outbox
from search.index.answering import get_backend
from tests.factories.catalog import ProductFactory
from tests.factories.community import (
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.search_documents", "community.services.reading"),
]


def entry_of(thread):
    document = ThreadDocument()
    return document.to_entry(document.get_queryset().get(pk=thread.pk))


def indexed():
    """The ids of indexed threads once everything is delivered."""
    outbox.drain()
    return {object_id for object_id, _language, _digest in get_backend().digests("community.thread")}


def test_entry_says_what_the_thread_is_about():
    thread = ThreadFactory(
        area=AreaFactory(slug="net", audience="signed-in"),
        title="مودم می‌سوزد",
        body="چراغ **سوم** `wan0` & بقیه",
        tags=[TagFactory(slug="فیبر")],
        products=[ProductFactory(code="x2")],
    )
    answer = PostFactory(thread=thread, body="کابل را عوض کنید")
    PostFactory(thread=thread, body="پاسخ پنهان", hidden=True)
    services.accept_solution(post=answer, by=thread.author)

    entry = entry_of(thread)

    assert (entry.title, entry.language, entry.audience) == ("مودم می‌سوزد", "fa", "signed-in")
    assert entry.url == f"/t/{thread.pk}"
    assert entry.short_answer == "کابل را عوض کنید"
    assert "چراغ سوم wan0 & بقیه" in entry.body
    assert "کابل را عوض کنید" in entry.body
    assert "پنهان" not in entry.body
    assert entry.facets == {"area": ("net",), "product": ("x2",), "state": ("solved",), "thread_tag": ("فیبر",)}
    assert entry.evidence == {"solved": 60}
    assert ThreadDocument().answer_card(thread.pk).short_answer == "کابل را عوض کنید"
    assert ThreadDocument().details([thread.pk])[thread.pk].facts == ("۱ پاسخ",)


def test_wrong_advice_that_an_answer_quotes_is_no_part_of_it():
    thread = ThreadFactory(body="اینترنت ندارم")
    answer = PostFactory(thread=thread, body="> بازنشانی کارخانه کن\n\nلطفاً این کار را نکنید")
    services.accept_solution(post=answer, by=thread.author)

    entry = entry_of(thread)

    assert entry.short_answer == ThreadDocument().answer_card(thread.pk).short_answer == "لطفاً این کار را نکنید"
    assert "بازنشانی" not in entry.body


def test_entries_take_the_same_queries_for_one_thread_and_for_many(django_assert_num_queries):
    for thread in ThreadFactory.create_batch(3):
        PostFactory.create_batch(2, thread=thread)
    for count in (1, 3):
        with django_assert_num_queries(6):
            assert (
                len([ThreadDocument().to_entry(thread) for thread in ThreadDocument().get_queryset()[:count]]) == count
            )


def test_what_goes_from_readers_goes_from_search_and_comes_back():
    Policy(first_posts_held=0).save()
    thread, by = ThreadFactory(), moderator()
    ThreadFactory(held=True)
    first = thread.posts.get(number=1)
    assert indexed() == {thread.pk}

    services.hide_post(post=first, by=by, reason="spam")
    assert indexed() == set()
    services.restore_post(post=first, by=by)
    assert indexed() == {thread.pk}
    services.delete_post(post=first, by=by)
    assert indexed() == set()


def test_thread_that_moves_to_a_private_area_is_found_only_there():
    thread = ThreadFactory()
    assert indexed() == {thread.pk}

    services.move_thread(thread=thread, area=AreaFactory(audience="staff"), by=moderator())

    outbox.drain()
    assert entry_of(thread).audience == "staff"
    assert ThreadDocument().visible_to(MemberFactory(), [thread.pk]) == set()
    assert ThreadDocument().visible_to(moderator(), [thread.pk]) == {thread.pk}


def test_area_that_becomes_private_is_indexed_again():
    thread = ThreadFactory()
    assert indexed() == {thread.pk}
    digests = list(get_backend().digests("community.thread"))
    area = thread.area
    area.audience = "partner"
    area.save()

    indexed()

    assert list(get_backend().digests("community.thread")) != digests
    assert entry_of(thread).audience == "partner"


def test_merged_threads_are_one_in_search():
    one, two = ThreadFactory(), ThreadFactory()

    services.merge_threads(thread=one, into=two, by=moderator())

    assert indexed() == {two.pk}


def test_new_words_of_a_reply_and_an_edit_are_indexed():
    thread = ThreadFactory()
    before = {indexed().pop(): list(get_backend().digests("community.thread"))}
    PostFactory(thread=thread, body="واژه‌ای تازه")
    indexed()
    assert list(get_backend().digests("community.thread")) != before[thread.pk]
    assert Thread.objects.get(pk=thread.pk).reply_count == 1
    assert "واژه‌ای تازه" in entry_of(thread).body


def test_reminder_comes_once(monkeypatch):
    from django.utils import timezone

    told = []
    monkeypatch.setattr("community.services.reading.emit", told.append)
    post = PostFactory()
    services.bookmark(user=post.author, post=post, remind_at=timezone.now())
    services.bookmark(user=MemberFactory(), post=post)

    assert [remind(), remind()] == [1, 0]
    assert [(event.user_id, event.post_id) for event in told] == [(post.author_id, post.pk)]


def test_a_result_leads_into_the_language_of_the_page():
    document = ThreadDocument()
    for language in ("fa", "en"):
        with translation.override(language):
            assert document.address("/t/12") == f"/{language}/community/t/12/-/"
