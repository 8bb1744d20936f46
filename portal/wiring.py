"""Subscriptions of event handlers; the only module that knows both sides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from community import events as community
from community import merits, telling
from community.capturing import THREAD
from community.services.articles import note_article
from community.services.following_up import begin_following_up
from community.services.loops import find_see_also
from community.services.spam import check_for_spam
from faq.events import ArticleChanged, CapturedArticlePublished, FeedbackGiven, ImportWanted
from faq.intake import carry_out
from faq.notifications import tell_readers_of_change
from faq.search_documents import ArticleDocument
from faq.services import notify_owner_of_feedback
from loyalty.events import ChallengeMoved, PointsDecided, SomethingMoved, WebhookDue
from loyalty.own_badges import public_badges_of
from loyalty.own_challenges import count_help, public_challenges_of
from loyalty.services import badges, boards, challenges, earning, offers, places, referrals, reviews, tiers, webhooks
from portal import offer_facts, points
from portal.accounts.events import AccountChanged, SignedInOnNewDevice
from portal.core import honours, jobs
from portal.core.article_sources import number_in
from portal.core.events import E, subscribe
from portal.core.navigation import NavGroup, register_group
from portal.core.page_cache import keep_answers_at
from portal.core.robots import disallow
from portal.downloads.events import FileUploaded, ReleasePublished
from portal.downloads.notifications import tell_of_release
from portal.downloads.services import look_at_file
from portal.notifications.security import tell_of_change, tell_of_new_device

if TYPE_CHECKING:
    from collections.abc import Callable


def _tell(event: type[E], handler: Callable[[E], None]) -> None:
    """Have the worker tell members of an event of the community; nobody waits for it who writes or votes."""
    subscribe(event, handler, when=telling.is_telling, is_for_worker=True)


def note_captured_article(event: CapturedArticlePublished) -> None:
    """Have the community know of an article that was made of its answers."""
    if number_in(event.source, THREAD) is not None:
        note_article(
            post_ids=event.part_ids,
            kind=ArticleDocument.name,
            family=event.family,
            at=event.at,
            published_by_id=event.by_id,
        )


def connect() -> None:
    """Subscribe all handlers; called once when the apps are ready."""
    subscribe(FeedbackGiven, notify_owner_of_feedback)
    subscribe(ImportWanted, carry_out, is_remote=True)  # outside of transactions, in a thread of its own
    subscribe(ArticleChanged, tell_readers_of_change)
    subscribe(CapturedArticlePublished, note_captured_article)
    subscribe(SignedInOnNewDevice, tell_of_new_device)
    subscribe(AccountChanged, tell_of_change)
    _tell(community.ThreadStarted, telling.tell_of_thread)
    _tell(community.ReplyPosted, telling.tell_of_reply)
    _tell(community.ReplyPosted, begin_following_up)
    _tell(community.PostEdited, telling.tell_of_edit)
    _tell(community.SolutionAccepted, telling.tell_of_solution)
    _tell(community.AnswerBecameArticle, telling.tell_of_article)
    _tell(community.HelpfulVoteGiven, telling.tell_of_helpful_vote)
    _tell(community.BookmarkDue, telling.tell_of_bookmark)
    _tell(community.PostApproved, telling.tell_of_approval)
    _tell(community.PostHidden, telling.tell_of_hiding)
    _tell(community.FlagJudged, telling.tell_of_judgement)
    _tell(community.AppealDecided, telling.tell_of_appeal)
    _tell(community.MemberRestricted, telling.tell_of_restriction)
    _tell(community.MemberLevelChanged, telling.tell_of_level)
    _tell(community.MemberLevelAtRisk, telling.tell_of_risk)
    _tell(community.IdeaStatusChanged, telling.tell_of_idea_step)
    _tell(community.ThreadMerged, telling.tell_of_merge)
    _tell(community.ThreadMoved, telling.tell_of_move)
    _tell(community.MessageSent, telling.tell_of_message)
    _tell(community.MessageHidden, telling.tell_of_hidden_message)
    _tell(community.MessageReportJudged, telling.tell_of_message_report)
    subscribe(community.SeeAlsoWanted, find_see_also, is_remote=True)  # a cluster may search
    subscribe(community.SpamCheckWanted, check_for_spam, is_remote=True)
    subscribe(ReleasePublished, tell_of_release, is_for_worker=True)
    subscribe(FileUploaded, look_at_file, is_remote=True)  # a scanner may take minutes
    _give_points()
    offers.register_source(offer_facts.SOURCE)
    offers.register_bar(offer_facts.is_suspended)
    offers.register_participation(offer_facts.participation)

    register_group(NavGroup("footer-help", _("Help"), order=10))
    register_group(NavGroup("footer-community", _("Community"), order=15))
    register_group(NavGroup("footer-account", _("My account"), order=20))

    keep_answers_at("search/")
    disallow("/admin/", "/django-admin/")


def _give_points() -> None:
    """Declare what points can be given for, and have the worker decide about it."""
    for trigger in (*points.TRIGGERS, *referrals.TRIGGERS, challenges.TRIGGER):
        earning.register(trigger)
    reviews.register_source(points.VOTE, points.votes_since)
    places.register_places("community.post", points.places_of_posts)
    subscribe(FeedbackGiven, points.award_feedback, is_for_worker=True)
    _tell(community.SolutionAccepted, points.award_solution)
    _tell(community.HelpfulVoteGiven, points.award_vote)
    _tell(community.SolvedItSaid, points.award_solved_it)
    _tell(community.FirstHelpGiven, points.award_first_help)
    _tell(community.ReplyPosted, points.award_reply)
    _tell(community.WelcomeReplyPosted, points.award_welcome)
    _tell(community.IdeaAccepted, points.award_idea)
    _tell(community.FlagJudged, points.award_flag)
    _tell(community.SolutionRevoked, points.follow_solution)
    _tell(community.HelpfulVoteWithdrawn, points.follow_vote)
    _tell(community.IdeaStatusChanged, points.follow_idea)
    _tell(community.MemberRestricted, points.follow_restriction)
    _tell(community.PostHidden, points.follow_hiding)
    _tell(community.PostDeleted, points.follow_deletion)
    _tell(community.PostRestored, points.follow_restoring)
    _tell(community.PostHeld, points.follow_holding)
    _tell(community.PostApproved, points.follow_approval)
    jobs.every(
        timedelta(days=1),
        name="portal.sweep_points",
        run=points.sweep,
        is_needed=lambda _last_end: earning.is_anything_recorded(),
    )
    subscribe(PointsDecided, tiers.follow_decision, is_for_worker=True)
    subscribe(PointsDecided, badges.follow_decision, is_for_worker=True)
    subscribe(PointsDecided, challenges.follow_decision, is_for_worker=True)
    subscribe(ChallengeMoved, challenges.follow_completion, is_for_worker=True)
    subscribe(PointsDecided, referrals.follow_decision, is_for_worker=True)
    is_listening = webhooks.is_anybody_listening
    subscribe(PointsDecided, webhooks.follow_decision, when=is_listening, is_for_worker=True)
    subscribe(SomethingMoved, webhooks.announce, when=is_listening, is_for_worker=True)
    subscribe(WebhookDue, webhooks.deliver, name=webhooks.HANDLER, is_remote=True)  # of anybody, and it may be silent
    honours.register(public_badges_of)
    honours.register(public_challenges_of)
    count_help(points.HELP)
    boards.count("community.")
    boards.leave_out(merits.suspended_people)
