"""Scheduled publishing: applies the go-live and expiry dates set by editors.

Wagtail's own command (`publish_scheduled`) stops at the first page that cannot be published. Here pages are
independent: a failure is logged, retried in the next round, and does not block other pages.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.db import transaction
from django.utils import timezone
from wagtail.models import DraftStateMixin, Page, Revision

from portal.core.outbox import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

JOB: Final = "core.carry_out_schedule"
INTERVAL: Final = timedelta(minutes=1)


def carry_out_schedule() -> int:
    """Unpublish what has expired, then publish what is due. Returns how many pages and snippets changed.

    One query per kind of content when nothing is due; safe to repeat.
    """
    return sum(_try(act, what) for what, act in [*_expired(), *_due()])


def is_anything_due() -> bool:
    """Return whether `carry_out_schedule` has anything to do. Writes nothing."""
    return any(True for _change in chain(_expired(), _due()))


def _expired() -> Iterator[tuple[str, Callable[[], object]]]:
    kinds = [kind for kind in apps.get_models() if issubclass(kind, DraftStateMixin) and not issubclass(kind, Page)]
    for kind in (Page, *kinds):
        for found in kind.objects.filter(live=True, expire_at__lt=timezone.now()).order_by("expire_at", "pk"):
            yield (
                f"expiry of {kind._meta.label} {found.pk}",  # noqa: SLF001 - Django's documented model API
                partial(found.unpublish, set_expired=True, log_action="wagtail.unpublish.scheduled"),
            )


def _due() -> Iterator[tuple[str, Callable[[], object]]]:
    revisions = Revision.objects.filter(approved_go_live_at__lt=timezone.now())
    for revision in revisions.order_by("approved_go_live_at", "pk"):
        yield f"publishing of revision {revision.pk}", partial(_publish, revision)


def _publish(revision: Revision) -> None:
    """Publish, and unpublish at once what expired while nothing ran: nobody must see it in between."""
    revision.publish(log_action="wagtail.publish.scheduled")
    kind = revision.base_content_type.model_class()
    for expired in kind.objects.filter(pk=revision.object_id, live=True, expire_at__lt=timezone.now()):
        expired.unpublish(set_expired=True, log_action="wagtail.unpublish.scheduled")


def _try(act: Callable[[], object], what: str) -> bool:
    try:
        with transaction.atomic():
            act()
    except Exception as error:  # noqa: BLE001 - one page that cannot be published must not hold up the others
        logger.error("The scheduled %s failed and will be tried again: %s", what, describe(error))  # noqa: TRY400 - no values in the log
        return False
    return True
