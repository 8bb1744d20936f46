"""The member's pages of points."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from loyalty import (
    card_pictures,
    own_badges,
    own_board,
    own_challenges,
    own_months,
    own_offers,
    own_points,
    own_statement,
    own_tiers,
    shop,
)
from loyalty.buckets import today_of
from loyalty.models.offers import Placement
from loyalty.queries import Summary, Which, statement, summary
from loyalty.services import boards, cards, referrals
from loyalty.services.earning.periods import EVER
from portal.core.spreadsheets import CsvWriter
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from loyalty.models import Earning, Wallet
    from portal.accounts.models import User

_LINES: Final = 20
_NOTHING: Final = Summary(spendable=0, held=0, debt=0, arriving=[], expiring=[])


def _shown_or_404(request: HttpRequest) -> tuple[Earning, Wallet | None]:
    shown = own_points.open_programme()
    if shown is None:
        raise Http404
    return shown, own_points.wallet_of(cast("User", request.user), shown)


@login_required
@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show a member's points, how to earn more, and the statement; ``?before=`` continues it, ``?kind=&time=`` choose lines."""
    shown, wallet = _shown_or_404(request)
    context: dict[str, Any] = {"shown": shown, "points": _NOTHING, "lines": [], "not_counted": []}
    chosen = context["chosen"] = own_statement.selection_of(request.GET, shown.programme)
    if wallet is not None:
        page = statement(wallet, before=row_number(request.GET.get("before", "")), limit=_LINES, which=chosen.which)
        context["points"] = summary(wallet)
        context["lines"] = own_points.in_words(wallet, page.lines)
        context["before"] = page.next_before
        context["months"] = own_months.last_months(wallet)
        context["not_counted"] = own_points.not_counted(wallet)
    context["coming"] = sum(arriving.points for arriving in context["points"].arriving)
    context["tier_path"] = own_tiers.path_of(cast("User", request.user), shown)
    context["goal"] = shop.goal_for(shown, wallet, person=cast("User", request.user))
    context["badges"] = own_badges.badges_of(wallet, shown)
    context["challenges"] = own_challenges.challenges_of(wallet, shown)
    context["is_inviting"] = referrals.is_open()
    context["ways"] = own_points.ways_to_earn(shown)
    context["is_first"] = "before" not in request.GET
    context["has_offers"] = own_offers.programme_with_offers() == shown.programme
    if context["has_offers"] and context["is_first"]:
        context["offers"] = own_offers.cards_for(request, shown.programme, Placement.POINTS)
    return render(request, "loyalty/index.html", context)


@login_required
@never_cache
@require_safe
def challenges(request: HttpRequest) -> HttpResponse:
    """Show the member's challenges, those they completed, and their weeks in a row."""
    shown, wallet = _shown_or_404(request)
    return render(request, "loyalty/challenges.html", {"own": own_challenges.challenges_of(wallet, shown)})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def card(request: HttpRequest) -> HttpResponse:
    """Show the member's card; make it when it is asked for."""
    shown, _wallet = _shown_or_404(request)
    person = cast("User", request.user)
    if request.method == "POST":
        cards.make_card(person)
        return HttpResponseRedirect(reverse("loyalty:card"))
    own = cards.card_of(person)
    context: dict[str, Any] = {"shown": shown, "card": own}
    if own is not None:
        number = own.number
        context["number"] = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
        context["qr"] = card_pictures.qr_code(number)
        context["bars"] = card_pictures.bar_code(number)
        context["path"] = own_tiers.path_of(person, shown)
    return render(request, "loyalty/card.html", context)


@login_required
@never_cache
@require_safe
def card_code(request: HttpRequest) -> HttpResponse:
    """Send the code that shows for a minute that the card is at hand, as a picture: a part of the card's page."""
    _shown_or_404(request)
    own = cards.card_of(cast("User", request.user))
    if own is None:
        raise Http404
    return render(request, "loyalty/_card_code.html", {"qr": card_pictures.qr_code(cards.make_code(own))})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leaderboard(request: HttpRequest) -> HttpResponse:
    """Show the leaderboard of a month or of all time, and the person's own place; change whether others see it."""
    shown, _wallet = _shown_or_404(request)
    person = cast("User", request.user)
    periods = own_board.periods_of(shown)
    asked = request.POST.get("period") or request.GET.get("period", "")
    period = asked if asked in periods else periods[0]
    if request.method == "POST":
        boards.set_shown(person, is_shown=request.POST.get("shown") == "yes")
        return HttpResponseRedirect(f"{reverse('loyalty:leaderboard')}?period={period}")
    context = {
        "board": own_board.board_for(person, shown, period),
        "is_shown": boards.choice_of(person) is not None,
        "period": period,
        "periods": [(key, _("All time") if key == EVER else _("This month")) for key in periods],
    }
    return render(request, "loyalty/leaderboard.html", context)


@login_required
@never_cache
@require_safe
def paper(request: HttpRequest) -> HttpResponse:
    """Show the statement, or the lines that were chosen, as it is printed."""
    shown, wallet = _shown_or_404(request)
    chosen = own_statement.selection_of(request.GET, shown.programme)
    context = {
        "shown": shown,
        "chosen": chosen,
        "paper": own_statement.paper_of(wallet, chosen),
        "card": cards.card_of(cast("User", request.user)),
        "today": today_of(shown.programme),
        "most": own_statement.MOST_LINES,
    }
    return render(request, "loyalty/statement.html", context)


@login_required
@never_cache
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Send the whole statement, or the lines that were chosen, as a table for spreadsheet programs, page by page."""
    shown, wallet = _shown_or_404(request)
    chosen = own_statement.selection_of(request.GET, shown.programme)
    day = timezone.localdate()
    headers = {"Content-Disposition": f'attachment; filename="points-{day}.csv"'}
    return StreamingHttpResponse(_table(wallet, chosen.which), content_type="text/csv; charset=utf-8", headers=headers)


def _table(wallet: Wallet | None, which: Which) -> Iterator[str]:
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream)
    # A byte order mark, without which spreadsheet programs misread Persian.
    stream.write("\ufeff")
    writer.write([_("Date"), _("What"), _("Points"), _("Balance"), _("Can be spent"), _("Coming"), _("Why")])
    for row in own_points.rows_of(own_points.all_lines(wallet, which)) if wallet else ():
        writer.write(row)
        if stream.tell() > 8_000:
            yield stream.getvalue()
            stream.seek(0)
            stream.truncate()
    yield stream.getvalue()
