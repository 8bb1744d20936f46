"""From what people do in the community and on help pages to points, through the worker."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from community import services
from community.models import CommunityProfile, Post, ReviewItem, Solution
from faq.services import give_feedback
from loyalty.models import Decision, Journal, LoyaltyEvent, Member
from loyalty.services import challenges, earning, ledger, referrals
from portal import points
from portal.accounts.models import User
from portal.core.outbox import drain
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator
from tests.factories.faq import ArticlePageFactory
from tests.factories.loyalty import EarningFactory, rule_in_force

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    """A programme in which everything gives points, some of them pending."""
    programme = EarningFactory().programme
    for number, trigger in enumerate(earning.all_triggers()):
        rule_in_force(programme, f"rule-{number}", trigger=trigger, points=10 + number, pending_days=3 * (number % 2))
    return programme


def decided(person, trigger):
    """(outcome, points, reason) of all decisions about the person, oldest first."""
    key = Member.objects.filter(user=person).values("key")
    rows = Decision.objects.filter(event__member_key__in=key, event__trigger=trigger).order_by("pk")
    return list(rows.values_list("outcome", "points", "reason"))


def total(person):
    """What the person has, coming or not."""
    last = Journal.objects.filter(wallet__member_key__in=Member.objects.filter(user=person).values("key")).last()
    return last.available + last.pending - last.debt if last else 0


def test_everything_that_is_declared_has_words_in_both_languages(programme, settings):
    for trigger in earning.all_triggers().values():
        assert str(trigger.label).strip()
        assert all(str(fact.label).strip() for fact in trigger.facts)
    declared = {trigger.name for trigger in (*points.TRIGGERS, *referrals.TRIGGERS, challenges.TRIGGER)}
    assert set(earning.all_triggers()) == declared


def test_an_accepted_answer_gives_points_to_its_author_once(programme):
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    drain()

    assert decided(post.author, points.SOLUTION) == [("earned", 10, "")]
    services.revoke_solution(post=post, by=post.thread.author)
    drain()
    assert decided(post.author, points.SOLUTION)[-1] == ("reversed", 10, "revoked")
    services.accept_solution(post=post, by=post.thread.author)
    drain()
    assert decided(post.author, points.SOLUTION)[-1] == ("earned", 10, "")
    assert LoyaltyEvent.objects.filter(trigger=points.SOLUTION).count() == 1
    assert list(ledger.check()) == []


def test_a_hidden_post_takes_all_points_for_it_away_and_brings_them_back(programme):
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    services.vote_helpful(post=post, user=MemberFactory())
    drain()
    before = total(post.author)
    assert before > 0

    services.hide_post(post=post, by=moderator(), reason="spam")
    drain()
    assert total(post.author) == 0
    services.restore_post(post=Post.objects.get(pk=post.pk), by=moderator())
    drain()
    drain()
    assert total(post.author) == before
    assert list(ledger.check()) == []


def test_what_was_hidden_before_the_worker_came_gives_nothing_until_it_is_back(programme):
    post = PostFactory()
    services.hide_post(post=post, by=moderator(), reason="spam")
    drain()
    assert decided(post.author, points.REPLY) == [("none", 0, "withdrawn")]

    services.restore_post(post=Post.objects.get(pk=post.pk), by=moderator())
    drain()
    assert [row[0] for row in decided(post.author, points.REPLY)] == ["none", "earned"]


def test_nobody_earns_in_a_thread_of_their_own(programme):
    thread = ThreadFactory()
    own = PostFactory(thread=thread, author=thread.author)
    services.accept_solution(post=own, by=thread.author)
    drain()

    assert decided(thread.author, points.REPLY) == [("none", 0, "own-thread")]
    assert decided(thread.author, points.SOLUTION) == [("none", 0, "own-thread")]


def test_whose_question_it_was_counts_after_it_was_merged_into_another(programme):
    area = AreaFactory()
    stays = ThreadFactory(area=area)
    for helper in (None, stays.author):  # who asked answers it; then who began the thread that it is merged into
        goes = ThreadFactory(area=area)
        answer = PostFactory(thread=goes, author=helper or goes.author)
        services.accept_solution(post=answer, by=goes.author)
        services.merge_threads(thread=goes, into=stays, by=moderator())
        drain()  # the worker comes when it has been merged
        earned = [[row[0] for row in decided(answer.author, trigger)] for trigger in (points.SOLUTION, points.REPLY)]
        assert earned == ([["earned"], ["earned"]] if helper else [["none"], ["none"]])
        services.say_solved_it(thread=stays, user=MemberFactory())
        drain()
        assert [row[0] for row in decided(answer.author, points.SOLVED_IT)] == (["earned"] if helper else ["none"])
        services.revoke_solution(post=answer, by=goes.author)
        drain()


def test_staff_earn_nothing_whatever_they_do(programme):
    staff = moderator()
    post = PostFactory(author=staff)
    services.accept_solution(post=post, by=post.thread.author)
    drain()

    assert {row[2] for row in decided(staff, points.REPLY) + decided(staff, points.SOLUTION)} == {"staff"}
    User.objects.filter(pk=staff.pk).update(is_staff=False)
    services.vote_helpful(post=post, user=MemberFactory())
    drain()
    assert decided(staff, points.VOTE) == [("none", 0, "staff")]


def test_a_vote_that_is_withdrawn_takes_its_points_with_it(programme):
    post, voter = PostFactory(), MemberFactory()
    services.vote_helpful(post=post, user=voter)
    drain()
    services.withdraw_helpful(post=post, user=voter)
    drain()

    assert [row[0] for row in decided(post.author, points.VOTE)] == ["earned", "reversed"]


def test_two_who_vote_for_each_other_earn_nothing_by_it_and_learn_that_it_was_a_review(programme):
    one, other, thread = MemberFactory(), MemberFactory(), ThreadFactory()
    for _round in range(4):
        for author, voter in ((one, other), (other, one)):
            services.vote_helpful(post=PostFactory(thread=thread, author=author), user=voter)
            drain()

    for person in (one, other):
        key = Member.objects.get(user=person).key
        votes = LoyaltyEvent.objects.filter(member_key=key, trigger=points.VOTE)
        last = [event.decisions.order_by("round").last() for event in votes]
        assert len(last) == 4
        assert {decision.outcome for decision in last} <= {"none", "reversed"}
        assert {decision.reason for decision in last} == {earning.VOTING_REVIEW}
    assert list(ledger.check()) == []


def test_one_voter_feeds_another_member_only_so_often_a_week(programme):
    author, voter = MemberFactory(), MemberFactory()
    for _vote in range(6):
        services.vote_helpful(post=PostFactory(author=author), user=voter)
        drain()

    outcomes = decided(author, points.VOTE)
    assert [row[0] for row in outcomes] == ["earned"] * 5 + ["none"]
    assert outcomes[-1][2] == "pair-limit"


def test_honest_votes_that_waited_for_the_worker_are_counted_as_of_when_they_were_given(programme):
    author, voter = MemberFactory(), MemberFactory()
    for _vote in range(6):
        services.vote_helpful(post=PostFactory(author=author), user=voter)
    drain()

    assert sorted(row[2] for row in decided(author, points.VOTE)) == [""] * 5 + ["pair-limit"]


def test_two_who_vote_for_each_other_get_nothing_back_with_posts_that_they_had_deleted(programme):
    people, thread = (MemberFactory(), MemberFactory()), ThreadFactory()

    def vote_for_each_other(rounds):
        made = []
        for _round in range(rounds):
            for author, voter in (people, people[::-1]):
                made.append(PostFactory(thread=thread, author=author))
                services.vote_helpful(post=made[-1], user=voter)
        drain()
        return made

    posts = vote_for_each_other(2)
    for post in posts:
        services.delete_post(post=post, by=post.author)
    drain()
    vote_for_each_other(1)
    for post in posts:
        services.restore_post(post=Post.objects.get(pk=post.pk), by=post.author)
    drain()

    for event in LoyaltyEvent.objects.filter(trigger=points.VOTE):
        last = event.decisions.order_by("round").last()
        assert (last.outcome in {"none", "reversed"}, last.reason) == (True, earning.VOTING_REVIEW)


def test_nobody_earns_by_accepting_an_answer_of_their_own(programme):
    answer = PostFactory()
    services.accept_solution(post=answer, by=answer.author)
    drain()

    assert decided(answer.author, points.SOLUTION) == [("none", 0, "own-answer")]
    assert decided(answer.author, points.FIRST_HELP) == []


def test_accounts_that_were_made_together_are_marked_and_still_earn(programme):
    post = PostFactory()
    joined = post.author.date_joined
    User.objects.filter(pk=post.thread.author_id).update(date_joined=joined - dt.timedelta(days=9))
    services.accept_solution(post=post, by=None)
    voter = MemberFactory(date_joined=joined + dt.timedelta(minutes=2))
    services.vote_helpful(post=post, user=voter)
    drain()

    rows = Decision.objects.filter(event__trigger__in=[points.VOTE, points.SOLUTION]).order_by("event__trigger")
    assert list(rows.values_list("event__trigger", "outcome", "flags")) == [
        (points.SOLUTION, "earned", []),
        (points.VOTE, "earned", ["joined-together"]),
    ]


def test_an_accepted_idea_gives_points_to_its_author(programme):
    idea = ThreadFactory(idea=True)
    services.set_idea_status(thread=idea, status="planned", by=moderator())
    drain()

    assert [row[0] for row in decided(idea.author, points.IDEA)] == ["earned"]


def test_a_report_that_a_moderator_agrees_with_gives_points(programme):
    post, reporter = PostFactory(), MemberFactory()
    services.flag_post(post=post, user=reporter, reason="spam")
    services.hide_post(post=post, by=moderator(), reason="spam")
    drain()

    assert [row[0] for row in decided(reporter, points.FLAG)] == ["earned"]


def test_rating_a_help_page_gives_points_to_members_only_and_once(programme):
    article, person = ArticlePageFactory(), UserFactory()
    give_feedback(article=article, revision_id=None, user=person, solved=True)
    give_feedback(article=article, revision_id=None, visitor="v" * 40, solved=True)
    drain()
    give_feedback(article=article, revision_id=None, user=person, solved=False)
    drain()

    assert [row[0] for row in decided(person, points.FEEDBACK)] == ["earned"]
    assert LoyaltyEvent.objects.filter(trigger=points.FEEDBACK).count() == 1


def test_a_reader_whom_a_solution_helped_too_gives_points_to_its_author(programme):
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    drain()
    services.say_solved_it(thread=post.thread, user=MemberFactory())
    drain()

    assert [row[0] for row in decided(post.author, points.SOLVED_IT)] == ["earned"]


def test_replies_lose_their_points_with_the_post_that_began_their_thread_and_get_them_back(programme):
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    drain()
    before, first = total(post.author), Post.objects.get(thread=post.thread, number=1)

    services.hide_post(post=first, by=moderator(), reason="spam")
    drain()
    assert (before > 0, total(post.author)) == (True, 0)
    services.restore_post(post=Post.objects.get(pk=first.pk), by=moderator())
    drain()
    assert total(post.author) == before


def test_what_a_solution_earned_later_goes_and_comes_with_it(programme):
    post = PostFactory()
    for outcomes in (["earned"], ["earned", "reversed", "earned"]):
        services.accept_solution(post=post, by=post.thread.author)
        services.say_solved_it(thread=post.thread, user=MemberFactory())
        drain()
        said = LoyaltyEvent.objects.filter(trigger=points.SOLVED_IT).earliest("pk")
        assert list(said.decisions.order_by("round").values_list("outcome", flat=True)) == outcomes
        services.revoke_solution(post=post, by=post.thread.author)
        drain()
        assert said.decisions.latest("round").outcome == "reversed"


def test_an_idea_that_is_no_longer_planned_loses_its_points_until_it_is_again(programme):
    idea, by = ThreadFactory(idea=True), moderator()
    for status in ("planned", "done", "new", "planned"):
        services.set_idea_status(thread=idea, status=status, by=by)
        drain()

    outcomes = [(row[0], row[2]) for row in decided(idea.author, points.IDEA)]
    assert outcomes == [("earned", ""), ("reversed", "dropped"), ("earned", "")]


def test_a_judgement_that_is_undone_takes_its_points_with_it(programme):
    post, reporter, by = PostFactory(), MemberFactory(), moderator()
    services.flag_post(post=post, user=reporter, reason="spam")
    services.hide_post(post=post, by=by, reason="spam")
    drain()
    services.undo_decision(item=ReviewItem.objects.get(post=post), by=by)
    drain()

    assert [row[0] for row in decided(reporter, points.FLAG)] == ["earned", "reversed"]


def test_no_text_of_a_member_reaches_the_books(programme):
    post = PostFactory(body="آلبالوخشکه را از برق بکشید و دوباره روشن کنید.")
    services.accept_solution(post=post, by=post.thread.author)
    drain()

    stored = repr([list(model.objects.values()) for model in (LoyaltyEvent, Decision, Journal)])
    assert "آلبالو" not in stored
    assert post.author.handle not in stored


def test_nothing_happens_without_a_programme():
    post = PostFactory(thread=ThreadFactory(area=AreaFactory()))
    services.accept_solution(post=post, by=post.thread.author)
    drain()

    assert not Member.objects.exists()
    assert not LoyaltyEvent.objects.exists()


def test_the_first_help_counts_as_long_as_anybody_was_helped(programme):
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    drain()
    services.revoke_solution(post=post, by=post.thread.author)
    drain()
    assert [row[0] for row in decided(post.author, points.FIRST_HELP)] == ["earned", "reversed"]

    other = PostFactory(author=post.author)
    services.vote_helpful(post=other, user=MemberFactory())
    drain()
    assert points.sweep() == 1
    assert [row[0] for row in decided(post.author, points.FIRST_HELP)][-1] == "earned"
    assert points.sweep() == 0


def test_votes_of_somebody_suspended_do_not_count_until_that_ends(programme):
    post, voter = PostFactory(), MemberFactory()
    services.vote_helpful(post=post, user=voter)
    drain()
    now = timezone.now()
    services.suspend_member(user=voter, by=moderator(), until=now + dt.timedelta(days=3))
    drain()
    assert decided(post.author, points.VOTE)[-1][0] == "reversed"
    assert decided(post.author, points.FIRST_HELP)[-1][0] == "reversed"

    CommunityProfile.objects.filter(user=voter).update(suspended_until=now - dt.timedelta(seconds=1))
    assert points.sweep() == 2
    assert decided(post.author, points.VOTE)[-1][0] == "earned"
    assert list(ledger.check()) == []


def test_the_sweep_finds_what_nobody_announced(programme):
    """A row changed by hand, say: the next look takes the points back, whatever else there is."""
    posts = [PostFactory() for _number in range(3)]
    for post in posts:
        services.accept_solution(post=post, by=post.thread.author)
    drain()
    assert points.sweep() == 0
    Solution.objects.filter(post=posts[0]).update(revoked_at=timezone.now())
    Post.objects.filter(pk=posts[1].pk).update(state="hidden")

    assert points.sweep() > 0

    assert [decided(post.author, points.SOLUTION)[-1][0] for post in posts] == ["reversed", "reversed", "earned"]
    assert total(posts[1].author) == 0
    assert list(ledger.check()) == []
