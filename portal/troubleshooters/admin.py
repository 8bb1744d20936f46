"""Editors' screens of troubleshooters: what there is, the steps with a drawing of them, preview and publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import get_language, get_language_bidi, gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet
from wagtail.models import ModelLogEntry

from portal.core.admin_menu import menu_item_for
from portal.core.localized import LocalizedText
from portal.core.screens import Screen
from portal.core.support import support_contact
from portal.troubleshooters import queries, services
from portal.troubleshooters.admin_forms import StepForm, TroubleshooterForm, answer_rows, step_in
from portal.troubleshooters.drawing import HEIGHT, WIDTH, drawing_of
from portal.troubleshooters.exceptions import TroubleshooterError
from portal.troubleshooters.graph import Kind, Step
from portal.troubleshooters.models import Troubleshooter
from portal.troubleshooters.showing import Addresses, believed, chosen_address, given_in, shown_step
from portal.troubleshooters.taking_along import plain_text
from portal.troubleshooters.walking import Path, parse

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User
    from portal.troubleshooters.showing import Given

_CHANGE = "troubleshooters.change_troubleshooter"
_ADD = "troubleshooters.add_troubleshooter"
_HISTORY = 50


def may_edit(user: User) -> bool:
    """Return whether the person may open the screens."""
    return user.has_perm(_CHANGE)


class _TroubleshooterScreen(Screen):
    header_icon = "list-ul"

    def is_allowed(self, user: User) -> bool:
        return may_edit(user)

    def troubleshooter(self) -> Troubleshooter:
        """Return the one of the address. Raises `Http404`."""
        return get_object_or_404(Troubleshooter.objects.select_related("live"), pk=self.kwargs["pk"])

    def here(self, pk: int) -> HttpResponseRedirect:
        """Lead to the screen of a troubleshooter."""
        return HttpResponseRedirect(reverse("troubleshooters_admin:edit", args=[pk]))


class ListView(_TroubleshooterScreen):
    """All troubleshooters."""

    page_title = _("Troubleshooters")
    template_name = "troubleshooters/admin/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = Troubleshooter.objects.in_order().select_related("live", "owner", "topic")
        rows = [{"it": each, "steps": len(each.graph), "is_changed": _is_changed(each)} for each in found]
        return super().get_context_data(**kwargs, rows=rows, may_add=self.user.has_perm(_ADD))


def _is_changed(troubleshooter: Troubleshooter) -> bool:
    """Return whether the draft differs from what readers walk."""
    live = troubleshooter.live
    return live is not None and live.graph != troubleshooter.draft


class EditView(_TroubleshooterScreen):
    """One troubleshooter: problems, drawing, steps with their figures, and what it is about."""

    page_title = _("Troubleshooter")
    parents = (("troubleshooters_admin:index", ListView.page_title),)
    template_name = "troubleshooters/admin/edit.html"

    def is_allowed(self, user: User) -> bool:
        return may_edit(user) and ("pk" in self.kwargs or user.has_perm(_ADD))

    def _it(self) -> Troubleshooter:
        return self.troubleshooter() if "pk" in self.kwargs else Troubleshooter(owner=self.user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store what it is about."""
        form = TroubleshooterForm(request.POST, instance=self._it())
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            with transaction.atomic():
                seen = form.cleaned_data["seen"]
                saved = services.save_troubleshooter(form.save(commit=False), by=self.user, seen=seen)
                form.save_m2m()
        except TroubleshooterError as error:
            form.add_error(None, str(error))
            return self.render_to_response(self.get_context_data(form=form), status=422)
        messages.success(request, gettext("It is saved."))
        return self.here(saved.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or TroubleshooterForm(instance=self._it())
        context = super().get_context_data(form=form, media=form.media)
        if not form.instance.pk:
            return context
        it = self.troubleshooter()
        graph = it.graph
        problems = queries.problems_in(it)
        marked = {problem.step for problem in problems if problem.step is not None}
        figures = queries.figures_of(it)
        steps = graph.by_number
        rows = [
            {
                "step": step,
                "has_problem": step.number in marked,
                "figures": figures.get(step.number),
                "ways": [(str(answer.label), steps.get(answer.to or 0)) for answer in step.answers]
                if step.kind is Kind.QUESTION
                else [],
                "otherwise": steps.get(step.otherwise or 0),
            }
            for step in graph
        ]
        return {
            **context,
            "troubleshooter": it,
            "rows": rows,
            "problems": problems,
            "people": figures.get(0),
            "drawing": drawing_of(graph, problems=marked, is_rtl=get_language_bidi()),
            "box": {"width": WIDTH, "height": HEIGHT},
            "is_changed": _is_changed(it),
            "may_publish": self.user.has_perm(services.PUBLISH),
            "may_add": self.user.has_perm(_ADD),
            "days": queries.KEPT_DAYS,
        }


class StepView(_TroubleshooterScreen):
    """One step with its answers, in one form."""

    page_title = _("Step")
    parents = (("troubleshooters_admin:index", ListView.page_title),)
    template_name = "troubleshooters/admin/step.html"

    def _step(self, it: Troubleshooter) -> Step | None:
        if "number" not in self.kwargs:
            return None
        step = it.graph.step(self.kwargs["number"])
        if step is None:
            raise Http404
        return step

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store it, and make the steps its answers ask for."""
        it = self.troubleshooter()
        graph, step = it.graph, self._step(it)
        form = StepForm(request.POST, graph=graph, step=step)
        rows = answer_rows(request.POST, graph=graph, step=step)
        if form.is_valid() and rows.is_valid():
            made, new = step_in(form, rows, step.number if step is not None else 0)
            try:
                saved = self._store(it, made, new, form.cleaned_data["seen"])
            except TroubleshooterError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, gettext("The step is saved."))
                if "more" in request.POST:
                    return HttpResponseRedirect(reverse("troubleshooters_admin:step", args=[it.pk, saved.number]))
                return self.here(it.pk)
        return self.render_to_response(self.get_context_data(form=form, answers=rows), status=422)

    def _store(self, it: Troubleshooter, step: Step, new: list[int | None], seen: str) -> Step:
        with transaction.atomic():
            saved = services.save_step(troubleshooter=it, step=step, by=self.user, seen=seen)
            for answer in new:
                empty = Step(number=0, kind=Kind.QUESTION, title=LocalizedText())
                target = services.save_step(troubleshooter=it, step=empty)
                services.lead_to(troubleshooter=it, step=saved.number, answer=answer, to=target.number)
        return saved

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        it = self.troubleshooter()
        graph, step = it.graph, self._step(it)
        form = kwargs.get("form") or StepForm(graph=graph, step=step, initial={"kind": Kind.QUESTION.value})
        rows = kwargs.get("answers") or answer_rows(None, graph=graph, step=step)
        problems = [each for each in queries.problems_in(it) if step is not None and each.step == step.number]
        return super().get_context_data(
            form=form, answers=rows, media=form.media, troubleshooter=it, step=step, problems=problems
        )


class MoveView(_TroubleshooterScreen):
    """Moves a step up or down."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the troubleshooter."""
        return self.here(self.troubleshooter().pk)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Move it."""
        it = self.troubleshooter()
        by = -1 if request.POST.get("to") == "up" else 1
        services.move_step(troubleshooter=it, number=self.kwargs["number"], by=by)
        response = self.here(it.pk)
        response["Location"] += f"#step-{self.kwargs['number']}"
        return response


class ActView(_TroubleshooterScreen):
    """Publishes, withdraws or copies it, or removes a step, after a question."""

    page_title = _("Are you sure?")
    parents = (("troubleshooters_admin:index", ListView.page_title),)
    template_name = "troubleshooters/admin/confirm.html"

    def is_allowed(self, user: User) -> bool:
        act = self.kwargs["act"]
        needed = {"publish": services.PUBLISH, "withdraw": services.PUBLISH, "copy": _ADD}.get(act, _CHANGE)
        return may_edit(user) and user.has_perm(needed)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        it = self.troubleshooter()
        number = self.kwargs.get("number")
        more = {
            "troubleshooter": it,
            "step": it.graph.step(number),
            "problems": queries.problems_in(it) if self.kwargs["act"] == "publish" else [],
        }
        return super().get_context_data(**{**kwargs, **more})

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Do it."""
        it = self.troubleshooter()
        act = self.kwargs["act"]
        try:
            if act == "publish":
                services.publish(troubleshooter=it, by=self.user)
            elif act == "withdraw":
                services.withdraw(troubleshooter=it, by=self.user)
            elif act == "copy":
                it = services.copy_troubleshooter(troubleshooter=it, by=self.user)
            else:
                services.delete_step(troubleshooter=it, number=self.kwargs["number"], by=self.user)
        except TroubleshooterError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, gettext("It is done."))
        return self.here(it.pk)


class HistoryView(_TroubleshooterScreen):
    """Who changed it, and when."""

    page_title = _("History")
    parents = (("troubleshooters_admin:index", ListView.page_title),)
    template_name = "troubleshooters/admin/history.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        it = self.troubleshooter()
        entries = ModelLogEntry.objects.for_instance(it).select_related("user").order_by("-timestamp", "-pk")
        return super().get_context_data(**kwargs, troubleshooter=it, entries=entries[:_HISTORY])


class PreviewView(_TroubleshooterScreen):
    """The draft as readers will walk it; nothing is counted."""

    def get(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Show a step, or the page where people take over."""
        it = self.troubleshooter()
        graph = it.graph
        prefix = "troubleshooters_admin:preview"
        addresses = Addresses(prefix, f"{prefix}_step", f"{prefix}_people", it.pk)
        number = self.kwargs.get("number", graph.start)
        asked = parse(request.GET.get("p", ""))
        language = get_language() or settings.LANGUAGE_CODE
        if self.kwargs.get("is_people"):
            path_ = believed(graph, asked, 0, None) or Path(0)
            return self._people(it, path_, given_in(graph, path_, language, addresses), addresses.beginning)
        at = graph.step(number)
        if at is None:
            return self.here(it.pk)
        path_ = believed(graph, asked, 0, at.number) or Path(0)
        if url := chosen_address(request.GET.get("a", ""), graph, at, path_, addresses):
            return HttpResponseRedirect(url)
        shown = shown_step(graph, at, path_, user=request.user, language=language, addresses=addresses)
        context = {
            "troubleshooter": it,
            "title": it.title.in_language(language),
            "intro": it.intro.in_language(language),
            "shown": shown,
            "is_start": at.number == graph.start and not path_.hops,
            "has_no_answer": "go" in request.GET,
            "languages": [],
            "along": plain_text(it.title.in_language(language), shown.given),
            "support": support_contact(),
            "is_preview": True,
        }
        return render(request, "troubleshooters/step.html", context)

    def _people(self, it: Troubleshooter, path_: Path, given: list[Given], beginning: str) -> HttpResponse:
        language = get_language() or settings.LANGUAGE_CODE
        context = {
            "troubleshooter": it,
            "title": it.title.in_language(language),
            "language": language,
            "given": given,
            "along": plain_text(it.title.in_language(language), given),
            "path": path_,
            "beginning": beginning,
            "back": given[-1].url if given else beginning,
            "support": support_contact(),
            "is_preview": True,
        }
        return render(self.request, "troubleshooters/people.html", context)


class TroubleshootersViewSet(ViewSet):
    """The menu item and its addresses."""

    name = "troubleshooters_admin"
    url_prefix = "troubleshooters"
    icon = "list-ul"
    menu_label = _("Troubleshooters")
    menu_order = 112
    menu_item_class = menu_item_for(may_edit)

    def get_urlpatterns(self) -> list[Any]:
        """Return the addresses."""
        act = ActView.as_view()
        return [
            path("", ListView.as_view(), name="index"),
            path("new/", EditView.as_view(), name="add"),
            path("<int:pk>/", EditView.as_view(), name="edit"),
            path("<int:pk>/history/", HistoryView.as_view(), name="history"),
            path("<int:pk>/steps/new/", StepView.as_view(), name="add_step"),
            path("<int:pk>/steps/<int:number>/", StepView.as_view(), name="step"),
            path("<int:pk>/steps/<int:number>/move/", MoveView.as_view(), name="move"),
            path("<int:pk>/steps/<int:number>/delete/", act, {"act": "delete"}, name="delete_step"),
            path("<int:pk>/publish/", act, {"act": "publish"}, name="publish"),
            path("<int:pk>/withdraw/", act, {"act": "withdraw"}, name="withdraw"),
            path("<int:pk>/copy/", act, {"act": "copy"}, name="copy"),
            path("<int:pk>/preview/", PreviewView.as_view(), name="preview"),
            path("<int:pk>/preview/people/", PreviewView.as_view(), {"is_people": True}, name="preview_people"),
            path("<int:pk>/preview/<int:number>/", PreviewView.as_view(), name="preview_step"),
        ]
