"""One index per language, behind aliases that stay the same while indices are replaced.

    portal-fa                        what is searched: an alias of one index, switched in one step
    portal-fa-v1002-…                an index; its name contains the version of the layout
    portal-fa-v1002-…-write          an alias for writing: without it, a write to a deleted index would make the
                                     cluster create it again, with guessed mappings

All writers write to an index that is being filled as soon as it exists; it is searched when it is complete.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from search.index.elastic.connection import asking, in_time
from search.index.elastic.schema import VERSION, index_body, mark_of
from search.index.errors import UnavailableError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_WRITE: Final = "-write"
_ADMIN_SECONDS: Final = 30.0
#: How long a replaced index is kept for searches that are still running.
_GRACE_SECONDS: Final = 0.5
_COPIED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """The indices of a language: the live one, which is searched, if any, and those that are being filled."""

    live: str | None
    filling: tuple[str, ...]

    @property
    def written(self) -> tuple[str, ...]:
        return (*((self.live,) if self.live else ()), *self.filling)

    @property
    def current(self) -> str | None:
        """The index that tells what has been stored: the live one, or else the newest of those being filled."""
        return self.live or (self.filling[-1] if self.filling else None)


class Indices:
    """The indices of one installation. Every method may raise `UnavailableError`."""

    def __init__(self, client: Elasticsearch, prefix: str, languages: Sequence[str]) -> None:
        self._client = client
        self._prefix = prefix
        self.languages = tuple(languages)

    def alias(self, language: str) -> str:
        """The alias under which a language is searched."""
        return f"{self._prefix}-{language.lower()}"

    @property
    def aliases(self) -> list[str]:
        return [self.alias(language) for language in self.languages]

    def language_of(self, language: str) -> str:
        """The language whose index holds entries in `language`; the first one if it has no index of its own."""
        return language if language in self.languages else self.languages[0]

    def places(self) -> dict[str, Place]:
        """The current indices of each language."""
        with asking():
            found = in_time(self._client).indices.get_alias(
                index=[*(f"{alias}-v*" for alias in self.aliases), *self.aliases], ignore_unavailable=True
            )
            aliases = {name: set(state["aliases"]) for name, state in found.body.items()}
        return {language: self._place(language, aliases) for language in self.languages}

    def _place(self, language: str, aliases: Mapping[str, set[str]]) -> Place:
        alias = self.alias(language)
        ours = re.compile(rf"{re.escape(alias)}-v(\d+)-[0-9a-f]+")
        versions = {name: int(match[1]) for name in aliases if (match := ours.fullmatch(name))}
        # Of several (the cluster lists them in no order) the newest: a newer release may be about to take over.
        live = max((name for name in versions if alias in aliases[name]), key=lambda name: versions[name], default=None)
        if live is not None and versions[live] > VERSION:
            raise UnavailableError(f"the index {live} belongs to a newer release of the portal")
        writable = sorted(name for name in versions if versions[name] == VERSION and name + _WRITE in aliases[name])
        if live not in writable:
            live = None
        return Place(live, tuple(name for name in writable if name != live))

    def trouble(self) -> str:
        """The reason why the indices cannot be searched, in a few words; empty if they can."""
        places = self.places()
        if any(place.live is None for place in places.values()):
            return "an index is missing or of an older release"
        with asking():
            # Without a timeout, the cluster would wait for an index that is missing.
            health = in_time(self._client).cluster.health(index=self.aliases, timeout="100ms")
            if health["status"] == "red":
                return "the cluster is red"
            return self._wrong_marks({language: str(place.live) for language, place in places.items()})

    def _wrong_marks(self, names: Mapping[str, str]) -> str:
        mappings = in_time(self._client).indices.get_mapping(index=list(names.values())).body
        for language, name in names.items():
            if mappings[name]["mappings"].get("_meta", {}).get("portal") != mark_of(language):
                return f"the index {name} was not made by this release"
        return ""

    def ensure(self) -> None:
        """Make sure that every language has an index of this release; create those that are missing, to be filled."""
        places = self.places()
        wrong = [language for language, place in places.items() if not place.written]
        for language, place in places.items():
            if place.current and self._is_wrong(language, place.current):
                self._delete([place.current])
                wrong.append(language)
        self.create(wrong)

    def _is_wrong(self, language: str, name: str) -> bool:
        with asking():
            return bool(self._wrong_marks({language: name}))

    def create(self, languages: Iterable[str]) -> dict[str, str]:
        """Create new indices, to which all writers write from now on; return their names by language."""
        created = {}
        for language in languages:
            stamp = f"{int(time.time()):x}{uuid.uuid4().hex[:8]}"
            name = f"{self.alias(language)}-v{VERSION}-{stamp}"
            body = index_body(language)
            with asking():
                in_time(self._client, _ADMIN_SECONDS).indices.create(
                    index=name, settings=body["settings"], mappings=body["mappings"], aliases={name + _WRITE: {}}
                )
            created[language] = name
        return created

    def publish(self, names: Mapping[str, str]) -> None:
        """Make these the live indices, and delete the previous ones and all that are incomplete."""
        for name in names.values():
            self.refresh(name)
        with asking():
            there = in_time(self._client).indices.get_alias(
                index=[*(f"{self.alias(language)}-v*" for language in names), *map(self.alias, names)],
                ignore_unavailable=True,
            ).body  # fmt: skip
            actions: list[dict[str, Any]] = []
            old = []
            for language, name in names.items():
                alias = self.alias(language)
                for other, state in there.items():
                    if other == alias:  # an index was created under the name of the alias
                        actions.append({"remove_index": {"index": other}})
                    elif other != name and alias in state["aliases"]:
                        actions.append({"remove": {"index": other, "alias": alias}})
                old += [other for other in there if other.startswith(f"{alias}-v") and other != name]
                actions.append({"add": {"index": name, "alias": alias}})
            in_time(self._client, _ADMIN_SECONDS).indices.update_aliases(actions=actions)
        if old:
            time.sleep(_GRACE_SECONDS)
            self._delete(old)

    def publish_filled(self) -> None:
        """Publish the filled index of each language without a live one."""
        filled = {language: place.filling[-1] for language, place in self.places().items() if not place.live}
        if filled:
            self.publish(filled)

    def delete_filling(self) -> None:
        """Delete the indices of aborted rebuilds. A rebuild that is still running will fail."""
        self._delete([name for place in self.places().values() if place.live for name in place.filling])

    def delete_all(self) -> None:
        """Delete all indices of this installation from the cluster."""
        with asking():
            there = in_time(self._client).indices.get_alias(
                index=[*(f"{alias}-v*" for alias in self.aliases), *self.aliases], ignore_unavailable=True
            ).body  # fmt: skip
        self._delete(list(there))

    def _delete(self, names: Sequence[str]) -> None:
        if names:
            with asking():
                in_time(self._client, _ADMIN_SECONDS).indices.delete(index=list(names), ignore_unavailable=True)

    def refresh(self, name: str) -> None:
        """Make everything that was written searchable."""
        with asking():
            in_time(self._client, _ADMIN_SECONDS).indices.refresh(index=name)

    def copy(self, ids: Sequence[str], *, source: str, target: str) -> None:
        """Copy entries unchanged; newer versions in `target` are kept."""
        for start in range(0, len(ids), _COPIED_AT_ONCE):
            with asking():
                in_time(self._client, _ADMIN_SECONDS).reindex(
                    source={"index": source, "query": {"ids": {"values": list(ids[start : start + _COPIED_AT_ONCE])}}},
                    dest={"index": target, "version_type": "external"},
                    conflicts="proceed",
                )

    @staticmethod
    def writing_name(name: str) -> str:
        """The alias used for writing to an index."""
        return name + _WRITE
