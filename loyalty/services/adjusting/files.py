"""Files of corrections: read and looked at first, then booked row by row.

The key under which a row is booked is its own id, if the file has a column for it, whatever file it comes in; otherwise
the digest of what all rows of the file mean, and the row's number. Either way the same file is booked once, also if it
was saved again by another program (docs/decisions/0034-staff-points.md).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.amounts import parse_points
from loyalty.exceptions import (
    DecidedError,
    FileError,
    InvalidAmountError,
    KeyReusedError,
    LedgerError,
    OwnPointsError,
)
from loyalty.models import Member, PointsFile, PointsFileRow, Wallet
from loyalty.models.adjustments import NOTE_LENGTH, State, expiry_in
from loyalty.services import ledger
from loyalty.services.adjusting.requests import check_decidable, end, locked_policy, needs_second
from loyalty.services.adjusting.rights import actor_of, may_ask_by_file, may_decide, require
from loyalty.services.ledger import statements
from loyalty.services.ledger.posting import durable
from loyalty.services.members import wallet_for
from loyalty.services.telling import tell_of_correction
from portal.accounts.models import User
from portal.core.privacy import redact_to
from portal.core.spreadsheets import as_typed
from portal.core.text import fold, to_latin_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.utils.functional import _StrPromise

    from loyalty.models import Programme

MAX_BYTES: Final = 1_000_000
MAX_ROWS: Final = 5_000
#: Rows per transaction, and the most that one run of the job books.
PORTION: Final = 100
_PORTIONS_IN_ONE_RUN: Final = 50
_LONGEST_REFERENCE: Final = 254
_LONGEST_ID: Final = 64

#: Names of the columns, in both languages.
COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "member": frozenset(fold(name) for name in ("member", "email", "handle", "عضو", "ایمیل", "نام کاربری")),
    "points": frozenset(fold(name) for name in ("points", "امتیاز")),
    "id": frozenset(fold(name) for name in ("id", "شناسه")),
}

#: What is wrong with a row.
PROBLEMS: Final[Mapping[str, _StrPromise]] = {
    "unknown": gettext_lazy("There is no such member."),
    "number": gettext_lazy("This is not a possible number of points."),
    "twice": gettext_lazy("The same member is in another row, too."),
    "same-id": gettext_lazy("This id is in another row, too."),
    "id": gettext_lazy("The id is missing or too long."),
    "other": gettext_lazy("This id was booked before, with other details."),
    "below-zero": gettext_lazy("There are fewer points than would be taken."),
    "own": gettext_lazy("Nobody decides about their own points."),
    "closed": gettext_lazy("This membership has ended."),
    "gone": gettext_lazy("This account was deleted meanwhile."),
}


class Row(NamedTuple):
    """A row as it was typed."""

    number: int
    member: str
    points: str
    id: str


@dataclass(slots=True)
class Checked:
    """A row with what would become of it."""

    number: int
    #: As it was typed.
    reference: str
    user: User | None = None
    points: int = 0
    id: str = ""
    before: int = 0
    #: Its points were booked before, by another file.
    is_known: bool = False
    problem: str = ""

    @property
    def after(self) -> int:
        """The spendable points after it."""
        return self.before if self.is_known else self.before + self.points

    @property
    def problem_text(self) -> str:
        """What is wrong, in words."""
        return str(PROBLEMS[self.problem]) if self.problem else ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a file would do. Nothing was written."""

    rows: list[Checked]
    has_ids: bool

    @property
    def problems(self) -> list[Checked]:
        """The rows that cannot be booked."""
        return [row for row in self.rows if row.problem]

    @property
    def given(self) -> int:
        """Points that would be given."""
        return sum(row.points for row in self.rows if row.points > 0 and not row.is_known and not row.problem)

    @property
    def taken(self) -> int:
        """Points that would be taken away."""
        return -sum(row.points for row in self.rows if row.points < 0 and not row.is_known and not row.problem)

    @property
    def size(self) -> int:
        """Points that would be moved, whichever way."""
        return self.given + self.taken

    @property
    def digest(self) -> str:
        """SHA-256 of what the rows mean."""
        meaning = [[row.user.pk if row.user else None, row.points, row.id] for row in self.rows]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()

    def key(self, row: Checked) -> str:
        """Return the key under which the row is booked."""
        return f"file-row:{row.id}" if self.has_ids else f"file:{self.digest}:{row.number}"


# Reading -------------------------------------------------------------------------------------------------------------


def read(content: bytes) -> tuple[list[Row], bool]:
    """Return the rows of a CSV file, and whether it has a column of ids. Raises `FileError` with words for people."""
    if len(content) > MAX_BYTES:
        raise FileError(_("The file is too large."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(_("The file is not a CSV file in UTF-8.")) from None
    if "\0" in text:
        raise FileError(_("The file is not a CSV file in UTF-8."))
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [fold(cell).strip() for cell in next(lines, [])]
        places = {name: place for name, known in COLUMNS.items() for place, cell in enumerate(header) if cell in known}
        if not {"member", "points"} <= places.keys():
            raise FileError(_("The first row must name the columns “member” and “points”, and may name “id”."))
        rows = _rows(lines, places)
    except csv.Error:
        raise FileError(_("The file is not a CSV file in UTF-8.")) from None
    if not rows:
        raise FileError(_("The file has no rows."))
    return rows, "id" in places


def _rows(lines: Iterable[Sequence[str]], places: Mapping[str, int]) -> list[Row]:
    rows: list[Row] = []
    for number, cells in enumerate(lines, 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == MAX_ROWS:
            raise FileError(_("The file has too many rows."))
        typed = {name: as_typed(cells[place].strip()) if place < len(cells) else "" for name, place in places.items()}
        rows.append(Row(number, typed["member"].strip(), typed["points"].strip(), typed.get("id", "").strip()))
    return rows


def points_of(text: str) -> int | None:
    """Return the number in a cell, in any digits, with or without a sign; None if it is none, or impossible."""
    plain = to_latin_digits(text).strip("\u200e\u200f ")
    is_negative = plain.startswith(("-", "\u2212"))
    try:
        number = parse_points(plain[1:] if plain.startswith(("+", "-", "\u2212")) else plain)
    except InvalidAmountError:
        return None
    return -number if is_negative else number


# Looking -------------------------------------------------------------------------------------------------------------


def look(content: bytes, *, programme: Programme, by: User) -> Trial:
    """Return what a file would do, row by row. Writes nothing. Raises `NoRightError`, `FileError`.

    A member is named by address, public name or number. Seven queries, however many rows.
    """
    require(may_ask_by_file(by))
    typed, has_ids = read(content)
    people = _people({row.member for row in typed})
    rows = [
        Checked(
            number=row.number,
            reference=row.member[:_LONGEST_REFERENCE],
            user=people.get(row.member.casefold()),
            points=points_of(row.points) or 0,
            id=row.id,
        )
        for row in typed
    ]
    trial = Trial(rows, has_ids)
    balances, closed = _balances(programme, rows)
    known = _known(programme, trial)
    members = Counter(row.user.pk for row in rows if row.user)
    ids = Counter(row.id for row in rows)
    for row in rows:
        if row.user:
            row.before = balances.get(row.user.pk, 0)
        row.problem = _problem(row, by=by, members=members, ids=ids if has_ids else None, closed=closed)
        if not row.problem and (before := known.get(trial.key(row))) and row.user:
            row.is_known = before == (row.user.pk, row.points)
            row.problem = "" if row.is_known else "other"
        if not row.problem and row.after < 0:
            row.problem = "below-zero"
    return trial


def _problem(row: Checked, *, by: User, members: Counter[int], ids: Counter[str] | None, closed: frozenset[int]) -> str:
    checks = (
        ("unknown", row.user is None),
        ("number", not row.points),
        ("id", ids is not None and not 0 < len(row.id) <= _LONGEST_ID),
        ("own", row.user is not None and row.user.pk == by.pk),
        ("twice", row.user is not None and members[row.user.pk] > 1),
        ("same-id", ids is not None and ids[row.id] > 1),
        ("closed", row.user is not None and row.user.pk in closed),
    )
    return next((code for code, is_so in checks if is_so), "")


def _people(references: set[str]) -> dict[str, User]:
    """Return who is meant, by what was typed in lower case: an address, a public name, or a member's number."""
    mails = {User.objects.normalize_email(text): text.casefold() for text in references if "@" in text}
    handles = {text for text in references if text and "@" not in text}
    found: dict[str, User] = {}
    for person in User.objects.filter(email__in=mails):
        found[mails[person.email]] = person
    for person in User.objects.filter(handle__in=handles):
        found[person.handle.casefold()] = person
    keys = {key: text.casefold() for text in handles if (key := _as_key(text))}
    for member in Member.objects.filter(key__in=keys).select_related("user"):
        found[keys[member.key]] = member.user
    return found


def _as_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _balances(programme: Programme, rows: Sequence[Checked]) -> tuple[dict[int, int], frozenset[int]]:
    """Return the spendable points of these people, and whose wallet is closed."""
    people = {row.user.pk for row in rows if row.user}
    keys = dict(Member.objects.filter(user__in=people).values_list("key", "user_id"))
    wallets = list(Wallet.objects.filter(programme=programme, member_key__in=keys))
    balances = statements.last_balances_of([wallet.pk for wallet in wallets]) if wallets else {}
    points = {keys[wallet.member_key]: balances[wallet.pk].available for wallet in wallets if wallet.pk in balances}
    return points, frozenset(keys[one.member_key] for one in wallets if one.status == Wallet.Status.CLOSED)


def _known(programme: Programme, trial: Trial) -> dict[str, tuple[int | None, int]]:
    """Return what was booked before under the keys of these rows."""
    booked = PointsFileRow.objects.filter(
        file__programme=programme,
        key__in=[trial.key(row) for row in trial.rows],
        state__in=[PointsFileRow.State.DONE, PointsFileRow.State.KNOWN],
    )
    return {key: (user, points) for key, user, points in booked.values_list("key", "user_id", "points")}


# Asking and deciding -------------------------------------------------------------------------------------------------


def known_file(trial: Trial, programme: Programme) -> PointsFile | None:
    """Return the file with the same rows, if there is one."""
    return PointsFile.objects.filter(programme=programme, digest=trial.digest).first()


def ask_by_file(content: bytes, *, programme: Programme, reason: str, by: User, note: str = "") -> PointsFile:
    """Have the rows of a file booked by the job; by a second person's leave, if they are many points.

    The same rows again return the file that was made of them: nothing is booked twice. Raises `NoRightError`, and
    `FileError` if a row cannot be booked.
    """
    with durable():
        policy = locked_policy(programme)
        trial = look(content, programme=programme, by=by)
        known = known_file(trial, programme)
        if known is not None and known.state not in {State.REFUSED, State.WITHDRAWN} and not known.is_too_late:
            return known
        if trial.problems:
            raise FileError(_("Some rows cannot be booked. Please mend the file and try again."))
        is_large = needs_second(policy, by=by, size=trial.size)
        made = known or PointsFile(programme=programme, digest=trial.digest, rows=len(trial.rows))
        made.size = trial.size
        made.reason = reason
        made.note = redact_to(note, NOTE_LENGTH)
        made.asked_by, made.decided_by = actor_of(by), ""
        made.asked_at, made.decided_at = timezone.now(), None
        made.expires_at = expiry_in(policy.days_to_decide)
        made.needs_second = is_large
        made.state = State.WAITING if is_large else State.APPROVED
        made.save()
        if known is None:
            PointsFileRow.objects.bulk_create(
                [
                    PointsFileRow(file=made, number=row.number, user=row.user, points=row.points, key=trial.key(row))
                    for row in trial.rows
                ],
                batch_size=500,
            )
    return made


def approve_file(file: PointsFile, *, by: User) -> PointsFile:
    """Have the job book what somebody else asked for; the same decision again changes nothing.

    Raises `NoRightError`, `SamePersonError`, `DecidedError`, and `OwnPointsError` if the person's own points are there.
    """
    return _decide(file, State.APPROVED, by=by)


def refuse_file(file: PointsFile, *, by: User) -> PointsFile:
    """Refuse what somebody else asked for. Raises like `approve_file`."""
    return _decide(file, State.REFUSED, by=by)


def _decide(file: PointsFile, state: State, *, by: User) -> PointsFile:
    require(may_decide(by))
    with durable():
        row = PointsFile.objects.select_for_update().get(pk=file.pk)
        if row.decided_by == actor_of(by) and (
            row.state == state or (state == State.APPROVED and row.state == State.DONE)
        ):
            return row
        check_decidable(row, by=by)
        if row.lines.filter(user=by.pk).exists():
            raise OwnPointsError
        end(row, state, by=by)
    return row


def withdraw_file(file: PointsFile, *, by: User) -> PointsFile:
    """Take one's own file back while it waits. Raises `NoRightError`, `DecidedError`."""
    with durable():
        row = PointsFile.objects.select_for_update().get(pk=file.pk)
        require(row.asked_by == actor_of(by))
        if row.state != State.WAITING:
            raise DecidedError
        end(row, State.WITHDRAWN)
    return row


# Booking -------------------------------------------------------------------------------------------------------------


def is_any_to_book() -> bool:
    """Return whether the job has work; one query."""
    return PointsFile.objects.filter(state=State.APPROVED).exists()


def book_files() -> int:
    """Book the rows of approved files, in portions; return how many were looked at. May be killed at any moment."""
    count = 0
    for _portion in range(_PORTIONS_IN_ONE_RUN):
        file = PointsFile.objects.filter(state=State.APPROVED).order_by("pk").first()
        if file is None:
            break
        count += _book_portion(file)
    return count


def _book_portion(file: PointsFile) -> int:
    with durable():
        file = PointsFile.objects.select_for_update(of=("self",)).select_related("programme").get(pk=file.pk)
        if file.state != State.APPROVED:
            return 0  # another worker was faster
        rows = list(
            file.lines.filter(state=PointsFileRow.State.WAITING).select_related("user").order_by("number")[:PORTION]
        )
        wallets = {row.pk: wallet_for(user=row.user, programme=file.programme) for row in rows if row.user}
        statements.lock_wallets({wallet.pk for wallet in wallets.values()})
        for row in rows:
            _book_row(file, row, wallets.get(row.pk))
        PointsFileRow.objects.bulk_update(rows, ["state", "problem"])
        if not file.lines.filter(state=PointsFileRow.State.WAITING).exists():
            file.state = State.DONE
            file.save(update_fields=["state"])
    return len(rows)


def _book_row(file: PointsFile, row: PointsFileRow, wallet: Wallet | None) -> None:
    row.state = PointsFileRow.State.FAILED
    if wallet is None:
        row.problem = "gone"
        return
    if wallet.status == Wallet.Status.CLOSED:
        row.problem = "closed"
        return
    try:
        posted = ledger.adjust(
            wallet=wallet, amount=row.points, key=row.key, reason=file.reason, actor=file.asked_by,
            approver=file.decided_by,
        )  # fmt: skip
    except LedgerError as error:
        row.problem = "other" if isinstance(error, KeyReusedError) else "below-zero"
        return
    row.state = PointsFileRow.State.DONE if posted.is_new else PointsFileRow.State.KNOWN
    if posted.is_new:
        tell_of_correction(wallet, journal_id=posted.journal_id, reason=file.reason)


class Progress(NamedTuple):
    """How far a file is."""

    waiting: int
    done: int
    known: int
    failed: int

    @property
    def ended(self) -> int:
        """Rows that were looked at."""
        return self.done + self.known + self.failed


def progress_of(file: PointsFile) -> Progress:
    """Return how many rows are in which state. One query."""
    counts = dict(file.lines.values_list("state").annotate(count=Count("pk")))
    return Progress(*(counts.get(state, 0) for state in PointsFileRow.State.values))
