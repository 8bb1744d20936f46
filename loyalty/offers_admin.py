"""Admin screens of offers: drafts with an audience that is counted, publishing, stopping, and what an offer achieved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.views.mixins import SpreadsheetExportMixin
from wagtail.admin.viewsets.base import ViewSet

from loyalty import own_offers
from loyalty.exceptions import NotPermittedError, RuleError
from loyalty.models import Offer, OfferPolicy, Programme
from loyalty.models.offers import Placement
from loyalty.offer_forms import OfferForm, audience_asked_for
from loyalty.offer_reports import ReportPage, pooled_sentence, rows_for_spreadsheet, verdict_of
from loyalty.rule_forms import conditions_in_words
from loyalty.screens import Screen
from loyalty.services import adjusting
from loyalty.services.offers import audience, publishing, reach, reporting
from loyalty.services.offers.audience import SMALL, Size
from loyalty.services.offers.deciding import decide
from portal.accounts.models import User
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number, format_percent
from portal.core.text import normalise_input, row_number

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

#: Offers on one page, and people of a sample.
_PAGE: Final = 100
_SAMPLE: Final = 5


def size_text(size: Size) -> str:
    """Return a number of members as editors may know it."""
    if size.shown is None:
        return gettext("fewer than %(count)s") % {"count": format_number(SMALL)}
    return gettext("about %(count)s") % {"count": format_number(size.shown)}


class _OfferScreen(Screen):
    header_icon = "tag"

    def is_allowed(self, user: User) -> bool:
        return publishing.may_see(user)

    def offer(self) -> Offer:
        """Return the offer of the address."""
        return get_object_or_404(Offer.objects.select_related("programme__earning", "reward"), pk=self.kwargs["pk"])


class OffersView(_OfferScreen):
    """All offers, newest first, with what is known of their effect."""

    page_title = _("Offers")
    template_name = "loyalty/admin/offers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = list(Offer.objects.select_related("programme__earning").order_by("-pk")[:_PAGE])
        reports = reporting.reports_of(rows) if "results" in self.request.GET else {}
        return super().get_context_data(
            **kwargs,
            rows=[(offer, verdict_of(reports[offer.pk]) if reports else "") for offer in rows],
            has_results=bool(reports),
            pooled=pooled_sentence(reports.values()),
            may_draft=publishing.may_draft(self.user),
            may_set_terms=publishing.may_set_terms(self.user),
            now=timezone.now(),
        )


class OfferView(_OfferScreen):
    """One offer: its draft as a form with its audience counted, or what was published, and the switch that stops it."""

    page_title = _("Offer")
    template_name = "loyalty/admin/offer.html"
    parents = (("offers_admin:index", OffersView.page_title),)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.found = self.offer() if self.is_allowed(self.user) and "pk" in kwargs else None
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        if "stop" in request.POST and self.found is not None:
            return self._stop(self.found)
        if "copy" in request.POST and self.found is not None:
            return self._copy(self.found)
        if not publishing.may_draft(self.user):
            raise PermissionDenied
        form = OfferForm(request.POST, instance=self.found or Offer())
        if "count" in request.POST:
            return self._count(form)
        if "add_row" in request.POST:
            form.forget_other_errors()
            return self.render_to_response(self.get_context_data(form=form))
        if form.is_valid():
            saved = self._save(form)
            if saved is not None:
                page = "publish" if "publish" in request.POST else "edit"
                return HttpResponseRedirect(reverse(f"offers_admin:{page}", args=[saved.pk]))
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _count(self, form: OfferForm) -> HttpResponse:
        """Show how many the conditions are about. Nothing is saved, and nothing else need be filled in."""
        draft = form.instance
        counted = None
        if form.has_conditions() and form.programme is not None:
            draft.programme = form.programme
            others = publishing.at_the_same_time(draft) if draft.starts_at and draft.ends_at else []
            counted = reach_in_words(draft, others, self.user)
        status = 422 if counted is None else 200
        if self.request.headers.get("X-Requested-With") == "fetch":
            context = {"reach": counted, "form": form}
            return render(self.request, "loyalty/admin/_reach.html", context, status=status)
        return self.render_to_response(self.get_context_data(form=form, reach=counted), status=status)

    def _save(self, form: OfferForm) -> Offer | None:
        draft = form.instance
        try:
            saved = publishing.save_offer(draft, by=self.user, **form.values())
        except NotPermittedError as error:
            raise PermissionDenied from error
        except RuleError as error:
            form.add_error(None, str(error))
            return None
        except ValidationError as error:
            for name, problems in error.message_dict.items():
                form.add_error(name if name in form.fields else None, problems)
            return None
        messages.success(self.request, gettext("The draft is saved. Nobody sees it until it is published."))
        return saved

    def _copy(self, offer: Offer) -> HttpResponse:
        try:
            copied = publishing.copy_offer(offer, by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        except (RuleError, ValidationError) as error:
            messages.error(self.request, " ".join(getattr(error, "messages", [str(error)])))
            return HttpResponseRedirect(reverse("offers_admin:edit", args=[offer.pk]))
        messages.success(self.request, gettext("This is a draft of its own. Nobody sees it until it is published."))
        return HttpResponseRedirect(reverse("offers_admin:edit", args=[copied.pk]))

    def _stop(self, offer: Offer) -> HttpResponse:
        try:
            is_stopped = publishing.stop_offer(offer, by=self.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        if is_stopped:
            messages.success(self.request, gettext("The offer is stopped. Nobody sees it any more."))
        return HttpResponseRedirect(reverse("offers_admin:edit", args=[offer.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        offer = self.found
        is_draft = offer is None or offer.state == Offer.State.DRAFT
        context: dict[str, Any] = {}
        if is_draft and publishing.may_draft(self.user):
            context["form"] = OfferForm(instance=offer or Offer(audience=audience_asked_for(self.request.GET)))
        if offer is not None and adjusting.may_look(self.user):
            context |= self._judged(offer)
        return super().get_context_data(
            **{**context, **kwargs},
            offer=offer,
            conditions=_conditions(offer) if offer is not None and "form" not in context else [],
            is_draft=is_draft,
            may_copy=offer is not None and publishing.may_draft(self.user),
            may_publish=is_draft and publishing.may_publish(self.user) and publishing.may_draft(self.user),
            may_stop=offer is not None and offer.state == Offer.State.PUBLISHED and publishing.may_publish(self.user),
        )

    def _judged(self, offer: Offer) -> dict[str, Any]:
        """Return what one member would get, found by public name."""
        handle = normalise_input(self.request.GET.get("member", "")).strip().removeprefix("@")
        context: dict[str, Any] = {"may_look": True, "handle": handle}
        person = User.objects.filter(handle__iexact=handle).first() if handle else None
        if person is not None:
            judged = reach.judge(offer.audience, offer.programme, person)
            known = audience.vocabulary(offer.programme)
            context["judged"] = judged
            context["reasons"] = [own_offers.in_words(one, known) for one in (judged and judged.reasons) or ()]
            # What they see now, from what is published: a group that sees nothing is not told of here, either.
            page = decide(person=person, programme=offer.programme, slot=Placement.LIST)
            context["seen"] = own_offers.as_cards(page.offers, offer.programme)
        return context


def _conditions(offer: Offer) -> list[str]:
    return conditions_in_words(offer.audience, audience.vocabulary(offer.programme))


def reach_in_words(draft: Offer, others: list[Offer], user: User) -> dict[str, Any]:
    """Return whom an offer would reach for the page: sizes as words, people by public name for those who may see them."""
    may_look = adjusting.may_look(user)
    found = reach.reach_of(draft.audience, draft.programme, others=others, sample=_SAMPLE if may_look else 0)
    people = User.objects.filter(pk__in=found.sample).order_by("handle").values_list("handle", flat=True)
    smallest = reach.detectable(found.size, draft.holdout_percent or 0)
    cost = draft.cost or 0
    most = draft.budget or found.size.shown
    most = most * cost if most is not None else None
    return {
        "is_general": draft.is_general,
        "looked_at": format_number(found.looked_at) if found.looked_at is not None else "",
        "size": size_text(found.size),
        "of": size_text(found.of),
        "overlaps": [(offer, size_text(size)) for offer, size in found.overlaps],
        "general": [offer for offer in others if offer.is_general],
        "people": list(people) if found.sample else [],
        "cost": format_number(most) if cost and most is not None else "",
        "detectable": format_percent(smallest * 100, 1) if smallest is not None else "",
        "assumed": format_percent(round(reach.ASSUMED * 100)),
    }


class OfferPublishView(_OfferScreen):
    """What publishing would mean, before it is done."""

    page_title = _("Publish this offer")
    template_name = "loyalty/admin/offer_publish.html"
    parents = (("offers_admin:index", OffersView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return publishing.may_publish(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        offer = self.offer()
        try:
            publishing.publish_offer(offer, by=self.user, seen=request.POST.get("seen", ""))
        except NotPermittedError as error:
            raise PermissionDenied from error
        except (RuleError, ValidationError) as error:
            found = error.messages if isinstance(error, ValidationError) else [str(error)]
            messages.error(request, " ".join(found))
        else:
            messages.success(request, gettext("The offer is published."))
        return HttpResponseRedirect(reverse("offers_admin:edit", args=[offer.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        offer = self.offer()
        others = publishing.at_the_same_time(offer)
        return super().get_context_data(
            **kwargs,
            offer=offer,
            conditions=_conditions(offer),
            is_draft=offer.state == Offer.State.DRAFT,
            seen=publishing.mark_of(offer),
            reach=reach_in_words(offer, others, self.user),
        )


class OfferReportView(SpreadsheetExportMixin, _OfferScreen):
    """What an offer achieved, compared with members who did not see it."""

    page_title = _("What the offer achieved")
    template_name = "loyalty/admin/offer_report.html"
    parents = (("offers_admin:index", OffersView.page_title),)
    list_export: ClassVar[list[str]] = ["what", "offer", "control"]
    export_headings: ClassVar[dict[str, Any]] = {
        "what": "",
        "offer": _("With the offer"),
        "control": _("Without the offer"),
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.found = self.offer()
        self.report = reporting.reports_of([self.found])[self.found.pk]
        form = request.GET.get("export", "")
        if form in self.FORMATS:
            answer: HttpResponse = self.as_spreadsheet(rows_for_spreadsheet(self.report), form)
            return answer
        return super().get(request, *args, **kwargs)

    def get_filename(self) -> str:
        return f"offer-{self.found.code}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, offer=self.found, page=ReportPage.of(self.found, self.report))


class TermsForm(forms.ModelForm[OfferPolicy]):
    """What holds for all offers of a programme."""

    class Meta:
        model = OfferPolicy
        fields = (
            *("holdout_percent", "per_day", "regular_weeks", "regular_weeks_to_stay"),
            *("own_percent", "own_percent_to_stay", "stay_days"),
        )


class OfferTermsView(Screen):
    """What holds for all offers: the group that sees none, how often, and who takes part in which way."""

    page_title = _("Terms of offers")
    header_icon = "tag"
    template_name = "loyalty/admin/offer_terms.html"
    parents = (("offers_admin:index", OffersView.page_title),)

    def is_allowed(self, user: User) -> bool:
        return publishing.may_set_terms(user)

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        programme = get_object_or_404(_programmes(), pk=row_number(request.POST.get("programme", "")))
        form = TermsForm(request.POST, instance=OfferPolicy.of(programme), prefix=str(programme.pk))
        if form.is_valid():
            try:
                publishing.save_terms(form.instance, by=self.user)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, gettext("The changes are saved."))
                return HttpResponseRedirect(reverse("offers_admin:terms"))
        return self.render_to_response(self.get_context_data(wrong={programme.pk: form}), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        wrong: dict[int, TermsForm] = kwargs.pop("wrong", {})
        rows = [
            (one, wrong.get(one.pk) or TermsForm(instance=OfferPolicy.of(one), prefix=str(one.pk)))
            for one in _programmes()
        ]
        return super().get_context_data(**kwargs, rows=rows)


def _programmes() -> QuerySet[Programme]:
    return Programme.objects.filter(earning__isnull=False).select_related("earning").order_by("pk")


class OffersViewSet(ViewSet):
    name = "offers_admin"
    url_prefix = "offers"
    icon = "tag"
    menu_label = OffersView.page_title
    menu_order = 117
    menu_item_class = menu_item_for(publishing.may_see)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", OffersView.as_view(), name="index"),
            path("new/", OfferView.as_view(), name="add"),
            path("terms/", OfferTermsView.as_view(), name="terms"),
            path("<int:pk>/", OfferView.as_view(), name="edit"),
            path("<int:pk>/publish/", OfferPublishView.as_view(), name="publish"),
            path("<int:pk>/report/", OfferReportView.as_view(), name="report"),
        ]
