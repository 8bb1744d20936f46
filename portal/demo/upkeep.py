"""The state of the demo's articles: what is due for review, what changed, and which translations are out of date."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from faq.models import ArticlePage, Publication, Significance, TranslationDebt

if TYPE_CHECKING:
    from portal.accounts.models import User

#: Articles with something to tell: id → days ago, how much changed, and what (Persian, English).
CHANGES: Final[dict[str, tuple[int, Significance, str, str]]] = {
    "reset-router": (
        9, Significance.MAJOR,
        "در X1 دکمهٔ بازنشانی را باید ۱۵ ثانیه نگه داشت، نه ۵ ثانیه.",
        "On the X1, hold the reset button for 15 seconds instead of 5.",
    ),
    "pay-late": (
        21, Significance.MAJOR,
        "مهلت پرداخت از ۷ روز به ۱۰ روز رسید.",
        "The time to pay went from 7 to 10 days.",
    ),
    "wifi-calling": (
        4, Significance.MEDIUM,
        "گوشی‌های تازه به فهرست افزوده شدند.",
        "New phones were added to the list.",
    ),
    "see-usage": (
        15, Significance.MEDIUM,
        "راه دیدن مصرف در برنامهٔ تازه افزوده شد.",
        "How to see it in the new app was added.",
    ),
}  # fmt: skip
#: Articles whose English does not say yet what changed in the Persian, and one the other way round.
OUT_OF_DATE: Final = {"reset-router": "en", "pay-late": "en", "split-bill": "fa"}
#: Odd, so that both languages have some.
_EVERY: Final = 7
_CONFIDENCE: Final = (
    ArticlePage.Confidence.VALIDATED,
    ArticlePage.Confidence.VALIDATED,
    ArticlePage.Confidence.NOT_VALIDATED,
    ArticlePage.Confidence.VALIDATED,
    ArticlePage.Confidence.WORK_IN_PROGRESS,
)


def load_upkeep(editor: User) -> int:
    """Give the articles their states and return how many have one; what was loaded before stays."""
    if Publication.objects.exclude(significance="").exists():
        return 0
    today, now = timezone.localdate(), timezone.now()
    articles = list(
        ArticlePage.objects.filter(live=True)
        .exclude(external_id="")
        .select_related("locale")
        .defer_streamfields()
        .order_by("external_id", "locale__language_code")
    )
    by_name = {(article.external_id, article.locale.language_code): article for article in articles}
    for place, article in enumerate(articles):
        days = -5 * (place % 11) if place % _EVERY == 0 else 9 + 7 * (place % 40)
        article.next_review_on = today + dt.timedelta(days=days)
        article.review_every = 6 if place % 3 == 0 else 12
        article.confidence = _CONFIDENCE[place % len(_CONFIDENCE)]
    ArticlePage.objects.bulk_update(articles, ["next_review_on", "review_every", "confidence"], batch_size=200)
    told = [
        Publication(
            article=article,
            revision_number=0,  # of a revision that was purged
            significance=significance,
            note=persian if language == "fa" else english,
            published_at=now - dt.timedelta(days=days),
            audience=article.effective_audience,
            by=editor,
        )
        for (name, language), article in by_name.items()
        if name in CHANGES and OUT_OF_DATE.get(name) != language
        for days, significance, persian, english in [CHANGES[name]]
    ]
    Publication.objects.bulk_create(told)
    debts = []
    for name, language in OUT_OF_DATE.items():
        late, source = by_name.get((name, language)), by_name.get((name, "fa" if language == "en" else "en"))
        if late is not None and source is not None:
            days = CHANGES[name][0] if name in CHANGES else 33
            debts.append(TranslationDebt(article=late, source=source, since=now - dt.timedelta(days=days)))
    TranslationDebt.objects.bulk_create(debts)
    return len(articles)
