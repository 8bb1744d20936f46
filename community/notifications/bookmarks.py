"""News of bookmarks: a post of which somebody wanted to be reminded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models import Bookmark
from community.notifications.common import number_in
from community.notifications.posts import NewsOfPost
from portal.notifications.registry import Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class Reminder(NewsOfPost):
    """The time has come that the person chose. No news any more without the bookmark, or where they must not look."""

    name: ClassVar[str] = "community.reminder"
    group: ClassVar[Group] = Group.REMINDERS
    label: ClassVar[_StrPromise] = gettext_lazy("A reminder of a bookmark")
    icon: ClassVar[str] = "bookmark"
    folds: ClassVar[bool] = False
    #: They asked for it themselves: a muted thread is no reason not to be reminded.
    is_optional: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the posts by fact; two queries."""
        numbers = {fact.id: number_in(fact, "bookmark_id") for fact in facts}
        kept = set(Bookmark.objects.filter(user=person, pk__in=numbers.values()).values_list("pk", flat=True))
        return super().visible_to(person, [fact for fact in facts if numbers[fact.id] in kept])

    def title(self, facts: Sequence[Fact]) -> str:
        return _("Reminder: “%(title)s”")
