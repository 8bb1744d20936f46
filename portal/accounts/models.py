"""Accounts: identity, preferences and audiences of people."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.accounts.handles import KEY_LENGTH, handle_key, mark_of, marks_of, validate_handle
from portal.accounts.one_time_links import OneTimeLink
from portal.core.scopes import content_changed
from portal.core.text import normalise_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Self


class Calendar(models.TextChoices):
    AUTO = "", _("As the language")
    JALALI = "jalali", _("Jalali (solar)")
    GREGORIAN = "gregorian", _("Gregorian")


class Digits(models.TextChoices):
    AUTO = "", _("As the language")
    PERSIAN = "persian", _("Persian (۰۱۲)")
    LATIN = "latin", _("Latin (012)")


class Theme(models.TextChoices):
    AUTO = "auto", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


def new_handle() -> str:
    """Return a random public name, which reveals nothing about the person."""
    return f"user-{secrets.token_hex(4)}"


class UserManager(BaseUserManager["User"]):
    def _create(self, email: str, password: str | None, **fields: Any) -> User:
        if not email:
            raise ValueError("An e-mail address is required.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self._create(email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an administrator whose address counts as confirmed: whoever may run commands is trusted."""
        user = self._create(email, password, **{"is_staff": True, "is_superuser": True, **fields})
        user.confirm_address()
        return user

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the canonical form of the address; an invalid one is only converted to lower case."""
        return normalise_address(email or "") or (email or "").lower()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=self.normalize_email(username))


#: What decides about how a person is shown to others.
_SHOWN: Final = ("handle", "is_active", "is_staff")


def person_scope(user_id: int) -> str:
    """Return the scope of what others are shown of a person, which kept HTML with their name rests on."""
    return f"person:{user_id}"


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. The e-mail address identifies them; the handle is their public name."""

    email = models.EmailField(_("e-mail address"), max_length=254)
    handle = models.CharField(
        _("public name"),
        max_length=30,
        default=new_handle,
        validators=[
            RegexValidator(r"^[\w.-]{3,30}\Z", _("Use 3 to 30 letters, digits, dots, hyphens or underscores.")),
        ],
        help_text=_("Shown to other people instead of your e-mail address."),
    )
    #: Appearance of the handle (`handle_key`); empty if a similar one existed before handles were compared.
    handle_key = models.CharField(max_length=KEY_LENGTH, editable=False, default="", db_default="")
    name = models.CharField(_("name"), max_length=100, blank=True, help_text=_("How we greet you. Only you see it."))
    phone = models.CharField(_("mobile number"), max_length=16, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    calendar = models.CharField(_("calendar"), max_length=10, blank=True, choices=Calendar)
    digits = models.CharField(_("digits"), max_length=10, blank=True, choices=Digits)
    theme = models.CharField(_("appearance"), max_length=5, default=Theme.AUTO, choices=Theme)
    time_zone = models.CharField(_("time zone"), max_length=50, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    #: The handle as read from the database; None for a new person.
    _stored_handle: str | None = None
    #: What others are shown of the person, as read from the database; None for a new person.
    _stored_shown: tuple[object, ...] | None = None

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message=_("There is an account with this e-mail address already."),
            ),
            models.UniqueConstraint(
                Lower("handle"),
                name="user_handle_unique",
                violation_error_message=_("Somebody else has this public name. Please choose another one."),
            ),
            models.UniqueConstraint(
                fields=["handle_key"],
                condition=~models.Q(handle_key=""),
                name="user_handle_key_unique",
                violation_error_message=_(
                    "Somebody else has this public name, or one that looks like it. Please choose another one."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.handle

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        user = super().from_db(db, field_names, values, **kwargs)
        user._stored_handle = user.__dict__.get("handle")  # noqa: SLF001 - our own
        user._stored_shown = user._shown()  # noqa: SLF001 - our own
        return user

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save, and update the key of a changed handle; the one before stays this person's.

        Whatever is kept and shows the name hears of it (`person_scope`).
        """
        update_fields = None if update_fields is None else set(update_fields)
        self._save(*args, update_fields=update_fields, **kwargs)
        if update_fields is None or not update_fields.isdisjoint(_SHOWN):
            if self._stored_shown not in {None, self._shown()}:
                content_changed(person_scope(self.pk))
            self._stored_shown = self._shown()

    def _shown(self) -> tuple[object, ...]:
        return tuple(self.__dict__.get(name) for name in _SHOWN)

    def _save(self, *args: Any, update_fields: set[str] | None, **kwargs: Any) -> None:
        if not self.has_new_handle or (update_fields is not None and "handle" not in update_fields):
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        former = handle_key(self._stored_handle) if self._stored_handle else ""
        self.handle_key = handle_key(self.handle)
        if update_fields is not None:
            update_fields.add("handle_key")
        with transaction.atomic():
            super().save(*args, update_fields=update_fields, **kwargs)
            if former and former != self.handle_key:
                FormerHandle.objects.update_or_create(mark=mark_of(former), defaults={"user": self})
        self._stored_handle = self.handle

    @property
    def has_new_handle(self) -> bool:
        """Return whether the handle differs from the stored one."""
        return "handle" in self.__dict__ and self.handle != self._stored_handle

    def clean(self) -> None:
        """Refuse a changed handle that suggests staff (unless the person is staff) or looks like somebody else's.

        It may also look like one that somebody else had: what was written to them names it.
        """
        super().clean()
        if not self.has_new_handle:
            return
        try:
            validate_handle(self.handle)
        except ValidationError as error:
            if not (self.is_staff and error.code == "reserved"):
                raise ValidationError({"handle": error}) from None
        key = handle_key(self.handle)
        alike = User.objects.filter(handle_key=key).exclude(pk=self.pk)
        former = FormerHandle.objects.filter(mark__in=marks_of(key)).exclude(user__isnull=False, user=self.pk)
        if alike.exists() or former.exists():
            raise ValidationError(
                {
                    "handle": _(
                        "Somebody else has this public name, or one that looks like it. Please choose another one."
                    )
                }
            )

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Normalise the address set by any form, including both admins: Django calls this during form validation."""
        return UserManager.normalize_email(username)

    def get_full_name(self) -> str:
        return self.name or self.handle

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.handle

    def confirm_address(self) -> None:
        """Mark the e-mail address as confirmed, so that the person can sign in without a code. Safe to repeat."""
        from allauth.account.models import EmailAddress  # noqa: PLC0415 - it needs the user model

        EmailAddress.objects.update_or_create(user=self, email=self.email, defaults={"primary": True, "verified": True})

    @property
    def initial(self) -> str:
        """Return one letter for the avatar."""
        return (self.name or self.handle)[:1].upper()


class FirstAdministratorLink(OneTimeLink):
    """A link that makes the first administrator. See `portal.accounts.first_administrator`."""

    class Meta:
        verbose_name = _("link of the first administrator")
        verbose_name_plural = _("links of the first administrator")

    def __str__(self) -> str:
        return f"{self.expires_at:%Y-%m-%d}"


class Invitation(OneTimeLink):
    """Somebody is asked by mail to work here, in a role. See `portal.accounts.invitations`."""

    email = models.EmailField(_("e-mail address"), max_length=254)
    #: Code of a role of `portal.core.roles`, or `invitations.ADMINISTRATORS`.
    role = models.CharField(_("role"), max_length=40)
    language = models.CharField(_("language"), max_length=10)
    #: An invitation ends with the account of whoever sent it.
    invited_by = models.ForeignKey(User, verbose_name=_("invited by"), on_delete=models.CASCADE, related_name="+")
    sent_at = models.DateTimeField(_("sent at"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        default_permissions = ()
        constraints = [models.UniqueConstraint(Lower("email"), name="invitation_email_unique")]

    def __str__(self) -> str:
        """Return no address: logs quote it."""
        return self.role

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class FormerHandle(models.Model):
    """A handle that somebody had: nobody else gets it, as posts that name it would then speak of another person."""

    #: Of its key; see `portal.accounts.handles.mark_of`.
    mark = models.CharField(max_length=64, unique=True)
    #: Who may have it again; None when the account is gone.
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="former_handles")

    class Meta:
        verbose_name = _("former public name")
        verbose_name_plural = _("former public names")

    def __str__(self) -> str:
        return self.mark


@receiver(models.signals.pre_delete, sender=User, dispatch_uid="accounts.handle_of_deleted")
def keep_handle_of_deleted(instance: User, **_kwargs: Any) -> None:
    """Keep the mark of the handle of an account that is deleted."""
    FormerHandle.objects.update_or_create(mark=mark_of(handle_key(instance.handle)), defaults={"user": None})


class AudienceMembership(models.Model):
    """A key of `portal.core.audience` that this person satisfies: ``partner`` or ``segment:…``."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="audience_memberships")
    key = models.CharField(_("audience"), max_length=60)

    class Meta:
        verbose_name = _("audience membership")
        verbose_name_plural = _("audience memberships")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="audience_membership_unique")]

    def __str__(self) -> str:
        return self.key


class ErasureRequestQuerySet(models.QuerySet["ErasureRequest"]):
    def due(self) -> Self:
        """Those whose days to come back are over."""
        return self.filter(due_at__lte=timezone.now())


class ErasureRequest(models.Model):
    """A person wants their account deleted. Signing in before it is due undoes it; see `portal.accounts.own_data`."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="erasure_request")
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)
    due_at = models.DateTimeField(_("due at"), db_index=True)
    #: Since then there is no way back.
    begun_at = models.DateTimeField(_("begun at"), null=True, blank=True)

    objects = ErasureRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("account to be deleted")
        verbose_name_plural = _("accounts to be deleted")

    def __str__(self) -> str:
        return str(self.user_id)


class AccessChange(models.Model):
    """When one of the ways into an account was last changed; without a row never since it was made. See `portal.accounts.changes`."""

    class What(models.TextChoices):
        PASSWORD = "password", pgettext_lazy("way into an account", "The password")
        ADDRESS = "address", pgettext_lazy("way into an account", "The e-mail address")
        FACTOR = "factor", pgettext_lazy("way into an account", "The second step")
        COMPANY = "company", pgettext_lazy("way into an account", "An account of another company")

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="access_change")
    what = models.CharField(max_length=8, choices=What)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.what}"
