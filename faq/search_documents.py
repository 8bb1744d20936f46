"""Search document of articles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from faq.body import first_steps
from faq.models import ArticlePage
from portal.core.formats import format_number
from portal.core.pages import page_url
from search.documents import AnswerCard, Facet, HitDetails, SearchDocument, SearchEntry
from search.facets import PRODUCT, TOPIC
from search.registry import register

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.db.models import QuerySet

    from portal.core.pages import AnyUser

#: Number of steps of an article shown in an answer card.
_STEPS_SHOWN: Final = 3


def _article_kinds() -> Mapping[str, str]:
    return {code: str(label) for code, label in ArticlePage.Kind.choices}


#: Stored with each result; not offered as a filter yet.
ARTICLE_KIND: Final = Facet(name="tag", label=_("Kind"), labels=_article_kinds, is_offered=False, has_fixed_values=True)


@register
class ArticleDocument(SearchDocument[ArticlePage]):
    """Live articles, each in its own language; translations are one family."""

    name = "faq.article"
    model = ArticlePage
    label = _("article")
    label_plural = _("Help")
    icon = "book-open"
    order = 10
    suggestions: ClassVar[int] = 4
    facets = (PRODUCT, TOPIC, ARTICLE_KIND)

    def get_queryset(self) -> QuerySet[ArticlePage]:
        return (
            ArticlePage.objects.live()
            .select_related("locale", "topic")
            .prefetch_related("products")
            .annotate(helpful=Coalesce("vote_evidence__helpful", 0))
        )

    def to_entry(self, instance: ArticlePage) -> SearchEntry:
        return self.entry(
            instance,
            language=instance.locale.language_code,
            family=f"{self.name}:{instance.translation_key}",
            title=instance.title,
            short_answer=instance.short_answer,
            body=instance.body_text(),
            keywords=instance.keywords,
            url=page_url(instance),
            audience=instance.effective_audience,
            facets={
                PRODUCT: [product.code for product in instance.products.all()],
                TOPIC: [instance.topic.code] if instance.topic else [],
                ARTICLE_KIND: [instance.kind],
            },
            popularity=instance.helpful,
            updated=instance.last_published_at,
        )

    def visible_to(self, user: AnyUser, ids: Collection[int]) -> set[int]:
        found = ArticlePage.objects.visible_to(user).filter(pk__in=ids)
        return set(found.order_by().values_list("pk", flat=True))

    def answer_card(self, object_id: int) -> AnswerCard | None:
        """Return the short answer and the first three steps, if the article's instructions begin with steps."""
        article = ArticlePage.objects.filter(pk=object_id).only("short_answer", "body").first()
        if article is None:
            return None
        steps = first_steps(article.body)
        return AnswerCard(short_answer=article.short_answer, steps=tuple(steps[:_STEPS_SHOWN]), step_count=len(steps))

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """Return the reading time and the number of readers it helped."""
        rows = (
            ArticlePage.objects.filter(pk__in=ids)
            .annotate(solved_votes=Count("feedback", filter=Q(feedback__solved=True)))
            .order_by()
            .values_list("pk", "reading_minutes", "solved_votes")
        )
        return {pk: HitDetails(facts=tuple(_facts(minutes, votes))) for pk, minutes, votes in rows}


def _facts(minutes: int, votes: int) -> Iterator[str]:
    yield ngettext("%(number)s min", "%(number)s min", minutes) % {"number": format_number(minutes)}
    if votes > 1:
        text = ngettext("%(number)s person found this useful", "%(number)s people found this useful", votes)
        yield text % {"number": format_number(votes)}
