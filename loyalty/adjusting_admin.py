"""Admin screens of members' points: statements, corrections with a second person, files of them, switches."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty import own_points, queries
from loyalty.adjusting_forms import (
    CHANGES,
    FREEZE_REASONS,
    SWITCH_REASONS,
    AdjustForm,
    ExtendForm,
    FileForm,
    FreezeForm,
    PolicyForm,
    ReinstateForm,
    SwitchForm,
)
from loyalty.exceptions import LedgerError, NoRightError, StaffError
from loyalty.member_list import BEFORE, QUIET, Lines, lines_about, page_of
from loyalty.member_overview import overview_of
from loyalty.models import Adjustment, Member, PointsFile, PointsFileRow, Programme, SwitchRecord, Wallet
from loyalty.models.adjustments import State
from loyalty.models.ledger import NEVER
from loyalty.screens import Screen
from loyalty.services import adjusting, reconciling
from portal.accounts.models import User
from portal.core.admin_menu import menu_item_for
from portal.core.formats import date_text, format_number
from portal.core.spreadsheets import csv_of_workbook, is_workbook
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django import forms
    from django.http import HttpRequest, HttpResponse

    from loyalty.models.adjustments import AskedModel

_LINES: Final = 50
#: Rows of a workbook that are read: more than can be accepted, so that too many are noticed.
_MOST_ROWS: Final = 5_100
_SHOWN_ROWS: Final = 200


def may_see_requests(user: User) -> bool:
    """Return whether the person has to do with corrections."""
    return adjusting.may_ask(user) or adjusting.may_decide(user)


def may_see_files(user: User) -> bool:
    """Return whether the person has to do with files of corrections."""
    return adjusting.may_ask_by_file(user) or adjusting.may_decide(user)


def may_see_programmes(user: User) -> bool:
    """Return whether the person may set something of a programme."""
    return adjusting.may_set_policy(user) or adjusting.may_switch(user)


def programmes() -> list[Programme]:
    """Return the programmes in which points are earned."""
    return list(Programme.objects.filter(earning__isnull=False).select_related("earning").order_by("pk"))


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Return the public names of those who asked or decided: ``user:7`` → name. One query."""
    wanted = {actor: row_number(actor.removeprefix("user:")) for actor in set(actors) if actor}
    people = User.objects.in_bulk([number for number in wanted.values() if number is not None])
    return {actor: people[number].handle for actor, number in wanted.items() if number in people}


def owners_of(wallets: Iterable[Wallet]) -> dict[int, User]:
    """Return whose wallets these are: id → person; nobody's are left out. One query."""
    keys = {wallet.pk: wallet.member_key for wallet in wallets}  # a member has a wallet in each programme, and one key
    found = Member.objects.filter(key__in=set(keys.values())).select_related("user")
    people = {member.key: member.user for member in found}
    return {pk: people[key] for pk, key in keys.items() if key in people}


def _switched(**which: Any) -> list[tuple[SwitchRecord, Any, Any]]:
    """The last changes of switches, with what and why in words."""
    reasons = dict([*FREEZE_REASONS, *SWITCH_REASONS])
    return [
        (record, CHANGES.get(record.change, record.change), reasons.get(record.reason, record.reason))
        for record in SwitchRecord.objects.filter(**which).order_by("-pk")[:5]
    ]


class _Asking(Screen):
    """A screen whose forms call a service that may refuse."""

    def tried(self, form: forms.Form | None, act: Callable[[], object]) -> bool:
        """Do it; say in the form, or above the page, why not. Raises `PermissionDenied`."""
        try:
            act()
        except NoRightError as error:
            raise PermissionDenied from error
        except (StaffError, LedgerError) as error:
            if form is None:
                messages.error(self.request, str(error))
            else:
                form.add_error(None, str(error))
            return False
        return True

    def said(self, asked: AskedModel) -> None:
        """Say what became of a request."""
        if asked.state == State.WAITING:
            messages.warning(self.request, gettext("So many points need a second person. Your request waits for them."))
        elif asked.state == State.APPROVED:
            messages.success(self.request, gettext("The rows are being booked."))
        else:
            messages.success(self.request, gettext("It is booked."))

    def refused(self, **context: Any) -> HttpResponse:
        """Show the page again, with what is wrong."""
        return self.render_to_response(self.get_context_data(**context), status=422)


# Members -------------------------------------------------------------------------------------------------------------


class MembersView(Screen):
    """The members, those whose points moved last first; found by a part of the name, address or public name, or by the number of a card or a key."""

    page_title = _("Points of members")
    template_name = "loyalty/admin/members.html"

    def is_allowed(self, user: User) -> bool:
        return adjusting.may_look(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        words = asked.get("q", "")
        programme = next(iter(programmes()), None)
        if words:
            page = Lines(lines_about(programme, adjusting.find_members(words, by=self.user)))
        else:
            before, quiet = row_number(asked.get(BEFORE, "")), row_number(asked.get(QUIET, ""))
            page = page_of(programme, before=before, quiet=quiet, size=_LINES)
        following = urlencode(dict([page.following])) if page.following else ""
        return super().get_context_data(**kwargs, words=words, lines=page.lines, next=following)


class MemberView(_Asking):
    """What a member has and why, and what may be done about it."""

    page_title = _("Points of a member")
    template_name = "loyalty/admin/member.html"
    parents = (("points_members:index", MembersView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return adjusting.may_look(user)

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.member: User | None = None

    def _load(self) -> User:
        """Find the member and the programme; only after it was asked who is looking."""
        self.member = get_object_or_404(User, pk=self.kwargs["pk"])
        self.programmes = programmes()
        chosen = row_number(self.request.GET.get("programme", ""))
        first = self.programmes[0] if self.programmes else None
        self.programme = next((one for one in self.programmes if one.pk == chosen), first)
        self.wallet = queries.wallets_of(self.member).filter(programme=self.programme).first()
        return self.member

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._load()
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        member = self._load()
        if "adjust" in request.POST and self.programme is not None:
            return self._adjust(member, self.programme)
        if "extend" in request.POST and self.wallet is not None:
            return self._extend(self.wallet)
        if "reinstate" in request.POST and self.wallet is not None:
            return self._reinstate(self.wallet)
        if self.wallet is not None and ("freeze" in request.POST or "unfreeze" in request.POST):
            return self._freeze(self.wallet, is_frozen="freeze" in request.POST)
        return HttpResponseRedirect(self._address())

    def _address(self) -> str:
        query = f"?programme={self.programme.pk}" if self.programme else ""
        return reverse("points_members:inspect", args=[self.kwargs["pk"]]) + query

    def _adjust(self, member: User, programme: Programme) -> HttpResponse:
        form = AdjustForm(self.request.POST)

        def act() -> None:
            self.said(adjusting.ask(member=member, programme=programme, by=self.user, **form.cleaned_data))

        if form.is_valid() and self.tried(form, act):
            return HttpResponseRedirect(self._address())
        return self.refused(adjust_form=form)

    def _extend(self, wallet: Wallet) -> HttpResponse:
        form = ExtendForm(self.request.POST, lots=_lots(wallet), auto_id="extend_%s")

        def act() -> None:
            self.said(adjusting.ask_to_extend(wallet=wallet, by=self.user, **form.cleaned_data))

        if form.is_valid() and self.tried(form, act):
            return HttpResponseRedirect(self._address())
        return self.refused(extend_form=form)

    def _reinstate(self, wallet: Wallet) -> HttpResponse:
        form = ReinstateForm(self.request.POST, lapsed=_lapsed(wallet), auto_id="reinstate_%s")

        def act() -> None:
            self.said(adjusting.ask_to_reinstate(wallet=wallet, by=self.user, **form.cleaned_data))

        if form.is_valid() and self.tried(form, act):
            return HttpResponseRedirect(self._address())
        return self.refused(reinstate_form=form)

    def _freeze(self, wallet: Wallet, *, is_frozen: bool) -> HttpResponse:
        form = FreezeForm(self.request.POST, auto_id="freeze_%s")

        def act() -> None:
            adjusting.set_frozen(wallet, is_frozen=is_frozen, reason=form.cleaned_data["reason"], by=self.user)

        if form.is_valid() and self.tried(form, act):
            return HttpResponseRedirect(self._address())
        return self.refused(freeze_form=form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        wallet = self.wallet
        is_own = self.member == self.user
        may_ask = adjusting.may_ask(self.user) and not is_own and self.programme is not None
        context: dict[str, Any] = {"lines": [], "before": None, "lots": [], "records": []}
        if wallet is not None:
            page = queries.statement(wallet, before=row_number(self.request.GET.get("before", "")), limit=_LINES)
            context["lines"] = own_points.in_words(wallet, page.lines)
            context["before"] = page.next_before
            context["points"] = queries.summary(wallet)
            context["records"] = _switched(wallet=wallet)
            context["overview"] = overview_of(cast("User", self.member), wallet.programme.earning, wallet, by=self.user)
            is_closed = wallet.status == Wallet.Status.CLOSED
            may_ask = may_ask and not is_closed
            if may_ask and (lots := _lots(wallet)):
                context["extend_form"] = ExtendForm(lots=lots, auto_id="extend_%s")
            if may_ask and (lapsed := _lapsed(wallet)):
                context["reinstate_form"] = ReinstateForm(lapsed=lapsed, auto_id="reinstate_%s")
            if adjusting.may_freeze(self.user) and not is_own and not is_closed:
                context["freeze_form"] = FreezeForm(auto_id="freeze_%s")
        if may_ask:
            context["adjust_form"] = AdjustForm()
        return super().get_context_data(
            **{**context, **kwargs},
            member=self.member,
            wallet=wallet,
            is_own=is_own,
            programme=self.programme,
            programmes=self.programmes if len(self.programmes) > 1 else [],
        )


def _lots(wallet: Wallet) -> list[tuple[queries.Expiring, str]]:
    """The points that expire, with words for the form."""
    return [
        (lot, f"{date_text(lot.last_day)}: {format_number(lot.points)}")
        for lot in queries.summary(wallet).expiring
        if lot.last_day is not None
    ]


def _lapsed(wallet: Wallet) -> list[tuple[queries.Lapsed, str]]:
    """The points that expired and can be given again, with words for the form."""
    return [(row, f"{date_text(row.occurred_at)}: {format_number(row.points)}") for row in queries.lapsed(wallet)]


# Requests ------------------------------------------------------------------------------------------------------------


class RequestsView(Screen):
    """What was asked for: what waits, then the rest, newest first."""

    page_title = _("Corrections of points")
    template_name = "loyalty/admin/corrections.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_requests(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = Adjustment.objects.select_related("wallet")
        if before := row_number(self.request.GET.get("before", "")):
            waiting: Sequence[Adjustment] = []
            found = found.filter(pk__lt=before)
        else:
            waiting = [one for one in found.filter(state=State.WAITING).order_by("expires_at") if one.is_waiting]
        rows = list(found.order_by("-pk")[: _LINES + 1])
        shown = [*waiting, *rows[:_LINES]]
        names = names_of(one.asked_by for one in shown)
        owners = owners_of(one.wallet for one in shown)

        def in_words(one: Adjustment) -> tuple[Adjustment, User | None, str]:
            return one, owners.get(one.wallet_id), names.get(one.asked_by, "")

        return super().get_context_data(
            **kwargs,
            waiting=[in_words(one) for one in waiting],
            rows=[in_words(one) for one in rows[:_LINES]],
            next=rows[_LINES - 1].pk if len(rows) > _LINES else None,
        )


class RequestView(_Asking):
    """One request, to be approved or refused by somebody else."""

    page_title = _("Correction of points")
    template_name = "loyalty/admin/correction.html"
    parents = (("points_corrections:index", RequestsView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return may_see_requests(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = get_object_or_404(Adjustment, pk=kwargs["pk"])
        acts = {"approve": adjusting.approve, "refuse": adjusting.refuse, "withdraw": adjusting.withdraw}
        for name, act in acts.items():
            if name in request.POST and self.tried(None, partial(act, row, by=self.user)):
                messages.success(request, gettext("Done."))
        return HttpResponseRedirect(reverse("points_corrections:inspect", args=[row.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = get_object_or_404(Adjustment.objects.select_related("wallet__programme__earning"), pk=kwargs["pk"])
        owner = owners_of([row.wallet]).get(row.wallet_id)
        return super().get_context_data(
            **kwargs,
            row=row,
            owner=owner,
            may_look=adjusting.may_look(self.user),
            points=queries.summary(row.wallet),
            never=row.expires_on == NEVER,
            **_people(row),
            **_choices(row, self.user, is_own=owner == self.user),
        )


def _people(asked: AskedModel) -> dict[str, str]:
    names = names_of([asked.asked_by, asked.decided_by])
    return {"asker": names.get(asked.asked_by, ""), "decider": names.get(asked.decided_by, "")}


def _choices(asked: AskedModel, user: User, *, is_own: bool) -> dict[str, bool]:
    """What the person can do about it."""
    is_mine = asked.asked_by == adjusting.actor_of(user)
    return {
        "is_mine": is_mine,
        "may_decide": asked.is_waiting and adjusting.may_decide(user) and not is_mine and not is_own,
        "may_withdraw": asked.state == State.WAITING and is_mine,
    }


# Files ---------------------------------------------------------------------------------------------------------------


class FilesView(_Asking):
    """Takes a file, shows what it would do, and has it booked."""

    page_title = _("Corrections by file")
    template_name = "loyalty/admin/points_files.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_files(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not adjusting.may_ask_by_file(self.user):
            raise PermissionDenied
        form = FileForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.refused(form=form)
        data = form.cleaned_data
        content = _content(data)
        trial: list[adjusting.Trial] = []
        made: list[PointsFile] = []

        def act() -> None:
            trial.append(adjusting.look(content, programme=data["programme"], by=self.user))
            if "book" in request.POST and not trial[0].problems:
                made.append(
                    adjusting.ask_by_file(
                        content, programme=data["programme"], reason=data["reason"], note=data["note"], by=self.user
                    )
                )

        if not self.tried(form, act):
            return self.refused(form=form)
        if made:
            self.said(made[0])
            return HttpResponseRedirect(reverse("points_files:inspect", args=[made[0].pk]))
        text = content.decode("utf-8-sig")
        again = FileForm(initial={**{name: request.POST.get(name) for name in ("reason", "note")}, "rows": text})
        again.initial["programme"] = data["programme"]
        found = trial[0]
        shown = [*found.problems, *(row for row in found.rows if not row.problem)][:_SHOWN_ROWS]
        return self.render_to_response(
            self.get_context_data(
                form=again, trial=found, shown=shown, known=adjusting.known_file(found, data["programme"])
            )
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = list(PointsFile.objects.select_related("programme__earning")[:_LINES])
        context = {"form": FileForm(), **kwargs} if adjusting.may_ask_by_file(self.user) else kwargs
        names = names_of(one.asked_by for one in rows)
        return super().get_context_data(**context, rows=[(one, names.get(one.asked_by, "")) for one in rows])


def _content(data: Mapping[str, Any]) -> bytes:
    """The uploaded file, a workbook as CSV, or the rows in the page. Reads no more than can be accepted."""
    if data["file"] is not None:
        content = cast("bytes", data["file"].read(1_000_001))
        if not is_workbook(content):
            return content
        with suppress(ValueError):  # what cannot be read is refused as no table
            return csv_of_workbook(content, most_rows=_MOST_ROWS)
        return content
    return cast("str", data["rows"]).encode()


class FileView(_Asking):
    """One file: how far it is, and what could not be booked."""

    page_title = _("File of corrections")
    template_name = "loyalty/admin/points_file.html"
    parents = (("points_files:index", FilesView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return may_see_files(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row = get_object_or_404(PointsFile, pk=kwargs["pk"])
        acts = {
            "approve": adjusting.approve_file, "refuse": adjusting.refuse_file, "withdraw": adjusting.withdraw_file,
        }  # fmt: skip
        for name, act in acts.items():
            if name in request.POST and self.tried(None, partial(act, row, by=self.user)):
                messages.success(request, gettext("Done."))
        return HttpResponseRedirect(reverse("points_files:inspect", args=[row.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = get_object_or_404(PointsFile.objects.select_related("programme__earning"), pk=kwargs["pk"])
        lines = row.lines.select_related("user")
        failed = list(lines.filter(state=PointsFileRow.State.FAILED).order_by("number")[:_SHOWN_ROWS])
        others = lines.exclude(state=PointsFileRow.State.FAILED).order_by("number")[: _SHOWN_ROWS - len(failed)]
        is_own = row.lines.filter(user=self.user).exists()
        return super().get_context_data(
            **kwargs,
            row=row,
            lines=[(one, adjusting.PROBLEMS.get(one.problem, "")) for one in (*failed, *others)],
            progress=adjusting.progress_of(row),
            **_people(row),
            **_choices(row, self.user, is_own=is_own),
        )


# Programmes ----------------------------------------------------------------------------------------------------------


class ProgrammesView(_Asking):
    """How much one person corrects alone, and the two switches of each programme."""

    page_title = _("Switches and limits")
    template_name = "loyalty/admin/programmes.html"

    def is_allowed(self, user: User) -> bool:
        return may_see_programmes(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        programme = next((one for one in programmes() if str(one.pk) == request.POST.get("programme")), None)
        if programme is None:
            return HttpResponseRedirect(reverse("points_programmes:index"))
        if "policy" in request.POST:
            form: forms.BaseForm = PolicyForm(
                request.POST, instance=adjusting.policy_of(programme), prefix=str(programme.pk)
            )
            is_done = form.is_valid() and self.tried(
                None, lambda: adjusting.save_policy(cast("PolicyForm", form).instance, by=self.user)
            )
        else:
            form = SwitchForm(request.POST, prefix=str(programme.pk))
            is_done = form.is_valid() and self.tried(None, lambda: self._switch(programme, form))
        if is_done:
            messages.success(request, gettext("Done."))
            return HttpResponseRedirect(reverse("points_programmes:index"))
        return self.refused(failed={programme.pk: form})

    def _switch(self, programme: Programme, form: SwitchForm) -> None:
        asked = self.request.POST
        switches = {
            name: (True if f"stop_{name}" in asked else False if f"resume_{name}" in asked else None)
            for name in ("earning", "spending")
        }
        adjusting.switch(
            programme, reason=form.cleaned_data["reason"], by=self.user,
            stop_earning=switches["earning"], stop_spending=switches["spending"],
        )  # fmt: skip

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        failed: dict[int, forms.BaseForm] = kwargs.pop("failed", {})
        rows = []
        for programme in programmes():
            wrong = failed.get(programme.pk)
            prefix = str(programme.pk)
            policy = wrong if isinstance(wrong, PolicyForm) else None
            switch = wrong if isinstance(wrong, SwitchForm) else None
            rows.append(
                {
                    "programme": programme,
                    "policy_form": policy or PolicyForm(instance=adjusting.policy_of(programme), prefix=prefix),
                    "switch_form": switch or SwitchForm(prefix=prefix),
                    "records": _switched(programme=programme, wallet=None),
                }
            )
        return super().get_context_data(
            **kwargs,
            last_check=reconciling.last_check(),
            rows=rows,
            may_set_policy=adjusting.may_set_policy(self.user),
            may_switch=adjusting.may_switch(self.user),
        )


# View sets -----------------------------------------------------------------------------------------------------------


class MembersViewSet(ViewSet):
    name = "points_members"
    url_prefix = "points/members"
    icon = "user"
    menu_label = MembersView.page_title
    menu_item_class = menu_item_for(adjusting.may_look)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", MembersView.as_view(), name="index"),
            path("<int:pk>/", MemberView.as_view(), name="inspect"),
        ]


class CorrectionsViewSet(ViewSet):
    name = "points_corrections"
    url_prefix = "points/corrections"
    icon = "edit"
    menu_label = RequestsView.page_title
    menu_item_class = menu_item_for(may_see_requests)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", RequestsView.as_view(), name="index"),
            path("<int:pk>/", RequestView.as_view(), name="inspect"),
        ]


class FilesViewSet(ViewSet):
    name = "points_files"
    url_prefix = "points/files"
    icon = "upload"
    menu_label = FilesView.page_title
    menu_item_class = menu_item_for(may_see_files)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", FilesView.as_view(), name="index"),
            path("<int:pk>/", FileView.as_view(), name="inspect"),
        ]


class ProgrammesViewSet(ViewSet):
    name = "points_programmes"
    url_prefix = "points/programmes"
    icon = "cog"
    menu_label = ProgrammesView.page_title
    menu_item_class = menu_item_for(may_see_programmes)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", ProgrammesView.as_view(), name="index")]
