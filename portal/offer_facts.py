"""What offers may know of the community; registered in `portal.wiring`. `loyalty` knows neither app.

Only counts, weeks, and which tags somebody follows: no text, and nothing of what they read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.merits import participation_since
from community.models import CommunityProfile, Tag
from loyalty.services.earning import FactInfo, FactType
from loyalty.services.offers import Participation, Source
from portal.notifications.models import Follow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from loyalty.models import Programme
    from loyalty.services.offers import Facts, Who

#: Tags that can be chosen in conditions: the most used ones.
_TAGS: Final = 100
_TAG: Final = "community.tag:"


def is_suspended(user_id: int) -> bool:
    """Return whether somebody is suspended from the community: they get general offers only."""
    return CommunityProfile.objects.filter(user=user_id, suspended_until__gt=timezone.now()).exists()


def participation(user_ids: Sequence[int], since: dt.datetime) -> Mapping[int, Participation]:
    """Return what people did in the community since a time."""
    return {user: Participation(*done) for user, done in participation_since(user_ids, since).items()}


def _facts(_programme: Programme) -> Sequence[FactInfo]:
    tags = Tag.objects.order_by("-thread_count", "pk").values_list("slug", "name")[:_TAGS]
    return (
        FactInfo(
            name="follows",
            label=_("follows the tag"),
            type=FactType.CHOICE,
            choices=tuple(tags),
            help=_("Tags of the community that they want news of; the most used ones can be chosen."),
        ),
    )


def _load(_programme: Programme, members: Sequence[Who]) -> Mapping[UUID, Facts]:
    keys = {member.user_id: member.key for member in members}
    follows = Follow.objects.heard().filter(person__in=keys, target__startswith=_TAG)
    numbers: dict[int, set[int]] = {}
    for person, target in follows.values_list("person_id", "target"):
        numbers.setdefault(person, set()).add(int(target.removeprefix(_TAG)))
    slugs = dict(Tag.objects.filter(pk__in=set().union(*numbers.values())).values_list("pk", "slug"))
    return {
        keys[person]: {"follows": frozenset(slugs[tag] for tag in tags if tag in slugs)}
        for person, tags in numbers.items()
    }


SOURCE: Final = Source(name="community", facts=_facts, load=_load)
