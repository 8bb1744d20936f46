"""Search document of troubleshooters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from portal.core.short_markdown import words_of
from portal.troubleshooters.models import Troubleshooter
from search.documents import AnswerCard, HitDetails, SearchDocument, SearchEntry
from search.facets import PRODUCT, TOPIC
from search.registry import register

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.db.models import QuerySet

    from portal.troubleshooters.models import AnyUser


@register
class TroubleshooterDocument(SearchDocument[Troubleshooter]):
    """Published troubleshooters, in every language they are complete in; languages are one family."""

    name = "troubleshooters.troubleshooter"
    model = Troubleshooter
    label = _("step-by-step help")
    label_plural = _("Step-by-step help")
    icon = "route"
    tone = "pist"
    order = 15
    suggestions: ClassVar[int] = 2
    facets = (PRODUCT, TOPIC)

    def get_queryset(self) -> QuerySet[Troubleshooter]:
        live = Troubleshooter.objects.filter(live__isnull=False)
        return live.select_related("topic", "live").prefetch_related("products")

    def to_entry(self, instance: Troubleshooter) -> SearchEntry:
        return next(iter(self.to_entries(instance)))

    def to_entries(self, instance: Troubleshooter) -> Iterator[SearchEntry]:
        steps = instance.live.steps if instance.live is not None else ()
        for language in instance.shown_languages:
            with override(language):
                url = instance.get_absolute_url()
            texts = [text.in_language(language) for step in steps for text in (step.title, step.text)]
            yield self.entry(
                instance,
                language=language,
                title=instance.title.in_language(language),
                short_answer=instance.intro.in_language(language),
                body="\n".join(words_of(text) for text in texts if text),
                keywords=instance.keywords.get(language, ""),
                url=url,
                audience=instance.audience,
                facets={
                    PRODUCT: [product.code for product in instance.products.all()],
                    TOPIC: [instance.topic.code] if instance.topic else [],
                },
                updated=instance.changed_at,
            )

    def visible_to(self, user: AnyUser, ids: Collection[int]) -> set[int]:
        found = Troubleshooter.objects.visible_to(user).filter(pk__in=ids)
        return set(found.order_by().values_list("pk", flat=True))

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """Return that it asks and answers, which tells it from a text. No query."""
        return dict.fromkeys(ids, HitDetails(badge=gettext("Asks and leads you")))

    def answer_card(self, object_id: int) -> AnswerCard | None:
        """Return its line: the card leads to the first question."""
        found = Troubleshooter.objects.filter(pk=object_id, live__isnull=False).first()
        return AnswerCard(short_answer=str(found.intro)) if found is not None and str(found.intro) else None
