"""Links that let whoever has one do one thing, once and within a time. Only a digest of the token is stored.

A model extends `OneTimeLink` and keeps `digest_of(token)`; the token stands in the link, and nowhere else. Deleting the
row uses the link up: ``Model.objects.filter(works(token)).delete()``.
"""

from __future__ import annotations

import hashlib
import secrets

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return what is stored of a token, which is too long to be guessed from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def works(token: str) -> models.Q:
    """Return the condition for the link of a token whose time is not over."""
    return models.Q(digest=digest_of(token), expires_at__gt=timezone.now())


class OneTimeLink(models.Model):
    """A link that works once, until `expires_at`."""

    digest = models.CharField(_("digest"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        abstract = True
