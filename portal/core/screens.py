"""What screens of the admin that are not made of a model have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.views.generic import TemplateView
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User


class Screen(WagtailAdminTemplateMixin, TemplateView):
    """A page of the admin for those whom `is_allowed` admits."""

    header_icon = "pick"
    #: Pages above this one: address and title.
    parents: tuple[tuple[str, str | _StrPromise], ...] = ()

    def is_allowed(self, user: User) -> bool:
        """Return whether the person may open it."""
        raise NotImplementedError

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        above = [{"url": reverse(name), "label": label} for name, label in self.parents]
        return [*super().get_breadcrumbs_items(), *above, {"url": "", "label": self.page_title}]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_allowed(cast("User", request.user)):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        """Who is looking."""
        return cast("User", self.request.user)
