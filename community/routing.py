"""Questions that wait find members who may know the answer: the portal asks them, evenly, without a moderator.

Who is asked is who the desk would suggest (`community.waiting`). Only questions that everybody may read are routed: for
others a moderator knows better who is meant.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from community import services
from community.exceptions import CommunityError
from community.models import CallForHelp, Thread, policy
from community.waiting import helpers_for
from portal.accounts.models import User

if TYPE_CHECKING:
    from community.models.thread import ThreadQuerySet
    from community.waiting import Helper

#: Of members who are asked about one question, by the portal or by moderators.
_MOST: Final = 3
#: Later nobody is asked any more: an answer would come too late.
_LATEST: Final = dt.timedelta(days=14)
_BATCH: Final = 100


def has_questions_to_route() -> bool:
    return _questions().exists()


def ask_helpers() -> int:
    """Ask for each question that waits the next member who may know the answer; returns how many. A periodic job."""
    threads = list(
        _questions().for_listing().prefetch_related("tags", "products").order_by("last_post_at", "pk")[:_BATCH]
    )
    helpers = helpers_for(threads)
    return sum(_ask(thread, helpers.get(thread.pk, [])) for thread in threads)


def _questions() -> ThreadQuerySet:
    """Return the questions for which it is time to ask somebody, or somebody else."""
    hours = policy().asks_after_hours
    now = timezone.now()
    since = now - dt.timedelta(hours=hours)
    waiting = Thread.objects.visible_to(None).listed().unanswered().filter(is_locked=False)
    if not hours:
        return waiting.none()
    asked_lately = CallForHelp.objects.filter(thread=OuterRef("pk"), asked_at__gt=since)
    due = waiting.filter(~Exists(asked_lately), last_post_at__lte=since, last_post_at__gt=now - _LATEST)
    return due.annotate(asked=Count("calls")).filter(asked__lt=_MOST)


def _ask(thread: Thread, helpers: list[Helper]) -> bool:
    """Ask the first of them who can be asked; somebody may have been asked often since they were found."""
    users = User.objects.in_bulk([helper.user_id for helper in helpers])
    for helper in helpers:
        try:
            services.call_for_help(thread=thread, helper=users[helper.user_id], by=None)
        except (CommunityError, KeyError):
            continue
        return True
    return False
