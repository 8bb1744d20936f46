"""The addresses of the API. Programs sign in with a token; sessions and their cookies mean nothing here.

Whatever a token may not do is refused before anybody is looked up, so that it learns nothing about members.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from loyalty.api import bodies
from loyalty.exceptions import CardCodeError, InsufficientPointsError, LedgerError
from loyalty.models import Journal, Member, Wallet
from loyalty.models.shop import Scope
from loyalty.queries import summary
from loyalty.services import cards, ledger, shop
from loyalty.services.adjusting import policy_of
from portal.core.limits import limited_key
from portal.core.outbox import NotNowError
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty.models.shop import ApiToken

_UNAUTHORISED = {"WWW-Authenticate": "Bearer"}


def _error(status: int, *errors: dict[str, Any], headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse({"errors": list(errors)}, status=status, headers=headers)


def _for_token(scope: Scope, method: str) -> Callable[[Any], Any]:
    """Admit tokens with the scope, within their rate."""

    def decorate(view: Any) -> Any:
        @csrf_exempt
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
            kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
            token = shop.token_of(secret.strip()) if kind.lower() == "bearer" else None
            if token is None:
                return _error(401, {"error": "a valid token is needed"}, headers=_UNAUTHORISED)
            return _refused(request, token, scope, method) or _answered(view, request, token, *args, **kwargs)

        return guarded

    return decorate


def _refused(request: HttpRequest, token: ApiToken, scope: Scope, method: str) -> JsonResponse | None:
    """Return why a token may not do this, before anything is read; None if it may."""
    wait = limited_key(f"token:{token.pk}", "loyalty.api", token.per_minute, 60)
    if wait is not None:
        return _error(429, {"error": "too many requests"}, headers={"Retry-After": str(wait)})
    if scope not in token.scopes:
        return _error(403, {"error": f"the token may not do this: {scope}"})
    if request.method != method:
        return _error(405, {"error": f"use {method}"}, headers={"Allow": method})
    return None


def _answered(view: Any, request: HttpRequest, token: ApiToken, *args: Any, **kwargs: Any) -> JsonResponse:
    """Return the answer of a view, or what it refuses in the words of the API."""
    try:
        answer: JsonResponse = view(request, token, *args, **kwargs)
    except bodies.BodyError as error:
        return _error(400, *error.errors)
    except NotNowError as error:
        wait_seconds = str(int(error.pause.total_seconds()))
        return _error(503, {"error": "earning is stopped"}, headers={"Retry-After": wait_seconds})
    except LedgerError as error:
        return _error(409, {"error": _code_of(error)})
    return answer


def _code_of(error: LedgerError) -> str:
    """Return the name of an error for programs: ``insufficient-points``."""
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _body(request: HttpRequest) -> dict[str, Any]:
    length = row_number(request.headers.get("Content-Length") or "0")
    if length is None or length > bodies.MAX_BYTES:
        raise bodies.BodyError({"error": f"more than {bodies.MAX_BYTES} bytes"})
    body = request.read(bodies.MAX_BYTES + 1)
    if len(body) > bodies.MAX_BYTES:
        raise bodies.BodyError({"error": f"more than {bodies.MAX_BYTES} bytes"})
    return bodies.read(body)


@_for_token(Scope.EVENTS, "POST")
def events(request: HttpRequest, token: ApiToken) -> JsonResponse:
    """Do what each row reports, once. A body with a wrong row is refused as a whole."""
    currency = policy_of(token.programme).currency
    rows = bodies.events_of(bodies.rows_of(_body(request)), currency=currency)
    results = [_report(row, token) for row in rows]
    return JsonResponse({"results": [{"row": number, **result} for number, result in enumerate(results)]})


def _report(row: shop.Order | shop.Refund, token: ApiToken) -> dict[str, Any]:
    try:
        done = shop.report(row, programme=token.programme, source=token.source)
    except shop.RowRefusedError as error:
        status = 409 if error.code == "other-body" else 422
        return {"id": row.id, "status": status, "error": error.code}
    except NotNowError:
        return {"id": row.id, "status": 503, "error": "earning-stopped"}
    except LedgerError as error:
        return {"id": row.id, "status": 422, "error": _code_of(error)}
    return {"id": row.id, "status": 200, "result": done.status, "points": done.points}


@_for_token(Scope.QUOTES, "POST")
def quotes(request: HttpRequest, token: ApiToken) -> JsonResponse:
    """Say what one order would give now, and why. Nothing is kept."""
    currency = policy_of(token.programme).currency
    body = _body(request)
    row = bodies.event_of({"type": "order.paid", "id": "quote", "order": "quote", **body}, 0, currency=currency)
    if not isinstance(row, shop.Order):
        raise bodies.BodyError({"field": "type", "error": "only orders can be quoted"})
    try:
        done = shop.quote(row, programme=token.programme)
    except shop.RowRefusedError as error:
        return _error(422, {"error": error.code})
    return JsonResponse({"points": done.points, "why": done.why})


@_for_token(Scope.BALANCE, "GET")
def balance(_request: HttpRequest, token: ApiToken, key: str) -> JsonResponse:
    """Say what a member has."""
    wallet = _wallet(token, key)
    if wallet is None:
        return _error(422, {"error": "unknown-member"})
    return JsonResponse(_points(wallet))


@_for_token(Scope.BALANCE, "GET")
def balance_of_card(_request: HttpRequest, token: ApiToken, number: str) -> JsonResponse:
    """Say whose card it is, by key, and what that member has."""
    if not cards.is_valid(number):
        raise bodies.BodyError({"field": "card", "error": "no number of a card: a digit is wrong"})
    key = cards.key_of(number)
    wallet = _wallet(token, str(key)) if key else None
    if wallet is None:
        return _error(422, {"error": "unknown-card"})
    return JsonResponse({"member": str(key), **_points(wallet)})


@_for_token(Scope.BALANCE, "POST")
def card_shown(request: HttpRequest, token: ApiToken) -> JsonResponse:
    """Say whose card is being shown at this moment, by the code that changes, and what that member has."""
    body = _body(request)
    if set(body) != {"code"} or not isinstance(body["code"], str):
        raise bodies.BodyError({"error": "“code”, and nothing else"})
    try:
        number = cards.number_in_code(body["code"])
    except CardCodeError as error:
        return _error(422, {"error": error.code})
    key = cards.key_of(number)
    wallet = _wallet(token, str(key)) if key else None
    if wallet is None:
        return _error(422, {"error": "unknown-card"})
    return JsonResponse({"member": str(key), "card": number, **_points(wallet)})


def _wallet(token: ApiToken, key: Any) -> Wallet | None:
    try:
        wanted = bodies.as_key(key)
    except ValueError as error:
        raise bodies.BodyError({"field": "member", "error": str(error)}) from None
    if not Member.objects.filter(key=wanted).exists():
        return None
    return Wallet.objects.filter(programme=token.programme, member_key=wanted).select_related("programme").first() or (
        Wallet(programme=token.programme, member_key=wanted)
    )


def _points(wallet: Wallet) -> dict[str, Any]:
    if wallet.pk is None:
        return {"spendable": 0, "pending": 0, "held": 0, "debt": 0, "status": Wallet.Status.OPEN, "expiring": []}
    now = summary(wallet)
    return {
        "spendable": now.spendable,
        "pending": sum(one.points for one in now.arriving) + now.reviewed,
        "held": now.held,
        "debt": now.debt,
        "status": wallet.status,
        "expiring": [
            {"last_day": one.last_day.isoformat() if one.last_day else None, "points": one.points}
            for one in now.expiring
        ],
    }


@_for_token(Scope.HOLDS, "POST")
def holds(request: HttpRequest, token: ApiToken) -> JsonResponse:
    """Reserve points; the same id again returns the same."""
    body = _body(request)
    if set(body) != {"id", "member", "points"}:
        raise bodies.BodyError({"error": "“id”, “member” and “points”, and nothing else"})
    name, points = _field(body, "id", bodies.as_hold), _field(body, "points", bodies.as_points)
    wallet = _wallet(token, body["member"])
    if wallet is None:
        return _error(422, {"error": "unknown-member"})
    if wallet.pk is None:
        raise InsufficientPointsError(points)
    posted = ledger.hold(
        wallet=wallet, hold=_ref(token, name), amount=points, source=f"shop:{token.source}", actor=f"token:{token.pk}"
    )
    return _held(name, posted)


def _field(body: dict[str, Any], name: str, reader: Callable[[Any], Any]) -> Any:
    try:
        return reader(body[name])
    except ValueError as error:
        raise bodies.BodyError({"field": name, "error": str(error)}) from None


def _ref(token: ApiToken, hold: str) -> str:
    return f"shop:{token.source}:{hold}"


def _held(hold: str, posted: ledger.Posted) -> JsonResponse:
    return JsonResponse(
        {"id": hold, "points": posted.amount, "is_new": posted.is_new, "spendable": posted.balances.available}
    )


def _wallet_of_hold(token: ApiToken, hold: str) -> Wallet | None:
    if not bodies.is_hold(hold):
        return None
    journal = Journal.objects.filter(programme=token.programme, key=f"hold:{_ref(token, hold)}")
    found = journal.select_related("wallet__programme").first()
    return found.wallet if found else None


@_for_token(Scope.HOLDS, "POST")
def capture(request: HttpRequest, token: ApiToken, hold: str) -> JsonResponse:
    """Spend what is reserved, or a part of it; the rest is released."""
    body = _body(request) if request.headers.get("Content-Length") not in {None, "", "0"} else {}
    if not set(body) <= {"points"}:
        raise bodies.BodyError({"error": "“points”, and nothing else"})
    points = _field(body, "points", bodies.as_points) if body else None
    wallet = _wallet_of_hold(token, hold)
    if wallet is None:
        return _error(422, {"error": "unknown-hold"})
    posted = ledger.capture(wallet=wallet, hold=_ref(token, hold), amount=points, actor=f"token:{token.pk}")
    return _held(hold, posted)


@_for_token(Scope.HOLDS, "POST")
def release(_request: HttpRequest, token: ApiToken, hold: str) -> JsonResponse:
    """Give back what is reserved."""
    wallet = _wallet_of_hold(token, hold)
    if wallet is None:
        return _error(422, {"error": "unknown-hold"})
    return _held(hold, ledger.release(wallet=wallet, hold=_ref(token, hold), reason="shop", actor=f"token:{token.pk}"))
