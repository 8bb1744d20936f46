"""Panels of the page editor."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from wagtail.admin.panels import Panel

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
