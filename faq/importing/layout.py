"""Layout of documentation folders: what is a document, what its folders say, and how its sections are called.

Nothing here reads a document; only the files that describe the others (``mkdocs.yml``, ``SUMMARY.md``, ``_category_.json``, ``.pages``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from faq.importing.encoding import decode
from faq.importing.errors import FileProblemError, SourceError
from faq.importing.heads import read_yaml
from faq.importing.languages import PathLanguages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from faq.importing.files import Files

MARKDOWN: Final = {".md", ".markdown", ".mdx", ".mdown", ".mkd"}
HTML: Final = {".html", ".htm"}
DOCUMENTS: Final = MARKDOWN | HTML | {".txt"}

#: Folders that only hold the others, and say nothing about what is in them.
_CONTAINERS: Final = {
    "docs", "doc", "documentation", "content", "src", "source", "pages", "_docs", "site", "website", "book", "i18n", "l10n",
    "locale", "locales", "translations", "lang", "languages", "articles", "_articles", "help-center", "current", "export",
    "docusaurus-plugin-content-docs", "docusaurus-plugin-content-pages",
}  # fmt: skip
_PLUGIN: Final = "docusaurus-plugin-content-"
#: Folders with parts of pages, templates and programs.
_NO_CONTENT: Final = {
    "node_modules", "_includes", "_layouts", "_sass", "_data", "_site", "_plugins", "partials", "_partials", "snippets", "_snippets",
    "archetypes", "__pycache__", "bower_components", "_templates", "_common", "_build", "shortcodes-src", "templates-src", "includes",
}  # fmt: skip
#: The same where a program lies in them; else they may be what the documents in them are about.
_MAYBE_NO_CONTENT: Final = {"layouts", "themes", "theme", "vendor", "overrides"}
_PROGRAMS: Final = {
    ".html",
    ".htm",
    ".css",
    ".scss",
    ".sass",
    ".less",
    ".js",
    ".ts",
    ".toml",
    ".go",
    ".rb",
    ".php",
    ".py",
    ".json",
}
#: Folders whose HTML and plain text belongs to a program.
_OF_PROGRAMS: Final = {
    "static",
    "public",
    "assets",
    "templates",
    "test",
    "tests",
    "spec",
    "features",
    "lib",
    "benchmark",
    "fixtures",
    "typings",
    "tools",
}
#: Files about the documentation or the project rather than for its readers.
_ABOUT: Final = {
    "license", "licence", "changelog", "changes", "history", "contributing", "contributors", "code_of_conduct", "code-of-conduct", "security",
    "authors", "maintainers", "governance", "copying", "notice", "pull_request_template", "issue_template", "agents", "claude", "todo",
}  # fmt: skip
_ABOUT_AT_THE_ROOT: Final = {
    "license", "licence", "changelog", "contributing", "code_of_conduct", "code-of-conduct", "copying", "authors",
}  # fmt: skip
_FRAMES: Final = {"_sidebar", "_navbar", "_coverpage", "_footer", "_404", "404", "_header"}
_TECHNICAL: Final = re.compile(
    r"(?:requirements.*|robots|humans|ads|security|llms.*|cname|cmakelists|constraints.*|version)\Z"
)
_INDEXES: Final = {"index", "readme", "_index"}
#: Deeper folders belong to the section above them: nobody looks for an answer in the third list of topics.
MAX_DEPTH: Final = 2
_MAX_DESCRIPTION: Final = 1024 * 1024
_SUMMARY_HEADING: Final = re.compile(r"#{2,6}\s+(.+?)\s*#*\Z")
_SUMMARY_ITEM: Final = re.compile(r"(\s*)[*+-]\s+\[([^\]]*)\]\(<?([^)>\s]+(?: [^)>]+)*)>?\)")
_NUMBERED: Final = re.compile(r"\d{1,3}[-_. ]+(?=[^\d\s])")
_DATED: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}-(?=.)")


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """What a document's path says."""

    id: str
    language: str
    sections: tuple[str, ...]
    stem: str
    is_index: bool


class Layout:
    """The documents among the files of a source and what their places say. `labels` name sections."""

    def __init__(self, files: Files, portal_languages: Collection[str], *, wrapped: bool = False) -> None:
        self._files = files
        names = files.names()
        self._all = set(names)
        self._wrapper = _wrapper(names) if wrapped else ""
        self._of_programs = _folders_of_programs(names)
        self.names = [name for name in names if self._is_document(name)]
        self._languages = PathLanguages(self.names, portal_languages)
        self.labels: dict[tuple[str, tuple[str, ...]], str] = {}
        self._navigation: dict[str, tuple[tuple[str, ...], str]] = {}
        self._read_descriptions(names)
        self._ranks = {name: rank for rank, name in enumerate(self._navigation)}
        places = {name: self._place(name) for name in self.names}
        seen: dict[tuple[str, str], int] = {}
        for place in (place for name, place in places.items() if not self.why_skipped(name)):
            seen[place.id, place.language] = seen.get((place.id, place.language), 0) + 1
        self._places = {
            name: place if seen.get((place.id, place.language), 0) < 2 else _with_whole_path(name, place)
            for name, place in places.items()
        }

    def place(self, name: str) -> DocumentPlace:
        return self._places[name]

    def label_of(self, name: str) -> str:
        """Return what a table of contents calls the document; empty if there is none."""
        return self._navigation.get(name, ((), ""))[1]

    def rank_of(self, name: str) -> int | None:
        """Return at what place of a table of contents the document stands; None if it is in none."""
        return self._ranks.get(name)

    def why_skipped(self, name: str) -> str:
        """Return why the file is no article, in the reader's language; empty if it is one."""
        path = PurePosixPath(name)
        stem, folders = path.stem.lower(), [part.lower() for part in path.parts[:-1]]
        inside = next((part for part in folders if part in _NO_CONTENT), "") or self._program_around(path)
        if inside:
            return _("It is in “%(folder)s”, where parts of pages and programs are kept.") % {"folder": inside}
        if stem in _FRAMES or path.stem == "SUMMARY":
            return _("It is a part of the frame around pages (menu, cover, table of contents), not a page.")
        is_shouted = path.stem.isupper() and stem in _ABOUT
        is_at_root = len(self._unwrapped(name).parts) == 1 and stem in _ABOUT_AT_THE_ROOT
        if is_shouted or is_at_root or (path.suffix == ".txt" and stem in _ABOUT):
            return _("It is about the project (licence, changes, how to contribute), not for its readers.")
        if stem.startswith("_") and stem not in _INDEXES and path.suffix.lower() in MARKDOWN:
            return _("Its name begins with “_”: it is a part that other pages include.")
        return ""

    def _program_around(self, path: PurePosixPath) -> str:
        """Return the name of the folder of a program in which a file lies; empty if there is none."""
        return next((folder.name.lower() for folder in path.parents if folder in self._of_programs), "")

    # Documents --------------------------------------------------------------------------------------------------------

    def _is_document(self, name: str) -> bool:
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if suffix in HTML:  # in these folders, it is templates
            kinds = _NO_CONTENT | _MAYBE_NO_CONTENT | _OF_PROGRAMS
            return not any(part.lower() in kinds for part in path.parts[:-1])
        if suffix != ".txt":
            return suffix in DOCUMENTS
        if any(part.lower() in _OF_PROGRAMS for part in path.parts[:-1]):
            return False
        if _TECHNICAL.match(path.stem.lower()):
            return False
        return str(path.with_suffix(".vtt")) not in self._all  # else it is the transcript of a sound

    def _unwrapped(self, name: str) -> PurePosixPath:
        return PurePosixPath(name.removeprefix(self._wrapper))

    def _place(self, name: str) -> DocumentPlace:
        path = self._unwrapped(name)
        language, above = "", self._wrapper.rstrip("/")
        sections: list[str] = []
        for part in path.parts[:-1]:
            found = self._languages.of_folder(above, part)
            above = f"{above}/{part}" if above else part
            if found:
                language = language or found
            elif sections or not (part.lower() in _CONTAINERS or part.startswith(_PLUGIN)):
                sections.append(part)
        stem, in_name = self._languages.of_name(path.stem)
        language = in_name or language
        is_index = stem.lower() in _INDEXES
        if stem.lower() == "index" and sections and not is_index:
            is_index = True
        named = [*sections, "index" if is_index else stem]
        section_path, _label = self._navigation.get(name, ((), ""))
        return DocumentPlace(
            id=_id_of(named),
            language=language,
            sections=section_path[:MAX_DEPTH] or tuple(sections[:MAX_DEPTH]),
            stem=stem,
            is_index=is_index and len(sections) <= MAX_DEPTH,
        )

    # Descriptions -----------------------------------------------------------------------------------------------------

    def _read_descriptions(self, names: Sequence[str]) -> None:
        for name in names:
            path = PurePosixPath(name)
            if path.name in {"mkdocs.yml", "mkdocs.yaml"} and len(self._unwrapped(name).parts) <= 2:
                self._read_mkdocs(path)
            elif path.name.lower() == "summary.md":
                self._read_summary(path)
            elif path.name in {"_category_.json", "_category_.yml", "_category_.yaml"}:
                self._name_folder(path.parent, str(_mapping(self._text(name)).get("label") or ""))
        for folder in {PurePosixPath(name).parent for name in self.names}:
            hidden = str(folder / ".pages")
            if self._files.has(hidden):
                self._name_folder(folder, str(_mapping(self._text(hidden)).get("title") or ""))

    def _text(self, name: str) -> str:
        try:
            return decode(self._files.read(name, _MAX_DESCRIPTION), name)[0]
        except (FileProblemError, SourceError):
            return ""

    def _name_folder(self, folder: PurePosixPath, label: str) -> None:
        place = self._place(str(folder / "index.md"))
        if label and place.sections:
            self.labels.setdefault((place.language, place.sections), label)

    def _read_mkdocs(self, path: PurePosixPath) -> None:
        settings = _mapping(self._text(str(path)))
        root = path.parent / str(settings.get("docs_dir") or "docs")
        for sections, label, target in _entries(settings.get("nav"), ()):
            self._navigation.setdefault(_joined(root, target), (sections, label))

    def _read_summary(self, path: PurePosixPath) -> None:
        heading, above = "", ""
        for line in self._text(str(path)).split("\n"):
            if match := _SUMMARY_HEADING.match(line):
                heading, above = match[1].strip(), ""
            elif match := _SUMMARY_ITEM.match(line):
                indent, label, target = len(match[1]), match[2].strip(), match[3]
                if not indent:
                    above = label
                section = heading or (above if indent else "")
                self._navigation.setdefault(_joined(path.parent, target), ((section,) if section else (), label))


def _folders_of_programs(names: Sequence[str]) -> set[PurePosixPath]:
    """Return the folders called like those of programs in which there are some."""
    paths = (PurePosixPath(name) for name in names)
    return {
        folder
        for path in paths
        if path.suffix.lower() in _PROGRAMS
        for folder in path.parents
        if folder.name.lower() in _MAYBE_NO_CONTENT
    }


def _wrapper(names: Sequence[str]) -> str:
    """Return the one folder in which everything lies, as in an archive of a repository, with a slash; else empty."""
    first = {name.partition("/")[0] for name in names if "/" in name}
    if len(first) != 1 or any("/" not in name for name in names):
        return ""
    inside = {name.partition("/")[2].partition("/")[0] for name in names if name.count("/") > 1}
    return f"{first.pop()}/" if inside else ""


def _id_of(parts: Sequence[str]) -> str:
    cleaned = [re.sub(r"[^\w.-]+", "-", _DATED.sub("", part)).strip("-._") for part in parts]
    joined = ":".join(part for part in cleaned if part)
    return joined if len(joined) <= 120 else joined[-120:].lstrip(":-._")


def _with_whole_path(name: str, place: DocumentPlace) -> DocumentPlace:
    path = PurePosixPath(name)
    whole = _id_of((path.with_suffix("") if path.suffix.lower() in MARKDOWN else path).parts)
    return DocumentPlace(whole, place.language, place.sections, place.stem, place.is_index)


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else read_yaml(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _entries(navigation: Any, sections: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield the sections, the label and the path of every document in the navigation of ``mkdocs.yml``."""
    for entry in navigation if isinstance(navigation, list) else []:
        if isinstance(entry, str):
            yield sections, "", entry
        elif isinstance(entry, dict):
            for label, target in entry.items():
                if isinstance(target, str):
                    yield sections, str(label), target
                elif len(sections) < 20:
                    yield from _entries(target, (*sections, str(label)))


def _joined(root: PurePosixPath, target: str) -> str:
    return str(root / target.partition("#")[0].lstrip("/")).removeprefix("./")


def readable(name: str) -> str:
    """Return a name of a file or folder as people would write it: ``02-getting_started`` is “Getting started”."""
    words = " ".join(re.sub(r"[-_]+", " ", _DATED.sub("", _NUMBERED.sub("", name.lstrip("_")))).split())
    if not words:
        return name
    return words if any(letter.isupper() for letter in words) or " " in name else words[:1].upper() + words[1:]
