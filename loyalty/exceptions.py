"""What the ledger refuses. The messages are safe to show to members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class ChangedMeanwhileError(RuleError):
    """It is not what the person looked at any more."""

    def __init__(self) -> None:
        super().__init__(_("Somebody else changed this meanwhile. Open it again to see what is there now."))


class SecondPersonError(RuleError):
    """It costs so much that whoever wrote it does not decide alone."""

    def __init__(self) -> None:
        super().__init__(_("It may cost so much that somebody else has to do this: you wrote the draft."))


class RewardError(LedgerError):
    """Base class of what rewards refuse, besides the ledger. Nothing was written; the messages may be shown."""


class NotAvailableError(RewardError):
    """The reward cannot be had now; `obstacles` say why, the most important one first."""

    def __init__(self, obstacles: Sequence[Any], message: str) -> None:
        super().__init__(message)
        self.obstacles = tuple(obstacles)


class PriceChangedError(RewardError):
    """The member saw another price."""

    def __init__(self) -> None:
        super().__init__(_("The price has changed meanwhile. Please look at it again."))


class SeenTooLongAgoError(RewardError):
    """The member redeemed something since they saw the page, perhaps in another window."""

    def __init__(self) -> None:
        super().__init__(_("You have taken another reward meanwhile. Please look at your points again."))


class ConfirmationNeededError(RewardError):
    """The member has to show who they are first."""

    def __init__(self) -> None:
        super().__init__(_("Please confirm first that it is you."))


class AddressNeededError(RewardError):
    """Something that is sent needs an address."""

    def __init__(self) -> None:
        super().__init__(_("Where should it be sent?"))


class StepRefusedError(RewardError):
    """The redemption is not in a state in which this can be done."""

    def __init__(self) -> None:
        super().__init__(_("This cannot be done any more. Please look at the current state."))


class RewardRightMissingError(RewardError):
    """The person may not do this with rewards."""

    def __init__(self) -> None:
        super().__init__(_("You may not do this with rewards."))


class CodesRefusedError(RewardError):
    """Codes could not be imported; `lines` are the numbers of those that are wrong."""

    def __init__(self, message: str, lines: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


class CodeNotUsableError(RewardError):
    """The code cannot be used: nobody has it, or it was used, is void or over. The message says which."""


class StaffError(Exception):
    """Base class of what is refused to staff who correct points. The messages are for them; nothing was written."""


class NoRightError(StaffError):
    """The person lacks the right."""

    def __init__(self) -> None:
        super().__init__(_("You may not do this with the points of members."))


class OwnPointsError(StaffError):
    """It would be the person's own points."""

    def __init__(self) -> None:
        super().__init__(_("Nobody decides about their own points. Please ask somebody else."))


class SamePersonError(StaffError):
    """Whoever asked for it would decide about it."""

    def __init__(self) -> None:
        super().__init__(_("You asked for this yourself: somebody else decides about it."))


class DecidedError(StaffError):
    """It was decided about already, or nobody decided in time."""

    def __init__(self) -> None:
        super().__init__(_("This cannot be decided any more."))


class ChangedError(StaffError):
    """There are more points now than were asked for."""

    def __init__(self) -> None:
        super().__init__(_("These points have changed meanwhile. Please ask again."))


class FileError(StaffError):
    """A file of corrections cannot be read."""


class ClaimRefusedError(LedgerError):
    """A question about missing points cannot be asked; the message says why."""


class GrantRefusedError(RuleError):
    """A tier cannot be given by hand like this; the message says why."""


class OfferGoneError(LedgerError):
    """The offer is over, used up, or not for this person; which of these is not told."""

    def __init__(self) -> None:
        super().__init__(_("This offer cannot be had any more."))


class CardCodeError(LedgerError):
    """A changing code of a card shows nothing; `code` says why, for programs."""

    code = ""


class WrongCodeError(CardCodeError):
    """It is no code of this portal."""

    code = "wrong-code"

    def __init__(self) -> None:
        super().__init__(_("This is no code of a card."))


class CodeOverError(CardCodeError):
    """Its minute is over: it may be a picture."""

    code = "code-over"

    def __init__(self) -> None:
        super().__init__(_("This code is over. Please have the card shown again."))
