"""Comparison of who may fetch each stored file with where it is shown: `manage.py check_files` and a periodic job."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from portal.core.file_audiences import FILES, enter, joined, kinds, locked, refresh_all
from portal.core.file_places import portions
from portal.core.models import FileAudience, StoredFile
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Collection

    from portal.core.file_audiences import FileKind

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference between what is stored and what should be."""

    kind: str
    object_id: str
    what: str


def is_filled() -> bool:
    """Return whether every object with files has an answer, as after an upgrade it has not. A query or two per kind."""
    return all(
        kind.model._base_manager.count() <= FileAudience.objects.filter(kind=kind.name).count()  # noqa: SLF001
        for kind in kinds.values()
    )


def has_files() -> bool:
    """Return whether there is anything to compare. A query or two per kind at most."""
    return FileAudience.objects.exists() or any(kind.model._base_manager.exists() for kind in kinds.values())  # noqa: SLF001


def check(*, mend: bool) -> list[Drift]:
    """Compare everything stored with what it should be, and return the differences; with `mend`, correct them.

    Works through 500 objects at a time, each portion in a transaction of its own.
    """
    found: list[Drift] = []
    for kind in kinds.values():
        manager = kind.model._base_manager  # noqa: SLF001
        pks = list(manager.order_by("pk").values_list("pk", flat=True))
        for portion in portions(pks):
            with transaction.atomic():
                found += _check(kind, portion, mend=mend)
        known = set(map(str, pks))
        stored = FileAudience.objects.filter(kind=kind.name).values_list("object_id", flat=True)
        if orphans := sorted(set(stored) - known):
            found += [Drift(kind.name, pk, "is gone") for pk in orphans]
            for gone in portions(orphans) if mend else ():
                FileAudience.objects.filter(kind=kind.name, object_id__in=gone).delete()
    if found and mend:
        content_changed(FILES)
    return found


def check_and_tell() -> None:
    """Correct all differences and log how many there were: each is a change that nobody announced. A periodic job."""
    if found := check(mend=True):
        kinds = ", ".join(sorted({f"{drift.kind} {drift.what}" for drift in found}))
        logger.warning(
            "Who may fetch uploaded files was wrong in %d places and has been corrected: %s", len(found), kinds
        )


def _check(kind: FileKind, pks: Collection[Any], *, mend: bool) -> list[Drift]:
    texts = [str(pk) for pk in pks]
    rows = {row.object_id: row for row in locked(kind.name, texts)}
    right = {str(pk): joined(value) for pk, value in kind.audiences(kind.model, pks).items()}
    drift = [
        Drift(kind.name, pk, "has no answer" if pk not in rows else "has another audience")
        for pk in texts
        if pk not in rows or rows[pk].audiences != right.get(pk, "")
    ]
    if drift and mend:
        refresh_all({kind.name: [one.object_id for one in drift]})
    expected = _paths(kind, pks)
    owned = StoredFile.objects.filter(owner__kind=kind.name, owner__object_id__in=texts)
    stored = dict(owned.values_list("path", "owner__object_id"))
    lacking = {path: pk for path, pk in expected.items() if stored.get(path) != pk}
    extra = stored.keys() - expected.keys()
    drift += [Drift(kind.name, pk, "has a file that is not entered") for pk in lacking.values()]
    drift += [Drift(kind.name, stored[path], "has lost a file that is entered") for path in extra]
    if mend and (lacking or extra):
        StoredFile.objects.filter(path__in=[*lacking, *extra]).delete()
        enter(kind.name, lacking)
    return drift


def _paths(kind: FileKind, pks: Collection[Any]) -> dict[str, str]:
    """Return the paths of all files of these objects, with their keys."""
    found: dict[str, str] = {}
    if kind.fields:
        for pk, *paths in kind.model._base_manager.filter(pk__in=pks).values_list("pk", *kind.fields):  # noqa: SLF001
            found |= {path: str(pk) for path in paths if path}
    if kind.renditions is not None:
        made = kind.renditions._default_manager.filter(image_id__in=pks)  # noqa: SLF001
        found |= {path: str(pk) for pk, path in made.values_list("image_id", "file")}
    return found
