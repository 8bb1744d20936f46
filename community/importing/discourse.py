"""A forum of Discourse: a category export, or a folder of topics from its API. README.md says what they look like."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _

from community.importing.errors import RowError, SourceError
from community.importing.json_stream import elements_of
from community.importing.moments import read_moment
from community.importing.records import Acceptance, Beginning, Person, Reply, Skipped, Voice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_TOPIC_BYTES: Final = 1 << 26
_LIKE: Final = 2
_QUOTE: Final = re.compile(r"\[quote(?:=[^\]\n]{0,200})?\]\s*(.*?)\s*\[/quote\]", re.DOTALL | re.IGNORECASE)
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

    def _elements(self, name: str) -> Iterator[dict[str, Any]]:
        with self._path.open(encoding="utf-8-sig", errors="replace") as stream:
            for element in elements_of(stream, name):
                if isinstance(element, dict):
                    yield element

    def _read_categories(self) -> dict[str, str]:
        if self._path.is_file():
            found = list(self._elements("categories"))
        else:
            content = self._load(self._path / "categories.json") or {}
            found = [*(content.get("category_list") or {}).get("categories", []), *content.get("categories", [])]
            found += [below for above in found for below in above.get("subcategory_list") or []]
        return {str(each.get("id")): _slug_of(each) for each in found}

    @staticmethod
    def _load(path: Path) -> dict[str, Any] | None:
        try:
            if path.stat().st_size > _MAX_TOPIC_BYTES:
                return None
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    def _topics(self) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]] | Skipped]:
        """Yield each topic with its place and its posts in order."""
        if self._path.is_file():
            for topic in self._elements("topics"):
                posts = topic.get("posts")
                yield _place(self._path.name, topic), topic, _in_order(posts)
            return
        for file in self._files:
            if file.name in {"categories.json", "users.json"}:
                continue
            content = self._load(file)
            if content is None:
                yield Skipped("threads", _("The file cannot be read as JSON."), file.name)
            elif "post_stream" in content:
                yield _place(file.name, content), content, _in_order(content["post_stream"].get("posts"))
            else:
                yield Skipped("threads", _("It is no topic."), file.name, is_problem=False)

    # Records --------------------------------------------------------------------------------------------------------

    def people(self) -> Iterator[Person | Skipped]:
        if self._path.is_file():
            for user in self._elements("users"):
                joined = _moment(user.get("created_at"))
                yield Person(id=str(user.get("id")), name=str(user.get("username") or ""), joined=joined)
            return
        for found in self._topics():
            if isinstance(found, Skipped):
                continue
            for post in found[2]:
                if post.get("user_id"):
                    yield Person(id=str(post["user_id"]), name=str(post.get("username") or ""))

    def beginnings(self) -> Iterator[Beginning | Skipped]:
        for found in self._topics():
            if isinstance(found, Skipped):
                yield found
                continue
            place, topic, posts = found
            area = self._categories.get(str(topic.get("category_id")), "")
            if topic.get("archetype", "regular") != "regular":
                yield Skipped("threads", _("It is a private message."), place, is_problem=False)
            elif area == _NO_AREA:
                yield Skipped("threads", _("Not everybody may read its category."), place)
            elif not posts or posts[0].get("post_number") != 1 or posts[0].get("hidden"):
                yield Skipped("threads", _("Its first post is hidden or missing."), place)
            else:
                yield from _guarded(
                    "threads", place, lambda t=topic, p=posts, w=place, a=area: _beginning(t, p[0], w, a)
                )

    def replies(self) -> Iterator[Reply | Skipped]:
        for found in self._topics():
            if isinstance(found, Skipped) or not found[2] or found[2][0].get("post_number") != 1:
                continue
            place, _topic, posts = found
            ids = {post.get("post_number"): str(post.get("id")) for post in posts if not _is_no_text(post)}
            for post in posts[1:]:
                where = _("%(place)s, post %(number)s") % {"place": place, "number": post.get("post_number")}
                if _is_no_text(post):
                    yield Skipped("replies", _("It is hidden, or a note of the forum itself."), where, is_problem=False)
                    continue
                parent = ids.get(post.get("reply_to_post_number")) or str(posts[0].get("id"))
                yield from _guarded("replies", where, lambda p=post, w=where, a=parent: _reply(p, w, a))

    def acceptances(self) -> Iterator[Acceptance | Skipped]:
        for found in self._topics():
            if not isinstance(found, Skipped):
                for post in found[2][1:]:
                    if post.get("accepted_answer"):
                        yield Acceptance(post=str(post.get("id")), place=found[0])

    def voices(self) -> Iterator[Voice | Skipped]:
        """None: exports say how many liked a post, not who."""
        yield from ()


def _place(name: str, topic: dict[str, Any]) -> str:
    return _("%(name)s, topic %(id)s") % {"name": name, "id": topic.get("id")}


def _slug_of(category: dict[str, Any]) -> str:
    """Return the slug, unless the category is for some groups only."""
    allowed = category.get("permissions_params")
    if category.get("read_restricted") or (isinstance(allowed, dict) and allowed and "everyone" not in allowed):
        return _NO_AREA
    return str(category.get("slug") or "")


def _in_order(posts: Any) -> list[dict[str, Any]]:
    found = [post for post in posts or [] if isinstance(post, dict) and isinstance(post.get("post_number"), int)]
    return sorted(found, key=lambda post: post["post_number"])


def _is_no_text(post: dict[str, Any]) -> bool:
    """Whether it is hidden, deleted, a whisper or what the forum says by itself: “closed this topic”."""
    return bool(post.get("hidden") or post.get("deleted_at") or post.get("post_type", 1) not in {1, 2})


def _guarded(kind: str, place: str, make: Any) -> Iterator[Any]:
    try:
        yield make()
    except RowError as error:
        yield Skipped(kind, error.reason, place)


def _fields(post: dict[str, Any], place: str) -> dict[str, Any]:
    raw = post.get("raw")
    return {
        "id": str(post.get("id")),
        "place": place,
        "body": _markdown(str(raw)) if raw is not None else str(post.get("cooked") or ""),
        "is_html": raw is None,
        "created": read_moment(str(post.get("created_at") or "")),
        "author": str(post["user_id"]) if post.get("user_id") and post["user_id"] > 0 else "",
        "votes": _likes(post),
    }


def _beginning(topic: dict[str, Any], post: dict[str, Any], place: str, area: str) -> Beginning:
    tags = [tag if isinstance(tag, str) else str(tag.get("name", "")) for tag in topic.get("tags") or []]
    return Beginning(
        **_fields(post, place),
        title=str(topic.get("title") or ""),
        area=area,
        tags=tags,
        views=topic["views"] if isinstance(topic.get("views"), int) else 0,
        is_closed=bool(topic.get("closed") or topic.get("archived")),
    )


def _reply(post: dict[str, Any], place: str, parent: str) -> Reply:
    return Reply(**_fields(post, place), parent=parent)


def _likes(post: dict[str, Any]) -> int:
    counts = [
        action.get("count", 0)
        for action in post.get("actions_summary") or []
        if isinstance(action, dict) and action.get("id") == _LIKE
    ]
    return next((count for count in counts if isinstance(count, int) and 0 < count < 100_000), 0)


def _markdown(raw: str) -> str:
    """Return the Markdown of Discourse without what only Discourse knows."""
    raw = _UPLOAD.sub(lambda match: match[1], raw)
    for _level in range(5):
        quoted = _QUOTE.sub(lambda match: "\n" + "\n".join(f"> {line}" for line in match[1].split("\n")) + "\n\n", raw)
        if quoted == raw:
            break
        raw = quoted
    return raw


def _moment(value: Any) -> Any:
    try:
        return read_moment(str(value or ""))
    except RowError:
        return None
