from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from search.activity.tidying import tidy


class Command(BaseCommand):
    help = (
        "Counts searches and clicks by day, forgets single ones after SEARCH_LOG_DAYS, opens and closes search gaps, and "
        "weighs what readers chose. The outbox worker does it every hour; repeatable."
    )

    def handle(self, **_options: Any) -> None:
        report = tidy()
        self.stdout.write(
            f"{report.days} days counted; {report.forgotten.searches} searches and {report.forgotten.clicks} clicks "
            f"forgotten, {report.forgotten.rare_questions} rare questions added together; {report.gaps.opened} gaps "
            f"opened, {report.gaps.closed} closed; {report.reweighed} entries weighed anew."
        )
