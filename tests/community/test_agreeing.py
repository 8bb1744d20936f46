"""Questions whose askers say nothing: what helpers agree on becomes the solution."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from community import services
from community.models import CommunityProfile, FollowUp, Level, Solution, Thread
from community.services import following_up
from community.services.following_up import SILENT_FOR
from portal.core import outbox
from tests.community.notices import reply, told
from tests.factories.community import MemberFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.following_up")]

JUST_LONG_ENOUGH = SILENT_FOR + dt.timedelta(minutes=1)


@pytest.fixture
def silent(question, sara, reza):
    """A question with two replies, whose asker was asked for the last time and said nothing."""
    reply(question, by=sara)
    reply(question, by=reza, body="کابل را عوض کنید؛ برای من همین بود و حالا چراغ سبز است.")
    FollowUp.objects.update(step=3, asked_at=timezone.now() - JUST_LONG_ENOUGH)
    return question


def agree(thread, *, on: int, helpers: int = 2, level: Level = Level.HELPER) -> None:
    for _helper in range(helpers):
        services.vote_helpful(post=thread.posts.get(number=on), user=MemberFactory(level=level))


def accepted(thread) -> list[int]:
    following_up.accept_agreed()
    return list(Solution.objects.filter(thread=thread, revoked_at=None).values_list("post__number", flat=True))


def test_the_reply_on_which_most_helpers_agree_solves_it_once(silent, mina):
    agree(silent, on=2)
    agree(silent, on=3, helpers=1)
    services.vote_helpful(post=silent.posts.get(number=3), user=moderator())
    services.vote_helpful(post=silent.posts.get(number=3), user=MemberFactory())  # breaks the tie
    assert following_up.has_answers_agreed_on()

    assert accepted(silent) == accepted(silent) == [3]

    assert not following_up.has_answers_agreed_on()
    assert Thread.objects.get(pk=silent.pk).status == Thread.Status.SOLVED
    outbox.drain()
    assert {(mina.handle, "question_solved"), ("رضا", "answer_accepted")} <= set(told())
    services.revoke_solution(post=silent.posts.get(number=3), by=mina)
    assert accepted(silent) == [], "what she took back is not accepted again"


def answered(thread):
    FollowUp.objects.update(answer="partly")


def asked_lately(thread):
    FollowUp.objects.update(asked_at=timezone.now() - SILENT_FOR + dt.timedelta(minutes=5))


def asked_again_later(thread):
    FollowUp.objects.update(step=2)


def asked_long_ago(thread):
    FollowUp.objects.update(asked_at=timezone.now() - dt.timedelta(days=90))


def went_on(thread):
    reply(thread, by=thread.author, body="این کار را کردم و چراغ هنوز قرمز است.")


def closed(thread):
    services.lock(thread=thread, by=moderator())


def hidden(thread):
    services.hide_post(post=thread.posts.get(number=2), by=moderator(), reason="wrong")


def needs_information(thread):
    Thread.objects.filter(pk=thread.pk).update(status=Thread.Status.NEEDS_INFO)


@pytest.mark.parametrize(
    "becomes",
    [answered, asked_lately, asked_again_later, asked_long_ago, went_on, closed, hidden, needs_information],
)
def test_nobody_decides_for_an_asker_who_speaks_or_of_whom_it_is_too_early(silent, becomes):
    agree(silent, on=2)
    becomes(silent)

    assert accepted(silent) == []


@pytest.mark.parametrize(("helpers", "level"), [(1, Level.HELPER), (9, Level.ACTIVE)])
def test_one_helper_is_no_agreement_and_members_are_none(silent, helpers, level):
    agree(silent, on=2, helpers=helpers, level=level)

    assert accepted(silent) == []


def edited(post, _voters):
    services.edit_post(post=post, editor=post.author, body="این را بخرید: بهترین مودم.", version=post.version)
    post.__class__.objects.filter(pk=post.pk).update(edited_at=timezone.now() + dt.timedelta(seconds=1))


def voters_suspended(_post, voters):
    CommunityProfile.objects.filter(user__in=voters).update(suspended_until=timezone.now() + dt.timedelta(days=9))


def voters_closed(_post, voters):
    for voter in voters:
        voter.is_active = False
        voter.save(update_fields=["is_active"])


def author_suspended(post, _voters):
    CommunityProfile.objects.filter(user=post.author).update(suspended_until=timezone.now() + dt.timedelta(days=9))


def reported(post, voters):
    services.flag_post(post=post, user=voters[0], reason="spam")


@pytest.mark.parametrize("then", [edited, voters_suspended, voters_closed, author_suspended, reported])
def test_an_agreement_is_about_the_text_as_it_is_by_people_who_may_speak(silent, then):
    post = silent.posts.get(number=2)
    voters = [MemberFactory(level=Level.HELPER) for _one in range(2)]
    for voter in voters:
        services.vote_helpful(post=post, user=voter)
    assert following_up.has_answers_agreed_on()

    then(post, voters)

    assert accepted(silent) == []


def test_what_the_asker_wrote_is_no_answer_of_others():
    thread = ThreadFactory()
    reply(thread, by=thread.author, body="خودم پیدا کردم: کابل شل بود و با محکم کردنش درست شد.")
    FollowUp.objects.create(thread=thread, step=3, due_at=timezone.now(), asked_at=timezone.now() - JUST_LONG_ENOUGH)
    agree(thread, on=2)

    assert accepted(thread) == []
