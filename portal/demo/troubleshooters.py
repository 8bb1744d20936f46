"""Troubleshooters of the demo, from ``content/troubleshooters``, and what readers made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from django.conf import settings

from faq.models import ArticlePage
from portal.accounts.models import User
from portal.catalog.models import Product, Topic
from portal.core.localized import LocalizedText
from portal.troubleshooters import services
from portal.troubleshooters.graph import Answer, Graph, Kind, Step
from portal.troubleshooters.models import Troubleshooter

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).resolve().parent / "content" / "troubleshooters"


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
    services.publish(troubleshooter=made, by=admin)


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
