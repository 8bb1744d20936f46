"""Troubleshooters of the demo, from ``content/troubleshooters``, and what readers made of them."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from django.conf import settings
from django.utils import timezone

from faq.models import ArticlePage
from portal.accounts.models import User
from portal.catalog.models import Product, Topic
from portal.core.localized import LocalizedText
from portal.troubleshooters import services
from portal.troubleshooters.graph import Answer, Graph, Kind, Step
from portal.troubleshooters.models import Arrival, Outcome, Troubleshooter, Version

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).resolve().parent / "content" / "troubleshooters"
_READERS: Final = 240


def load_troubleshooters() -> int:
    """Make and publish what is missing; return how many were made. Safe to repeat."""
    admin = User.objects.get(handle="admin")
    known = set(Troubleshooter.objects.values_list("slug", flat=True))
    new = [each for each in read_all() if each["slug"] not in known]
    for each in new:
        _make(each, admin)
    return len(new)


def _make(told: dict[str, Any], admin: User) -> None:
    made = services.save_troubleshooter(
        Troubleshooter(
            slug=told["slug"],
            icon=told["icon"],
            title=LocalizedText(told["title"]),
            intro=LocalizedText(told["intro"]),
            keywords=LocalizedText(told["keywords"]),
            topic=Topic.objects.get(code=told["topic"]),
            order=told.get("order", 0),
            owner=admin,
        ),
        by=admin,
    )
    made.products.set(Product.objects.filter(code__in=told["products"]))
    services.store_draft(troubleshooter=made, graph=graph_of(told), by=admin)
    version = services.publish(troubleshooter=made, by=admin)
    _walk(made, version)


def _walk(made: Troubleshooter, version: Version) -> None:
    """Have readers walk it within the last month, the same ones at every load, so that its figures say something."""
    chance = random.Random(made.slug)
    steps, arrivals, outcomes = version.steps.by_number, [], []
    for number in range(_READERS):
        visitor = f"{number:024x}"
        day = timezone.localdate() - dt.timedelta(days=chance.randint(1, 28))
        at, seen = version.steps.start, set[int]()
        while at is not None and at not in seen:
            seen.add(at)
            step = steps[at]
            next_ = chance.choice([each.to for each in step.answers] or [step.otherwise])
            goes_on = chance.random() < (0.9 if step.kind is Kind.QUESTION else 0.3)
            arrivals.append(Arrival(troubleshooter=made, step=at, day=day, visitor=visitor, went_on=goes_on))
            if step.kind in {Kind.SOLUTION, Kind.ARTICLE} and chance.random() < 0.5:
                outcomes.append(Outcome(version=version, step=at, visitor=visitor, is_solved=not goes_on))
                break
            at = next_ if goes_on else None
    Arrival.objects.bulk_create(arrivals)
    Outcome.objects.bulk_create(outcomes)


def read_all() -> list[dict[str, Any]]:
    """Return what the files say."""
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.yaml"))]


def graph_of(told: dict[str, Any], key_of: Callable[[str], str] | None = None) -> Graph:
    """Return the steps of a file; `key_of` finds the article with an external id, by default among those loaded."""
    return Graph(tuple(_step(each, key_of or _key_of) for each in told["steps"]))


def _key_of(external_id: str) -> str:
    page = ArticlePage.objects.filter(external_id=external_id, locale__language_code=settings.LANGUAGE_CODE)
    return str(page.values_list("translation_key", flat=True).get())


def _step(told: dict[str, Any], key_of: Callable[[str], str]) -> Step:
    return Step(
        number=told["number"],
        kind=Kind(told["kind"]),
        title=LocalizedText(told["title"]),
        text=LocalizedText(told.get("text", {})),
        answers=tuple(_answer(each) for each in told.get("answers", ())),
        otherwise=told.get("otherwise"),
        article=key_of(told["article"]) if "article" in told else "",
    )


def _answer(told: dict[str, Any]) -> Answer:
    codes = [code for code, _name in settings.LANGUAGES]
    return Answer(
        label=LocalizedText({code: told[code] for code in codes}),
        hint=LocalizedText({code: told[f"hint_{code}"] for code in codes if f"hint_{code}" in told}),
        colour=told.get("colour", ""),
        to=told["to"],
    )
