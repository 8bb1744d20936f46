"""Troubleshooters as lines of an export."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from portal.catalog.models import Product, Topic
from portal.core import exchange
from portal.core.audience import register_audience
from portal.core.exchange import ExchangeError, Part, Result, Taken
from portal.core.scopes import content_changed
from portal.troubleshooters.graph import Graph
from portal.troubleshooters.models import Troubleshooter, Version
from portal.troubleshooters.queries import SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.core.exchange import Row, Sink, Supply, Terms, Wish

_TEXTS: Final = ("title", "intro", "keywords")
_FIELDS: Final = ("slug", "icon", "audience", "order", "next_number")


def connect() -> None:
    """Declare the lines; called once when the apps are ready."""
    exchange.register(Part("troubleshooters", rows=rows, take=take))


def rows(wish: Wish, _sink: Sink) -> Iterator[Row]:
    """Yield troubleshooters: what readers walk, and the draft if drafts are wanted."""
    found = Troubleshooter.objects.select_related("topic", "live").prefetch_related("products")
    for each in sorted(found, key=lambda each: each.slug):
        if each.live is not None or wish.drafts:
            yield _row(each, with_draft=wish.drafts)


def _row(each: Troubleshooter, *, with_draft: bool) -> Row:
    live = each.live
    return {
        **{name: getattr(each, name) for name in _FIELDS},
        **{name: dict(getattr(each, name)) for name in _TEXTS},
        "topic": each.topic.code if each.topic else None,
        "products": sorted(product.code for product in each.products.all()),
        "draft": each.draft if with_draft else None,
        "live": live
        and {
            "number": live.number,
            "graph": live.graph,
            "languages": live.languages,
            "published_at": live.published_at.astimezone(dt.UTC).isoformat(),
        },
    }


def take(row: Row, _supply: Supply, terms: Terms) -> Taken:
    """Store a troubleshooter. One that is different here is left alone, or on `terms` replaced; without `publish`, as a draft."""
    for stored in (row["draft"], row["live"] and row["live"]["graph"]):
        if stored is not None:
            _check(stored)
    held = Troubleshooter.objects.select_for_update(of=("self",)).filter(slug=row["slug"]).first()
    if held is not None:
        if exchange.same(_row(held, with_draft=row["draft"] is not None), row):
            return Taken(Result.UNCHANGED)
        graph = row["draft"] if row["draft"] is not None else row["live"]["graph"]
        is_waiting = terms.publish and row["live"] and held.live is None and held.draft == graph  # taken in as a draft
        if not terms.overwrite and not is_waiting:
            return Taken(Result.SKIPPED, [_("It is different here, and was left as it is.")])
    found = held or Troubleshooter()
    for name in (*_FIELDS, *_TEXTS):
        setattr(found, name, row[name])
    found.topic = Topic.objects.filter(code=row["topic"]).first() if row["topic"] else None
    found.draft = row["draft"] if row["draft"] is not None else row["live"]["graph"]
    found.audience = register_audience(row["audience"])
    found.full_clean(exclude=["live"])
    found.save()
    found.products.set(Product.objects.filter(code__in=row["products"]))
    if row["live"] and terms.publish:
        found.live = _version(found, row["live"])
        found.save(update_fields=["live", "changed_at"])
    content_changed(SCOPE)
    return Taken(Result.CREATED if held is None else Result.CHANGED)


def _version(found: Troubleshooter, live: Row) -> Version:
    """Return the version, made now unless it is the one with this number: what was published never changes."""
    same = Version.objects.filter(troubleshooter=found, number=live["number"]).first()
    if same is not None and (same.graph, same.languages) == (live["graph"], live["languages"]):
        return same
    number = int(live["number"])
    if same is not None:
        number = max(Version.objects.filter(troubleshooter=found).values_list("number", flat=True)) + 1
    made = Version.objects.create(
        troubleshooter=found, number=number, graph=live["graph"], languages=list(live["languages"])
    )
    published = dt.datetime.fromisoformat(live["published_at"])
    Version.objects.filter(pk=made.pk).update(published_at=published)
    return made


def _check(stored: Row) -> None:
    """Raise `ExchangeError` for a graph that is none."""
    try:
        is_whole = Graph.from_json(stored).to_json()["steps"] == stored.get("steps", [])
    except (KeyError, TypeError, ValueError, AttributeError):
        is_whole = False
    if not is_whole:
        raise ExchangeError(_("The steps of the troubleshooter are damaged."))
