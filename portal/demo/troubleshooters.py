"""Troubleshooters of the demo, from ``content/troubleshooters``, and what readers made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml
from django.conf import settings

from faq.models import ArticlePage
from portal.accounts.models import User
from portal.catalog.models import Product, Topic
from portal.core.localized import LocalizedText
from portal.troubleshooters import services
from portal.troubleshooters.graph import Answer, Graph, Kind, Step
from portal.troubleshooters.models import Troubleshooter

FOLDER: Final = Path(__file__).resolve().parent / "content" / "troubleshooters"


def load_troubleshooters() -> int:
    """Make and publish what is missing; return how many were made. Safe to repeat."""
    admin = User.objects.get(handle="admin")
    known = set(Troubleshooter.objects.values_list("slug", flat=True))
    told = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.yaml"))]
    new = [each for each in told if each["slug"] not in known]
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
    graph = Graph(tuple(_step(each) for each in told["steps"]))
    services.store_draft(troubleshooter=made, graph=graph, by=admin)
    services.publish(troubleshooter=made, by=admin)


def _step(told: dict[str, Any]) -> Step:
    article = ""
    if "article" in told:
        page = ArticlePage.objects.filter(external_id=told["article"], locale__language_code=settings.LANGUAGE_CODE)
        article = str(page.values_list("translation_key", flat=True).get())
    return Step(
        number=told["number"],
        kind=Kind(told["kind"]),
        title=LocalizedText(told["title"]),
        text=LocalizedText(told.get("text", {})),
        answers=tuple(_answer(each) for each in told.get("answers", ())),
        otherwise=told.get("otherwise"),
        article=article,
    )


def _answer(told: dict[str, Any]) -> Answer:
    codes = [code for code, _name in settings.LANGUAGES]
    return Answer(
        label=LocalizedText({code: told[code] for code in codes}),
        hint=LocalizedText({code: told[f"hint_{code}"] for code in codes if f"hint_{code}" in told}),
        colour=told.get("colour", ""),
        to=told["to"],
    )
