"""What the page of a leaderboard shows: the first places, the member's own, and who is near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loyalty.models import BoardRow
from loyalty.services import boards

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from loyalty.models import Earning
    from portal.accounts.models import User

#: First places that are shown.
TOP: Final = 10
#: Members shown above and below one's own place.
_NEAR: Final = 2


@dataclass(frozen=True, slots=True)
class Board:
    """A board as one member sees it."""

    top: list[BoardRow]
    #: The own place, also if nobody else sees it; None without points.
    own: BoardRow | None
    #: Who is shown around the own place, with it, if that is not among the first ones.
    near: list[BoardRow]


def board_for(person: User, shown: Earning, period: str) -> Board:
    """Return the board of a period, at most four queries. Only members who want it are shown to others."""
    rows = BoardRow.objects.filter(programme=shown.programme, period=period).select_related("member__user")
    # Asked for again: whoever was renamed away, left or became staff since the last hour is not shown.
    visible = rows.filter(
        is_shown=True, member__board_choice__isnull=False, member__user__is_active=True, member__user__is_staff=False
    )
    top = list(visible.order_by("rank", "member")[:TOP])
    own = rows.filter(member__user=person).first()
    is_among = own is None or any(row.pk == own.pk for row in top)
    return Board(top, own, [] if own is None or is_among else _around(visible, own))


def _around(visible: QuerySet[BoardRow], own: BoardRow) -> list[BoardRow]:
    others = visible.exclude(pk=own.pk)
    above = list(others.filter(points__gt=own.points).order_by("points", "-member")[:_NEAR])
    below = list(others.filter(points__lte=own.points).order_by("-points", "member")[:_NEAR])
    return [*reversed(above), own, *below]


def periods_of(shown: Earning) -> list[str]:
    """Return the periods with a board, the current month first."""
    return list(boards.periods_now(shown.programme))
