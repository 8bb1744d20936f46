"""Every outbox handler and every periodic job is idempotent: a second call has nothing to do.

Both tables below are also the list of names in use. Names are stored in the database, with queued messages and with the
time a job is due, and must never change. tests/test_architecture.py checks that none is missing here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from wagtail.models import Page

from community import events as community
from community import screening, services, telling, trust
from community.events import SeeAlsoWanted
from community.models import (
    CommunityProfile,
    FollowUp,
    Level,
    Post,
    ReviewItem,
    Solution,
    Thread,
    ThreadLoops,
    ThreadToIndex,
    ThreadView,
    Upload,
    Vote,
)
from community.services import accept_solution, reading, retitle
from community.services import bookmark as remember
from faq import intake
from faq.events import ArticleChanged, CapturedArticlePublished, FeedbackGiven, ImportWanted
from faq.models import ArticleImport, ArticlePage, BrokenLink, Export
from loyalty.buckets import today_of
from loyalty.events import ChallengeMoved, PointsDecided, SomethingMoved, WebhookDue
from loyalty.models import BadgeRecord, Earning, OfferShown, Parcel, Referral, Wallet, Webhook, WebhookDelivery
from loyalty.models.rewards import RewardKind
from loyalty.models.webhooks import EventKind
from loyalty.services import adjusting, badges, challenges, earning, expiry, ledger, offers, rewards, webhooks
from loyalty.services.members import wallet_for
from portal.accounts import own_data
from portal.accounts.events import AccountChanged, SignedInOnNewDevice
from portal.accounts.invitations import invite
from portal.accounts.models import ErasureRequest
from portal.core import jobs, outbox
from portal.core.events import subscribed
from portal.core.mail import MailQueued, queue
from portal.core.models import FileAudience, OutboxMessage, OutgoingMail, PeriodicJob, VisitSalt
from portal.core.visitors import VISITOR_LENGTH
from portal.downloads import scanning
from portal.downloads.events import FileUploaded, ReleasePublished
from portal.downloads.models import Transfer
from portal.notifications.events import MailWanted, NotificationWanted
from portal.notifications.models import Notification
from portal.notifications.services import follow
from portal.troubleshooters.models import Arrival
from search.events import EntriesChanged, EntriesWithdrawn, IndexDamaged, MirrorCheckWanted, PageTreeChanged
from search.meaning import model as semantic_model
from search.meaning import vectors
from search.models import IndexedEntry, SearchLog
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.community import (
    AreaFactory,
    MemberFactory,
    MessageFactory,
    PostFactory,
    ThreadFactory,
    moderator,
    reader_of,
)
from tests.factories.downloads import DownloadFactory, file_in, published_file, release_of
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, help_site
from tests.factories.loyalty import (
    EarningFactory,
    OfferFactory,
    ProgrammeFactory,
    RewardFactory,
    WalletFactory,
    badge_in_force,
    challenge_in_force,
    points_for_challenges,
    referral_in,
    rule_in_force,
    tiers_in_force,
)
from tests.factories.notifications import NotificationFactory
from tests.factories.troubleshooters import TroubleshooterFactory
from tests.faq.bodies import document
from tests.loyalty.test_earning import happened
from tests.search.cluster import empty, node_url, own_indices, portal_with_cluster  # noqa: F401 - pytest finds fixtures by name

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.core.events import DomainEvent

#: Tables of the outbox and of jobs, which change with every call.
_UNWATCHED = {OutboxMessage, PeriodicJob}


def feedback_given() -> DomainEvent:
    feedback = FeedbackFactory(article=ArticlePageFactory(owner=UserFactory(editor=True)), unsolved=True)
    return FeedbackGiven(
        feedback_id=feedback.pk, article_id=feedback.article_id, solved=False, reason=feedback.reason, user_id=None
    )


def article_changed() -> DomainEvent:
    feedback = FeedbackFactory(unsolved=True, user=UserFactory(), visitor="")
    return ArticleChanged(article_id=feedback.article_id, revision_id=feedback.revision_read + 1, at=timezone.now())


def entries_changed() -> DomainEvent:
    article = ArticlePageFactory()
    return EntriesChanged(kind="faq.article", object_ids=[article.pk, 999])


def entries_withdrawn() -> DomainEvent:
    article = ArticlePageFactory()
    return EntriesWithdrawn(kind="faq.article", object_ids=[article.pk, 999])


def page_tree_changed() -> DomainEvent:
    article = ArticlePageFactory()
    return PageTreeChanged(page_id=Page.objects.get(pk=article.pk).get_parent().pk)


def mirror_check_wanted() -> DomainEvent:
    ArticlePageFactory()
    outbox.drain(handlers=["search.services.handle_entries_changed"])
    OutboxMessage.objects.all().delete()
    return MirrorCheckWanted(kind="faq.article", above=0)


def entry_damaged() -> None:
    ArticlePageFactory()
    outbox.drain(handlers=["search.services.handle_entries_changed"])
    OutboxMessage.objects.all().delete()
    IndexedEntry.objects.update(title="چیزی دیگر")


def index_damaged() -> DomainEvent:
    entry_damaged()
    return IndexDamaged()


def mail_queued() -> DomainEvent:
    number = queue(mail.EmailMessage("موضوع", "متن", to=["mina@example.com"]))
    assert number is not None
    return MailQueued(mail_id=number)


def notification_wanted() -> DomainEvent:
    return NotificationWanted(
        kind="accounts.new_device", key="x:1", subject="x:1", occurred_at=timezone.now(), recipients=[UserFactory().pk]
    )


def mail_wanted() -> DomainEvent:
    told = NotificationFactory(mail="now")
    return MailWanted(person_id=told.person_id, subject=told.subject)


def signed_in_on_new_device() -> DomainEvent:
    return SignedInOnNewDevice(user_id=UserFactory().pk, at=timezone.now())


def account_changed() -> DomainEvent:
    return AccountChanged(user_id=UserFactory().pk, at=timezone.now(), what="account/email/password_changed")


def caught(event: type[DomainEvent], act: Callable[[], object]) -> DomainEvent:
    """Do something in the community, have nobody told of it, and return the event that says so."""
    happened: list[DomainEvent] = []
    with telling.quietly(), subscribed(event, happened.append, name="tests.caught"):
        act()
        outbox.drain()
    return happened[-1]


def followed_thread(**how: Any) -> Thread:
    thread = ThreadFactory(**how)
    follow(person_id=UserFactory().pk, target=f"community.thread:{thread.pk}")
    return thread


def thread_started() -> DomainEvent:
    area = AreaFactory()
    follow(person_id=UserFactory().pk, target=f"community.area:{area.pk}")
    return caught(community.ThreadStarted, lambda: ThreadFactory(area=area))


def reply_posted() -> DomainEvent:
    thread = followed_thread()
    return caught(community.ReplyPosted, lambda: PostFactory(thread=thread))


def post_edited() -> DomainEvent:
    post, named = PostFactory(), MemberFactory()
    body = f"{post.body} @{named.handle}"
    return caught(community.PostEdited, lambda: services.edit_post(post=post, editor=post.author, body=body, version=1))


def solution_accepted() -> DomainEvent:
    post = PostFactory()
    return caught(community.SolutionAccepted, lambda: services.accept_solution(post=post, by=moderator()))


def captured_article_published() -> DomainEvent:
    post = PostFactory()
    article = ArticlePageFactory()
    return CapturedArticlePublished(
        article_id=article.pk,
        family=str(article.translation_key),
        source=f"community:thread:{post.thread_id}",
        part_ids=[post.pk],
        at=timezone.now(),
    )


def answer_became_article() -> DomainEvent:
    event = captured_article_published()
    return caught(community.AnswerBecameArticle, lambda: deliver("portal.wiring.note_captured_article", event))


def helpful_vote_given() -> DomainEvent:
    post = PostFactory()
    return caught(community.HelpfulVoteGiven, lambda: services.vote_helpful(post=post, user=MemberFactory()))


def post_approved() -> DomainEvent:
    post = PostFactory(held=True)
    return caught(community.PostApproved, lambda: services.approve_post(post=post, by=moderator()))


def post_hidden() -> DomainEvent:
    post = PostFactory()
    return caught(community.PostHidden, lambda: services.hide_post(post=post, by=moderator(), reason="spam"))


def flag_judged() -> DomainEvent:
    post = PostFactory()
    services.flag_post(post=post, user=MemberFactory(), reason="spam")
    return caught(community.FlagJudged, lambda: services.approve_post(post=post, by=moderator()))


def appeal_decided() -> DomainEvent:
    post = PostFactory(hidden=True)
    services.appeal(post=post, author=post.author, text="این آگهی نبود.")
    return caught(community.AppealDecided, lambda: services.restore_post(post=post, by=moderator()))


def member_restricted() -> DomainEvent:
    person = MemberFactory()
    return caught(
        community.MemberRestricted, lambda: services.warn_member(user=person, by=moderator(), note="لطفاً محترمانه.")
    )


def level_reached() -> DomainEvent:
    person = MemberFactory()
    return caught(
        community.MemberLevelChanged,
        lambda: services.choose_advocate(user=person, by=moderator(), is_advocate=True),
    )


def level_at_risk() -> DomainEvent:
    person = MemberFactory(level=Level.HELPER)
    CommunityProfile.objects.filter(pk=person.pk).update(is_level_due=True, days_seen=9)
    return caught(community.MemberLevelAtRisk, trust.update_due_levels)


def idea_status_changed() -> DomainEvent:
    idea = ThreadFactory(idea=True)
    return caught(
        community.IdeaStatusChanged,
        lambda: services.set_idea_status(thread=idea, status="planned", by=moderator()),
    )


def thread_merged() -> DomainEvent:
    thread, into = followed_thread(), ThreadFactory()
    return caught(community.ThreadMerged, lambda: services.merge_threads(thread=thread, into=into, by=moderator()))


def thread_moved() -> DomainEvent:
    thread, area = followed_thread(), AreaFactory()
    return caught(community.ThreadMoved, lambda: services.move_thread(thread=thread, area=area, by=moderator()))


def bookmark_due() -> DomainEvent:
    post = PostFactory()
    remember(user=post.author, post=post, remind_at=timezone.now())
    return caught(community.BookmarkDue, reading.remind)


def for_points(event: DomainEvent) -> DomainEvent:
    """Have events recorded from now on: what happened before was not."""
    EarningFactory()
    return event


def solution_for_points() -> DomainEvent:
    return for_points(solution_accepted())


def vote_for_points() -> DomainEvent:
    return for_points(helpful_vote_given())


def reply_for_points() -> DomainEvent:
    return for_points(reply_posted())


def feedback_for_points() -> DomainEvent:
    feedback = FeedbackFactory(user=UserFactory(), visitor="")
    return for_points(
        FeedbackGiven(feedback_id=feedback.pk, article_id=feedback.article_id, solved=True, user_id=feedback.user_id)
    )


def idea_for_points() -> DomainEvent:
    idea = ThreadFactory(idea=True)
    return for_points(
        caught(community.IdeaAccepted, lambda: services.set_idea_status(thread=idea, status="planned", by=moderator()))
    )


def flag_for_points() -> DomainEvent:
    post = PostFactory()
    services.flag_post(post=post, user=MemberFactory(), reason="spam")
    return for_points(
        caught(community.FlagJudged, lambda: services.hide_post(post=post, by=moderator(), reason="spam"))
    )


def solved_post() -> Post:
    post = PostFactory()
    services.accept_solution(post=post, by=post.thread.author)
    drop_messages()
    return post


def drop_messages() -> None:
    outbox.drain()
    OutboxMessage.objects.all().delete()


def solved_it_for_points() -> DomainEvent:
    post = solved_post()
    return for_points(
        caught(community.SolvedItSaid, lambda: services.say_solved_it(thread=post.thread, user=MemberFactory()))
    )


def first_help_for_points() -> DomainEvent:
    post = PostFactory()
    return for_points(caught(community.FirstHelpGiven, lambda: services.vote_helpful(post=post, user=MemberFactory())))


def welcome_for_points() -> DomainEvent:
    post = PostFactory()
    return for_points(
        community.WelcomeReplyPosted(
            thread_id=post.thread_id, post_id=post.pk, author_id=post.author_id, welcomed_id=post.thread.author_id
        )
    )


def rewarded_post() -> Post:
    """A solution for which its author has got points."""
    programme = EarningFactory().programme
    rule_in_force(programme)
    rule_in_force(programme, "vote", trigger="community.vote")
    return solved_post()


def post_hidden_after_points() -> DomainEvent:
    post = rewarded_post()
    return caught(community.PostHidden, lambda: services.hide_post(post=post, by=moderator(), reason="spam"))


def post_deleted_after_points() -> DomainEvent:
    post = rewarded_post()
    return caught(community.PostDeleted, lambda: services.delete_post(post=post, by=moderator(), reason="spam"))


def post_held_after_points() -> DomainEvent:
    post = rewarded_post()
    services.hide_post(post=post, by=moderator(), reason="spam")
    drop_quietly("portal.points.follow_hiding", "portal.points.follow_solution")
    return community.PostHeld(thread_id=post.thread_id, post_id=post.pk, author_id=post.author_id, reasons=["words"])


def idea_dropped_after_points() -> DomainEvent:
    """A planned idea, for which its author has got points, is new again."""
    rule_in_force(EarningFactory().programme, "idea", trigger="community.idea")
    idea, by = ThreadFactory(idea=True), moderator()
    services.set_idea_status(thread=idea, status="planned", by=by)
    outbox.drain()
    return caught(community.IdeaStatusChanged, lambda: services.set_idea_status(thread=idea, status="new", by=by))


def drop_quietly(*handlers: str) -> None:
    OutboxMessage.objects.filter(handler__in=handlers).delete()


def post_back() -> Post:
    """A rewarded post that was hidden, lost its points, and is back; nobody has looked at it since."""
    post = rewarded_post()
    services.hide_post(post=post, by=moderator(), reason="spam")
    drop_messages()
    services.restore_post(post=Post.objects.get(pk=post.pk), by=moderator())
    drop_quietly("portal.points.follow_restoring", "portal.points.award_solution")
    return post


def post_restored_for_points() -> DomainEvent:
    post = post_back()
    return community.PostRestored(
        thread_id=post.thread_id, post_id=post.pk, is_first=False, author_id=post.author_id, restored_by_id=1
    )


def post_approved_for_points() -> DomainEvent:
    post = post_back()
    return community.PostApproved(thread_id=post.thread_id, post_id=post.pk, author_id=post.author_id, moderator_id=1)


def solution_revoked_after_points() -> DomainEvent:
    post = rewarded_post()
    return caught(community.SolutionRevoked, lambda: services.revoke_solution(post=post, by=moderator()))


def vote_withdrawn_after_points() -> DomainEvent:
    post, voter = rewarded_post(), MemberFactory()
    services.vote_helpful(post=post, user=voter)
    drop_messages()
    return caught(community.HelpfulVoteWithdrawn, lambda: services.withdraw_helpful(post=post, user=voter))


def voter_suspended_after_points() -> DomainEvent:
    post, voter = rewarded_post(), MemberFactory()
    services.vote_helpful(post=post, user=voter)
    drop_messages()
    until = timezone.now() + dt.timedelta(days=1)
    return caught(community.MemberRestricted, lambda: services.suspend_member(user=voter, by=moderator(), until=until))


def message_sent() -> DomainEvent:
    return caught(community.MessageSent, MessageFactory)


def message_hidden() -> DomainEvent:
    item = ReviewItem.objects.get(message=MessageFactory(report="abuse"))
    return caught(community.MessageHidden, lambda: services.hide_message(item=item, by=reader_of(item), reason="abuse"))


def message_report_judged() -> DomainEvent:
    item = ReviewItem.objects.get(message=MessageFactory(report="abuse"))
    return caught(community.MessageReportJudged, lambda: services.dismiss_report(item=item, by=reader_of(item)))


def see_also_wanted() -> DomainEvent:
    return SeeAlsoWanted(thread_id=ThreadFactory().pk)


def points_decided() -> DomainEvent:
    programme = EarningFactory().programme
    rule_in_force(programme)
    tiers_in_force(programme)
    badge_in_force(programme, target=1)
    [decision] = earning.record(happened(UserFactory()))
    OutboxMessage.objects.all().delete()
    return PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id)


def points_for_a_challenge() -> DomainEvent:
    event = points_decided()
    challenge_in_force(Wallet.objects.get(pk=event.wallet_id).programme, target=1)
    return event


def challenge_completed() -> DomainEvent:
    event = points_decided()
    programme = Wallet.objects.get(pk=event.wallet_id).programme
    points_for_challenges(programme)
    challenge = challenge_in_force(programme, target=1, points=50)
    [row] = challenges.judge(programme, [event.wallet_id], [challenge])
    OutboxMessage.objects.all().delete()
    return ChallengeMoved(challenge=challenge.pk, wallet=event.wallet_id, period=row.period)


def friend_takes_part() -> DomainEvent:
    referral = referral_in(EarningFactory().programme, days_ago=8)
    decisions = [earning.record(happened(referral.friend.user, number))[0] for number in (1, 2)]
    OutboxMessage.objects.all().delete()
    return PointsDecided(event_id=decisions[1].event_id, wallet_id=decisions[1].wallet_id)


#: Name of a handler → a function that makes a change and returns its event.
@pytest.fixture(autouse=True)
def _no_spam_checks(monkeypatch):
    monkeypatch.setattr(screening, "_checks", {})


@pytest.fixture(autouse=True)
def _at_any_hour(monkeypatch):
    monkeypatch.setattr(expiry, "FROM_HOUR", 0)


@pytest.fixture(autouse=True)
def _no_scanner():
    yield
    scanning.use(None)


def spam_check_wanted() -> DomainEvent:
    post = PostFactory()
    screening.register_check("test", lambda _about: screening.Verdict(score=100))
    return community.SpamCheckWanted(post_id=post.pk, version=post.version, at=timezone.now())


def release_published() -> DomainEvent:
    product = ProductFactory()
    OwnershipFactory(product=product)
    release = release_of(DownloadFactory(products=[product]))
    return ReleasePublished(release_id=release.pk, at=timezone.now())


def file_uploaded() -> DomainEvent:
    scanning.use(scanning.CommandScanner("true"))
    file = file_in(release_of(DownloadFactory(), is_published=False))
    return FileUploaded(file_id=file.pk)


def import_wanted() -> DomainEvent:
    help_site()
    file = SimpleUploadedFile("one.md", b"# How?\n\nSo it is done.\n")
    return ImportWanted(import_id=intake.begin(files=[file], by=UserFactory(editor=True), choices={}).pk)


def upload_of_last_week() -> None:
    event = import_wanted()
    ArticleImport.objects.update(state="tried", created_at=timezone.now() - dt.timedelta(days=8))
    assert event


def download_of_last_week() -> None:
    day = timezone.localdate() - dt.timedelta(days=7)
    Transfer.objects.create(file=published_file(), day=day, visitor="v", is_complete=True)


def arrival_of_last_year() -> None:
    day = timezone.localdate() - dt.timedelta(days=365)
    Arrival.objects.create(troubleshooter=TroubleshooterFactory(), step=1, day=day, visitor="v")


def told_of_points() -> WebhookDelivery:
    """An address that is told, and a test that waits for it; nothing is ever sent in these tests."""
    earning_of = Earning.objects.first() or EarningFactory()
    webhook, _secret = webhooks.make_webhook(
        programme=earning_of.programme, name="x", url="https://shop.example/", kinds=EventKind.values,
        by=UserFactory(superuser=True),
    )  # fmt: skip
    delivery = webhooks.send_test(webhook, by=UserFactory(superuser=True))
    day = dt.timedelta(days=1)
    Webhook.objects.update(made_at=timezone.now() - day, rests_until=timezone.now() + day)
    return delivery


def points_to_tell_of() -> DomainEvent:
    event = points_decided()
    told_of_points()
    return event


def badge_to_tell_of() -> DomainEvent:
    badges.follow_decision(points_decided())
    told_of_points()
    return SomethingMoved(kind="badge.changed", row=BadgeRecord.objects.get().pk)


def message_to_who_is_told_no_more() -> DomainEvent:
    delivery = told_of_points()
    Webhook.objects.update(stopped_at=timezone.now())
    return WebhookDue(delivery=delivery.pk)


def messages_to_others_of_last_month() -> None:
    told_of_points()
    WebhookDelivery.objects.update(state="sent", created_at=timezone.now() - dt.timedelta(days=40))


HANDLERS: dict[str, Callable[[], DomainEvent]] = {
    "community.telling.tell_of_appeal": appeal_decided,
    "community.telling.tell_of_approval": post_approved,
    "community.telling.tell_of_article": answer_became_article,
    "community.telling.tell_of_bookmark": bookmark_due,
    "community.telling.tell_of_edit": post_edited,
    "community.telling.tell_of_helpful_vote": helpful_vote_given,
    "community.telling.tell_of_hidden_message": message_hidden,
    "community.telling.tell_of_hiding": post_hidden,
    "community.telling.tell_of_idea_step": idea_status_changed,
    "community.telling.tell_of_judgement": flag_judged,
    "community.telling.tell_of_merge": thread_merged,
    "community.telling.tell_of_message": message_sent,
    "community.telling.tell_of_message_report": message_report_judged,
    "community.telling.tell_of_move": thread_moved,
    "community.telling.tell_of_reply": reply_posted,
    "community.telling.tell_of_restriction": member_restricted,
    "community.telling.tell_of_level": level_reached,
    "community.telling.tell_of_risk": level_at_risk,
    "community.telling.tell_of_solution": solution_accepted,
    "community.telling.tell_of_thread": thread_started,
    "community.services.following_up.begin_following_up": reply_posted,
    "community.services.loops.find_see_also": see_also_wanted,
    "community.services.spam.check_for_spam": spam_check_wanted,
    "faq.intake.carry_out": import_wanted,
    "faq.notifications.tell_readers_of_change": article_changed,
    "portal.downloads.notifications.tell_of_release": release_published,
    "portal.downloads.services.look_at_file": file_uploaded,
    "faq.services.notify_owner_of_feedback": feedback_given,
    "portal.core.mail_delivery.deliver": mail_queued,
    "loyalty.services.badges.following.follow_decision": points_decided,
    "loyalty.services.challenges.following.follow_completion": challenge_completed,
    "loyalty.services.challenges.following.follow_decision": points_for_a_challenge,
    "loyalty.services.referrals.follow_decision": friend_takes_part,
    "loyalty.services.tiers.evaluating.follow_decision": points_decided,
    "loyalty.services.webhooks.delivering.deliver": message_to_who_is_told_no_more,
    "loyalty.services.webhooks.queueing.announce": badge_to_tell_of,
    "loyalty.services.webhooks.queueing.follow_decision": points_to_tell_of,
    "portal.points.award_feedback": feedback_for_points,
    "portal.points.award_first_help": first_help_for_points,
    "portal.points.award_flag": flag_for_points,
    "portal.points.award_idea": idea_for_points,
    "portal.points.award_reply": reply_for_points,
    "portal.points.award_solution": solution_for_points,
    "portal.points.award_solved_it": solved_it_for_points,
    "portal.points.award_vote": vote_for_points,
    "portal.points.award_welcome": welcome_for_points,
    "portal.points.follow_approval": post_approved_for_points,
    "portal.points.follow_deletion": post_deleted_after_points,
    "portal.points.follow_hiding": post_hidden_after_points,
    "portal.points.follow_holding": post_held_after_points,
    "portal.points.follow_idea": idea_dropped_after_points,
    "portal.points.follow_restoring": post_restored_for_points,
    "portal.points.follow_restriction": voter_suspended_after_points,
    "portal.points.follow_solution": solution_revoked_after_points,
    "portal.points.follow_vote": vote_withdrawn_after_points,
    "portal.notifications.mailing.send_waiting": mail_wanted,
    "portal.notifications.security.tell_of_change": account_changed,
    "portal.notifications.security.tell_of_new_device": signed_in_on_new_device,
    "portal.notifications.services.write_notifications": notification_wanted,
    "portal.wiring.note_captured_article": captured_article_published,
    "search.services.handle_entries_changed": entries_changed,
    "search.services.handle_index_damaged": index_damaged,
    "search.services.handle_page_tree_changed": page_tree_changed,
    "search.mirror.mirror_entries": entries_changed,
    "search.mirror.mirror_withdrawals": entries_withdrawn,
    "search.mirror.check_portion": mirror_check_wanted,
}
#: Removed handlers. Messages for them would wait forever: an earlier release delivered or moved all of them.
RETIRED_HANDLERS: set[str] = set()
#: These change another server, not the database.
OF_THE_CLUSTER = {"search.mirror.mirror_entries", "search.mirror.mirror_withdrawals", "search.mirror.check_portion"}


def salts_of_yesterday() -> None:
    VisitSalt.objects.create(day=timezone.localdate() - dt.timedelta(days=2), salt="0" * 64)


def searches_of_last_year() -> None:
    for days in (0, 400):
        day = timezone.localdate() - dt.timedelta(days=days)
        SearchLog.objects.create(
            day=day, at=timezone.now() - dt.timedelta(days=days), visit="v" * 20, language="fa", key="مودم", text="مودم",
            total=0,
        )  # fmt: skip


def page_that_expired() -> None:
    page = ArticlePageFactory()
    Page.objects.filter(pk=page.pk).update(expire_at=timezone.now() - dt.timedelta(seconds=1))
    outbox.drain()


def link_that_was_repaired() -> None:
    BrokenLink.objects.create(
        article=ArticlePageFactory(), target="/fa/nowhere/", reason="gone", found_at=timezone.now()
    )


def export_somebody_waits_for() -> None:
    ArticlePageFactory()
    Export.objects.create()


def article_due_for_review() -> None:
    article = ArticlePageFactory(owner=UserFactory(editor=True))
    ArticlePage.objects.filter(pk=article.pk).update(next_review_on=timezone.localdate())


def votes_nobody_has_weighed() -> None:
    FeedbackFactory.create_batch(5, article=ArticlePageFactory())


def texts_without_vectors() -> None:
    ArticlePageFactory()
    outbox.drain()
    vectors.fill()


def messages_of_last_month() -> None:
    delivered_at = timezone.now() - dt.timedelta(days=30)
    OutboxMessage.objects.create(event="e", handler="h", payload={}, delivered_at=delivered_at)


def mails_of_last_quarter() -> None:
    mail_queued()
    OutgoingMail.objects.update(state=OutgoingMail.State.SENT, ended_at=timezone.now() - dt.timedelta(days=90))
    mail_queued()
    OutgoingMail.objects.waiting().update(expires_at=timezone.now() - dt.timedelta(days=1))


def news_for_a_digest() -> None:
    NotificationFactory(mail="daily", mail_at=timezone.now() - dt.timedelta(hours=1))


def notifications_of_last_year() -> None:
    told = NotificationFactory()
    Notification.objects.filter(pk=told.pk).update(created_at=timezone.now() - dt.timedelta(days=400))


def newcomer_with_a_product() -> None:
    OwnershipFactory(user=MemberFactory(level=Level.NEW))


def helper_without_recent_help() -> None:
    MemberFactory(level=Level.HELPER)


def pin_whose_time_is_over() -> None:
    thread = ThreadFactory()
    Thread.objects.filter(pk=thread.pk).update(is_pinned=True, pinned_until=timezone.now())


def audiences_nobody_noticed() -> None:
    document()
    FileAudience.objects.update(audiences="public")


def points_that_are_due() -> None:
    wallet, day = WalletFactory(), timezone.localdate() - dt.timedelta(days=3)
    ledger.earn(wallet=wallet, amount=5, key="1", expires_on=day)
    ledger.earn(wallet=wallet, amount=5, key="2", pending_until=day)


def points_that_expire_soon() -> None:
    programme = EarningFactory().programme
    wallet = wallet_for(user=UserFactory(), programme=programme)
    ledger.earn(wallet=wallet, amount=5, key="1", expires_on=today_of(programme) + dt.timedelta(days=7))


def file_of_corrections() -> None:
    content = f"member,points\n{UserFactory().handle},5\n".encode()
    adjusting.ask_by_file(
        content, programme=EarningFactory().programme, reason="goodwill", by=UserFactory(superuser=True)
    )


def member_without_a_tier() -> None:
    tiers = tiers_in_force(EarningFactory().programme).tiers
    ledger.earn(wallet=wallet_for(user=UserFactory(), programme=tiers.status), amount=5000, key="1")


def badge_that_was_earned_before() -> None:
    programme = EarningFactory().programme
    rule_in_force(programme)
    earning.record(happened(UserFactory()))
    outbox.drain()
    badge_in_force(programme, target=1)


def challenge_that_was_completed_before() -> None:
    programme = EarningFactory().programme
    rule_in_force(programme)
    earning.record(happened(UserFactory()))
    outbox.drain()
    challenge_in_force(programme, target=1)


def help_that_no_board_counts_yet() -> None:
    rule_in_force(EarningFactory().programme)
    earning.record(happened(UserFactory()))
    outbox.drain()


def friend_who_took_part_too_early() -> None:
    programme = EarningFactory().programme
    referral = referral_in(programme)
    for number in (1, 2):
        earning.record(happened(referral.friend.user, number))
    outbox.drain()
    Referral.objects.update(joined_at=timezone.now() - dt.timedelta(days=8))


def points_that_were_booked() -> None:
    ledger.earn(wallet=WalletFactory(), amount=5, key="1")


def address_whose_time_is_over() -> None:
    """Of a parcel that arrived last year."""
    programme, person = ProgrammeFactory(), UserFactory()
    ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=100, key="1")
    reward = RewardFactory(programme=programme, kind=RewardKind.PHYSICAL)
    home = rewards.Address(name="سارا", phone="+989121110099", text="تهران", postal_code="1417614411")
    rewards.redeem(user=person, reward=reward, key="1", price=100, seen=0, address=home, is_confirmed=True)
    Parcel.objects.update(erase_at=timezone.now() - dt.timedelta(days=400))


def bookmark_whose_time_has_come() -> None:
    post = PostFactory()
    remember(user=post.author, post=post, remind_at=timezone.now())


def view_of_last_week() -> None:
    day = timezone.localdate() - dt.timedelta(days=7)
    ThreadView.objects.create(thread=ThreadFactory(), day=day, visitor="0" * VISITOR_LENGTH)


def file_that_no_post_came_for() -> None:
    Upload.objects.create(kind="file", name="a.txt", size=1, created_at=timezone.now() - dt.timedelta(days=3))


def remark_of_last_year() -> None:
    remark = FeedbackFactory(unsolved=True)
    type(remark).objects.filter(pk=remark.pk).update(updated_at=timezone.now() - dt.timedelta(days=400))


def question_with_a_reply_of_yesterday() -> None:
    PostFactory()
    outbox.drain()
    FollowUp.objects.update(due_at=timezone.now())


def question_that_waits() -> None:
    person, area = MemberFactory(), AreaFactory()
    accept_solution(post=(known := PostFactory(thread=ThreadFactory(area=area), author=person)), by=known.thread.author)
    CommunityProfile.objects.filter(pk=person.pk).update(last_seen_on=timezone.localdate())
    thread = ThreadFactory(area=area)
    Thread.objects.filter(pk=thread.pk).update(last_post_at=timezone.now() - dt.timedelta(days=1))


def question_on_which_helpers_agree() -> None:
    post = PostFactory()
    outbox.drain()
    FollowUp.objects.update(step=3, asked_at=timezone.now() - dt.timedelta(days=4))
    for _helper in range(2):
        services.vote_helpful(post=post, user=MemberFactory(level=Level.HELPER))


#: Name of a job → a function that creates something for it to do.
def person_whose_days_are_over() -> None:
    own_data.ask_to_erase(MemberFactory())
    ErasureRequest.objects.update(due_at=timezone.now())
    outbox.drain()


def thread_of_another_forum() -> None:
    question = {"title": "چراغ آلبالویی مودم خاموش است", "body": "چراغ آلبالویی مودم از دیروز خاموش است. چه کنم؟"}
    solved = PostFactory(thread=ThreadFactory(**question))
    accept_solution(post=solved, by=solved.thread.author)
    thread = ThreadFactory(**question)
    outbox.drain()
    ThreadLoops.objects.all().delete()
    ThreadToIndex.objects.create(thread=thread, is_indexed=True)


def word_that_no_text_has() -> None:
    thread = ThreadFactory(title="آلبالوخشکه کجاست؟")
    outbox.drain()
    retitle(thread=thread, title="کجاست؟", by=thread.author)
    outbox.drain()


def message_kept_for_a_decision() -> None:
    message = MessageFactory(report="abuse")
    item = ReviewItem.objects.get(message=message)
    for person in (message.author, item.message.conversation.other_than(message.author_id)):
        services.delete_conversation(user=person, conversation=message.conversation)
    services.dismiss_report(item=item, by=reader_of(item))
    ReviewItem.objects.update(decided_at=timezone.now() - dt.timedelta(hours=1))
    outbox.drain()


def helper_who_wants_offers() -> None:
    person, programme = UserFactory(), EarningFactory().programme
    wallet_for(user=person, programme=programme)
    purpose = offers.Purpose.PROFILING
    offers.set_consent(user=person, programme=programme, purpose=purpose, is_given=True, source="page")
    CommunityProfile.objects.update_or_create(user=person, defaults={"last_seen_on": timezone.localdate()})


def offer_shown_long_ago() -> None:
    then = timezone.now() - dt.timedelta(days=400)
    shown = {"member_key": uuid.uuid4(), "slot": "list", "arm": "treatment", "at": then}
    OfferShown.objects.create(offer=OfferFactory(), **shown)


def votes_that_look_agreed() -> None:
    EarningFactory()
    one, other = MemberFactory(), MemberFactory()
    for giver, author in [(one, other), (other, one)] * 5:
        wallet_for(user=giver, programme=Earning.objects.get().programme)
        Vote.objects.create(post=PostFactory(author=author), user=giver, helper=author)
    outbox.drain()


def rewarded_yesterday() -> None:
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() - dt.timedelta(days=1)):
        rewarded_post()
        outbox.drain()


def points_a_shop_forgot() -> None:
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() - dt.timedelta(days=8)):
        wallet = wallet_for(user=UserFactory(), programme=EarningFactory().programme)
        ledger.earn(wallet=wallet, amount=10, key="start")
        ledger.hold(wallet=wallet, hold="shop:till:1", amount=5)


def points_that_stand_wrongly() -> None:
    post = rewarded_post()
    outbox.drain()
    Solution.objects.filter(post=post).update(revoked_at=timezone.now())  # nobody announced it


def session_of_last_month() -> None:
    for key in ("expired", "signed-out"):
        UserSession.objects.create(user=UserFactory(), session_key=key, ip="192.0.2.1")
    UserSession.objects.update(created_at=timezone.now() - dt.timedelta(days=30))
    Session.objects.create(session_key="expired", session_data="", expire_date=timezone.now() - dt.timedelta(days=1))


def invitation_of_last_quarter() -> None:
    with mock.patch("django.utils.timezone.now", return_value=timezone.now() - dt.timedelta(days=90)):
        invite(by=UserFactory(superuser=True), email="nobody@example.com", role="content-editors", language="fa")


JOBS: dict[str, Callable[[], None]] = {
    "community.accept_agreed": question_on_which_helpers_agree,
    "community.ask_helpers": question_that_waits,
    "community.ask_askers": question_with_a_reply_of_yesterday,
    "accounts.erase_who_left": person_whose_days_are_over,
    "accounts.forget_invitations": invitation_of_last_quarter,
    "accounts.forget_sessions": session_of_last_month,
    "community.compare_imported": thread_of_another_forum,
    "community.remind": bookmark_whose_time_has_come,
    "community.forget_views": view_of_last_week,
    "community.review_helpers": helper_without_recent_help,
    "community.tidy_messages": message_kept_for_a_decision,
    "community.tidy_uploads": file_that_no_post_came_for,
    "community.unpin": pin_whose_time_is_over,
    "community.update_levels": newcomer_with_a_product,
    "core.carry_out_schedule": page_that_expired,
    "core.check_files": audiences_nobody_noticed,
    "core.forget_salts": salts_of_yesterday,
    "core.forget_typed_texts": remark_of_last_year,
    "core.purge_outbox": messages_of_last_month,
    "core.tidy_mails": mails_of_last_quarter,
    "downloads.add_up": download_of_last_week,
    "troubleshooters.forget": arrival_of_last_year,
    "faq.check_links": link_that_was_repaired,
    "faq.mail_owners": article_due_for_review,
    "faq.make_exports": export_somebody_waits_for,
    "faq.remove_old_uploads": upload_of_last_week,
    "faq.weigh_votes": votes_nobody_has_weighed,
    "loyalty.book_files": file_of_corrections,
    "loyalty.compute_boards": help_that_no_board_counts_yet,
    "loyalty.judge_badges": badge_that_was_earned_before,
    "loyalty.judge_challenges": challenge_that_was_completed_before,
    "loyalty.do_what_is_due": points_that_are_due,
    "loyalty.erase_addresses": address_whose_time_is_over,
    "loyalty.evaluate_tiers": member_without_a_tier,
    "loyalty.forget_old_offers": offer_shown_long_ago,
    "loyalty.forget_webhooks": messages_to_others_of_last_month,
    "loyalty.judge_referrals": friend_who_took_part_too_early,
    "loyalty.ledger_checkpoint": points_that_were_booked,
    "loyalty.measure_pace": rewarded_yesterday,
    "loyalty.reconcile": points_that_were_booked,
    "loyalty.review_votes": votes_that_look_agreed,
    "loyalty.release_forgotten": points_a_shop_forgot,
    "loyalty.warn_of_expiry": points_that_expire_soon,
    "portal.sweep_points": points_that_stand_wrongly,
    "loyalty.work_out_segments": helper_who_wants_offers,
    "notifications.digests": news_for_a_digest,
    "notifications.tidy": notifications_of_last_year,
    "search.forget_words": word_that_no_text_has,
    "search.mend": entry_damaged,
    "search.tidy_search_log": searches_of_last_year,
    "search.vectors": texts_without_vectors,
}
#: Removed jobs.
RETIRED_JOBS: set[str] = set()


def everything_stored(*, unwatched: set[Any] = _UNWATCHED) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables, and all mails sent."""
    rows = {
        model._meta.label: set(map(repr, model._base_manager.values_list()))
        for model in apps.get_models()
        if model._meta.managed and model not in unwatched
    }
    return {**rows, "mails": {(number, message.subject) for number, message in enumerate(mail.outbox)}}


def changes(before: dict[str, set[Any]], after: dict[str, set[Any]]) -> dict[str, set[Any]]:
    return {name: before[name] ^ after[name] for name in before if before[name] != after[name]}


def deliver(handler: str, event: DomainEvent) -> None:
    """Deliver an event as the outbox does, with all events that follow."""
    subscription = next(known for known in outbox.subscriptions() if known.handler == handler)
    subscription.deliver(event.to_payload())
    outbox.drain()


@pytest.mark.django_db
@pytest.mark.parametrize("handler", sorted(HANDLERS.keys() - OF_THE_CLUSTER))
def test_an_event_delivered_twice_has_the_effect_of_one(handler):
    event = HANDLERS[handler]()
    IndexedEntry.objects.all().delete()
    mail.outbox.clear()
    before = everything_stored()

    deliver(handler, event)
    once = everything_stored()
    deliver(handler, event)

    assert changes(before, once) != {}, "The event must be one the handler has work with."
    assert changes(once, everything_stored()) == {}


@pytest.mark.elasticsearch
@pytest.mark.xdist_group("elasticsearch")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("handler", sorted(OF_THE_CLUSTER))
def test_an_event_delivered_twice_leaves_the_cluster_as_one_does(handler, portal_with_cluster):  # noqa: F811 - the fixture
    event = HANDLERS[handler]()
    empty(portal_with_cluster)

    deliver(handler, event)
    once = sorted(portal_with_cluster.digests("faq.article"))
    deliver(handler, event)

    assert len(once) == 1
    assert sorted(portal_with_cluster.digests("faq.article")) == once


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_that_runs_twice_does_its_work_once(name, settings):
    settings.SEARCH_SEMANTIC = name == "search.vectors"
    semantic_model.is_installed.cache_clear()
    job = next(job for job in jobs.all_jobs() if job.name == name)
    JOBS[name]()
    unwatched = _UNWATCHED - ({OutboxMessage} if name == "core.purge_outbox" else set())
    before = everything_stored(unwatched=unwatched)
    assert job.is_needed(None)

    job.run()
    once = everything_stored(unwatched=unwatched)
    job.run()

    assert changes(before, once) != {}, f"JOBS must give {name} something to do."
    assert changes(once, everything_stored(unwatched=unwatched)) == {}
