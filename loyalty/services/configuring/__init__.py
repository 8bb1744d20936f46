"""The configuration of a programme as a file: written, compared with what is there, and taken over as drafts."""

from loyalty.services.configuring.comparing import Action, Change, FieldChange, Plan, compare
from loyalty.services.configuring.documents import MAX_BYTES, DocumentError, as_text, document_of, read
from loyalty.services.configuring.taking_over import ConflictError, ImpossibleError, may_configure, take_over

__all__ = [
    "MAX_BYTES",
    "Action",
    "Change",
    "ConflictError",
    "DocumentError",
    "FieldChange",
    "ImpossibleError",
    "Plan",
    "as_text",
    "compare",
    "document_of",
    "may_configure",
    "read",
    "take_over",
]
