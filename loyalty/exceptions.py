"""What the ledger refuses. The messages are safe to show to members."""

from __future__ import annotations

from django.utils.translation import gettext as _


class LedgerError(Exception):
    """Base class. Whoever catches it knows that nothing was written."""


class InsufficientPointsError(LedgerError):
    """There are fewer points than wanted; `missing` says how many fewer."""

    def __init__(self, missing: int) -> None:
        super().__init__(_("There are not enough points."))
        self.missing = missing


class InvalidAmountError(LedgerError):
    """The amount is not a whole number between 1 and `MAX_AMOUNT`."""

    def __init__(self) -> None:
        super().__init__(_("This is not a possible number of points."))


class KeyReusedError(LedgerError):
    """The same idempotency key came with another request."""

    def __init__(self) -> None:
        super().__init__(_("This was requested before, with different details."))


class WalletFrozenError(LedgerError):
    """The wallet is frozen: points cannot leave it or be activated."""

    def __init__(self) -> None:
        super().__init__(_("These points are on hold while we check something. Please contact us."))


class WalletClosedError(LedgerError):
    """The wallet is closed for good."""

    def __init__(self) -> None:
        super().__init__(_("This membership has ended."))


class EarningStoppedError(LedgerError):
    """Earning is switched off for the programme. Try again later with the same key."""

    def __init__(self) -> None:
        super().__init__(_("Points cannot be earned at the moment."))


class SpendingStoppedError(LedgerError):
    """Spending is switched off for the programme."""

    def __init__(self) -> None:
        super().__init__(_("Points cannot be spent at the moment. They are safe."))


class HoldEndedError(LedgerError):
    """The hold was captured or released, or never existed."""

    def __init__(self) -> None:
        super().__init__(_("These points are not reserved any more."))


class NotReversibleError(LedgerError):
    """The journal cannot be reversed, or not by that much more; `left` says by how much."""

    def __init__(self, left: int = 0) -> None:
        super().__init__(_("No more than what was booked can be taken back."))
        self.left = left


class TransfersRefusedError(LedgerError):
    """Points cannot move from one member to another."""

    def __init__(self) -> None:
        super().__init__(_("Points cannot be given to another person."))


class InvalidDateError(LedgerError):
    """Points would expire before they can be spent."""

    def __init__(self) -> None:
        super().__init__(_("These points would expire before they could be spent."))


class RuleError(Exception):
    """Base class of what earning refuses when rules are made. The messages are for those who make them."""


class InvalidConditionError(RuleError):
    """The conditions of a rule could not be judged."""


class NotPermittedError(RuleError):
    """The person may not do this with rules."""

    def __init__(self) -> None:
        super().__init__(_("You may not do this with the rules for points."))


class NotADraftError(RuleError):
    """What was published is not changed."""

    def __init__(self) -> None:
        super().__init__(_("This was published or ended already. Make a new version instead."))
