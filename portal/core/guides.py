"""What leads a reader to a solution step by step: for pages of one feature that offer what another one has.

    register(find)                                     ready() of the app with the guides
    guides_for(user, language=…, topic_id=…)           the page of a topic, or of an article

`find` declares what its answer depends on (`portal.core.scopes.rests_on`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portal.core.pages import AnyUser

#: Guides that a page offers.
MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide in a list. `questions` is how many it asks at the most."""

    title: str
    intro: str
    url: str
    icon: str
    questions: int


_finders: list[Callable[[AnyUser, str, int | None], Sequence[Guide]]] = []


def register(find: Callable[[AnyUser, str, int | None], Sequence[Guide]]) -> None:
    """Declare who has guides: `find` takes a person, a language and the id of a topic."""
    _finders.append(find)


def guides_for(user: AnyUser, *, language: str, topic_id: int | None) -> tuple[Guide, ...]:
    """Return the guides of a topic that the person may see, in that language; none without a topic."""
    if topic_id is None:
        return ()
    return tuple(guide for find in _finders for guide in find(user, language, topic_id))[:MOST]
