"""News of one's own level: help gave a higher one, or too little of late puts it at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from community.models import Level
from community.models.member import profile_of
from community.notifications.common import number_in
from portal.core.formats import format_number
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class LevelReached(NotificationKind):
    """The person has another level; no news any more when it has changed again."""

    name: ClassVar[str] = "community.level"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("Your level in the community")
    icon: ClassVar[str] = "award"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the level, whether it is a higher one, and the person's public name by fact."""
        profile = profile_of(person)
        if profile is None:
            return {}
        told = {fact.id: (number_in(fact, "level"), number_in(fact, "before")) for fact in facts}
        return {
            pk: (Level(level), level > before, person.handle)
            for pk, (level, before) in told.items()
            if level == profile.level
        }

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        level, is_higher, handle = about
        title = _("Your level in the community: %(level)s") % {"level": level.label}
        return Notice(
            title=title,
            text=_("You helped others, and they said so. Thank you.")
            if is_higher
            else _("There were fewer answers that helped of late. A few more, and it is back."),
            url=reverse("community:person", args=[handle]),
            mail_subject=title,
        )


class LevelAtRisk(NotificationKind):
    """A helper's figures fell: what they lose, and when, if nothing changes."""

    name: ClassVar[str] = "community.level_at_risk"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("Your level in the community ends soon")
    icon: ClassVar[str] = "award"
    folds: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the days and the person's public name by fact, while the level is at risk."""
        profile = profile_of(person)
        if profile is None or profile.level_at_risk_since is None:
            return {}
        return {fact.id: (number_in(fact, "days"), person.handle) for fact in facts}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        days, handle = about
        title = _("Your level as a helper ends soon")
        return Notice(
            title=title,
            text=ngettext(
                "There were few answers that helped of late. It stays if there are more within %(days)s day.",
                "There were few answers that helped of late. It stays if there are more within %(days)s days.",
                days,
            )
            % {"days": format_number(days)},
            url=reverse("community:person", args=[handle]),
            mail_subject=title,
        )
