from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from search.activity.tidying import tidy


class Command(BaseCommand):
    help = (
        "Counts searches and clicks by day, deletes single ones after SEARCH_LOG_DAYS, opens and closes search gaps, "
        "and computes click evidence. The outbox worker runs it every hour; idempotent."
    )

    def handle(self, **_options: Any) -> None:
        report = tidy()
        self.stdout.write(
            f"{report.days} days counted; {report.forgotten.searches} searches and {report.forgotten.clicks} clicks "
            f"forgotten, {report.forgotten.rare_questions} rare questions added together; {report.gaps.opened} gaps "
            f"opened, {report.gaps.closed} closed; {report.reweighed} entries weighed anew."
        )
