"""Heads of documents: YAML, TOML or JSON before the text, as strict or as loose as people write them.

A head that cannot be read is no reason to lose a document: then it is text, and the report says so.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml
from django.utils.translation import gettext as _

from faq.importing.report import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEAD: Final = 64 * 1024

#: What may stand before a head: blank lines and comments.
_BEFORE: Final = re.compile(r"(?:[ \t]*\n|[ \t]*<!--.*?-->[ \t]*\n)*", re.DOTALL)
_YAML: Final = re.compile(r"---[ \t]*\n(.*?)(?:^(?:---|\.\.\.)[ \t]*(?:\n|\Z))", re.DOTALL | re.MULTILINE)
_TOML: Final = re.compile(r"\+\+\+[ \t]*\n(.*?)(?:^\+\+\+[ \t]*(?:\n|\Z))", re.DOTALL | re.MULTILINE)
_UNCLOSED: Final = re.compile(r"---[ \t]*\n((?:[ \t]*[^\s:#>-][^\n:]{0,60}:(?:[ \t][^\n]*)?\n)+)(?=\n|\Z)")
_JSON: Final = re.compile(r"\{\s*\"")
_LINE: Final = re.compile(r"([^\W\d_][\w .-]{0,60}?)\s*[:=](?:[ \t]+|$)(.*)")
_ITEM: Final = re.compile(r"[ \t]*[-*][ \t]+(.*)")
_SEVERAL: Final = re.compile(r"\[(.*)\]\Z", re.DOTALL)


@dataclass(slots=True)
class Head:
    """The fields of a head as written, where the text begins, and what the report says about it."""

    fields: dict[str, Any] = field(default_factory=dict)
    end: int = 0
    notes: list[Problem] = field(default_factory=list)


class TextLoader(yaml.BaseLoader):
    """Accepts texts, lists and mappings only. Every value stays as written (``1405-02-31`` does not become a date, nor
    ``0012`` the number 10), and there are no aliases: a few lines of them can expand to gigabytes.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # of PyYAML
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)


def read_yaml(text: str) -> Any:
    """Return what a YAML text holds as texts, lists and mappings. Raises `ValueError`."""
    try:
        return yaml.load(text, Loader=TextLoader)  # noqa: S506 - builds nothing but str, list and dict
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(getattr(error, "problem", None) or type(error).__name__)) from error


def split_head(text: str) -> Head:
    """Return the head of a document. Without one, or with one that cannot be read, the text begins at 0."""
    before = _BEFORE.match(text)
    start = before.end() if before else 0
    if text.startswith("---", start):
        match = _YAML.match(text, start) or _UNCLOSED.match(text, start)
        return _read(text, start, match, _yaml_fields) if match else Head()
    if text.startswith("+++", start):
        match = _TOML.match(text, start)
        return _read(text, start, match, _toml_fields) if match else Head()
    if _JSON.match(text, start):
        try:
            fields, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return Head()
        if isinstance(fields, dict) and text[end : end + 1] in {"", "\n"}:
            return Head({str(key): _plain(value) for key, value in fields.items()}, end)
    return Head()


def _read(text: str, start: int, match: re.Match[str], strictly: Any) -> Head:
    line = text.count("\n", 0, start) + 1
    inside = match[1]
    if len(inside) > MAX_HEAD:
        return Head(notes=[Problem(_("The head is too long; it is taken as text."), field="head", line=line)])
    try:
        found = strictly(inside)
    except ValueError as error:
        loose = _loosely(inside)
        if not loose:
            message = _("The head cannot be read (%(problem)s); it is taken as text.")
            return Head(notes=[Problem(message % {"problem": error}, field="head", line=line)])
        message = _("The head is not quite right (%(problem)s); it is read line by line.")
        return Head(loose, match.end(), [Problem(message % {"problem": error}, field="head", line=line)])
    if found is None or found == "":
        found = {}
    elif not isinstance(found, dict):
        found = _loosely(inside)
        if not found:
            return Head()  # two rules with text between them
    return Head({str(key): value for key, value in found.items()}, match.end())


def _yaml_fields(text: str) -> Any:
    try:
        return read_yaml(text)
    except ValueError:
        if "\t" not in text:
            raise
        return read_yaml(text.replace("\t", "  "))


def _toml_fields(text: str) -> Any:
    try:
        return {key: _plain(value) for key, value in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    """Return a value of JSON or TOML as a head of YAML would give it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return "" if value is None else str(value)


def _loosely(text: str) -> dict[str, Any]:
    """Return what lines of ``key: value`` say, one by one; what follows a key and is indented belongs to it."""
    found: dict[str, Any] = {}
    key = ""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item = _ITEM.match(line)
        match = None if line[:1] in " \t" and key and not item else _LINE.match(line.lstrip())
        if item and key:
            so_far = found[key]
            found[key] = [*(so_far if isinstance(so_far, list) else [so_far] if so_far else []), _unquoted(item[1])]
        elif match:
            key = match[1].strip()
            several = _SEVERAL.match(match[2].strip())
            found[key] = [_unquoted(part) for part in several[1].split(",")] if several else _unquoted(match[2])
        elif key and isinstance(found[key], str):
            found[key] = f"{found[key].rstrip('|>-').strip()} {line.strip()}".strip()
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


# Names of fields -------------------------------------------------------------------------------------------------------

#: Our name of a field, and those that other systems and people use for it; the first one that is filled counts.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "external_id", "article_id", "شناسه", "کد"),
    "language": ("language", "lang", "locale", "زبان"),
    "title": ("title", "question", "name", "headline", "subject", "page_title", "عنوان", "پرسش", "سؤال", "سوال"),
    "label": ("sidebar_label", "linktitle", "nav_title", "navtitle", "short_title", "sidebar_title", "sidebartitle"),
    "short_answer": (
        "short_answer", "summary", "description", "excerpt", "abstract", "intro", "lead", "subtitle", "tldr",
        "خلاصه", "چکیده", "توضیح", "توضیحات", "پاسخ_کوتاه",
    ),
    "topic": ("topic", "موضوع"),
    "category": (
        "category", "categories", "section", "section_name", "category_name", "parent", "group",
        "دسته", "دسته_بندی", "دسته‌بندی", "دسته_ها", "بخش", "گروه",
    ),
    "slug": ("slug", "نامک"),
    "permalink": ("permalink", "url", "html_url", "link", "نشانی"),
    "aliases": ("aliases", "alias", "redirect_from"),
    "keywords": ("keywords", "tags", "tag", "label_names", "labels", "برچسب", "برچسب_ها", "برچسب‌ها", "کلیدواژه", "کلیدواژه‌ها"),
    "updated": (
        "updated", "lastmod", "last_modified_at", "last_modified", "last_updated", "last_update", "updated_at",
        "edited_at", "modified", "date", "published_at", "created_at", "created", "تاریخ", "به‌روزرسانی",
    ),
    "draft": ("draft",),
    "order": ("weight", "order", "nav_order", "sidebar_position", "position"),
    "body": ("body", "answer", "content", "پاسخ", "جواب", "متن"),
}  # fmt: skip
_CANONICAL: Final = {alias: name for name, aliases in NAMES.items() for alias in aliases}
_PRIORITY: Final = {alias: place for aliases in NAMES.values() for place, alias in enumerate(aliases)}
_NOT_IN_KEY: Final = re.compile(r"[\s-]+")


def key_of(name: str) -> str:
    """Return the name of a field or column in the form that `NAMES` has."""
    return _NOT_IN_KEY.sub("_", name.strip().strip("*:؟?").strip()).lower()


def canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields under our names. Of several for one thing the most exact one counts; the others stay."""
    found: dict[str, tuple[int, Any]] = {}
    others: dict[str, Any] = {}
    for written, value in fields.items():
        key = key_of(str(written))
        name = _CANONICAL.get(key, key)
        if value is None or value in ("", []):
            continue
        place = _PRIORITY.get(key, 0)
        if name not in found or place < found[name][0]:
            found[name] = (place, value)
    chosen = {name: value for name, (_place, value) in found.items()}
    for written, value in fields.items():
        meaning = _CANONICAL.get(key_of(str(written)))
        if meaning is not None and value and chosen.get(meaning) != value and meaning not in {"updated", "permalink"}:
            others[str(written)] = value
    if str(fields.get("published", "")).lower() == "false" or str(fields.get("status", "")).lower() == "draft":
        chosen["draft"] = "true"
    for name in ("published", "status"):
        chosen.pop(name, None)
    return {**chosen, **({"others": others} if others else {})}
