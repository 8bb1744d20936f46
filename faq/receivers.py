"""Signal receivers: articles whose text, audience or place changed without their being saved are reindexed, and readers
whom an article did not help hear that it was changed.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_save
from django.utils import timezone
from wagtail.models import ReferenceIndex, Revision
from wagtail.signals import page_published

from faq.events import ArticleChanged, CapturedArticlePublished
from faq.models import ArticlePage, Feedback, HelpMedia, ReusableContent
from faq.upkeep import note_publication
from portal.catalog.models import Product, Topic
from portal.core.events import emit
from portal.core.file_audiences import register, shown_with
from portal.core.pages import ARTICLES, inherited_changed
from portal.core.receivers import touches
from portal.core.text import row_number
from search.services import reindex


def connect() -> None:
    """Connect the receivers; called once when the apps are ready."""
    inherited_changed.connect(inherited, dispatch_uid="faq.inherited")
    for model in (ReusableContent, HelpMedia):
        post_save.connect(part_changed, sender=model, dispatch_uid="faq.part_changed")
    post_save.connect(product_changed, sender=Product, dispatch_uid="faq.product_changed")
    post_save.connect(topic_changed, sender=Topic, dispatch_uid="faq.topic_changed")
    page_published.connect(article_published, sender=ArticlePage, dispatch_uid="faq.article_published")
    shown_with(ReusableContent)
    register(HelpMedia, fields=("file", "thumbnail", "captions"))
    touches(ReusableContent, ARTICLES)
    touches(HelpMedia, ARTICLES)


def inherited(page_ids: list[int], **_kwargs: Any) -> None:
    """Reindex articles whose inherited audience or topic changed."""
    reindex(ArticlePage.objects.filter(pk__in=page_ids))


def part_changed(instance: ReusableContent | HelpMedia, created: bool, **_kwargs: Any) -> None:
    """Reindex the articles that contain a changed shared text or transcript."""
    if not created:
        using = ReferenceIndex.get_references_to(instance).values_list("object_id", flat=True)
        reindex(ArticlePage.objects.filter(pk__in=[pk for text in using if (pk := row_number(text)) is not None]))


def product_changed(instance: Product, created: bool, **_kwargs: Any) -> None:
    if not created:
        reindex(ArticlePage.objects.filter(Q(products=instance)).distinct())


def topic_changed(instance: Topic, created: bool, **_kwargs: Any) -> None:
    if not created:
        reindex(ArticlePage.objects.filter(topic=instance))


def article_published(instance: ArticlePage, revision: Revision | None = None, **_kwargs: Any) -> None:
    """Record what changed, and announce an article that did not help some member or that is made of what people wrote."""
    if revision is not None:
        note_publication(instance, revision)
    by_id = revision.user_id if revision is not None else None
    if instance.source:
        with transaction.atomic():
            emit(
                CapturedArticlePublished(
                    article_id=instance.pk,
                    family=str(instance.translation_key),
                    source=instance.source,
                    part_ids=instance.source_parts,
                    at=timezone.now(),
                    by_id=by_id,
                )
            )
    unhelped = Feedback.objects.unsolved().filter(article=instance.pk, user__isnull=False)
    if revision is not None and unhelped.filter(revision_read__lt=revision.pk).exists():
        with transaction.atomic():
            changed = ArticleChanged(article_id=instance.pk, revision_id=revision.pk, at=timezone.now(), by_id=by_id)
            emit(changed)
