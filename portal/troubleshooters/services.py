"""Changes of troubleshooters: the draft and its steps, publishing, and what readers answer at the end."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from wagtail.log_actions import log

from portal.core.audience import Audience, register_audience
from portal.core.scopes import content_changed
from portal.troubleshooters.exceptions import TroubleshooterError
from portal.troubleshooters.faults import Fault, problems_of
from portal.troubleshooters.graph import MAX_STEPS
from portal.troubleshooters.models import Outcome, Troubleshooter, Version
from portal.troubleshooters.queries import SCOPE, problems_in, readable_articles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from portal.accounts.models import User
    from portal.troubleshooters.graph import Graph, Step

#: Who may publish; editors have it (`portal.troubleshooters.roles`).
PUBLISH = "troubleshooters.publish_troubleshooter"
_SLUG_LENGTH = 60
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


# Editing -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_troubleshooter(troubleshooter: Troubleshooter, *, by: User | None = None, seen: str = "") -> Troubleshooter:
    """Store what a troubleshooter is about and who sees it. Its steps are kept as they are stored.

    `seen`: its mark when whoever changes it looked at it. Raises `TroubleshooterError` if it was changed since, and if
    readers would come to it for whom it was not published (see `_check_readers`).
    """
    is_new = troubleshooter.pk is None
    before = None if is_new else _locked(troubleshooter)
    if before is not None:
        _check_seen(seen, before.mark)
        troubleshooter.draft, troubleshooter.next_number = before.draft, before.next_number
        troubleshooter.live_id = before.live_id
    troubleshooter.audience = register_audience(troubleshooter.audience)
    if before is not None and by is not None:
        _check_readers(before, troubleshooter.audience, by)
    troubleshooter.save()
    if before is not None and before.audience != troubleshooter.audience:  # those versions were meant for others
        _end_grace(before.versions.filter(replaced_at__isnull=False))
    log(instance=troubleshooter, action="wagtail.create" if is_new else "wagtail.edit", user=by, content_changed=True)
    content_changed(SCOPE)
    return troubleshooter


def _check_readers(before: Troubleshooter, audience: str, by: User) -> None:
    """Refuse to show what is published to more people, unless that could be published for them by the same person.

    Raises `TroubleshooterError`.
    """
    live = before.live
    if live is None or Audience.parse(before.audience).covers(Audience.parse(audience)):
        return
    if not by.has_perm(PUBLISH):
        raise TroubleshooterError(_("Only who may publish it shows it to more people."))
    readable = readable_articles(live.steps, audience)
    found = problems_of(live.steps, languages=live.languages, readable=readable)
    if hidden := [problem.message for problem in found if problem.fault is Fault.ARTICLE]:
        raise TroubleshooterError(" ".join(hidden))


@transaction.atomic
def save_step(*, troubleshooter: Troubleshooter, step: Step, by: User | None = None, seen: str = "") -> Step:
    """Store a step of the draft; one with the number 0 is new.

    `seen`: its mark when whoever changes it looked at it. Raises `TroubleshooterError` if it was changed or removed since,
    and for more steps than there may be.
    """
    held = _locked(troubleshooter)
    if step.number == 0:
        if len(held.graph) >= MAX_STEPS:
            raise TroubleshooterError(_("A troubleshooter has at most %(limit)s steps.") % {"limit": MAX_STEPS})
        step = replace(step, number=held.next_number)
        held.next_number += 1
    elif (there := held.graph.step(step.number)) is None:
        raise TroubleshooterError(_("Somebody else removed this step meanwhile."))
    else:
        _check_seen(seen, there.mark)
    _store(held, held.graph.with_step(step), by)
    return step


@transaction.atomic
def lead_to(*, troubleshooter: Troubleshooter, step: int, answer: int | None, to: int) -> None:
    """Have an answer of a step lead to another one; None is “I am not sure”. Nothing happens if it is gone."""
    held = _locked(troubleshooter)
    found = held.graph.step(step)
    if found is None or (answer is not None and answer >= len(found.answers)):
        return
    if answer is None:
        changed = replace(found, otherwise=to)
    else:
        answers = [replace(each, to=to) if place == answer else each for place, each in enumerate(found.answers)]
        changed = replace(found, answers=tuple(answers))
    _store(held, held.graph.with_step(changed), None)


@transaction.atomic
def delete_step(*, troubleshooter: Troubleshooter, number: int, by: User | None = None) -> None:
    """Remove a step from the draft; answers that led to it lead nowhere."""
    held = _locked(troubleshooter)
    _store(held, held.graph.without(number), by)


@transaction.atomic
def move_step(*, troubleshooter: Troubleshooter, number: int, by: int) -> None:
    """Move a step of the draft up (negative) or down. The first one is the beginning."""
    held = _locked(troubleshooter)
    _store(held, held.graph.moved(number, by), None)


@transaction.atomic
def store_draft(*, troubleshooter: Troubleshooter, graph: Graph, by: User | None = None) -> None:
    """Replace the whole draft, as an import or the demo does."""
    held = _locked(troubleshooter)
    held.next_number = max([held.next_number, *(step.number + 1 for step in graph)])
    _store(held, graph, by)


@transaction.atomic
def copy_troubleshooter(*, troubleshooter: Troubleshooter, by: User) -> Troubleshooter:
    """Return an unpublished copy with another address, whose owner is who copied it."""
    held = _locked(troubleshooter)
    taken = set(
        Troubleshooter.objects.filter(slug__startswith=held.slug[: _SLUG_LENGTH - 6]).values_list("slug", flat=True)
    )
    number = 2
    while (slug := f"{held.slug[: _SLUG_LENGTH - 6]}-{number}") in taken:
        number += 1
    copied = Troubleshooter.objects.create(
        slug=slug,
        title=held.title,
        intro=held.intro,
        keywords=held.keywords,
        icon=held.icon,
        audience=held.audience,
        topic_id=held.topic_id,
        owner=by,
        order=held.order,
        draft=held.draft,
        next_number=held.next_number,
    )
    copied.products.set(held.products.all())
    log(instance=copied, action="wagtail.copy", user=by)
    return copied


def _check_seen(seen: str, mark: str) -> None:
    if seen and seen != mark:
        raise TroubleshooterError(_("Somebody else changed this meanwhile. Open it again to see what is there now."))


def _locked(troubleshooter: Troubleshooter) -> Troubleshooter:
    return Troubleshooter.objects.select_for_update().get(pk=troubleshooter.pk)


def _store(held: Troubleshooter, graph: Graph, by: User | None) -> None:
    held.draft = graph.to_json()
    # Not `changed_at`: readers see nothing of a draft.
    held.save(update_fields=["draft", "next_number"])
    if by is not None:
        log(instance=held, action="wagtail.edit", user=by, content_changed=True)


# Publishing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def publish(*, troubleshooter: Troubleshooter, by: User) -> Version:
    """Let readers walk the draft as it is now. Who is in the middle of a path ends it in the version they began.

    Publishing what is published already changes nothing. Raises `PermissionDenied`, and `TroubleshooterError` with
    everything that has to be mended first.
    """
    if not by.has_perm(PUBLISH):
        raise PermissionDenied
    held = _locked(troubleshooter)
    if not held.languages:
        raise TroubleshooterError(_("Write a title first."))
    if problems := problems_in(held):
        raise TroubleshooterError(" ".join(problem.message for problem in problems))
    live = held.live
    if live is not None and live.graph == held.draft and live.languages == held.languages:
        return live
    newest = Version.objects.filter(troubleshooter=held).order_by("-number").values_list("number", flat=True).first()
    version = Version.objects.create(
        troubleshooter=held, number=(newest or 0) + 1, graph=held.draft, languages=held.languages, published_by=by
    )
    _replace(held, version)
    log(instance=held, action="wagtail.publish", user=by, data={"version": version.number})
    return version


@transaction.atomic
def withdraw(*, troubleshooter: Troubleshooter, by: User) -> None:
    """Take it away from readers at once, also from those in the middle. Raises `PermissionDenied`."""
    if not by.has_perm(PUBLISH):
        raise PermissionDenied
    held = _locked(troubleshooter)
    if held.live_id is not None:
        _replace(held, None)
        _end_grace(held.versions.all())
        log(instance=held, action="wagtail.unpublish", user=by)


def _replace(held: Troubleshooter, version: Version | None) -> None:
    if held.live is not None:
        held.live.replaced_at = timezone.now()
        held.live.save(update_fields=["replaced_at"])
    held.live = version
    held.save(update_fields=["live", "changed_at"])
    content_changed(SCOPE)


def _end_grace(versions: QuerySet[Version]) -> None:
    """Have nobody walk these versions any longer, not even who began one."""
    versions.update(replaced_at=_LONG_AGO)


# Readers -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def give_outcome(
    *, version: Version, step: int, is_solved: bool, user: User | None = None, visitor: str = ""
) -> Outcome:
    """Store or change what one reader says at the end of a path. A reader is a `user` or a `visitor` key."""
    if (user is None) == (not visitor):
        raise ValueError("Either a user or a visitor says whether it helped.")
    given = {"step": step, "is_solved": is_solved}
    outcome, created = Outcome.objects.select_for_update().get_or_create(
        version=version, user=user, visitor=visitor, defaults=given
    )
    if not created and (outcome.step, outcome.is_solved) != (step, is_solved):
        outcome.step, outcome.is_solved = step, is_solved
        outcome.save(update_fields=[*given, "given_at"])
    return outcome


def export_of(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a person said about troubleshooters."""
    own = Outcome.objects.filter(user=person).select_related("version__troubleshooter").order_by("pk")
    for each in own.iterator(chunk_size=200):
        yield (
            "troubleshooter",
            {
                "troubleshooter": each.version.troubleshooter.slug,
                "step": each.step,
                "solved": each.is_solved,
                "given_at": each.given_at.isoformat(),
            },
        )


def erase(person: User) -> None:
    """Forget what a person said."""
    Outcome.objects.filter(user=person).delete()
