"""Look-up of what documents link to: other documents, by path, address, name or title."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from faq.anchors import anchor_of
from faq.importing.inferring import plain
from faq.importing.layout import DOCUMENTS
from portal.core.text import fold, normalise_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: An article in a language.
Key = tuple[str, str]

_NOT_IN_NAME: Final = re.compile(r"[\s_-]+")
_ALIAS: Final = re.compile(r"^[@~]+(?:site|docs|/)?/?")


#: A heading with a name of its own: ``## Title {#name}``, ``## Title {: #name .class }``, ``<h2 id="name">Title</h2>``.
_NAMED_HEADING: Final = re.compile(  # bounded everywhere: no text takes long
    r"""^[ ]{0,3}\#{1,6}[ \t]{1,9}([^\n{]{1,300}?)[ \t]{0,9}\{:?[ \t]{0,9}\#([^\s}]{1,100})[^}\n]{0,300}\}"""
    r"""|<h[1-6]\b[^<>]{0,300}?\sid=["']?([^"'\s<>]{1,100})[^<>]{0,300}>([^\n]{1,300}?)</h[1-6]>"""
    r"""|<a\s{1,9}(?:id|name)=["']?([^"'\s<>]{1,100})["']?\s{0,9}/?>(?:</a>)?\s{0,4}\n\s{0,4}\#{1,6}[ \t]{1,9}([^\n{]{1,300})""",
    re.MULTILINE | re.VERBOSE,
)


def named_places(text: str) -> dict[str, str]:
    """Return the anchors on the page of the headings to which a document gives names of its own, by those names."""
    found: dict[str, str] = {}
    if "{" not in text and "<" not in text:
        return found
    for match in _NAMED_HEADING.finditer(text):
        name = match[2] or match[3] or match[5]
        found.setdefault(name, anchor_of(plain((match[1] or match[4] or match[6]).strip(" \t#"))))
    return found


def _path_key(path: str) -> str:
    return normalise_input(unquote(path)).strip("/").lower()


def _name_key(name: str) -> str:
    return _NOT_IN_NAME.sub(" ", fold(normalise_input(unquote(name)))).strip()


class LinkIndex:
    """Knows all documents of an import. A name that stands for several finds the one nearest to the document that links."""

    def __init__(self) -> None:
        self._paths: dict[str, list[Key]] = {}
        self._tails: dict[str, list[tuple[str, Key]]] = {}
        self._names: dict[str, list[tuple[str, Key]]] = {}
        self._places: dict[Key, dict[str, str]] = {}

    def add(
        self,
        key: Key,
        place: str,
        *,
        title: str = "",
        others: tuple[str, ...] = (),
        places: Mapping[str, str] | None = None,
    ) -> None:
        """Add a document at a path; `others` are further addresses under which it is known, `places` its own names of places."""
        if places:
            self._places[key] = dict(places)
        path = PurePosixPath(place)
        whole = _path_key(str(path.with_suffix(""))) if path.suffix.lower() in DOCUMENTS else _path_key(place)
        stem = whole.rpartition("/")[2]
        self._add_path(whole, key)
        if stem in {"index", "_index", "readme"}:
            self._add_path(whole.rpartition("/")[0], key)
        else:
            self._names.setdefault(_name_key(path.stem), []).append((whole, key))
            shortened = re.sub(r"(?:^|(?<=/))\d{1,3}[-_.]", "", whole)
            if shortened != whole:  # Docusaurus: “01-intro.md” is “intro”
                self._add_path(shortened, key)
        if title:
            self._names.setdefault(_name_key(title), []).append((whole, key))
        for other in others:
            if cleaned := _path_key(re.sub(r"^https?://[^/]+", "", other)):
                self._add_path(cleaned, key)

    def place_in(self, key: Key, name: str) -> str:
        """Return what the page of a document calls a place in it; empty if the document has no name of its own for it."""
        return self._places.get(key, {}).get(name, "")

    def _add_path(self, path: str, key: Key) -> None:
        known = self._paths.setdefault(path, [])
        if key not in known:
            known.append(key)
            self._tails.setdefault(path.rpartition("/")[2], []).append((path, key))

    def find(self, target: str, *, near: str, language: str) -> Key | None:
        """Return the article that `target` means in the document at path `near`; None if there is none.

        In several languages, that of the document wins.
        """
        target = target.partition("#")[0].partition("?")[0].strip()
        if not target or "://" in target:
            return None
        for path in self._candidates(target, near):
            if found := self._paths.get(path):
                return _preferred(found, language)
        if named := self._names.get(_name_key(PurePosixPath(target).name)) or self._names.get(
            _name_key(PurePosixPath(_without_suffix(target)).name)
        ):
            return _nearest(named, _path_key(target), near, language)
        path = _path_key(_without_suffix(_ALIAS.sub("", target)))
        tails = [(whole, key) for whole, key in self._tails.get(path.rpartition("/")[2], ()) if _ends_with(whole, path)]
        return _nearest(tails, path, near, language) if tails else None

    @staticmethod
    def _candidates(target: str, near: str) -> Iterator[str]:
        """Yield the paths that a target may mean: beside the document, as its address in a site of folders, from the root."""
        folder, own = posixpath.split(near)
        plain = unquote(_ALIAS.sub("/", target) if target[:1] in "@~" else target)
        for written in dict.fromkeys((_without_suffix(plain), plain)):
            if not written.startswith("/"):
                for start in (folder, posixpath.join(folder, posixpath.splitext(own)[0])):
                    joined = posixpath.normpath(posixpath.join(start, written))
                    if not joined.startswith(".."):
                        yield _path_key(joined)
                        yield _path_key(posixpath.join(joined, "index"))
            yield _path_key(written)


def _without_suffix(target: str) -> str:
    stem, suffix = posixpath.splitext(target.rstrip("/"))
    return stem if suffix.lower() in DOCUMENTS else target.rstrip("/")


def _ends_with(whole: str, path: str) -> bool:
    return whole == path or whole.endswith(f"/{path}")


def _preferred(found: list[Key], language: str) -> Key:
    return next((key for key in found if key[1] == language), found[0])


def _nearest(found: list[tuple[str, Key]], path: str, near: str, language: str) -> Key:
    """Return the one in the language, whose path ends as written, with most folders in common."""
    folder = _path_key(posixpath.dirname(near)).split("/")
    wanted = _path_key(_without_suffix(path))

    def quality(candidate: tuple[str, Key]) -> tuple[bool, bool, int]:
        whole, key = candidate
        common = 0
        for one, two in zip(folder, whole.split("/")[:-1], strict=False):
            if one != two:
                break
            common += 1
        return key[1] == language, _ends_with(whole, wanted), common

    return max(found, key=quality)[1]
