"""Languages of documents: what heads, folders and names of files say, checked against the script of the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.conf.locale import LANG_INFO

from portal.core.text import is_persian

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: Languages as people write them out.
_WRITTEN_OUT: Final = {
    "english": "en", "انگلیسی": "en", "persian": "fa", "farsi": "fa", "فارسی": "fa", "پارسی": "fa", "per": "fa",
    "fas": "fa", "eng": "en", "arabic": "ar", "العربية": "ar", "german": "de", "deutsch": "de", "french": "fr",
}  # fmt: skip
_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{2}|[a-z]{4}|\d{3}))?", re.IGNORECASE)
_IN_NAME: Final = re.compile(r"(?P<rest>.+)[._](?P<tag>[a-z]{2,3}(?:[-_][a-z]{2,4})?)", re.IGNORECASE)
_BEFORE_NAME: Final = re.compile(r"(?P<tag>[a-z]{2}(?:-[a-z]{2,4})?)_(?P<rest>.+)", re.IGNORECASE)
#: Folders in which folders of languages lie.
_ABOVE_LANGUAGES: Final = {
    "i18n", "l10n", "lang", "langs", "languages", "locale", "locales", "translations", "content", "docs", "_i18n",
}  # fmt: skip


def language_of_tag(tag: str) -> str:
    """Return the plain language of a tag or name such as ``en-US``, ``fa_IR`` or ``Farsi``; empty when it is none."""
    tag = tag.strip().lower()
    if tag in _WRITTEN_OUT:
        return _WRITTEN_OUT[tag]
    match = _TAG.fullmatch(tag)
    return match[1] if match and match[1] in _KNOWN else ""


_KNOWN: Final = {code.split("-", maxsplit=1)[0] for code in LANG_INFO} | {"zh"}


class PathLanguages:
    """Tells which folders and names of a source stand for languages.

    Many a folder has a name of two letters that is no language (``id``, ``is``, ``no``). It is one if the portal has it, if it names a
    region, if it lies where languages lie, or if there is another one beside it.
    """

    def __init__(self, names: Sequence[str], portal: Collection[str]) -> None:
        self._portal = set(portal)
        beside: dict[str, set[str]] = {}
        for name in names:
            parts = name.split("/")[:-1]
            for depth, part in enumerate(parts):
                if language_of_tag(part) and part.isascii():
                    beside.setdefault("/".join(parts[:depth]), set()).add(part)
        self._beside = beside

    def of_folder(self, above: str, part: str) -> str:
        """Return the language for which the folder `part` in the folder `above` stands; empty for any other folder."""
        language = language_of_tag(part)
        if not language or not part.isascii():
            return ""
        parent = above.rpartition("/")[2].lower()
        is_sure = language in self._portal or len(part) > 3 or parent in _ABOVE_LANGUAGES
        return language if is_sure or len(self._beside.get(above, ())) > 1 else ""

    def of_name(self, stem: str) -> tuple[str, str]:
        """Return what remains of a file's name (without suffix) and the language it names, if it names one."""
        for pattern in (_IN_NAME, _BEFORE_NAME):
            match = pattern.fullmatch(stem)
            if match is None:
                continue
            language = language_of_tag(match["tag"])
            is_dotted = pattern is _IN_NAME and stem[len(match["rest"])] == "."
            if language and (language in self._portal or (is_dotted and "-" in match["tag"])):
                return match["rest"], language
            if language and is_dotted and len(match["tag"]) == 2:
                return match["rest"], language
        return stem, ""


def portal_language(tag: str, portal: Collection[str], mapping: Mapping[str, str]) -> str:
    """Return the portal's language for a tag: mapped, the same, or the same without its region; empty if it has none."""
    wanted = tag.strip().lower().replace("_", "-")
    plain = language_of_tag(wanted) or wanted
    for candidate in (mapping.get(wanted, ""), mapping.get(plain, ""), wanted, plain):
        if candidate in portal:
            return candidate
    return ""


#: Code, addresses and tags are of no language.
_NO_PROSE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|<[^>]*>|https?://\S+|\]\([^)]*\)|\{\{.*?\}\}", re.DOTALL)
_SAMPLE: Final = 20_000
_FEW_LETTERS: Final = 40


def _prose(text: str) -> str:
    return _NO_PROSE.sub(" ", text[:_SAMPLE])


def language_of_prose(text: str) -> str:
    """Return the language that the letters of a text suggest: ``fa``, ``ar`` or ``en``; ``?`` for other scripts, empty without letters."""
    prose = _prose(text)
    letters = [letter for letter in prose if letter.isalpha()]
    if not letters:
        return ""
    arabic = sum("\u0600" <= letter <= "\u06ff" for letter in letters)
    if arabic * 3 >= len(letters):
        is_arabic = prose.count("\u0629") * 100 > len(letters) and not any(letter in prose for letter in "پچژگ")
        return "ar" if is_arabic else "fa"
    latin = sum(letter < "\u0250" for letter in letters)
    return "en" if latin * 2 >= len(letters) else "?"


def fits(language: str, text: str) -> bool:
    """Return whether the script of a text is that of the language; texts of few letters always fit."""
    prose = _prose(text)
    if sum(letter.isalpha() for letter in prose) < _FEW_LETTERS:
        return True
    if language == "fa":
        return any("\u0600" <= letter <= "\u06ff" for letter in prose)
    return not is_persian(prose)
