"""Ten weeks of searches and clicks by readers, the same every time for the same day and articles."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from faq.models import ArticlePage
from portal.accounts.models import User
from portal.core.visitors import SECTORS, VISITOR_LENGTH
from portal.demo.people import EDITOR_EMAIL
from search.activity.choices import weigh_clicks
from search.activity.counting import count_days
from search.asking.keys import query_key
from search.models import SearchClick, SearchDay, SearchGap, SearchLog

DAYS: Final = 70
_SEED: Final = 1405
_KIND: Final = "faq.article"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its spellings, how many visits ask it per day, and how it ends.

    `found_since`: number of days since it first found something; None for always, 0 for never. `chosen`: the share of
    visits that then choose one of `articles`, the first most often.
    """

    language: str
    texts: tuple[str, ...]
    visits: float
    chosen: float = 0.6
    articles: tuple[str, ...] = ()
    found_since: int | None = None


ASKED: Final = (
    Asked("fa", ("رمز وای فای", "رمز وای‌فای", "رمز واي فاي"), 3.2, 0.78, ("change-wifi-password", "wifi-5ghz-24ghz")),
    Asked("fa", ("چراغ قرمز مودم",), 2.8, 0.81, ("red-light", "what-lights-mean")),
    Asked("fa", ("رسید پرداخت",), 1.9, 0.74, ("receipt", "refund")),
    Asked("fa", ("سرعت اینترنت کم شده",), 1.8, 0.55, ("slow-evenings", "fair-speed-test")),
    Asked("fa", ("هزینه جابه‌جایی", "هزینه جابجایی"), 1.6, 0.7, ("moving-cost", "move-home")),
    Asked("fa", ("مصرف اینترنت",), 1.4, 0.66, ("see-usage", "data-finished")),
    Asked("fa", ("حجم اضافه",), 1.2, 0.72, ("add-extra-data", "unused-data")),
    Asked("fa", ("رومینگ",), 1.1, 0.69, ("roaming-on",)),
    Asked("fa", ("ریست مودم", "ری‌ست مودم"), 1.1, 0.7, ("reset-router",)),
    Asked("fa", ("فعال کردن سیم کارت", "فعال کردن سیم‌کارت"), 0.9, 0.6, ("activate-sim", "esim-setup")),
    Asked("fa", ("شبکه‌های تلویزیون",), 0.7, 0.5, ("tv-channels-missing",)),
    Asked("fa", ("پنل نمایندگان",), 0.6, 0.0),
    Asked("fa", ("قطعی امروز",), 1.3, 0.0),
    Asked("fa", ("دانشجویی",), 0.9, found_since=0),
    Asked("fa", ("بازنشستگان",), 0.6, found_since=0),
    Asked("fa", ("پهپاد",), 0.4, found_since=0),
    Asked("fa", ("تماس با وای‌فای", "تماس وای فای"), 0.8, 0.64, ("wifi-calling",), found_since=24),
    Asked("fa", ("قسطی",), 0.6, 0.6, ("instalments",), found_since=31),
    Asked("fa", ("استخدام",), 0.7, found_since=0),
    Asked("fa", ("شماره قبلی من در شرکت مخابرات",), 0.03, 0.0),
    Asked("en", ("wifi password", "Wi-Fi password"), 1.2, 0.77, ("change-wifi-password",)),
    Asked("en", ("red light",), 0.9, 0.8, ("red-light", "what-lights-mean")),
    Asked("en", ("slow internet",), 0.8, 0.57, ("slow-evenings", "fair-speed-test")),
    Asked("en", ("receipt",), 0.6, 0.7, ("receipt",)),
    Asked("en", ("moving home",), 0.5, 0.7, ("move-home", "moving-cost")),
    Asked("en", ("esim",), 0.5, 0.75, ("esim-setup",)),
    Asked("en", ("outage",), 0.5, 0.0),
    Asked("en", ("student",), 0.4, found_since=0),
    Asked("en", ("voucher",), 0.3, found_since=0),
    Asked("en", ("wifi calling",), 0.4, 0.66, ("wifi-calling",), found_since=24),
    Asked("en", ("landlord invoice for flat 12",), 0.03, 0.0),
)  # fmt: skip
#: Questions that an editor decided not to answer.
IGNORED: Final = frozenset({"استخدام"})
#: Positions of the chosen answers: most often the first.
_PLACES: Final = ((1, 2, 3, 4, 6), (62, 20, 10, 5, 3))


def load_searches() -> int:
    """Create searches, clicks, daily counts, gaps and evidence if there are none; return how many searches."""
    if SearchLog.objects.exists() or SearchDay.objects.exists():
        return 0
    articles = {
        (article.external_id, article.locale.language_code): article.pk
        for article in ArticlePage.objects.live().exclude(external_id="").select_related("locale")
    }
    searches: list[SearchLog] = []
    clicks: list[SearchClick] = []
    for asked in ASKED:
        _ask(asked, articles, searches, clicks)
    SearchLog.objects.bulk_create(searches, batch_size=500)
    SearchClick.objects.bulk_create(clicks, batch_size=500, ignore_conflicts=True)
    count_days()
    weigh_clicks()
    SearchGap.objects.bulk_create(gap for asked in ASKED if (gap := _gap(asked)))
    return len(searches)


def _ask(
    asked: Asked, articles: dict[tuple[str, str], int], searches: list[SearchLog], clicks: list[SearchClick]
) -> None:
    chance = random.Random(f"{_SEED}:{asked.language}:{asked.texts[0]}")
    now = timezone.now()
    known = [pk for name in asked.articles if (pk := articles.get((name, asked.language)))]
    for days_ago in range(DAYS, 0, -1):
        moment = (now - dt.timedelta(days=days_ago)).replace(minute=0, second=0, microsecond=0)
        day = timezone.localdate(moment)
        growth = 1.15 - 0.4 * days_ago / DAYS  # a little more every week, and fewer on Fridays
        mean = asked.visits * growth * (0.6 if day.weekday() == 4 else 1.0)
        total = 0 if asked.found_since is not None and days_ago > asked.found_since else chance.randint(2, 18)
        for number in range(_poisson(chance, mean)):
            text = chance.choices(asked.texts, [4, 2, 1][: len(asked.texts)])[0]
            visit = _visit(asked, days_ago, number)
            facts = {
                "at": moment + dt.timedelta(minutes=chance.randint(0, 59)),
                "day": day,
                "language": asked.language,
                "key": query_key(text, asked.language),
                "visit": visit,
                "network": visit,
                "sector": int(visit[:4], 16) % SECTORS,
            }
            searches.append(SearchLog(**facts, text=text, total=total))
            if total and known and chance.random() < asked.chosen:
                clicks.append(
                    SearchClick(
                        **facts,
                        kind=_KIND,
                        object_id=chance.choices(known, [3, 1][: len(known)])[0],
                        position=chance.choices(*_PLACES)[0],
                    )
                )


def _visit(asked: Asked, days_ago: int, number: int) -> str:
    name = f"{_SEED}:{asked.language}:{asked.texts[0]}:{days_ago}:{number}"
    return hashlib.sha256(name.encode()).hexdigest()[:VISITOR_LENGTH]


def _poisson(chance: random.Random, mean: float) -> int:
    """Return a random number of events, given their mean."""
    number, left = 0, chance.expovariate(1.0)
    while left < mean:
        number += 1
        left += chance.expovariate(1.0)
    return number


def _gap(asked: Asked) -> SearchGap | None:
    """Return the gap that the hourly job would have found by now."""
    now = timezone.now()
    gap = SearchGap(
        language=asked.language,
        key=query_key(asked.texts[0], asked.language),
        text=asked.texts[0],
        reason=SearchGap.Reason.NO_CLICK if asked.found_since is None else SearchGap.Reason.ZERO,
        opened_at=now - dt.timedelta(days=21),
    )
    if asked.texts[0] in IGNORED:
        gap.state = SearchGap.State.IGNORED
        gap.closed_at = now - dt.timedelta(days=5)
        gap.closed_by = User.objects.filter(email=EDITOR_EMAIL).first()
        return gap
    if asked.found_since:
        gap.state = SearchGap.State.CLOSED
        gap.opened_at = now - dt.timedelta(days=asked.found_since + 20)
        gap.closed_at = now - dt.timedelta(days=asked.found_since)
        return gap
    is_open = asked.found_since == 0 or (asked.visits > 0.1 and asked.chosen < 0.1)
    return gap if is_open else None
