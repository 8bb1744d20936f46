"""Validation of public names (handles): refuses those that readers could mistake for staff or for another member."""

from __future__ import annotations

import re
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.core import vault
from portal.core.brand import names_of_all_sites
from portal.core.lookalikes import scripts_of, skeleton

#: Words that mislead at the beginning or end of a name: ``supportbahar``, ``admin_reza``.
_ANYWHERE: Final = (
    *("admin", "administrator", "moderator", "support", "official", "helpdesk", "webmaster"),
    *("پشتیبان", "پشتیبانی", "ادمین", "کارشناس", "مدیریت"),
)
#: Words that mislead only as a separate part: «مدیری» is a family name, Stafford a town.
_AS_A_PART: Final = (
    *("help", "mod", "root", "staff", "sysadmin", "system", "team", "security", "service"),
    *("مدیر", "رسمی", "راهبر", "ناظر", "تیم", "خدمات"),
)
#: Harmless words that begin or end like a misleading one.
_HARMLESS: Final = frozenset({"supporter", "supporters", "unofficial"})
_SEPARATORS: Final = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
#: Digits that are read as letters inside a word.
_READ_AS: Final = str.maketrans({"3": "e", "4": "a", "5": "s", "7": "t"})
KEY_LENGTH: Final = 120


def handle_key(handle: str) -> str:
    """Return the key of a name's appearance, without separators; only one account may have each key."""
    return skeleton(handle)[:KEY_LENGTH]


def mark_of(key: str) -> str:
    """Return a mark of a key, from which nobody without ``SECRET_KEY`` finds the name: it stays when the person is gone."""
    return vault.mark_of(key, purpose="handle")


def marks_of(key: str) -> list[str]:
    """Return the marks that may be stored of a key; more than one after ``SECRET_KEY`` was changed."""
    return vault.marks_of(key, purpose="handle")


def validate_handle(handle: str) -> None:
    """Raise `ValidationError` for names without letters, of mixed scripts, or that suggest the company or staff."""
    letters = sum(map(str.isalpha, handle))
    if not letters or sum(map(str.isalnum, handle)) < 2:
        raise ValidationError(_("A public name needs at least one letter, and two letters or digits."), code="no_name")
    if len(scripts_of(handle)) > 1:
        raise ValidationError(_("Use letters of one alphabet only, Persian or Latin."), code="mixed")
    if _is_misleading(handle):
        raise ValidationError(_("This name is reserved. Please choose another one."), code="reserved")


def _is_misleading(handle: str) -> bool:
    company = {_as_read(part) for name in names_of_all_sites() for part in name.split()} - {""}
    anywhere, as_a_part = set(map(_as_read, _ANYWHERE)), set(map(_as_read, _AS_A_PART))
    whole = _as_read(handle)
    parts = {
        _as_read(form) for part in _SEPARATORS.split(handle) for form in (part, part.strip("0123456789۰۱۲۳۴۵۶۷۸۹"))
    }
    if parts & (anywhere | as_a_part | company) or whole in anywhere | as_a_part | company:
        return True
    if any(whole in {name + word, word + name} for name in company for word in as_a_part):
        return True
    harmless = set(map(_as_read, _HARMLESS))
    return any(
        part.startswith(tuple(anywhere)) or part.endswith(tuple(anywhere)) for part in {whole, *parts} - harmless
    )


def _as_read(text: str) -> str:
    """Return the word with look-alike digits read as letters: ``adm1n`` and ``admin`` give the same result."""
    return skeleton(text.casefold()).translate(_READ_AS)
