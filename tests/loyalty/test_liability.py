"""The report of liability agrees with the books to the unit, in every table and in money."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from decimal import Decimal

import openpyxl
import pytest
from django.db.models import F, Sum
from django.urls import reverse
from django.utils import translation

from loyalty.liability import money_of, money_text, report_of
from loyalty.models import Account, PointsPolicy
from loyalty.models.ledger import NEVER, Kind
from loyalty.money import decimals_of
from loyalty.services import ledger
from loyalty.services.members import wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, WalletFactory
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.liability")]

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the time at which the ledger books."""

    def set_to(moment):
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    return set_to


def outstanding_in_books(programme):
    lots = Account.objects.filter(programme=programme, kind__in=[Kind.AVAILABLE, Kind.PENDING, Kind.HELD])
    return lots.aggregate(sum=Sum(F("credits") - F("debits")))["sum"] or 0


def a_year(programme, at):
    """All that can happen to points, in a year of three members."""
    chance = random.Random(5)  # noqa: S311 - for tests
    wallets = [WalletFactory(programme=programme) for _number in range(3)]
    ledger.fund(programme=programme, budget="b", amount=10_000, key="fund", actor="user:1")
    for number in range(60):
        at(NOON + dt.timedelta(days=6 * number))
        today = (NOON + dt.timedelta(days=6 * number)).date()
        wallet = chance.choice(wallets)
        earned = ledger.earn(
            wallet=wallet, amount=chance.randint(1, 300), key=f"e{number}",
            expires_on=chance.choice([None, NEVER, today + dt.timedelta(days=chance.randint(20, 90))]),
            pending_until=today + dt.timedelta(days=3) if number % 3 == 0 else None, budget="b" if number % 4 == 0 else "",
        )  # fmt: skip
        ledger.expire_due(programme=programme, today=today)
        ledger.activate_due(programme=programme, today=today)
        if number % 5 == 0 and ledger.statements.last_balances(wallet.pk).available:
            ledger.hold(wallet=wallet, hold=f"h{number}", amount=1, today=today)
            if number % 10 == 0:
                ledger.capture(wallet=wallet, hold=f"h{number}")
            if number % 20 == 0:
                ledger.refund(wallet=wallet, hold=f"h{number}", refund="r")
        if number % 7 == 0:
            ledger.reverse(wallet=wallet, journal_id=earned.journal_id, reversal="x")
        if number % 9 == 0:
            ledger.adjust(wallet=wallet, amount=17, key=f"a{number}", reason="goodwill", actor="user:1")
        if number % 11 == 0:
            lot = Account.objects.filter(
                wallet=wallet, kind=Kind.AVAILABLE, credits__gt=F("debits"), bucket__lt=dt.date(2029, 3, 20)
            ).first()
            ledger.extend(
                wallet=wallet,
                bucket=lot.bucket,
                to=dt.date(2029, 3, 20),
                key=f"x{number}",
                reason="goodwill",
                actor="user:1",
            ) if lot else None
    ledger.close(wallet=wallets[0], reason="x", actor="y")
    return wallets


@pytest.mark.parametrize("calendar", ["jalali", "gregorian"])
def test_every_table_agrees_with_the_books_to_the_unit(programme, at, calendar):
    programme.calendar = calendar
    programme.save()
    a_year(programme, at)
    WalletFactory()  # of another programme
    ledger.earn(wallet=WalletFactory(), amount=1000, key="other")

    report = report_of(programme)

    books = outstanding_in_books(programme)
    assert books > 0
    assert report.outstanding == books
    assert sum(row.points for row in report.by_expiry) == books
    assert sum(cohort.left for cohort in report.by_cohort) == books
    assert report.flows[-1].outstanding == books
    assert len(report.flows) >= 12
    assert all(0 <= cohort.left <= cohort.earned for cohort in report.by_cohort if cohort.month)
    assert sum(cohort.earned for cohort in report.by_cohort) == sum(
        flow.issued + flow.moved["added"] for flow in report.flows
    )
    assert list(ledger.check()) == []


def test_the_oldest_points_count_as_spent_first_and_a_day_belongs_to_the_programmes_month(programme, at):
    programme.calendar = "gregorian"
    programme.save()
    wallet = WalletFactory(programme=programme)
    for number, moment in enumerate(
        [dt.datetime(2026, 10, 31, 20, 29, tzinfo=dt.UTC), dt.datetime(2026, 10, 31, 20, 31, tzinfo=dt.UTC)]
    ):
        at(moment)  # in Tehran: before midnight, and after it
        ledger.earn(wallet=wallet, amount=100, key=str(number), expires_on=NEVER)
    ledger.hold(wallet=wallet, hold="h", amount=130)
    ledger.capture(wallet=wallet, hold="h")

    cohorts = [(row.month.last_day, row.earned, row.left) for row in report_of(programme).by_cohort]
    assert cohorts == [(dt.date(2026, 10, 31), 100, 0), (dt.date(2026, 11, 30), 100, 70)]


def test_the_report_takes_three_queries(programme, at, django_assert_num_queries):
    a_year(programme, at)
    with django_assert_num_queries(3):
        report_of(programme)


@pytest.mark.parametrize(
    ("currency", "cost", "points", "persian", "english"),
    [
        ("IRR", "1000", 12_345, "۱۲٬۳۴۵٬۰۰۰ ریال", "12,345,000 rial"),
        ("IRT", "100", 12_345, "۱٬۲۳۴٬۵۰۰ تومان", "1,234,500 toman"),
        ("EUR", "0.0150", 101, "۱٫۵۲ یورو", "1.52 Euro"),
        ("JPY", "0.5", 3, "۲ ین ژاپن", "2 Japanese Yen"),
        ("KWD", "0.0005", 3, "۰٫۰۰۲ دینار کویت", "0.002 Kuwaiti Dinar"),
        ("EUR", "0", 3, "", ""),
    ],
)
def test_money_is_written_as_people_write_it(currency, cost, points, persian, english):
    policy = PointsPolicy(currency=currency, point_cost=Decimal(cost))
    with translation.override("fa"):
        assert money_text(points, policy) == persian
    with translation.override("en"):
        assert money_text(points, policy) == english
    assert -money_of(points, policy).as_tuple().exponent == decimals_of(currency)


def test_the_page_and_its_tables(client, programme):
    signed_in(client, "view_programme")
    PointsPolicy.objects.create(programme=programme, point_cost=Decimal(100), currency="IRT")
    wallet = wallet_for(user=UserFactory(), programme=programme)
    ledger.earn(wallet=wallet, amount=1200, key="1", expires_on=dt.date(2027, 3, 20))
    ledger.adjust(wallet=wallet, amount=-200, key="2", reason="goodwill", actor="user:1")
    page = reverse("points_liability:index")
    text = client.get(page).text
    assert "۱٬۰۰۰" in text
    assert "۱۰۰٬۰۰۰ تومان" in text
    assert "اسفند ۱۴۰۵" in text

    table = b"".join(client.get(page, {"table": "expiry", "export": "csv"}).streaming_content).decode()
    assert list(csv.reader(io.StringIO(table)))[1] == ["2027-03-20", "1000", "0", "0", "1000", "100000"]
    book = client.get(page, {"table": "flows", "export": "xlsx"})
    rows = list(openpyxl.load_workbook(io.BytesIO(b"".join(book.streaming_content))).active.values)
    assert rows[1][1:] == (1200, 0, 0, 0, -200, 0, 1000)
    assert client.get(page, {"table": "x", "export": "csv"}).status_code == 200

    signed_in(client, "view_member")
    assert client.get(page).status_code in {302, 403}
