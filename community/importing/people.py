"""Accounts for the authors of another forum. Nobody can sign in to them: they have no password and no mail address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from community.importing.records import storable
from community.importing.store import moment_of
from community.models import CommunityProfile
from portal.accounts.handles import handle_key, marks_of, validate_handle
from portal.accounts.models import FormerHandle, User, new_handle
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: A name that no mail reaches (RFC 2606). The column is the account's name and must not be empty.
DOMAIN: Final = "imported.invalid"
_SALT: Final = "community.importing.people"
_LONGEST: Final = 24
_NOT_IN_HANDLES: Final = re.compile(r"[^\w.-]+")


def digest_of(source: str, person: str) -> str:
    """Return what a person of a source is known by here: an id over there may be a name.

    It depends on SECRET_KEY: without that nobody finds out, by trying names, whose account it was.
    """
    return digests_of(source, person)[0]


def digests_of(source: str, person: str) -> list[str]:
    """Return by what a person may be known: today's digest, then those of earlier keys, so that an import can be repeated."""
    value = f"{source}\0{storable(person)}"
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [salted_hmac(_SALT, value, secret=key, algorithm="sha256").hexdigest()[:32] for key in keys]


def make_people(people: Mapping[str, tuple[str, float | None]]) -> dict[str, int]:
    """Make accounts, in the caller's transaction: by digest the name over there and the time of joining.

    Returns their keys by digest. The names they get here belong to nobody else, look like nobody's, and suggest no
    staff; where that is not possible they get a name that says nothing.
    """
    handles = _handles({digest: name for digest, (name, _joined) in people.items()})
    now = timezone.now()
    users = [
        User(
            email=f"{digest}@{DOMAIN}",
            handle=handles[digest],
            handle_key=handle_key(handles[digest]),
            password=make_password(None),
            date_joined=moment_of(joined) or now,
        )
        for digest, (_name, joined) in people.items()
    ]
    made = User.objects.bulk_create(users)
    CommunityProfile.objects.bulk_create(
        [CommunityProfile(user=user, is_level_due=False, level_since=user.date_joined) for user in made],
        ignore_conflicts=True,
    )
    return {digest: user.pk for digest, user in zip(people, made, strict=True)}


def _handles(names: Mapping[str, str]) -> dict[str, str]:
    wishes = {digest: list(_wishes(name, digest)) for digest, name in names.items()}
    keys = {handle_key(wish) for found in wishes.values() for wish in found}
    taken = dict(User.objects.filter(handle_key__in=keys).values_list("handle_key", "is_staff"))
    marks = {mark: key for key in keys for mark in marks_of(key)}
    former = FormerHandle.objects.filter(mark__in=marks).values_list("mark", flat=True)
    taken = {marks[mark]: False for mark in former} | taken
    lower = {wish.lower() for found in wishes.values() for wish in found}
    taken_as_written = _taken_as_written(lower)
    found: dict[str, str] = {}
    for digest, of_one in wishes.items():
        resembles_staff = any(taken.get(handle_key(wish)) for wish in of_one[:1])
        for wish in [of_one[-1]] if resembles_staff else of_one:
            if handle_key(wish) not in taken and wish.lower() not in taken_as_written:
                found[digest] = wish
                break
        else:
            found[digest] = new_handle()
        taken[handle_key(found[digest])] = False
        taken_as_written.add(found[digest].lower())
    return found


def _taken_as_written(lower: Collection[str]) -> set[str]:
    """Old names may have no key; none is taken twice whatever the case."""
    rows = User.objects.annotate(lower=Lower("handle")).filter(lower__in=lower)
    return set(rows.values_list("lower", flat=True))


def _wishes(name: str, digest: str) -> Iterator[str]:
    """Yield names from the best to one that says nothing."""
    base = _NOT_IN_HANDLES.sub("_", " ".join(normalise_input(name).split())).strip("_.-")
    base = re.sub(r"_{2,}", "_", base)[:_LONGEST].strip("_.-")
    for wish in (base, f"{base}_{digest[:4]}"):
        if 3 <= len(wish) <= 30 and _is_allowed(wish):
            yield wish
    yield f"user-{digest[:8]}"


def _is_allowed(handle: str) -> bool:
    try:
        validate_handle(handle)
    except ValidationError:
        return False
    return True
