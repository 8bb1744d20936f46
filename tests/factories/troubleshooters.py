"""Factories of troubleshooters. Default: public, in both languages, with a question, a solution and people."""

from __future__ import annotations

from typing import Any

import factory

from portal.core.audience import register_audience
from portal.core.localized import LocalizedText
from portal.troubleshooters import services
from portal.troubleshooters.graph import Answer, Graph, Kind, Step
from portal.troubleshooters.models import Troubleshooter
from tests.factories.accounts import UserFactory


def words(fa: str, en: str | None = None) -> LocalizedText:
    return LocalizedText(fa=fa, en=en or fa)


def question(number: int, *targets: int | None, otherwise: int | None = None) -> Step:
    answers = tuple(
        Answer(words(f"پاسخ {number}.{place}", f"Answer {number}.{place}"), to=to) for place, to in enumerate(targets)
    )
    return Step(
        number, Kind.QUESTION, words(f"پرسش {number}", f"Question {number}"), answers=answers, otherwise=otherwise
    )


def solution(number: int, otherwise: int | None = None) -> Step:
    title = words(f"راه {number}", f"Solution {number}")
    return Step(number, Kind.SOLUTION, title, text=words("- این کار را بکنید", "- Do this"), otherwise=otherwise)


def contact(number: int) -> Step:
    return Step(number, Kind.CONTACT, words(f"کارشناس {number}", f"Person {number}"))


#: Two questions, two solutions and people.
SMALL = Graph((question(1, 2, 3), question(2, 3, 4, otherwise=5), solution(3), solution(4, otherwise=5), contact(5)))


class TroubleshooterFactory(factory.django.DjangoModelFactory[Troubleshooter]):
    """``graph`` is its draft; ``is_published=False`` leaves it a draft."""

    class Meta:
        model = Troubleshooter

    slug = factory.Sequence(lambda n: f"no-internet-{n}")
    title = factory.LazyAttribute(lambda o: words(f"اینترنت ندارم {o.slug}", f"No internet {o.slug}"))
    intro = factory.LazyFunction(lambda: words("چند پرسش کوتاه", "A few short questions"))

    @classmethod
    def _create(cls, model_class: type[Troubleshooter], *args: Any, **kwargs: Any) -> Troubleshooter:
        graph, is_published = kwargs.pop("graph", SMALL), kwargs.pop("is_published", True)
        products = kwargs.pop("products", ())
        register_audience(kwargs.get("audience", "public"))
        made = super()._create(model_class, *args, **kwargs)
        made.products.set(products)
        services.store_draft(troubleshooter=made, graph=graph)
        if is_published:
            services.publish(troubleshooter=made, by=UserFactory(superuser=True))
        made.refresh_from_db()
        return made
