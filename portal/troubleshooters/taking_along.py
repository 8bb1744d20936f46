"""The path as a text, for a question to others and for the telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.core import taken_along
from portal.core.taken_along import Taken
from portal.troubleshooters import queries
from portal.troubleshooters.showing import addresses_of, given_in
from portal.troubleshooters.walking import is_walkable, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.troubleshooters.models import AnyUser
    from portal.troubleshooters.showing import Given

#: How references to a path begin.
NAME: Final = "troubleshooter"
_SPECIAL: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#"})


def connect() -> None:
    """Register it; called once when the app is ready."""
    taken_along.register(NAME, read)


def words_of(given: Sequence[Given]) -> list[tuple[str, str]]:
    """Return questions and answers."""
    return [
        (each.question, each.answer or (_("Not sure") if each.is_question else _("Did not help"))) for each in given
    ]


def plain_text(title: str, given: Sequence[Given]) -> str:
    """Return the path as lines of plain text."""
    return "\n".join([title, *(f"{question} {answer}" for question, answer in words_of(given))])


def read(user: AnyUser, rest: str) -> Taken | None:
    """Return the path of a reference as the beginning of a question. Three queries at the most."""
    slug, _colon, text = rest.partition(":")
    path = parse(text)
    found = queries.found(user, slug) if path is not None and "\0" not in slug else None
    if found is None or path is None:
        return None
    version = queries.version_of(found, path)
    graph = version.steps
    last = path.hops[-1] if path.hops else None
    if path.version != version.number:
        return None
    if last is not None:
        # The path ends at the last answer that was given, wherever it leads.
        ends = [None, *(step.number for step in graph)]
        if not any(is_walkable(graph, path, end) for end in ends):
            return None
    language = get_language() or settings.LANGUAGE_CODE
    shown = language if language in found.shown_languages else (found.shown_languages or [language])[0]
    given = given_in(graph, path, shown, addresses_of(found))
    lines = [
        f"- {question.translate(_SPECIAL)} **{answer.translate(_SPECIAL)}**" for question, answer in words_of(given)
    ]
    title = found.title.in_language(shown)
    intro = _("I went through “%(title)s” and it did not help. My answers:") % {"title": title.translate(_SPECIAL)}
    return Taken(title=title, text="\n".join([intro, "", *lines, "", ""]) if lines else "")
