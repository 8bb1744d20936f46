"""Questions that people answer from a mail with one tap and one button: "did it solve it? yes, partly, no".

A link is signed for one person, one question and one choice, and expires. A GET shows the question with that choice
first, since mail scanners open links; the POST of its button answers. No sign-in is needed.

    register_action(Solved())                                                    ready() of the feature's apps.py
    action_url("community.solved", person_id=9, argument="42", choice="yes")     in its mail
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from django.core import signing
from django.urls import reverse

from portal.notifications.links import BadLinkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.accounts.models import User

_SALT: Final = "portal.notifications.action"


class ExpiredLinkError(Exception):
    """Raised for a link that we signed, too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as its page shows it, in the active language."""

    title: str
    #: Values and texts of the buttons, in order.
    choices: Mapping[str, str]
    text: str = ""


class SignedAction:
    """A question a feature asks. Its methods are called with the reader's language active."""

    #: Part of links that are on their way: never changes.
    name: ClassVar[str]
    valid_for: ClassVar[timedelta] = timedelta(days=30)

    def ask(self, person: User, argument: str) -> Question | None:
        """Return the question, or None if the person may no longer answer it. Must not write."""
        raise NotImplementedError

    def answer(self, person: User, argument: str, choice: str) -> str:
        """Carry out one of the choices of `ask`, and return the words that thank for it. Must be repeatable."""
        raise NotImplementedError

    def ask_more(self, person: User, argument: str, choice: str) -> Question | None:
        """Return what is asked after a choice was carried out; usually nothing. Must not write."""
        return None

    def answer_more(self, person: User, argument: str, choice: str, detail: str) -> str:
        """Carry out one of the choices of `ask_more`, and return the words that thank for it. Must be repeatable."""
        raise NotImplementedError


_actions: dict[str, SignedAction] = {}


def register_action(action: SignedAction) -> None:
    """Declare a question; called in `ready()`. Raises `ValueError` when its name is taken."""
    if action.name in _actions:
        raise ValueError(f"There are two actions called {action.name}")
    _actions[action.name] = action


def forget_action(name: str) -> None:
    """Undeclare a question; for tests."""
    _actions.pop(name, None)


def action_url(name: str, *, person_id: int, argument: str, choice: str = "") -> str:
    """Return the path of a link that asks a person a question, in the active language; `choice` is shown first.

    Raises `KeyError` for a question that no app has declared.
    """
    token = signing.dumps([_actions[name].name, person_id, argument, choice], salt=_SALT)
    return reverse("notifications:action", args=[token])


@dataclass(frozen=True, slots=True)
class AskedAction:
    """A question to one person, as read from a link."""

    action: SignedAction
    person_id: int
    argument: str
    choice: str


def read_action(token: str) -> AskedAction:
    """Return what a link asks. Raises `BadLinkError` and `ExpiredLinkError`."""
    try:
        name, person_id, argument, choice = signing.loads(token, salt=_SALT)
        action = _actions[name]
        signing.loads(token, salt=_SALT, max_age=action.valid_for)
    except signing.SignatureExpired:
        raise ExpiredLinkError from None
    except (signing.BadSignature, ValueError, KeyError):
        raise BadLinkError from None
    return AskedAction(action, person_id, argument, choice)
