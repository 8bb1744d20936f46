"""The member's page of points: what they have, how to earn more, and why each line is there."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from persiantools.jdatetime import JalaliDate

from loyalty import own_months, own_points
from loyalty.models import Earning, PointsPolicy, Wallet
from loyalty.models.ledger import Code
from loyalty.money import amount_in_words
from loyalty.services import cards, earning, ledger
from loyalty.services.members import wallet_for
from portal.core.formats import date_text
from portal.core.preferences import Preferences, preferences_in_use
from portal.core.scopes import content_changed
from portal.demo.clock import standing_at
from tests.factories.accounts import UserFactory
from tests.factories.faq import help_site
from tests.factories.loyalty import EarningFactory, rule_in_force
from tests.loyalty.test_earning import NOW, campaign, happened

pytestmark = pytest.mark.django_db

PAGE, EXPORT, PAPER = "/fa/loyalty/", "/fa/loyalty/statement.csv", "/fa/loyalty/statement/"


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    content_changed("site")
    return programme


@pytest.fixture
def person(client):
    person = UserFactory(language="fa")
    client.force_login(person)
    return person


def record(person, number, **how):
    return earning.record(happened(person, number, **{"occurred_at": timezone.now(), **how}))[0]


def test_shows_what_there_is_what_comes_and_why(client, programme, person):
    rule_in_force(programme, pending_days=3)
    rule_in_force(programme, "bonus", points=7)
    record(person, 1)
    record(person, 2, refused="own-thread")

    page = client.get(PAGE).text

    assert "<bdi>۷</bdi> <small>امتیاز</small>" in page
    assert "در راه: ۱۰۰" in page
    assert "پاسخ پذیرفته‌شده: ۱۰۰ امتیاز." in page
    assert "نوشته در گفت‌وگوی خود شخص امتیازی ندارد." in page
    assert "باشگاه نورا" in page


@pytest.fixture
def a_year(programme, person):
    """Earned last Jalali year and this one, spent and expired this month."""
    wallet = wallet_for(user=person, programme=programme)
    today = JalaliDate.today()
    long_ago = JalaliDate(today.year - 1, 2, 3).to_gregorian()
    at = dt.datetime.combine(long_ago, dt.time(12), ZoneInfo(programme.time_zone))
    ledger.earn(wallet=wallet, amount=500, key="old", occurred_at=at, source="x", expires_on=timezone.localdate())
    ledger.earn(wallet=wallet, amount=70, key="new", source="y")
    ledger.hold(wallet=wallet, hold="h", amount=30)
    ledger.capture(wallet=wallet, hold="h")
    ledger.expire(wallet=wallet, today=timezone.localdate() + dt.timedelta(days=1))
    return wallet


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("", [-470, -30, 70, 500]),
        ("kind=earned", [70, 500]),
        ("kind=spent", [-30]),
        ("kind=reserved", []),
        ("kind=expiry", [-470]),
        ("kind=corrected", []),
        ("time=month", [-470, -30, 70]),
        ("time=last-year", [500]),
        ("kind=earned&time=year", [70]),
        ("kind=x&time=y&before=z", [-470, -30, 70, 500]),
    ],
)
def test_lines_are_chosen_by_kind_and_time_each_with_its_own_balance(client, a_year, query, changes):
    lines = client.get(f"{PAGE}?{query}").context["lines"]

    assert [line.change for line in lines] == changes
    balances = {line.booked.number: line.balance for line in own_points.all_lines(a_year)}
    assert all(line.balance == balances[line.booked.number] for line in lines)
    table = b"".join(client.get(f"{EXPORT}?{query}")).decode("utf-8-sig")
    assert [int(row[2]) for row in list(csv.reader(io.StringIO(table)))[1:]] == changes


def test_the_statement_on_paper_has_who_when_and_a_balance_that_adds_up(client, programme, person, a_year):
    card = cards.make_card(person)

    page = client.get(f"{PAPER}?time=month")

    paper = page.context["paper"]
    assert [line.change for line in paper.lines] == [70, -30, -470]  # as they happened
    assert (paper.before, paper.after) == (500, 70)
    today = JalaliDate.today()
    begin = JalaliDate(today.year, today.month, 1).to_gregorian()
    with translation.override("fa"):
        first_day = date_text(begin)
    for words in (card.number, "باشگاه نورا", person.name, first_day, "امتیاز پیش از آن", "<bdi>۵۰۰</bdi>"):
        assert words in page.text


def test_what_was_reserved_first_and_sent_later_keeps_both_lines(client, a_year):
    ledger.hold(wallet=a_year, hold="parcel", amount=40)
    with standing_at(timezone.now() + dt.timedelta(days=2)):
        ledger.capture(wallet=a_year, hold="parcel")

    assert [line.change for line in client.get(PAGE).context["lines"]][:2] == [-40, 0]
    assert [line.change for line in client.get(f"{PAGE}?kind=reserved").context["lines"]] == [0]


def test_every_line_says_why_with_a_date_on_one_line(client, a_year):
    ledger.refund(wallet=a_year, hold="h", refund="r", reason="damaged")
    ledger.adjust(wallet=a_year, amount=5, key="c", reason="goodwill", actor="user:1")

    page = client.get(PAGE)

    assert [line.why != [] for line in page.context["lines"]] == [True] * len(page.context["lines"])
    assert "آسیب دیده است یا کار نمی‌کند" in page.text
    assert page.text.count('<td class="day">') == len(page.context["lines"])
    assert set(Code) - {Code.FUND} == set(own_points.WHY)


def test_the_statement_on_paper_costs_the_same_for_any_number_of_lines(client, programme, person, a_year):
    client.get(PAPER)
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(PAPER)
        counts.append(len(captured))
        for more in range(20):
            ledger.earn(wallet=a_year, amount=1, key=f"{number}:{more}", source="z")
    assert counts[0] == counts[1]


def test_somebody_without_points_prints_an_empty_statement(client, programme, person):
    assert "چنین سطری وجود ندارد" in client.get(PAPER).text
    assert not Wallet.objects.exists()


def test_a_line_that_was_taken_back_says_why(client, programme, person):
    rule_in_force(programme)
    record(person, 1)
    earning.settle(earning.events_of("community.post:1"), stands=lambda _event: False, because="revoked")

    page = client.get(PAGE).text

    assert "پس گرفته شد" in page
    assert "پاسخ دیگر پذیرفته‌شده نیست." in page


def test_speaks_english_with_the_dates_of_the_reader(client, programme):
    person = UserFactory(language="en", calendar="gregorian")
    client.force_login(person)
    rule_in_force(programme)
    record(person, 1)

    page = client.get("/en/loyalty/").text

    assert "Accepted answer" in page
    assert "+100" in page
    assert str(timezone.localdate().year) in page


def test_the_statement_goes_on_without_gaps(client, programme, person):
    rule_in_force(programme)
    for number in range(23):
        record(person, number)

    first = client.get(PAGE)
    assert first.context["before"] == 4
    second = client.get(PAGE, {"before": 4})

    numbers = [line.booked.number for page in (first, second) for line in page.context["lines"]]
    assert numbers == list(range(23, 0, -1))
    assert client.get(PAGE, {"before": "٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩٩"}).status_code == 200


def test_one_line_and_three_cost_the_same_number_of_queries(client, programme, person):
    rule_in_force(programme)
    counts = []
    for number in (1, 2, 3):
        record(person, number)
        record(person, 10 + number, refused="own-thread")
        client.get(PAGE)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(PAGE)
        counts.append(len(captured))
    assert counts[0] == counts[2]


def test_the_table_has_every_line_and_adds_up(client, programme, person):
    rule_in_force(programme, pending_days=3)
    decision = record(person, 1)
    ledger.adjust(wallet=decision.wallet, amount=5, key="k", reason="goodwill", actor="user:1", approver="user:2")

    text = b"".join(client.get(EXPORT).streaming_content).decode("utf-8-sig")
    _head, *rows = list(csv.reader(io.StringIO(text)))

    assert [(row[2], row[3], row[4], row[5]) for row in rows] == [("5", "105", "5", "100"), ("100", "100", "0", "100")]


def test_nobody_sees_it_before_a_programme_is_open(client, person):
    record_only = EarningFactory(is_open=False)
    content_changed("site")
    assert client.get(PAGE).status_code == 404
    assert client.get(EXPORT).status_code == 404
    assert reverse("loyalty:index") not in client.get("/fa/account/").text

    Earning.objects.filter(pk=record_only.pk).update(is_open=True)
    content_changed("site")
    assert client.get(PAGE).status_code == 200
    assert PAGE in client.get("/fa/account/").text


def test_a_member_who_has_earned_nothing_sees_how_to_and_no_wallet_is_opened(client, programme, person):
    rule_in_force(programme, cap_day=500)

    page = client.get(PAGE).text

    assert "هنوز امتیازی نیست" in page
    assert "در روز دست‌بالا ۵۰۰" in page
    assert not Wallet.objects.exists()


def test_nobody_sees_the_points_of_others(client, programme, person):
    rule_in_force(programme)
    record(UserFactory(), 1)

    assert client.get(PAGE).context["lines"] == []
    client.logout()
    assert client.get(PAGE).status_code == 302
    assert client.get(EXPORT).status_code == 302


def test_points_that_expire_are_listed_with_their_last_day(client, programme, person):
    decision_day = timezone.localdate() + dt.timedelta(days=40)
    rule_in_force(programme)
    decision = record(person, 1)
    ledger.earn(wallet=decision.wallet, amount=9, key="x", expires_on=decision_day)

    points = client.get(PAGE).context["points"]

    assert (points.expiring[0].last_day, points.expiring[0].points) == (decision_day, 9)


@pytest.mark.parametrize("language", ["fa", "en"])
def test_six_months_of_points_are_bars_and_words(client, programme, language):
    """What was taken or given back does not count."""
    person = UserFactory(language=language)
    client.force_login(person)
    wallet = wallet_for(user=person, programme=programme)
    for number in range(3):
        posted = ledger.earn(wallet=wallet, amount=100, key=f"e{number}")
    ledger.reverse(wallet=wallet, journal_id=posted.journal_id, reversal="r")
    ledger.hold(wallet=wallet, hold="h", amount=50)
    ledger.capture(wallet=wallet, hold="h")

    page = client.get(PAGE.replace("fa", language))

    months = page.context["months"]
    assert [(month.earned, month.spent) for month in months] == [(0, 0)] * 5 + [(200, 50)]
    assert [[bar[3] for bar in month.bars] for month in months] == [[0, 0]] * 5 + [[100, 25]]
    assert page.text.count("<rect class=") == 12
    assert ("خرج‌شده" if language == "fa" else "50 spent") in page.text


@pytest.mark.parametrize(
    ("is_jalali", "starts"),
    [
        (False, ["2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01"]),
        (True, ["2026-06-22", "2026-07-23", "2026-08-23", "2026-09-23", "2026-10-23", "2026-11-22", "2026-12-22"]),
    ],
)
def test_months_begin_as_in_the_readers_calendar(monkeypatch, is_jalali, starts):
    monkeypatch.setattr(own_months, "current_preferences", lambda: SimpleNamespace(is_jalali=is_jalali))

    assert [day.isoformat() for day in own_months._starts(dt.date(2026, 11, 29))] == starts


def test_bars_need_something_to_show(client, programme, person):
    wallet_for(user=person, programme=programme)

    assert "<rect class=" not in client.get(PAGE).text


def test_members_find_the_club_and_what_they_agree_to_everywhere(client, programme, person):
    help_site()
    consents = reverse("loyalty:consents")

    home = client.get("/fa/").text

    header, tabs, foot = (
        re.search(pattern, home, re.DOTALL)[0]
        for pattern in ("<header class=.top.*?</header>", "<nav class=.tabbar.*?</nav>", "<footer.*?</footer>")
    )
    assert all(f'href="{PAGE}"' in part for part in (header, tabs, foot))
    assert len(re.findall("</svg>باشگاه</a>", tabs)) == 1
    assert f'href="{consents}"' in foot
    for page in ("accounts:overview", "accounts:data"):
        assert f'href="{consents}"' in client.get(reverse(page)).text

    programme.earning.is_open = False
    programme.earning.save()
    content_changed("site")
    closed = client.get("/fa/").text
    assert PAGE not in closed
    assert consents not in closed


def test_what_a_campaign_added_says_so(programme, person):
    rule_in_force(programme)
    campaign(programme, budget="noruz")
    ledger.fund(programme=programme, budget="noruz", amount=80, key="f", actor="user:1")
    record(person, 1, occurred_at=NOW)

    with translation.override("en"):
        lines = list(own_points.all_lines(Wallet.objects.get()))

    assert sorted((line.what, line.change) for line in lines) == [
        ("Accepted answer", 100),
        ("Accepted answer: added by a campaign", 50),
    ]


@pytest.fixture
def purchases(programme):
    """A point for each 10,000 tomans, which are 100,000 rials, to be spent after two days."""
    rule_in_force(
        programme, "buy", trigger="shop.order", points=1, per_fact="amount", per_units=100_000, pending_days=2
    )
    return PointsPolicy.objects.create(programme=programme, currency="IRR")


@pytest.mark.parametrize(
    ("units", "currency", "persian", "english"),
    [
        (100_000, "IRR", "۱۰٬۰۰۰ تومان", "10,000 tomans"),
        (105, "IRR", "۱۰۵ ریال", "105 rials"),
        (1, "IRT", "۱ تومان", "1 toman"),
        (1250, "EUR", "۱۲٫۵۰ یورو", "12.50 euros"),
        (1200, "EUR", "۱۲ یورو", "12 euros"),
        (3, "KWD", "۰٫۰۰۳ دینار کویت", "0.003 Kuwaiti dinars"),
    ],
)
def test_amounts_are_said_as_people_say_them(units, currency, persian, english):
    with preferences_in_use(Preferences(language="fa")):
        assert amount_in_words(units, currency) == persian
    with preferences_in_use(Preferences(language="en")):
        assert amount_in_words(units, currency) == english


def test_what_is_paid_is_told_in_money(client, person, purchases):
    record(person, 1, trigger="shop.order", source_id="shop:1", facts={"amount": 1_290_000, "lines": 1})

    page = client.get(PAGE)

    assert "۱ امتیاز برای هر ۱۰٬۰۰۰ تومان." in page.text
    [line] = page.context["lines"]
    assert line.what.endswith(": ۱۲۹٬۰۰۰ تومان")
    assert line.why[1:] == ["۱ امتیاز برای هر ۱۰٬۰۰۰ تومان."]
    assert line.due == timezone.localdate() + dt.timedelta(days=2)


def test_that_points_can_be_spent_is_told_where_they_were_earned(client, programme, person, purchases):
    record(person, 1, trigger="shop.order", source_id="shop:1", facts={"amount": 1_290_000, "lines": 1})
    wallet = Wallet.objects.get()
    ledger.activate(wallet=wallet, today=timezone.localdate() + dt.timedelta(days=3))

    assert [line.booked.code for line in client.get(PAGE).context["lines"]] == [Code.EARN]
    with translation.override("en"):  # staff see all of the books
        assert "Coming points can be spent now: 12" in [line.what for line in own_points.all_lines(wallet)]


def test_the_header_has_the_points_of_whoever_has_some(client, programme, person, django_assert_num_queries):
    assert "data-points-pill-link" not in client.get(PAGE).text  # no wallet yet
    wallet = wallet_for(user=person, programme=programme)
    ledger.earn(wallet=wallet, amount=1250, key="x", source="x")
    client.get(PAGE)

    with django_assert_num_queries(1):
        assert own_points.header_pill(person) == 1250
    assert 'aria-label="۱٬۲۵۰ امتیاز برای خرج کردن"' in client.get(PAGE).text
    client.logout()
    assert "data-points-pill-link" not in client.get(reverse("account_login")).text


def test_without_a_programme_the_header_asks_nothing(person, django_assert_num_queries):
    own_points.is_open()

    with django_assert_num_queries(0):
        assert own_points.header_pill(person) is None
