"""Encryption of secrets stored in the database, which cannot be read without ``SECRET_KEY``.

A copy of the database alone, such as a backup, reveals nothing. After changing the key keep the old one in
``SECRET_KEY_FALLBACKS``.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

__all__ = ["UnreadableError", "decrypt", "encrypt", "mark_of", "marks_of"]


class UnreadableError(Exception):
    """Raised for a text that was encrypted with a lost key, or tampered with."""


def encrypt(text: str, *, purpose: str) -> str:
    """Return a token that `decrypt` turns back into `text`; only with the same purpose."""
    return _fernet(purpose).encrypt(text.encode()).decode()


def decrypt(token: str, *, purpose: str) -> str:
    """Return the text. Raises `UnreadableError`."""
    try:
        return _fernet(purpose).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise UnreadableError(purpose) from error


def mark_of(text: str, *, purpose: str) -> str:
    """Return a mark by which a text is recognised, and from which nobody without the key finds it by guessing."""
    return marks_of(text, purpose=purpose)[0]


def marks_of(text: str, *, purpose: str) -> list[str]:
    """Return the marks that may be stored of a text: that of the key in use, then those of former keys."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(f"vault.{purpose}", text, secret=key, algorithm="sha256").hexdigest() for key in keys]


def _fernet(purpose: str) -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"{purpose}:{key}".encode()).digest())) for key in keys],
    )
