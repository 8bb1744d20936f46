"""Panels of the page editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from wagtail.admin.panels import MultiFieldPanel, Panel

from faq.quality import remarks_on
from portal.core.article_sources import credit_for, readers_of
from portal.core.audience import PUBLIC, Audience
from portal.core.pages import audience_choices
from portal.core.previewing import audience_of_draft

if TYPE_CHECKING:
    from faq.models import ArticlePage
    from faq.quality import Remark

LATEST = 8


class FeedbackPanel(Panel):
    """Feedback on this article: counts, and the latest reasons why it did not help."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "faq/admin/feedback_panel.html"

        def is_shown(self) -> bool:
            return bool(self.instance.pk) and self.request.user.has_perm("faq.view_feedback")

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            context = super().get_context_data(parent_context)
            feedback = self.instance.feedback
            solved, unsolved = feedback.filter(solved=True).count(), feedback.filter(solved=False).count()
            try:
                report = reverse("feedback_report:index")
            except NoReverseMatch:
                report = ""
            return {
                **context,
                "solved": solved,
                "unsolved": unsolved,
                "percent": round(100 * solved / (solved + unsolved)) if solved + unsolved else None,
                "latest": list(
                    feedback.filter(solved=False).exclude(reason="", comment="").order_by("-created_at")[:LATEST]
                ),
                "report_url": f"{report}?article={self.instance.pk}" if report else "",
                "current_revision": self.instance.live_revision_id,
            }


class PublishedPanel(MultiFieldPanel):
    """Fields that mean something only once the article was published."""

    class BoundPanel(MultiFieldPanel.BoundPanel):
        def is_shown(self) -> bool:
            return self.instance.first_published_at is not None and super().is_shown()


class QualityPanel(Panel):
    """What could be better in the field below, in the version that is being edited."""

    def __init__(self, field: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field = field

    def clone_kwargs(self) -> dict[str, Any]:
        return {**super().clone_kwargs(), "field": self.field}

    class BoundPanel(Panel.BoundPanel):
        template_name = "faq/admin/quality_panel.html"

        @cached_property
        def remarks(self) -> list[Remark]:
            return [remark for remark in remarks_on(self.instance) if remark.field == self.panel.field]

        def is_shown(self) -> bool:
            return bool(self.instance.pk) and bool(self.remarks)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            return {**super().get_context_data(parent_context), "remarks": self.remarks}


class SimilarPanel(Panel):
    """Published articles that may say already what this one is titled; looked for while the title is typed."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "faq/admin/similar_panel.html"

        @property
        def media(self) -> forms.Media:
            return forms.Media(js=["faq/similar.js"])

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            about = {"language": self.instance.locale.language_code, "family": self.instance.translation_key}
            return {
                **super().get_context_data(parent_context),
                "similar_url": f"{reverse('articles_like_title')}?{urlencode(about)}",
                "first_title": "" if self.instance.pk else self.instance.title,
            }


class HistoryPanel(Panel):
    """What was published, newest first: how much changed, what, by whom; and the way to Wagtail's versions."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "faq/admin/history_panel.html"

        def is_shown(self) -> bool:
            return bool(self.instance.pk)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            published = self.instance.publications.select_related("by")
            return {
                **super().get_context_data(parent_context),
                "published": list(published[:LATEST]),
                "history_url": reverse("wagtailadmin_pages:history", args=[self.instance.pk]),
            }


class SourcePanel(Panel):
    """What an article was made of: from where, whom it thanks, and who may read that."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "faq/admin/source_panel.html"

        def is_shown(self) -> bool:
            return bool(self.instance.source)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            article = self.instance
            credit = credit_for(self.request.user, article.source, article.source_parts)
            limits = limits_of_source(article)
            return {
                **super().get_context_data(parent_context),
                "credit": credit,
                "readers": audience_in_words(limits) if limits else "",
                "is_wider": bool(limits) and is_for_more_than(article, limits),
            }


def limits_of_source(article: ArticlePage) -> str:
    """Return who may read what an article was made of, as of now; empty for everybody, or if it is gone. One query."""
    readers = readers_of(article.source, article.source_parts)
    return "" if readers == PUBLIC else readers


def is_for_more_than(article: ArticlePage, audience: str) -> bool:
    """Return whether somebody outside an audience can read the article once this draft is published."""
    return not Audience.parse(audience).covers(audience_of_draft(article))


def audience_in_words(expression: str) -> str:
    """Return who may read something, as the editor's choices call them."""
    names = {key: str(label) for key, label in audience_choices()}
    parts = [
        names.get(expression, "") or _(" or ").join(names.get(key, key) for key in sorted(clause))
        for clause in Audience.parse(expression).clauses
    ]
    return _(" and ").join(sorted(parts)) or names[PUBLIC]
