"""Admin screen of the tokens with which shops call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.adjusting_admin import names_of
from loyalty.exceptions import NoRightError
from loyalty.models.shop import ApiToken, Scope
from loyalty.programme_field import ProgrammeField
from loyalty.screens import Screen
from loyalty.services import shop
from portal.core.admin_menu import menu_item_for
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User


class TokenForm(forms.ModelForm[ApiToken]):
    """What a new token is for."""

    programme = ProgrammeField()
    scopes = forms.MultipleChoiceField(label=_("may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiToken
        fields = ("programme", "name", "source", "scopes", "per_minute")


class TokensView(Screen):
    """All tokens; makes one, shows its secret once, and revokes."""

    page_title = _("Access for shops")
    template_name = "loyalty/admin/tokens.html"

    def is_allowed(self, user: User) -> bool:
        return shop.may_make_tokens(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if "revoke" in request.POST:
                row = get_object_or_404(ApiToken, pk=row_number(request.POST["revoke"]))
                shop.revoke_token(row, by=self.user)
                messages.success(request, gettext("Nobody can use this token any more."))
                return HttpResponseRedirect(reverse("points_tokens:index"))
            form = TokenForm(request.POST)
            if not form.is_valid():
                return self.render_to_response(self.get_context_data(form=form), status=422)
            _token, secret = shop.make_token(by=self.user, **form.cleaned_data)
        except NoRightError as error:
            raise PermissionDenied from error
        # Shown in the answer to this request alone: nothing stores it.
        answer = self.render_to_response(self.get_context_data(secret=secret))
        answer["Cache-Control"] = "no-store"
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = list(ApiToken.objects.select_related("programme__earning")[:100])
        names = names_of(row.made_by for row in rows)
        labels = dict(Scope.choices)
        return super().get_context_data(
            **{"form": TokenForm(), **kwargs},
            rows=[
                (row, names.get(row.made_by, ""), [labels[scope] for scope in row.scopes if scope in labels])
                for row in rows
            ],
        )


class TokensViewSet(ViewSet):
    name = "points_tokens"
    url_prefix = "points/tokens"
    icon = "key"
    menu_label = TokensView.page_title
    menu_item_class = menu_item_for(shop.may_make_tokens)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", TokensView.as_view(), name="index")]
