"""Where stored files are shown, read from Wagtail's reference index. Used by `portal.core.file_audiences` only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from django.contrib.contenttypes.models import ContentType
from wagtail.models import CollectionViewRestriction, Page, ReferenceIndex

from portal.core.audience import SIGNED_IN, STAFF, Audience
from portal.core.pages import with_audience

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from django.db.models import Model

#: Rows read or written in one query.
PORTION: Final = 500

#: An object as the reference index names it: the id of the content type of its base model, and its key.
Node = tuple[int, str]

#: Models that are no pages and show files: an audience, or None for that of the pages that contain them.
holders: Final[dict[type[Model], str | None]] = {}


def where_shown(model: type[Model], pks: Collection[Any]) -> dict[str, set[str]]:
    """Return for these objects the audiences of all places that show them; the number of queries is constant.

    Places are live pages, and settings declared as seen by an audience. What a part of a page refers to is shown by every
    page that refers to the part. Drafts are seen by staff, which needs no entry. A collection with a view restriction of
    Wagtail narrows what is in it.
    """
    pages, found = _places_of(model, pks)
    for portion in portions(sorted(pages)):
        live = with_audience(Page.objects.filter(pk__in=[int(pk) for pk in portion], live=True).order_by())
        for pk, audience in live.values_list("pk", "shown_to"):
            for shown in pages[str(pk)]:
                found[shown].add(audience)
    return _narrowed(model, found)


def _places_of(model: type[Model], pks: Collection[Any]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Follow references upwards; return which of the objects each page shows, and the audiences of other places."""
    page_type = base_type(Page)
    known = {base_type(holder): audience for holder, audience in holders.items()}
    pages: dict[str, set[str]] = defaultdict(set)
    found: dict[str, set[str]] = defaultdict(set)
    reached: dict[Node, set[str]] = {(base_type(model), str(pk)): {str(pk)} for pk in pks}
    frontier = set(reached)
    while frontier:
        further: set[Node] = set()
        for source, target in _references(frontier):
            shown = reached[target]
            audience = known.get(source[0])
            if source[0] == page_type:
                pages[source[1]] |= shown
            elif audience is not None:
                for pk in shown:
                    found[pk].add(audience)
            elif source[0] in known and not shown <= reached.get(source, set()):
                reached[source] = reached.get(source, set()) | shown
                further.add(source)
        frontier = further
    return pages, found


def _references(nodes: Iterable[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield what refers to these objects: who, to whom."""
    by_type: dict[int, list[str]] = defaultdict(list)
    for type_id, pk in nodes:
        by_type[type_id].append(pk)
    for type_id, pks in by_type.items():
        for portion in portions(sorted(pks)):
            rows = ReferenceIndex.objects.filter(to_content_type_id=type_id, to_object_id__in=portion)
            for source_type, source_pk, pk in rows.values_list("base_content_type_id", "object_id", "to_object_id"):
                yield (source_type, source_pk), (type_id, pk)


def _narrowed(model: type[Model], found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Apply the view restrictions of collections; one query more when there is none."""
    if not found or not any(field.name == "collection" for field in model._meta.get_fields()):  # noqa: SLF001
        return found
    rows = CollectionViewRestriction.objects.values_list("collection__path", "restriction_type")
    restricted = [(path, Audience.parse(SIGNED_IN if kind == "login" else STAFF)) for path, kind in rows]
    if not restricted:
        return found
    places = model._base_manager.filter(pk__in=list(found)).values_list("pk", "collection__path")  # noqa: SLF001
    for pk, here in places:
        for path, audience in restricted:
            if here.startswith(path):
                found[str(pk)] = {str(Audience.parse(one) & audience) for one in found[str(pk)]}
    return found


def shown_by(nodes: Iterable[Node], targets: Mapping[int, str]) -> dict[str, set[str]]:
    """Return the objects with files that these objects show, themselves or in their parts: keys by kind.

    `targets`: the kinds of objects with files, by the id of their content type.
    """
    parts = {base_type(holder) for holder in holders}
    found: dict[str, set[str]] = defaultdict(set)
    seen: set[Node] = set()
    frontier = set(nodes)
    while frontier:
        seen |= frontier
        by_type: dict[int, list[str]] = defaultdict(list)
        for type_id, pk in frontier:
            by_type[type_id].append(pk)
        frontier = set()
        for type_id, pks in by_type.items():
            for portion in portions(sorted(pks)):
                rows = ReferenceIndex.objects.filter(base_content_type_id=type_id, object_id__in=portion)
                rows = rows.filter(to_content_type_id__in=[*targets, *parts])
                for target, pk in rows.values_list("to_content_type_id", "to_object_id").distinct():
                    if target in targets:
                        found[targets[target]].add(pk)
                    if target in parts and (target, pk) not in seen:
                        frontier.add((target, pk))
    return found


def portions(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the keys in lists that fit into one query."""
    every = list(keys)
    for start in range(0, len(every), PORTION):
        yield every[start : start + PORTION]


def base_type(model: type[Model]) -> int:
    """Return the id of the content type under which the reference index enters objects of this model."""
    parents = list(model._meta.all_parents)  # noqa: SLF001
    base = parents[-1] if parents else model
    return ContentType.objects.get_for_model(base, for_concrete_model=False).pk
