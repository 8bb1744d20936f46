"""The "Who can see this?" screen of the page editor: each clause of a page's audience, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET
from wagtail.models import Page
from wagtail.permissions import page_permission_policy

from portal.core.audience import PUBLIC, SIGNED_IN, Audience, audience_keys, explain_audience
from portal.core.pages import PortalPage, audience_choices

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class ReaderForm(forms.Form):
    """Form to choose a reader: a kind of reader or, for users who may see accounts, a person."""

    kind = forms.ChoiceField(label=_("Kind of reader"), required=False)
    email = forms.EmailField(label=_("Or a person's e-mail address"), required=False)

    def __init__(self, *args: Any, may_name_people: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        visitor = (PUBLIC, pgettext_lazy("reader", "A visitor without an account"))
        others = [choice for choice in audience_choices() if choice[0] != PUBLIC]
        kind: forms.ChoiceField = self.fields["kind"]  # type: ignore[assignment]
        kind.choices = [visitor, *others]
        if not may_name_people:
            del self.fields["email"]

    def keys(self) -> frozenset[str] | None:
        """Return the keys of the chosen reader, or `None` when no account has the address."""
        if email := self.cleaned_data.get("email"):
            person = get_user_model().objects.filter(email__iexact=email).first()
            return audience_keys(person) if person is not None else None
        kind = self.cleaned_data.get("kind") or PUBLIC
        return frozenset({PUBLIC} if kind == PUBLIC else {PUBLIC, SIGNED_IN, *kind.split("|")})


@require_GET
def audience_check(request: HttpRequest, page_id: int) -> HttpResponse:
    """Show who can see a page, and why, to users who may edit or publish it."""
    if not page_permission_policy.user_has_any_permission(request.user, {"change", "publish"}):
        raise PermissionDenied
    page = get_object_or_404(Page, pk=page_id).specific
    if not isinstance(page, PortalPage):
        raise Http404
    permissions = page.permissions_for_user(request.user)
    if not (permissions.can_edit() or permissions.can_publish()):
        raise PermissionDenied
    form = ReaderForm(request.GET or None, may_name_people=_may_see_accounts(request.user))
    context: dict[str, Any] = {"page": page, "form": form, "above": _audiences_above(page)}
    if request.GET and form.is_valid():
        keys = form.keys()
        if keys is None:
            form.add_error("email", _("Nobody has this address."))
        else:
            admits = Audience.parse(page.effective_audience).admits(keys)
            context |= {"clauses": _clauses(page.effective_audience, keys), "may_see": page.live and admits}
    return render(request, "core/admin/audience_check.html", context)


def _may_see_accounts(user: Any) -> bool:
    options = get_user_model()._meta  # noqa: SLF001 - Django's documented model API
    return bool(user.has_perm(f"{options.app_label}.{get_permission_codename('view', options)}"))


def _clauses(expression: str, keys: frozenset[str]) -> list[tuple[str, bool]]:
    names = dict(audience_choices())
    either = str(pgettext_lazy("between alternatives", " or "))
    return [
        (either.join(names.get(key, key) for key in clause), holds)
        for clause, holds in explain_audience(expression, keys)
    ]


def _audiences_above(page: PortalPage) -> list[tuple[Page, str]]:
    """Return the pages that determine the audience: this page and its ancestors that narrow it."""
    names = dict(audience_choices())
    line = [*page.get_ancestors().filter(depth__gt=1).specific(), page]
    return [
        (above, names.get(above.audience, above.audience))
        for above in line
        if getattr(above, "audience", PUBLIC) != PUBLIC
    ]
