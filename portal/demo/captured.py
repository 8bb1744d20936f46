"""Articles that the editor of the demo made of answers in its community."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from community import telling
from community.capturing import THREAD
from community.drafting import NEW
from community.models import Post
from community.services.articles import note_article
from faq.capturing import article_made_of, make_draft
from faq.models import TopicPage
from faq.search_documents import ArticleDocument
from portal.core.article_sources import material_for, reference_to
from portal.demo.community import stored_tokens

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True, slots=True)
class Captured:
    """A thread, named as in its file, and what the editor made of the draft."""

    thread: str
    topic: str
    title: str
    short_answer: str
    days: int


CAPTURED: Final = (
    Captured(
        "fa-cheap-repeater",
        "internet-wifi",
        "چرا تکرارکنندهٔ وای‌فای سرعت را نصف می‌کند؟",
        "تکرارکنندهٔ ساده با همان آنتنی که می‌شنود حرف هم می‌زند. با کابل به مودم وصلش کنید و حالت Access Point را انتخاب کنید.",
        19,
    ),
    Captured(
        "en-attic",
        "internet-wifi",
        "How do I get Wi-Fi into the attic?",
        "Move the router up first. If that is not enough, put one Mesh 6 on the middle floor, where it still hears the router well.",
        12,
    ),
)


def load_captured(editor: User) -> int:
    """Make and publish the articles that are missing; return how many. Safe to repeat."""
    made = 0
    for each in CAPTURED:
        first = Post.objects.visible_to(editor).filter(token__in=stored_tokens(f"demo:{each.thread}:1", NEW)).first()
        reference = reference_to(THREAD, first.thread_id) if first is not None else ""
        material = material_for(editor, reference)
        if material is None or article_made_of(reference) is not None:
            continue
        topic = TopicPage.objects.get(topic__code=each.topic, locale__language_code=material.language)
        article = make_draft(reference=reference, material=material, topic=topic, by=editor)
        article.title, article.slug, article.short_answer = each.title, "", each.short_answer
        article.full_clean()  # makes the slug
        with telling.quietly():  # it is said to have happened some time ago
            article.save_revision(user=editor).publish(user=editor)
            published = timezone.now() - dt.timedelta(days=each.days)
            note_article(
                post_ids=article.source_parts,
                kind=ArticleDocument.name,
                family=str(article.translation_key),
                at=published,
                published_by_id=editor.pk,
            )
        article.first_published_at = article.last_published_at = published
        article.save(update_fields=["first_published_at", "last_published_at"])
        made += 1
    return made
