"""Two solved questions become one: whose solution it is, what the other one was called, and that nobody loses anything."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from community import rules, services
from community.events import SolutionAccepted, SolutionRevoked
from community.exceptions import NotAllowedError
from community.merged import askers_of, merged_questions, question_of
from community.merits import participation_since
from community.models import CommunityProfile, Level, Solution, State, Thread, ThreadState
from community.reconcile import find_drift
from community.search_documents import ThreadDocument
from community.showing import parts_of
from tests.community.test_kept_threads import acts_of
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.merged",
        "community.merits",
        "community.models.taking_part",
        "community.services.solutions",
        "community.services.threads",
    ),
]


def solved(title, area, body="چراغ را ده ثانیه خاموش کنید."):
    thread = ThreadFactory(title=title, area=area)
    answer = PostFactory(thread=thread, body=body)
    services.accept_solution(post=answer, by=thread.author)
    thread.refresh_from_db()
    return thread, answer


@pytest.fixture
def pair():
    """The question that goes, solved first, and the one that stays; each with its answer."""
    area = AreaFactory()
    goes, moved = solved("مش ۶ وصل نمی‌شود", area, "مش را از نو بسازید.")
    stays, own = solved("چراغ قرمز", area)
    return goes, moved, stays, own


@pytest.fixture
def heard(pair, monkeypatch):
    """Events about accepted answers, from here on."""
    found = []

    def hear(event):
        if isinstance(event, SolutionAccepted | SolutionRevoked):
            found.append(event)

    for module in ("solutions", "threads", "states"):
        monkeypatch.setattr(f"community.services.{module}.emit", hear)
    return found


def merge(goes, stays):
    services.merge_threads(thread=goes, into=stays, by=moderator())
    stays.refresh_from_db()
    assert list(find_drift()) == []


def test_the_solution_of_the_thread_stays_its_own(client, pair, heard):
    goes, moved, stays, own = pair
    merge(goes, stays)

    assert stays.solution == own, "though the other one was accepted before"
    assert heard == [], "what was earned is neither awarded again nor taken back"
    solutions = [CommunityProfile.objects.get(pk=post.author_id).solution_count for post in (own, moved)]
    assert solutions == [1, 1]
    page = client.get(stays.get_absolute_url()).text
    assert page.count("پاسخ پذیرفته\n") == 1
    assert page.count("post--solution") == 1
    assert "پاسخ پذیرفتهٔ پرسش ادغام‌شدهٔ «<bdi>مش ۶ وصل نمی‌شود</bdi>»" in page
    assert page.count("از «<bdi>مش ۶ وصل نمی‌شود</bdi>» به اینجا آمد") == 1
    entry = ThreadDocument().to_entry(ThreadDocument().get_queryset().get(pk=stays.pk))
    assert entry.short_answer == "چراغ را ده ثانیه خاموش کنید."
    assert "مش ۶" in entry.body, "the title is found"
    assert ThreadDocument().answer_card(stays.pk).short_answer == entry.short_answer


def test_a_question_without_one_takes_that_which_comes(pair):
    goes, moved, stays, own = pair
    services.revoke_solution(post=own, by=stays.author)
    merge(goes, stays)

    assert (stays.solution, stays.status) == (moved, Thread.Status.SOLVED)
    assert not parts_of(None, stays).solution.solved_title

    services.accept_solution(post=own, by=stays.author)  # its own one, once there is one

    stays.refresh_from_db()
    assert stays.solution == own
    assert [shown.solved_title for shown in parts_of(None, stays).posts] == ["", "مش ۶ وصل نمی‌شود"]


def test_nobody_says_that_a_question_solved_it(client, pair):
    goes, _moved, stays, _own = pair
    question = goes.posts.get(number=1)
    merge(goes, stays)
    question.refresh_from_db()
    client.force_login(stays.author)

    page = client.get(stays.get_absolute_url()).text

    assert "همین حلش کرد" not in page, "the others are accepted, and two are questions"
    with pytest.raises(NotAllowedError):
        services.accept_solution(post=question, by=stays.author)


def test_an_answer_comes_back_as_that_of_whoever_asked(pair, heard):
    goes, moved, stays, _own = pair
    merge(goes, stays)
    services.hide_post(post=moved, by=moderator(), reason="spam")
    services.restore_post(post=moved, by=moderator())

    stays.refresh_from_db()
    assert [event.asker_id for event in heard] == [goes.author_id, goes.author_id]
    assert Solution.objects.get(post=moved, revoked_at=None).asked_in == goes
    assert stays.solution != moved
    assert list(find_drift()) == []


def test_titles_of_a_chain_stay_with_the_posts_that_had_them(client, pair, django_assert_num_queries):
    goes, _moved, stays, _own = pair
    merge(goes, stays)
    last = ThreadFactory(title="همه", area=stays.area, author=MemberFactory())
    merge(stays, last)

    titles = {number: question.title for number, question in merged_questions(last.pk).items()}
    assert titles == {2: "چراغ قرمز", 4: "مش ۶ وصل نمی‌شود"}
    with django_assert_num_queries(1):
        assert merged_questions(goes.pk) == {}

    services.split_thread(thread=last, post_ids=[last.posts.get(number=4).pk], title="باز جدا", by=moderator())

    apart = Thread.objects.get(title="باز جدا")
    assert "به اینجا آمد" not in client.get(apart.get_absolute_url()).text
    assert client.get(last.get_absolute_url()).text.count("به اینجا آمد") == 1


def test_who_asked_says_what_solved_their_question_wherever_it_is_now(client, pair):
    goes, moved, stays, own = pair
    waits = PostFactory(thread=goes)
    merge(goes, stays)
    for post in (moved, waits):
        post.refresh_from_db()
    askers, helper = (goes.author, stays.author), MemberFactory(level=Level.HELPER)

    def may():
        return [[rules.can_accept(asker, stays, post) for post in (moved, own, waits)] for asker in askers]

    assert may() == [[True, False, True], [False, True, True]]
    assert rules.can_accept(helper, stays, moved)
    for asker, allowed in zip(askers, may(), strict=True):
        client.force_login(asker)
        page = client.get(stays.get_absolute_url()).text
        assert ["/accept/" in acts_of(page, post.number) for post in (moved, own, waits)] == allowed
        assert client.post(reverse("community:accept", args=[moved.pk]), {"on": ""}).status_code == (
            302 if allowed[0] else 403
        )

    services.accept_solution(post=waits, by=goes.author)
    services.revoke_solution(post=moved, by=goes.author)
    services.accept_solution(post=moved, by=stays.author)  # but it solved the other one

    assert Solution.objects.get(post=waits, revoked_at=None).asked_in == goes
    assert Solution.objects.get(post=moved, revoked_at=None).asked_in is None
    assert may() == [[False, False, True], [True, True, False]]


def test_whose_question_a_post_is_in_is_known_in_a_chain(pair):
    goes, moved, stays, own = pair
    merge(goes, stays)
    last = ThreadFactory(area=stays.area)
    merge(stays, last)

    numbers = {question_of(number, merged_questions(last.pk)) for number in range(2, 6)}

    assert {(question.thread_id, question.first, question.last) for question in numbers} == {
        (stays.pk, 2, 5),
        (goes.pk, 4, 5),
    }
    assert [askers_of(last, last.posts.get(pk=post.pk)) for post in (moved, own)] == [
        {goes.author_id},
        {stays.author_id},
    ]


@pytest.mark.parametrize("end", ["held", "hidden", "deleted"])
def test_what_a_question_was_called_is_seen_as_long_as_the_question_is(client, pair, end):
    goes, _moved, stays, _own = pair
    question = goes.posts.get(number=1)
    if end == "held":
        goes.posts.filter(number=1).update(state=State.HELD)
        Thread.objects.filter(pk=goes.pk).update(state=ThreadState.HELD)
    services.merge_threads(thread=goes, into=stays, by=moderator())
    question.refresh_from_db()
    if end == "hidden":
        services.hide_post(post=question, by=moderator(), reason="spam")
    elif end == "deleted":
        services.delete_post(post=question, by=goes.author)

    def is_found():
        return goes.title in ThreadDocument().to_entry(ThreadDocument().get_queryset().get(pk=stays.pk)).body

    page = client.get(stays.get_absolute_url()).text
    assert (is_found(), goes.title in page) == (False, False)
    assert "پاسخ پذیرفتهٔ پرسشی که در این گفت‌وگو ادغام شده است" in page

    question.refresh_from_db()
    (services.approve_post if end == "held" else services.restore_post)(post=question, by=moderator())

    assert is_found()


def test_what_is_written_in_an_own_question_is_no_help_wherever_it_is_now(pair):
    goes, _moved, stays, _own = pair
    PostFactory(thread=goes, author=goes.author)
    PostFactory(thread=goes, author=stays.author)
    people = [goes.author_id, stays.author_id]

    def counted():
        done = participation_since(people, timezone.now() - dt.timedelta(days=1))
        return [done[person][:3] for person in people]

    before = counted()
    merge(goes, stays)

    assert counted() == before == [(2, 2, 0), (2, 1, 1)]
