"""Forms for adding and editing people in Wagtail's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from allauth.account.models import EmailAddress
from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from wagtail.users.forms import UserCreationForm, UserEditForm

from portal.accounts.changes import note_change
from portal.accounts.forms import UserModelForm
from portal.accounts.models import AccessChange, User
from portal.core.forms import MailAddressField

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_FIELDS = ("email", "name", "handle", "is_staff", "is_superuser", "groups")


class _PersonFormMixin(UserModelForm):
    error_messages: ClassVar[dict[str, _StrPromise]] = {
        **UserCreationForm.error_messages,
        "duplicate_username": _("There is an account with this e-mail address already."),
    }
    first_name = None
    last_name = None
    email = MailAddressField(label=_("E-mail address"), help_text=_("The person signs in with it."))
    is_staff = forms.BooleanField(
        label=_("Staff"),
        required=False,
        help_text=_("Sees what is for staff only. What they may do is decided by the roles."),
    )

    @transaction.atomic
    def save(self, commit: bool = True) -> User:
        """Save, and keep the sign-in address equal to the address shown here."""
        is_new = self.instance.pk is None
        user: User = super().save(commit=commit)
        if commit and not is_new:
            self._note_changes(user)
        if commit and "email" in self.changed_data:
            EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
            user.confirm_address()
        return user

    def _note_changes(self, user: User) -> None:
        """Staff who are talked into it open accounts to thieves as well."""
        if self.cleaned_data.get("password1"):
            note_change(user, AccessChange.What.PASSWORD)
        if "email" in self.changed_data:
            note_change(user, AccessChange.What.ADDRESS)


class PersonCreationForm(_PersonFormMixin, UserCreationForm):
    class Meta(UserCreationForm.Meta):
        fields: ClassVar = {*_FIELDS}


class PersonEditForm(_PersonFormMixin, UserEditForm):
    class Meta(UserEditForm.Meta):
        fields: ClassVar = {*_FIELDS, "is_active"}


class OwnNameForm(UserModelForm):
    """Form for one's own name on the account page of Wagtail's admin."""

    class Meta:
        model = User
        fields = ("name", "handle")
