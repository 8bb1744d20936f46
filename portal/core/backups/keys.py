"""Names of secret keys: a backup says which keys it needs without containing them."""

from __future__ import annotations

import hashlib
from typing import Final

from django.conf import settings

#: Guessing a short key from its name costs this for every guess.
_ROUNDS: Final = 200_000


def name_of(key: str) -> str:
    """Return 16 characters that identify `key`, from which it cannot be derived."""
    return hashlib.pbkdf2_hmac("sha256", key.encode(), b"portal.core.backups", _ROUNDS).hex()[:16]


def names_in_use() -> list[str]:
    """Return the names of ``SECRET_KEY`` and, after it, of ``SECRET_KEY_FALLBACKS``."""
    return [name_of(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
