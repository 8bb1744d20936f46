"""List of people in Wagtail's admin, and its forms."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from wagtail.users.views.users import IndexView, UserViewSet

from portal.accounts.staff.forms import PersonCreationForm, PersonEditForm

if TYPE_CHECKING:
    from wagtail.admin.ui.tables import Column

    from portal.accounts.forms import UserModelForm


class PeopleView(IndexView):
    @cached_property
    def columns(self) -> list[Column]:
        columns: list[Column] = super().columns
        for column in columns:
            if column.name == "email":
                column.label = _("E-mail address")
        return columns

    @cached_property
    def search_fields(self) -> set[str]:
        return {"email", "handle", "name"}


class PortalUserViewSet(UserViewSet):
    index_view_class = PeopleView

    def get_form_class(self, for_update: bool = False) -> type[UserModelForm]:
        return PersonEditForm if for_update else PersonCreationForm
