"""Signal receivers that reindex articles whose text, audience or place changed without their being saved."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.db.models.signals import post_save
from wagtail.models import ReferenceIndex

from faq.models import ArticlePage, HelpMedia, ReusableContent
from portal.catalog.models import Product, Topic
from portal.core.pages import ARTICLES, inherited_changed
from portal.core.receivers import touches
from search.services import reindex


def connect() -> None:
    """Connect the receivers; called once when the apps are ready."""
    inherited_changed.connect(inherited, dispatch_uid="faq.inherited")
    for model in (ReusableContent, HelpMedia):
        post_save.connect(part_changed, sender=model, dispatch_uid="faq.part_changed")
    post_save.connect(product_changed, sender=Product, dispatch_uid="faq.product_changed")
    post_save.connect(topic_changed, sender=Topic, dispatch_uid="faq.topic_changed")
    touches(ReusableContent, ARTICLES)
    touches(HelpMedia, ARTICLES)


def inherited(page_ids: list[int], **_kwargs: Any) -> None:
    """Reindex articles whose inherited audience or topic changed."""
    reindex(ArticlePage.objects.filter(pk__in=page_ids))


def part_changed(instance: ReusableContent | HelpMedia, created: bool, **_kwargs: Any) -> None:
    """Reindex the articles that contain a changed shared text or transcript."""
    if not created:
        using = ReferenceIndex.get_references_to(instance).values_list("object_id", flat=True)
        reindex(ArticlePage.objects.filter(pk__in=[int(pk) for pk in using if str(pk).isdecimal()]))


def product_changed(instance: Product, created: bool, **_kwargs: Any) -> None:
    if not created:
        reindex(ArticlePage.objects.filter(Q(products=instance)).distinct())


def topic_changed(instance: Topic, created: bool, **_kwargs: Any) -> None:
    if not created:
        reindex(ArticlePage.objects.filter(topic=instance))
