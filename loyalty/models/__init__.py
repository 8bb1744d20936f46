"""All models of the app. The modules of the ledger are imported by their own names, so that contracts see it."""

from loyalty.models.ledger import Account, Checkpoint, Journal, Member, Posting, Programme, SwitchRecord, Wallet

__all__ = ["Account", "Checkpoint", "Journal", "Member", "Posting", "Programme", "SwitchRecord", "Wallet"]
