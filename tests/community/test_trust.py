"""Levels follow from help given; rules follow from levels."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils import timezone

from community import events, rules, services, trust
from community.models import AuditEntry, CommunityProfile, Level, Policy, Post, Solution, State, Thread
from community.models.member import forget_profile_of
from portal.core import outbox
from portal.notifications.models import Notification
from tests.community.notices import listed
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.trust")]


@pytest.fixture
def heard(monkeypatch):
    found = []
    monkeypatch.setattr(trust, "emit", found.append)
    return found


def level_after(user, **changes):
    """The level once the due ones are brought up to date."""
    CommunityProfile.objects.filter(pk=user.pk).update(is_level_due=True, **changes)
    trust.update_due_levels()
    return CommunityProfile.objects.get(pk=user.pk).level


def answers(helper, *, count=1, days_ago=0, asker=None):
    for _ in range(count):
        post = PostFactory(author=helper, **({"thread": ThreadFactory(author=asker)} if asker else {}))
        services.accept_solution(post=post, by=post.thread.author)
    Solution.objects.filter(helper=helper).update(accepted_at=timezone.now() - dt.timedelta(days=days_ago))


def test_newcomer_becomes_a_member_by_a_confirmed_address_and_a_visit():
    user = MemberFactory(level=Level.NEW)
    assert level_after(user) == Level.NEW
    services.note_visit(user=user)
    assert level_after(user) == Level.MEMBER

    unconfirmed = MemberFactory(level=Level.NEW, unconfirmed=True)
    services.note_visit(user=unconfirmed)
    assert level_after(unconfirmed) == Level.NEW


def test_owner_of_a_product_is_a_member_at_once(heard):
    user = MemberFactory(level=Level.NEW, unconfirmed=True)
    OwnershipFactory(user=user)

    assert level_after(user) == Level.MEMBER
    assert heard == [events.MemberLevelChanged(user_id=user.pk, before=0, after=1)]


def test_active_member_was_here_on_some_days_and_helped():
    user = MemberFactory()
    answers(user)
    assert level_after(user, days_seen=3) == Level.MEMBER
    services.vote_helpful(post=Post.objects.get(author=user), user=MemberFactory())

    assert level_after(user, days_seen=2) == Level.MEMBER
    assert level_after(user, days_seen=3) == Level.ACTIVE


def test_own_answers_and_presence_alone_make_nobody_active():
    user = MemberFactory()
    answers(user, count=3, asker=user)

    assert level_after(user, days_seen=300) == Level.MEMBER


def test_helper_solved_questions_of_others_of_late():
    user = MemberFactory()
    answers(user, count=5)
    assert level_after(user, days_seen=9) == Level.HELPER

    other = MemberFactory()
    answers(other, count=5, days_ago=121)
    assert level_after(other, days_seen=9) == Level.ACTIVE


def test_helper_helped_many_different_people():
    Policy(helper_people=3).save()
    user, same = MemberFactory(), MemberFactory()
    for post in PostFactory.create_batch(3, author=user):
        services.vote_helpful(post=post, user=same)
    assert level_after(user, days_seen=9) == Level.ACTIVE
    for _ in range(2):
        services.vote_helpful(post=post, user=MemberFactory())

    assert level_after(user, days_seen=9) == Level.HELPER


@pytest.mark.parametrize(
    "changes",
    [{"flags_judged": 10, "flags_agreed": 6}, {"penalised_at": timezone.now() - dt.timedelta(days=100)}],
)
def test_wrong_flags_or_a_penalty_make_nobody_a_helper(changes):
    user = MemberFactory()
    answers(user, count=5)

    assert level_after(user, days_seen=9, **changes) == Level.ACTIVE


def test_helper_is_told_and_keeps_the_level_for_a_month(heard):
    user = MemberFactory(level=Level.HELPER)
    answers(user, count=3)
    assert level_after(user, days_seen=9) == Level.HELPER, "60 % keep it"
    services.revoke_solution(post=Post.objects.filter(author=user).first(), by=moderator())

    assert level_after(user) == Level.HELPER
    assert level_after(user) == Level.HELPER
    assert heard == [events.MemberLevelAtRisk(user_id=user.pk, level=3, days_left=30)]
    heard.clear()
    month_ago = timezone.now() - dt.timedelta(days=30)
    CommunityProfile.objects.filter(pk=user.pk).update(level_at_risk_since=month_ago)

    assert trust.review_helpers() == 1
    assert CommunityProfile.objects.get(pk=user.pk).level == Level.ACTIVE
    assert heard == [events.MemberLevelChanged(user_id=user.pk, before=3, after=2)]


def test_helper_who_helps_again_is_no_longer_at_risk():
    user = MemberFactory(level=Level.HELPER)
    assert level_after(user, days_seen=9) == Level.HELPER
    assert CommunityProfile.objects.get(pk=user.pk).level_at_risk_since is not None
    answers(user, count=3)

    assert level_after(user) == Level.HELPER
    assert CommunityProfile.objects.get(pk=user.pk).level_at_risk_since is None


def test_penalty_takes_the_level_at_once():
    user = MemberFactory(level=Level.HELPER)
    answers(user, count=5)

    assert level_after(user, days_seen=9, penalised_at=timezone.now()) == Level.ACTIVE


def test_advocate_is_invited_and_stays_until_it_is_taken_back():
    user = MemberFactory()
    trust.set_advocate(user_id=user.pk, is_advocate=True)
    assert level_after(user) == Level.ADVOCATE

    trust.set_advocate(user_id=user.pk, is_advocate=False)
    assert CommunityProfile.objects.get(pk=user.pk).level == Level.ACTIVE


def test_thresholds_are_those_of_the_policy():
    Policy(active_days=1, active_acts=1).save()
    user = MemberFactory()
    answers(user)

    assert level_after(user) == Level.ACTIVE


# Rules ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world():
    thread = ThreadFactory()
    return {
        "thread": thread,
        "first": thread.posts.get(number=1),
        "reply": PostFactory(thread=thread),
        "idea": ThreadFactory(idea=True),
        "news": AreaFactory(announcements=True),
    }


PEOPLE = {
    "visitor": AnonymousUser,
    "newcomer": lambda: MemberFactory(level=Level.NEW),
    "member": MemberFactory,
    "active": lambda: MemberFactory(level=Level.ACTIVE),
    "helper": lambda: MemberFactory(level=Level.HELPER),
    "staff": lambda: UserFactory(staff=True),
    "moderator": moderator,
}
SIGNED_IN = set(PEOPLE) - {"visitor"}
RULES = [
    (lambda u, w: rules.can_start_thread(u, w["thread"].area), SIGNED_IN),
    (lambda u, w: rules.can_start_thread(u, w["news"]), {"staff", "moderator"}),
    (lambda u, w: rules.can_reply(u, w["thread"]), SIGNED_IN),
    (lambda u, w: rules.can_edit_post(u, w["reply"]), {"moderator"}),
    (lambda u, w: rules.can_delete_post(u, w["reply"]), {"moderator"}),
    (lambda u, w: rules.can_restore_post(u, w["reply"]), {"moderator"}),
    (lambda u, w: rules.can_accept(u, w["thread"], w["reply"]), {"helper", "staff", "moderator"}),
    (lambda u, w: rules.can_accept(u, w["idea"], w["reply"]), set()),
    (lambda u, w: rules.can_vote(u, w["reply"]), SIGNED_IN),
    (lambda u, w: rules.can_say_me_too(u, w["thread"]), SIGNED_IN),
    (lambda u, w: rules.can_vote_idea(u, w["idea"]), SIGNED_IN),
    (lambda u, w: rules.can_set_idea_status(u, w["idea"]), {"moderator"}),
    (lambda u, w: rules.can_flag(u, w["reply"]), SIGNED_IN),
    (lambda u, w: rules.can_tag(u, w["thread"]), {"active", "helper", "staff", "moderator"}),
    (lambda u, w: rules.can_retitle(u, w["thread"]), {"helper", "staff", "moderator"}),
    (lambda u, w: rules.can_mark_duplicate(u, w["thread"]), {"helper", "staff", "moderator"}),
    (lambda u, w: rules.can_upload(u), SIGNED_IN - {"newcomer"}),
    (lambda u, w: rules.can_moderate(u), {"moderator"}),
]


def test_who_may_do_what(world):
    people = {name: make() for name, make in PEOPLE.items()}

    for number, (rule, allowed) in enumerate(RULES):
        assert {name for name, user in people.items() if rule(user, world)} == allowed, f"rule {number}"


def test_what_authors_may_do_with_their_own(world):
    thread, first, reply = world["thread"], world["first"], world["reply"]
    asker, helper = thread.author, reply.author

    assert rules.can_edit_post(asker, first)
    assert rules.can_accept(asker, thread, reply)
    assert rules.can_accept(asker, thread, PostFactory(thread=thread, author=asker))
    for own in (PostFactory(thread=thread, author=MemberFactory(level=Level.HELPER)), PostFactory(author=moderator())):
        assert not rules.can_accept(own.author, own.thread, own), "somebody else says whether it helped"
    assert not rules.can_delete_post(asker, Post.objects.get(pk=first.pk)), "somebody has replied"
    assert rules.can_delete_post(helper, reply)
    assert not rules.can_vote(helper, reply)
    assert not rules.can_flag(helper, reply)
    services.accept_solution(post=reply, by=asker)
    assert not rules.can_delete_post(helper, Post.objects.get(pk=reply.pk)), "it is a solution"
    services.delete_post(post=reply, by=helper)
    assert rules.can_restore_post(helper, Post.objects.get(pk=reply.pk))
    services.restore_post(post=reply, by=helper)
    services.hide_post(post=reply, by=moderator(), reason="spam")
    hidden = Post.objects.get(pk=reply.pk)
    assert not rules.can_restore_post(helper, hidden)
    assert rules.can_appeal(helper, hidden)
    assert hidden.state == State.HIDDEN


def test_locked_thread_is_closed_for_members(world):
    thread, reply = world["thread"], world["reply"]
    services.lock(thread=thread, by=moderator())
    thread = Thread.objects.get(pk=thread.pk)
    reply = Post.objects.get(pk=reply.pk)

    assert not rules.can_reply(thread.author, thread)
    assert not rules.can_edit_post(reply.author, reply)
    assert rules.can_reply(moderator(), thread)


def test_silenced_member_reads_and_votes_but_does_not_write(world):
    user = MemberFactory()
    services.silence_member(user=user, by=moderator(), until=timezone.now() + dt.timedelta(days=1))
    forget_profile_of(user)

    assert not rules.can_write(user)
    assert not rules.can_reply(user, world["thread"])
    assert rules.can_vote(user, world["reply"])


def test_newcomers_have_tighter_limits(rf):
    Policy(newcomer_posts_per_hour=2, posts_per_hour=4).save()

    def allowed(user):
        request = rf.post("/", headers={"cookie": "sessionid=x"})
        request.user = user
        return sum(rules.seconds_to_wait(request, "post") is None for _ in range(6))

    assert allowed(MemberFactory(level=Level.NEW)) == 2
    assert allowed(MemberFactory()) == 4


def test_a_moderator_invites_an_advocate_at_the_desk_and_ends_it(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    person = MemberFactory(handle="هنگامه")
    client.force_login(moderator())
    for act, level in (("invite", Level.ADVOCATE), ("invite", Level.ADVOCATE), ("dismiss", Level.ACTIVE)):
        client.post(reverse("desk:member", args=[person.handle]), {"act": act})
        assert CommunityProfile.objects.get(pk=person.pk).level == level

    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "member.advocate",
        "member.no_advocate",
    ]


def test_a_member_is_told_of_a_level_and_a_helper_before_it_ends(client, mailoutbox):
    helper, newcomer = MemberFactory(level=Level.HELPER), MemberFactory(level=Level.NEW)
    answers(helper, count=1)
    outbox.drain()
    Notification.objects.all().delete()
    services.note_visit(user=newcomer)

    level_after(helper, days_seen=9)
    level_after(newcomer)
    outbox.drain()

    assert list(Notification.objects.values_list("person", "kind")) == [(helper.pk, "community.level_at_risk")]
    assert "۳۰" in listed(client, helper)
    CommunityProfile.objects.filter(pk=helper.pk).update(level_at_risk_since=timezone.now() - dt.timedelta(days=30))
    level_after(helper)
    outbox.drain()
    page = listed(client, helper)
    assert "عضو فعال" in page
    assert "۳۰" not in page, "the level has ended, it does not end soon"


def test_a_level_that_changed_again_is_no_news(client):
    helper = MemberFactory(level=Level.HELPER)
    trust.set_advocate(user_id=helper.pk, is_advocate=True)
    outbox.drain()
    assert Notification.objects.count() == 1
    assert str(Level.ADVOCATE.label) in listed(client, helper)

    CommunityProfile.objects.filter(pk=helper.pk).update(level=Level.ACTIVE)
    assert str(Level.ADVOCATE.label) not in listed(client, helper)
