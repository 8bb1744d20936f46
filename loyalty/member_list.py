"""The list of members for staff: what each one can spend, their level, and when points last moved; the latest first.

However many members there are, a page is a constant number of queries. Those whose points moved come by their last journal, then those
who never had any, the newest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, F, OuterRef, Sum

from loyalty.buckets import today_of
from loyalty.models import Account, Journal, Member, Wallet
from loyalty.models.ledger import Kind
from loyalty.services import offers, rewards

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from loyalty.models import Programme
    from portal.accounts.models import User

#: Names of the keys of pages: the last journal, and the last member who never had points.
BEFORE: Final = "before"
QUIET: Final = "quiet"


@dataclass(frozen=True, slots=True)
class Line:
    """A member as the list shows them."""

    person: User
    spendable: int = 0
    tier: str = ""
    moved_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of the list, and the key of the next one: its name and number; None on the last one."""

    lines: list[Line]
    following: tuple[str, int] | None = None


def page_of(programme: Programme | None, *, before: int | None, quiet: int | None, size: int) -> Lines:
    """Return a page of the list."""
    moved: list[Journal] = []
    if programme is not None and quiet is None:
        moved = list(_last_journals(programme, before)[: size + 1])
    if len(moved) > size:
        moved = moved[:size]
        return Lines(_in_words(programme, moved, []), (BEFORE, moved[-1].pk))
    others = Member.objects.select_related("user").order_by("-pk")
    if programme is not None:
        there = Journal.objects.filter(wallet__programme=programme, wallet__member_key=OuterRef("key"))
        others = others.exclude(Exists(there))
    left = size - len(moved)
    rows = list((others if quiet is None else others.filter(pk__lt=quiet))[: left + 1])
    following = None
    if len(rows) > left:
        rows = rows[:left]
        # Without a row of its own kind the next page begins with the first of them.
        following = (QUIET, rows[-1].pk) if rows else (BEFORE, moved[-1].pk)
    return Lines(_in_words(programme, moved, rows), following)


def lines_about(programme: Programme | None, people: Sequence[User]) -> list[Line]:
    """Return the same about some people, in their order."""
    keys = dict(Member.objects.filter(user__in=people).values_list("user", "key"))
    found: dict[UUID, Journal] = {}
    if programme is not None:
        rows = _last_journals(programme, None).filter(wallet__member_key__in=keys.values())
        found = {row.wallet.member_key: row for row in rows if row.wallet is not None}
    balances, tiers = _more(programme, [offers.Who(key, user) for user, key in keys.items()])
    return [_line(person, keys.get(person.pk), found, balances, tiers) for person in people]


def _last_journals(programme: Programme, before: int | None) -> QuerySet[Journal]:
    later = Journal.objects.filter(wallet=OuterRef("wallet"), number__gt=OuterRef("number"))
    found = Journal.objects.filter(programme=programme, wallet__isnull=False).exclude(Exists(later))
    found = found.select_related("wallet").order_by("-pk")
    return found if before is None else found.filter(pk__lt=before)


def _in_words(programme: Programme | None, moved: Sequence[Journal], others: Sequence[Member]) -> list[Line]:
    found = {row.wallet.member_key: row for row in moved if row.wallet is not None}
    owners = {row.key: row for row in Member.objects.filter(key__in=list(found)).select_related("user")}
    members = [*(owners[key] for key in found if key in owners), *others]
    balances, tiers = _more(programme, [offers.Who(member.key, member.user_id) for member in members])
    return [_line(member.user, member.key, found, balances, tiers) for member in members]


def _line(
    person: User,
    key: UUID | None,
    moved: Mapping[UUID, Journal],
    balances: Mapping[UUID, int],
    tiers: Mapping[UUID, str],
) -> Line:
    if key is None:
        return Line(person)
    journal = moved.get(key)
    return Line(person, balances.get(key, 0), tiers.get(key, ""), journal.occurred_at if journal else None)


def _more(programme: Programme | None, members: Sequence[offers.Who]) -> tuple[dict[UUID, int], dict[UUID, str]]:
    """Return what members can spend, and the names of their levels, by their keys."""
    if programme is None or not members:
        return {}, {}
    keys = [member.key for member in members]
    wallets = dict(Wallet.objects.filter(programme=programme, member_key__in=keys).values_list("pk", "member_key"))
    lots = Account.objects.filter(wallet__in=wallets, kind=Kind.AVAILABLE, bucket__gte=today_of(programme))
    left = lots.order_by().values_list("wallet").annotate(left=Sum(F("credits") - F("debits")))
    names = dict(rewards.tier_choices(programme))
    facts = offers.facts_of(programme, members, only={"tier"}) if names else {}
    tiers = {key: names.get(str(known.get("tier", "")), "") for key, known in facts.items()}
    return {wallets[wallet]: points for wallet, points in left}, tiers
