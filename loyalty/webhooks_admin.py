"""Admin screens of webhooks: addresses that are told of events, and what could not be delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_admin import names_of
from loyalty.exceptions import NoRightError
from loyalty.models.webhooks import PING, URL_LENGTH, EventKind, Webhook, WebhookDelivery
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.services import webhooks
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User

_PAGE: Final = 50


class WebhookForm(forms.Form):
    """What an address is, and what it is told. Its programme is chosen once."""

    programme = ProgrammeField()
    name = forms.CharField(label=_("name"), max_length=60)
    url = forms.CharField(
        label=_("address"),
        max_length=URL_LENGTH,
        help_text=_("Begins with https:// and is reachable from the internet."),
        widget=forms.URLInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    kinds = forms.MultipleChoiceField(
        label=_("is told"), choices=EventKind.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, webhook: Webhook | None = None, **kwargs: Any) -> None:
        if webhook is not None:
            kwargs["initial"] = {name: getattr(webhook, name) for name in ("name", "url", "kinds")}
        super().__init__(*args, **kwargs)
        if webhook is not None:
            del self.fields["programme"]


class _WebhookScreen(Screen):
    def is_allowed(self, user: User) -> bool:
        return webhooks.may_change_webhooks(user)

    def with_secret(self, secret: str, **context: Any) -> HttpResponse:
        """Show a secret in the answer to this request alone: nothing keeps it in readable form."""
        answer = self.render_to_response(self.get_context_data(secret=secret, **context))
        answer["Cache-Control"] = "no-store"
        return answer


class WebhooksView(_WebhookScreen):
    """All addresses; makes one and shows its secret once."""

    page_title = _("Other systems that are told")
    template_name = "loyalty/admin/webhooks.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = WebhookForm(request.POST)
        if form.is_valid():
            try:
                _webhook, secret = webhooks.make_webhook(by=self.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return self.with_secret(secret)
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        given_up = Count("deliveries", filter=Q(deliveries__state=WebhookDelivery.State.GIVEN_UP))
        rows = Webhook.objects.select_related("programme__earning").annotate(given_up=given_up)
        return super().get_context_data(**{"form": WebhookForm(), **kwargs}, rows=rows[:100])


class WebhookView(_WebhookScreen):
    """One address: what it is told, a new secret, a test, what waits and what was given up."""

    page_title = _("System that is told")
    template_name = "loyalty/admin/webhook.html"
    parents = (("points_webhooks:index", WebhooksView.page_title),)

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.webhook: Webhook | None = None

    def _load(self) -> Webhook:
        if self.webhook is None:
            found = Webhook.objects.select_related("programme__earning")
            self.webhook = get_object_or_404(found, pk=self.kwargs["pk"])
        return self.webhook

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        webhook, asked = self._load(), request.POST
        try:
            if "secret" in asked:
                return self.with_secret(webhooks.new_secret(webhook, by=self.user))
            if "save" in asked:
                return self._save(webhook)
            done = self._do(webhook, asked)
        except NoRightError as error:
            raise PermissionDenied from error
        if done:
            messages.success(request, done)
        return HttpResponseRedirect(reverse("points_webhooks:edit", args=[webhook.pk]))

    def _save(self, webhook: Webhook) -> HttpResponse:
        form = WebhookForm(self.request.POST, webhook=webhook)
        if form.is_valid():
            try:
                webhooks.change_webhook(webhook, by=self.user, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(self.request, gettext("The changes are saved."))
                return HttpResponseRedirect(reverse("points_webhooks:edit", args=[webhook.pk]))
        self.webhook = None  # what was typed is not what is stored
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def _do(self, webhook: Webhook, asked: Any) -> str:
        if "stop" in asked:
            webhooks.stop_webhook(webhook, by=self.user)
            return gettext("Nothing is sent there any more.")
        if "resume" in asked:
            webhooks.resume_webhook(webhook, by=self.user)
            return gettext("What happens from now on is sent there again.")
        if "test" in asked:
            webhooks.send_test(webhook, by=self.user)
            return gettext("A test is on its way. This page shows in a moment whether it arrived.")
        if "all" in asked:
            return self._sent(webhooks.replay_all(webhook, by=self.user))
        number = row_number(asked.get("again", ""))
        rows: Sequence[WebhookDelivery] = list(webhook.deliveries.filter(pk=number)) if number is not None else []
        return self._sent(webhooks.replay(rows, by=self.user))

    def _sent(self, count: int) -> str:
        text = ngettext("%(count)s message is sent again.", "%(count)s messages are sent again.", count)
        return text % {"count": format_number(count)} if count else ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        webhook = self._load()
        state = self.request.GET.get("state", "")
        rows = webhook.deliveries.all()
        if state in WebhookDelivery.State.values:
            rows = rows.filter(state=state)
        before = row_number(self.request.GET.get("before", ""))
        if before is not None:
            rows = rows.filter(pk__lt=before)
        page = list(rows.order_by("-pk")[: _PAGE + 1])
        labels = {**dict(EventKind.choices), PING: _("Test")}
        query = self.request.GET.copy()
        query["before"] = str(page[_PAGE - 1].pk) if len(page) > _PAGE else ""
        return super().get_context_data(
            **{"form": WebhookForm(webhook=webhook), **kwargs},
            webhook=webhook,
            maker=names_of([webhook.made_by]).get(webhook.made_by, ""),
            rows=[(row, labels.get(row.kind, row.kind)) for row in page[:_PAGE]],
            next=query.urlencode() if len(page) > _PAGE else "",
            state=state,
            states=WebhookDelivery.State.choices,
            has_given_up=webhook.deliveries.filter(state=WebhookDelivery.State.GIVEN_UP).exists(),
        )

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*super().get_breadcrumbs_items()[:-1], {"url": "", "label": str(self._load())}]


class WebhooksViewSet(ViewSet):
    name = "points_webhooks"
    url_prefix = "points/webhooks"
    icon = "mail"
    menu_label = WebhooksView.page_title
    menu_item_class = menu_item_for(webhooks.may_change_webhooks)

    def get_urlpatterns(self) -> list[Any]:
        return [
            path("", WebhooksView.as_view(), name="index"),
            path("<int:pk>/", WebhookView.as_view(), name="edit"),
        ]
