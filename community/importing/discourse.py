"""A forum of Discourse: a category export, or a folder of topics from its API. README.md says what they look like."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from community.importing.errors import RowError, SourceError
from community.importing.json_stream import elements_of, number_of
from community.importing.moments import read_moment
from community.importing.records import RAW_LENGTH, Acceptance, Beginning, Person, Reply, Skipped, Voice, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_TOPIC_BYTES: Final = 1 << 26
_LIKE: Final = 2
_QUOTE_MARK: Final = re.compile(r"\[quote(?:=[^\]\n]{0,200})?\]|\[/quote\]", re.IGNORECASE)
#: Quotes in quotes beyond this are part of the one around them.
_MAX_DEPTH: Final = 20
#: Pictures of the old forum: ``![name|690x388](upload://…)``; only the name is kept.
_UPLOAD: Final = re.compile(r"!?\[([^\]\n|]{0,200})(?:\|[^\]\n]{0,60})?\]\(upload://[^)\s]{1,300}\)")
_NO_AREA: Final = "\0"


class Discourse:
    """See `community.importing.records.Source`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_dir():
            self._files = sorted(path.glob("*.json"))
            if not self._files:
                raise SourceError(_("There are no .json files in “%(name)s”.") % {"name": path.name})
        elif not path.is_file():
            raise SourceError(_("“%(name)s” was not found.") % {"name": path.name})
        #: Slugs of the categories by their ids; `_NO_AREA` for those that not everybody may read.
        self._categories = self._read_categories()

    # Files ----------------------------------------------------------------------------------------------------------

    def _elements(self, name: str) -> Iterator[Any]:
        with self._path.open(encoding="utf-8-sig", errors="replace") as stream:
            yield from elements_of(stream, name)

    def _read_categories(self) -> dict[str, str]:
        if self._path.is_file():
            found = list(self._elements("categories"))
        else:
            content = self._load(self._path / "categories.json") or {}
            above = content.get("category_list")
            found = [*_list_of(above, "categories"), *_list_of(content, "categories")]
            found += [below for each in found for below in _list_of(each, "subcategory_list")]
        return {str(each.get("id")): _slug_of(each) for each in found if isinstance(each, dict)}

    @staticmethod
    def _load(path: Path) -> dict[str, Any] | None:
        try:
            if path.stat().st_size > _MAX_TOPIC_BYTES:
                return None
            content = json.loads(path.read_text(encoding="utf-8-sig"), parse_int=number_of)
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    def _topics(self) -> Iterator[_Topic | Skipped]:
        if self._path.is_file():
            for number, topic in enumerate(self._elements("topics"), 1):
                if isinstance(topic, dict):
                    yield _topic(self._path.name, topic, topic)
                else:
                    place = _("%(name)s, topic %(id)s") % {"name": self._path.name, "id": f"[{number}]"}
                    yield Skipped("threads", _("It is no topic."), place)
            return
        for file in self._files:
            if file.name in {"categories.json", "users.json"}:
                continue
            content = self._load(file)
            if content is None:
                yield Skipped("threads", _("The file cannot be read as JSON."), file.name)
            elif "post_stream" in content:
                yield _topic(file.name, content, content["post_stream"])
            else:
                yield Skipped("threads", _("It is no topic."), file.name, is_problem=False)

    # Records --------------------------------------------------------------------------------------------------------

    def people(self) -> Iterator[Person | Skipped]:
        if self._path.is_file():
            for number, user in enumerate(self._elements("users"), 1):
                place = _("%(name)s, user %(id)s") % {"name": self._path.name, "id": _shown_id(user, f"[{number}]")}
                yield from guarded("people", place, partial(_person, user))
            return
        for found in self._topics():
            if not isinstance(found, Skipped):
                for post in found.posts:
                    with suppress(TypeError):  # such a post is reported where it is read
                        if author := _author(post):
                            yield Person(id=author, name=str(post.get("username") or ""))

    def beginnings(self) -> Iterator[Beginning | Skipped]:
        for found in self._topics():
            if isinstance(found, Skipped):
                yield found
            else:
                yield from guarded("threads", found.place, partial(self._beginning, found))

    def _beginning(self, found: _Topic) -> Beginning | Skipped:
        topic, posts, place = found.topic, found.posts, found.place
        area = self._categories.get(str(topic.get("category_id")), "")
        if topic.get("archetype", "regular") != "regular":
            return Skipped("threads", _("It is a private message."), place, is_problem=False)
        if area == _NO_AREA:
            return Skipped("threads", _("Not everybody may read its category."), place)
        if not found.begins or posts[0].get("hidden"):
            return Skipped("threads", _("Its first post is hidden or missing."), place)
        tags = [tag if isinstance(tag, str) else str(tag.get("name", "")) for tag in _list(topic.get("tags"))]
        return Beginning(
            **_fields(posts[0], place),
            title=str(topic.get("title") or ""),
            area=area,
            tags=tags,
            views=topic["views"] if isinstance(topic.get("views"), int) else 0,
            is_closed=bool(topic.get("closed") or topic.get("archived")),
        )

    def replies(self) -> Iterator[Reply | Skipped]:
        for found in self._topics():
            if isinstance(found, Skipped) or not found.begins:
                continue
            ids: dict[int, str] = {}
            for post in found.posts:
                with suppress(TypeError):  # such a post is reported below
                    if not _is_no_text(post):
                        ids[post["post_number"]] = _id_of(post)
            for post in found.posts[1:]:
                where = _("%(place)s, post %(number)s") % {"place": found.place, "number": post["post_number"]}
                yield from guarded("replies", where, partial(_reply, post, where, found.posts[0], ids))
            for post in found.odd:
                where = _("%(place)s, post %(number)s") % {"place": found.place, "number": _shown_id(post, "?")}
                yield Skipped("replies", _("A value in it is not of the kind it should be."), where)

    def acceptances(self) -> Iterator[Acceptance | Skipped]:
        for found in self._topics():
            if not isinstance(found, Skipped):
                for post in found.posts[1:]:
                    if post.get("accepted_answer"):
                        yield from guarded("solutions", found.place, partial(_acceptance, post, found.place))

    def voices(self) -> Iterator[Voice | Skipped]:
        """None: exports say how many liked a post, not who."""
        yield from ()


@dataclass(frozen=True, slots=True)
class _Topic:
    """A topic as the file has it."""

    place: str
    topic: dict[str, Any]
    #: In the order of their numbers.
    posts: list[dict[str, Any]]
    #: What stands among them and is no post, or has no number.
    odd: list[Any]

    @property
    def begins(self) -> bool:
        return bool(self.posts) and self.posts[0]["post_number"] == 1


def _topic(name: str, topic: dict[str, Any], stream: Any) -> _Topic:
    place = _("%(name)s, topic %(id)s") % {"name": name, "id": _shown_id(topic, "?")}
    posts: list[dict[str, Any]] = []
    odd: list[Any] = []
    for post in _list_of(stream, "posts"):
        is_post = isinstance(post, dict) and isinstance(post.get("post_number"), int)
        (posts if is_post else odd).append(post)
    return _Topic(place, topic, sorted(posts, key=lambda post: post["post_number"]), odd)


def _shown_id(element: Any, otherwise: str) -> str:
    found = element.get("id") if isinstance(element, dict) else None
    return str(found)[:40] if isinstance(found, int | str) else otherwise


def _list_of(element: Any, name: str) -> list[Any]:
    """Return a list in an object; an empty one for everything else."""
    found = element.get(name) if isinstance(element, dict) else None
    return found if isinstance(found, list) else []


def _list(value: Any) -> list[Any]:
    """Return a list, which may be missing. Raises `TypeError` for anything else."""
    if value is not None and not isinstance(value, list):
        raise TypeError
    return value or []


def _id_of(element: Any, name: str = "id") -> str:
    """Return an id as a text. Raises `TypeError` for what is none: two without one would be the same."""
    found = element.get(name) if isinstance(element, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | str):
        raise TypeError
    return str(found)


def _author(post: dict[str, Any]) -> str:
    """Return the id of the author; empty for the forum itself. Raises `TypeError` for what is no id."""
    found = post.get("user_id")
    if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
        raise TypeError
    return str(found) if found and found > 0 else ""


def _slug_of(category: dict[str, Any]) -> str:
    """Return the slug, unless the category is for some groups only, or for whom cannot be read."""
    allowed = category.get("permissions_params")
    is_for_all = not allowed or (isinstance(allowed, dict) and "everyone" in allowed)
    return str(category.get("slug") or "") if is_for_all and not category.get("read_restricted") else _NO_AREA


def _is_no_text(post: dict[str, Any]) -> bool:
    """Whether it is hidden, deleted, a whisper or what the forum says by itself: “closed this topic”."""
    return bool(post.get("hidden") or post.get("deleted_at") or post.get("post_type", 1) not in {1, 2})


def _person(user: Any) -> Person:
    joined = _moment(user.get("created_at"))
    return Person(id=_id_of(user), name=str(user.get("username") or ""), joined=joined)


def _fields(post: dict[str, Any], place: str) -> dict[str, Any]:
    raw = post.get("raw")
    text = str((post.get("cooked") or "") if raw is None else raw)
    return {
        "id": _id_of(post),
        "place": place,
        "body": text[:RAW_LENGTH] if raw is None else _markdown(text[:RAW_LENGTH]),
        "is_cut": len(text) > RAW_LENGTH,
        "is_html": raw is None,
        "created": read_moment(str(post.get("created_at") or "")),
        "author": _author(post),
        "votes": _likes(post),
    }


def _reply(post: dict[str, Any], place: str, first: dict[str, Any], ids: dict[int, str]) -> Reply | Skipped:
    if _is_no_text(post):
        return Skipped("replies", _("It is hidden, or a note of the forum itself."), place, is_problem=False)
    parent = ids.get(post.get("reply_to_post_number", 1)) or _id_of(first)
    return Reply(**_fields(post, place), parent=parent)


def _acceptance(post: dict[str, Any], place: str) -> Acceptance:
    return Acceptance(post=_id_of(post), place=place)


def _likes(post: dict[str, Any]) -> int:
    counts = [
        action.get("count", 0)
        for action in _list(post.get("actions_summary"))
        if isinstance(action, dict) and action.get("id") == _LIKE
    ]
    return next((count for count in counts if isinstance(count, int) and count > 0), 0)


def _markdown(raw: str) -> str:
    """Return the Markdown of Discourse without what only Discourse knows."""
    return _with_quotes(_UPLOAD.sub(lambda match: match[1], raw))


def _with_quotes(raw: str) -> str:
    """Return the text with its ``[quote]`` as quotes of Markdown. What is open at the end stays as it is written.

    The work grows with the length: each line is indented `_MAX_DEPTH` times at most, and what is deeper is not.
    """
    opened: list[tuple[str, list[str]]] = [("", [])]
    too_deep = at = 0
    for match in _QUOTE_MARK.finditer(raw):
        opened[-1][1].append(raw[at : match.start()])
        at = match.end()
        is_end = match[0].startswith("[/")
        if not is_end and len(opened) <= _MAX_DEPTH:
            opened.append((match[0], []))
        elif not is_end:
            too_deep += 1
        elif too_deep:
            too_deep -= 1
        elif len(opened) > 1:
            _mark, parts = opened.pop()
            lines = "".join(parts).strip().split("\n")
            opened[-1][1].append("\n" + "\n".join(f"> {line}" for line in lines) + "\n\n")
        else:
            opened[-1][1].append(match[0])
    return "".join(part for mark, parts in opened for part in (mark, *parts)) + raw[at:]


def _moment(value: Any) -> Any:
    try:
        return read_moment(str(value or ""))
    except RowError:
        return None
