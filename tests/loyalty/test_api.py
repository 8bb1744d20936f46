"""The API of shops: tokens, batches done once, refunds in proportion, quotes that keep nothing, reserved points."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.exceptions import NoRightError
from loyalty.models import Journal, Member, PointsPolicy, Wallet
from loyalty.models.shop import ApiToken, Scope, ShopEvent, ShopOrder
from loyalty.services import cards, ledger, shop
from loyalty.services.members import wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, ProgrammeFactory, rule_in_force
from tests.loyalty.books import everything
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("loyalty.services.shop.orders", "loyalty.services.shop.tokens", "loyalty.models.shop"),
]

EVENTS, QUOTES, HOLDS = "/api/loyalty/events", "/api/loyalty/quotes", "/api/loyalty/holds"


@pytest.fixture
def programme():
    programme = EarningFactory().programme
    rule_in_force(
        programme, "purchase", trigger="shop.order", points=1, per_fact="amount", per_units=1000, pending_days=0
    )
    return programme


def token_for(programme, *scopes, source="till", per_minute=1000):
    return shop.make_token(
        programme=programme, name="صندوق", source=source, scopes=scopes or Scope.values, per_minute=per_minute,
        by=UserFactory(superuser=True),
    )  # fmt: skip


@pytest.fixture
def call(client, programme):
    """Return a function that calls the API with a token for everything."""
    _token, secret = token_for(programme)

    def send(path, body=None, *, secret=secret, method="post", **headers):
        extra = {"headers": {"Authorization": f"Bearer {secret}", **headers}}
        if method == "get":
            return client.get(path, **extra)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(path, data, content_type="application/json", **extra)

    return send


@pytest.fixture
def wallet(programme):
    return wallet_for(user=UserFactory(), programme=programme)


def paid(wallet, number="1", amount="10000", **values):
    fixed = {
        "type": "order.paid", "id": f"paid-{number}", "order": number, "member": str(wallet.member_key), "amount": amount,
        "currency": "IRR", "occurred_at": timezone.now().isoformat(),
    }  # fmt: skip
    return {**fixed, **values}


def refunded(wallet, number="1", amount="1000", name="r1", **values):
    return paid(wallet, number, amount, **{"type": "order.refunded", "id": name, **values})


def results(answer):
    assert answer.status_code == 200, answer.content
    return [
        {name: value for name, value in row.items() if name not in {"row", "id"}} for row in answer.json()["results"]
    ]


def spendable(wallet):
    return ledger.statements.last_balances(wallet.pk).available


# Events --------------------------------------------------------------------------------------------------------------


def test_an_order_gives_points_once_and_another_body_is_refused(call, wallet):
    row = paid(wallet)
    assert results(call(EVENTS, {"events": [row, paid(wallet, "2", "2999")]})) == [
        {"status": 200, "result": "done", "points": 10}, {"status": 200, "result": "done", "points": 2},
    ]  # fmt: skip
    changed = paid(wallet, amount="99000", occurred_at=row["occurred_at"])
    again = call(EVENTS, {"events": [row, changed, {**row, "id": "paid-again"}]})
    assert results(again) == [
        {"status": 200, "result": "known", "points": 10},
        {"status": 409, "error": "other-body"},
        {"status": 422, "error": "other-order"},
    ]
    assert spendable(wallet) == 12
    assert list(ledger.check()) == []


def test_shops_have_ids_of_their_own(call, programme, wallet):
    _token, other = token_for(programme, source="web")
    row = paid(wallet)
    assert results(call(EVENTS, {"events": [row]}))[0]["points"] == 10
    assert results(call(EVENTS, {"events": [row]}, secret=other))[0]["result"] == "done"
    assert spendable(wallet) == 20


def test_refunds_take_back_in_proportion_and_a_repeated_one_nothing(call, wallet):
    lines = [{"id": "a", "amount": "3333"}, {"id": "b", "amount": "6667"}]
    call(EVENTS, {"events": [paid(wallet, lines=lines)]})
    first = refunded(wallet, amount="3333", line="a")
    assert results(call(EVENTS, {"events": [first, first]})) == [
        {"status": 200, "result": "done", "points": 3}, {"status": 200, "result": "known", "points": 3},
    ]  # fmt: skip
    more = [
        refunded(wallet, amount="1", line="a", name="r2"), refunded(wallet, amount="1", line="x", name="r3"),
        refunded(wallet, amount="6668", name="r4"), refunded(wallet, amount="6667", line="b", name="r5"),
    ]  # fmt: skip
    assert results(call(EVENTS, {"events": more})) == [
        {"status": 422, "error": "too-much"}, {"status": 422, "error": "unknown-line"}, {"status": 422, "error": "too-much"},
        {"status": 200, "result": "done", "points": 7},
    ]  # fmt: skip
    assert spendable(wallet) == 0
    assert set(Journal.objects.filter(code="reverse").values_list("reason", flat=True)) == {"refunded"}
    assert list(ledger.check()) == []


def test_a_refund_before_its_order_waits_for_it(call, wallet):
    early = refunded(wallet, amount="4000", name="early")
    assert results(call(EVENTS, {"events": [early]})) == [{"status": 200, "result": "waiting", "points": 0}]
    assert not Journal.objects.exists()
    call(EVENTS, {"events": [paid(wallet)]})
    assert spendable(wallet) == 6
    assert results(call(EVENTS, {"events": [early]})) == [{"status": 200, "result": "known", "points": 4}]
    assert results(call(EVENTS, {"events": [refunded(wallet, amount="7000", name="more")]}))[0]["error"] == "too-much"


def test_what_is_refunded_after_it_was_spent_is_a_debt(call, wallet):
    call(EVENTS, {"events": [paid(wallet)]})
    ledger.hold(wallet=wallet, hold="h", amount=10)
    ledger.capture(wallet=wallet, hold="h")
    call(EVENTS, {"events": [refunded(wallet, amount="10000")]})
    assert ledger.statements.last_balances(wallet.pk).debt == 10


@settings(max_examples=200, deadline=None)
@given(
    awarded=st.integers(0, 10**7),
    parts=st.lists(st.integers(1, 10**9), min_size=1, max_size=30),
    kept=st.integers(0, 10**9),
)
def test_the_points_of_all_lines_are_never_more_than_those_of_the_order(awarded, parts, kept):
    whole = sum(parts) + kept
    taken, before = [], 0
    for part in parts:
        taken.append(shop.points_of_refund(awarded, whole, before, before + part))
        before += part
    assert all(points >= 0 for points in taken)
    assert sum(taken) == awarded * sum(parts) // whole <= awarded
    assert kept or sum(taken) == awarded


def test_one_unknown_member_does_not_stop_the_others_and_staff_earn_nothing(call, programme, wallet):
    staff = wallet_for(user=UserFactory(is_staff=True), programme=programme)
    rows = [paid(wallet, "1", member=str(uuid.uuid4())), paid(wallet, "2"), paid(staff, "3")]
    assert results(call(EVENTS, {"events": rows})) == [
        {"status": 422, "error": "unknown-member"},
        {"status": 200, "result": "done", "points": 10},
        {"status": 200, "result": "done", "points": 0},
    ]
    assert ShopOrder.objects.count() == 2


def test_while_earning_is_stopped_a_row_is_to_be_sent_again(call, programme, wallet):
    ledger.set_switches(programme=programme, stop_earning=True, reason="x", actor="y")
    assert results(call(EVENTS, {"events": [paid(wallet)]})) == [{"status": 503, "error": "earning-stopped"}]
    ledger.set_switches(programme=programme, stop_earning=False, reason="x", actor="y")
    assert results(call(EVENTS, {"events": [paid(wallet)]}))[0]["points"] == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 100}, "amount"), ({"amount": "1e5"}, "amount"), ({"amount": "-1"}, "amount"), ({"amount": "1.5"}, "amount"),
        ({"amount": "۱۰"}, "amount"), ({"amount": "9" * 15}, "amount"), ({"amount": " 1"}, "amount"), ({"amount": "1\n"}, "amount"),
        ({"id": "ا"}, "id"), ({"id": "a\u202e"}, "id"), ({"id": ""}, "id"), ({"id": "x" * 65}, "id"), ({"id": 5}, "id"),
        ({"member": "sara@example.com"}, "member"), ({"member": None}, "member"), ({"currency": "EUR"}, "currency"),
        ({"occurred_at": "2026-11-29"}, "occurred_at"), ({"occurred_at": "2026-13-29T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "occurred_at"), ({"type": "order"}, "type"), ({"extra": 1}, "extra"),
        ({"lines": {}}, "lines"), ({"lines": [{"id": "a", "amount": "5"}] * 2}, "lines"),
        ({"lines": [{"id": "a", "amount": "10001"}]}, "lines"), ({"lines": [{"id": "a", "amount": float("inf")}]}, "lines"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_documented_is_named_and_nothing_is_done(call, wallet, change, field):
    answer = call(EVENTS, {"events": [paid(wallet), paid(wallet, "2", **change)]})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["row"], error["field"]) == (1, field)
    assert error["error"]
    assert not ShopEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"\xff", b'{"events": []}', b'{"events": {}}', b'{"events": [], "x": 1}',
        b'{"events": [1]}', b'{"events": [], "events": []}', b'{"events": [{"a": NaN}]}', b"[" * 100_000,
        b'{"events": [' + b"[" * 20 + b"]" * 20 + b"]}", b'{"events": [{"id": 1' + b"0" * 5000 + b"}]}",
        b'{"events": [' + b"{}," * 500 + b"{}]}", b" " * (512 * 1024 + 1),
    ],
    ids=range(17),
)  # fmt: skip
def test_an_odd_body_is_a_clear_error(call, body):
    answer = call(EVENTS, body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_amounts_have_the_decimals_of_their_currency(call, programme, wallet):
    PointsPolicy.objects.create(programme=programme, currency="EUR")
    row = paid(wallet, amount="125.5", currency="EUR")
    assert results(call(EVENTS, {"events": [row]}))[0]["points"] == 12
    assert ShopOrder.objects.get().amount == 12_550
    assert call(EVENTS, {"events": [paid(wallet, "2", "1.005", currency="EUR")]}).status_code == 400


# Quotes --------------------------------------------------------------------------------------------------------------


def test_a_quote_says_what_an_order_would_give_and_keeps_nothing(call, wallet):
    call(EVENTS, {"events": [paid(wallet, "0")]})  # the first call notes when the token was used
    body = {name: value for name, value in paid(wallet).items() if name not in {"type", "id", "order"}}
    before = everything()

    answer = call(QUOTES, body).json()

    assert answer["points"] == 10
    assert answer["why"]
    assert everything() == before
    assert results(call(EVENTS, {"events": [paid(wallet)]}))[0]["points"] == answer["points"]
    assert call(QUOTES, {**body, "member": str(uuid.uuid4())}).status_code == 422
    assert call(QUOTES, {**body, "amount": 1.5}).status_code == 400


# Points --------------------------------------------------------------------------------------------------------------


def test_a_balance_is_read_by_key(call, programme, wallet):
    ledger.earn(wallet=wallet, amount=30, key="e", expires_on=dt.date(2030, 1, 31))
    page = f"/api/loyalty/members/{wallet.member_key}/balance"
    answer = call(page, method="get").json()
    assert (answer["spendable"], answer["expiring"]) == (30, [{"last_day": "2030-01-31", "points": 30}])
    for key, status in ((uuid.uuid4(), 422), ("x", 400), ("sara@example.com", 400)):
        assert call(f"/api/loyalty/members/{key}/balance", method="get").status_code == status
    member = UserFactory()
    key = wallet_for(user=member, programme=ProgrammeFactory()).member_key  # has points elsewhere only
    assert call(f"/api/loyalty/members/{key}/balance", method="get").json()["spendable"] == 0
    assert Wallet.objects.filter(programme=programme).count() == 1


def test_points_are_reserved_spent_in_part_and_given_back_once(call, programme, wallet):
    ledger.earn(wallet=wallet, amount=100, key="e")
    body = {"id": "t-1", "member": str(wallet.member_key), "points": 60}
    assert call(HOLDS, body).json() == {"id": "t-1", "points": 60, "is_new": True, "spendable": 40}
    assert call(HOLDS, body).json()["is_new"] is False
    assert call(HOLDS, {**body, "points": 61}).json()["errors"] == [{"error": "key-reused"}]
    assert call(HOLDS, {**body, "id": "t-2"}).status_code == 409
    _token, other = token_for(programme, source="web")
    assert call(f"{HOLDS}/t-1/capture", {}, secret=other).status_code == 422
    for _time in range(2):
        assert call(f"{HOLDS}/t-1/capture", {"points": 50}).json()["spendable"] == 50
    assert call(f"{HOLDS}/t-1/release", b"").json()["errors"] == [{"error": "hold-ended"}]
    call(HOLDS, {**body, "id": "t-3", "points": 5})
    for _time in range(2):
        assert call(f"{HOLDS}/t-3/release", b"").json()["spendable"] == 50
    for wrong in ({"points": 0}, {"points": True}, {"points": 1.0}, {"points": "5"}, {"id": "a:b"}, {"x": 1}):
        assert call(HOLDS, {**body, **wrong}).status_code == 400
    assert list(ledger.check()) == []


def test_a_code_on_the_screen_leads_to_its_member_until_its_minute_is_over(call, wallet):
    ledger.earn(wallet=wallet, amount=30, key="e")
    card = cards.make_card(Member.objects.get(key=wallet.member_key).user)
    url, code = "/api/loyalty/cards/shown", cards.make_code(card)

    answer = call(url, {"code": code}).json()

    assert (answer["member"], answer["card"], answer["spendable"]) == (str(wallet.member_key), card.number, 30)
    old = cards.make_code(card, at=timezone.now() - dt.timedelta(minutes=2))
    for body, status, error in (
        ({"code": old}, 422, "code-over"), ({"code": f"{code[:-1]}G"}, 422, "wrong-code"),
        ({"code": card.number}, 422, "wrong-code"), ({"code": 1}, 400, None), ({"code": code, "x": 1}, 400, None),
    ):  # fmt: skip
        refused = call(url, body)
        assert (refused.status_code, refused.json()["errors"][0]["error"] if error else None) == (status, error)
    _token, other = token_for(wallet.programme, Scope.EVENTS, source="web")
    assert call(url, {"code": code}, secret=other).status_code == 403


def test_a_card_leads_to_the_points_of_its_member_and_a_wrong_digit_to_nobody(call, wallet):
    ledger.earn(wallet=wallet, amount=30, key="e")
    user = Member.objects.get(key=wallet.member_key).user
    number = cards.make_card(user).number
    spaced = " ".join(number[start : start + 4] for start in range(0, 12, 4))
    for shown in (number, spaced, number.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))):
        answer = call(f"/api/loyalty/cards/{shown}/balance", method="get").json()
        assert (answer["member"], answer["spendable"]) == (str(wallet.member_key), 30)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    for shown, status in ((wrong, 400), ("x", 400), ("-1", 400), (cards.with_check_digits("1234567890"), 422)):
        assert call(f"/api/loyalty/cards/{shown}/balance", method="get").status_code == status
    _token, other = token_for(wallet.programme, Scope.EVENTS, source="web")
    assert call(f"/api/loyalty/cards/{number}/balance", secret=other, method="get").status_code == 403


# Tokens --------------------------------------------------------------------------------------------------------------


def test_without_a_token_of_the_right_scope_nobody_learns_anything(call, client, programme, wallet):
    page = f"/api/loyalty/members/{wallet.member_key}/balance"
    client.force_login(UserFactory(superuser=True))  # a session means nothing
    assert client.get(page).status_code == 401
    token, secret = token_for(programme, Scope.EVENTS)
    known = call(page, secret=secret, method="get")
    unknown = call(f"/api/loyalty/members/{uuid.uuid4()}/balance", secret=secret, method="get")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 403
    assert call(EVENTS, secret=secret, method="get").status_code == 405
    for wrong in ("lty_x", "", "x" * 3000, "lty_سلام".encode().decode("latin-1")):
        assert call(EVENTS, {}, secret=wrong).status_code == 401
    shop.revoke_token(token, by=UserFactory(superuser=True))
    assert call(EVENTS, {}, secret=secret).status_code == 401


def test_a_token_is_stored_as_a_digest_and_has_a_rate_of_its_own(call, programme, monkeypatch):
    monkeypatch.setattr("portal.core.limits.time.time", lambda: 1_800_000_000.0)
    token, secret = token_for(programme, per_minute=2)
    assert secret not in str(ApiToken.objects.filter(pk=token.pk).values())
    answers = [call(EVENTS, {}, secret=secret).status_code for _time in range(3)]
    assert answers == [400, 400, 429]
    assert ApiToken.objects.get(pk=token.pk).last_used_at is not None
    for act in (lambda by: shop.revoke_token(token, by=by), lambda by: shop.make_token(
        programme=programme, name="x", source="x", scopes=[], per_minute=1, by=by
    )):  # fmt: skip
        with pytest.raises(NoRightError):
            act(UserFactory(is_staff=True))


def test_tokens_are_made_shown_once_and_revoked_in_the_admin(client, programme, settings):
    settings.STAFF_SECOND_FACTOR = False
    signed_in(client, "add_apitoken")
    page = reverse("points_tokens:index")
    form = {
        "programme": programme.pk,
        "name": "صندوق",
        "source": "till",
        "scopes": ["events"],
        "per_minute": "60",
        "make": "1",
    }
    made = client.post(page, form)
    secret = made.text.partition('<code dir="ltr">')[2].partition("<")[0]
    assert shop.token_of(secret).scopes == ["events"]
    assert "no-store" in made.headers["Cache-Control"]
    assert secret not in client.get(page).text
    assert client.post(page, {**form, "scopes": ["x"]}).status_code == 422
    client.post(page, {"revoke": str(ApiToken.objects.get().pk)})
    assert shop.token_of(secret) is None
    signed_in(client, "view_member")
    assert client.get(page).status_code in {302, 403}
