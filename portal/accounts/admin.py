"""User administration in Django's admin, for emergencies. Daily work is done in Wagtail's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from allauth.usersessions.admin import UserSessionAdmin
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, SetUnusablePasswordMixin, UserChangeForm
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import AudienceMembership, User

if TYPE_CHECKING:
    from django.forms import Field


class AddUserForm(SetUnusablePasswordMixin, BaseUserCreationForm):
    usable_password = SetUnusablePasswordMixin.create_usable_password_field()

    class Meta:
        model = User
        fields = ("email",)
        field_classes: ClassVar[dict[str, type[Field]]] = {}


class ChangeUserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"
        field_classes: ClassVar[dict[str, type[Field]]] = {}


class AudienceMembershipInline(admin.TabularInline):
    model = AudienceMembership
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    form = ChangeUserForm
    add_form = AddUserForm
    inlines: ClassVar = [AudienceMembershipInline]
    ordering = ("email",)
    list_display = ("email", "handle", "name", "is_staff", "is_active")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("email", "handle", "name")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Person"), {"fields": ("name", "handle", "phone")}),
        (_("Preferences"), {"fields": ("language", "calendar", "digits", "theme", "time_zone")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)


# allauth's list of sessions searches for a user name, which our accounts do not have.
UserSessionAdmin.search_fields = ["user__email", "user__handle", "ip"]
