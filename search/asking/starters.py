"""The starter list of synonyms: what means the same to everybody who asks for support, in use until an editor objects.

The groups are files (`search/language/synonyms`); only those switched off are in the database.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from search.models import Synonym, UnusedStarter

FOLDER: Final = Path(__file__).resolve().parent.parent / "language" / "synonyms"
_COMMAS: Final = {"fa": "،"}


def groups(language: str) -> dict[str, str]:
    """All groups of a language by their first phrase, in the order of the file; empty for languages without a list."""
    return dict(_read(language))


@cache
def _read(language: str) -> tuple[tuple[str, str], ...]:
    path = FOLDER / f"{language}.txt"
    if not language.isalpha() or not path.is_file():
        return ()
    comma = _COMMAS.get(language, ",")
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple((line.partition(comma)[0], line) for line in lines if line)


def unused(language: str) -> dict[str, UnusedStarter]:
    """The groups that editors switched off, by their first phrase; one query."""
    return {row.head: row for row in UnusedStarter.objects.filter(language=language).select_related("changed_by")}


def in_use(language: str) -> list[Synonym]:
    """The groups in use, as synonyms that are not saved; one query, none for languages without a list."""
    known = groups(language)
    off = set(UnusedStarter.objects.filter(language=language).values_list("head", flat=True)) if known else set()
    return [Synonym(language=language, words=words) for head, words in known.items() if head not in off]
