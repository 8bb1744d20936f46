"""What people are told about the security of their account: facts of `portal.accounts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.mail_names import MAIL_NAMES
from portal.core.formats import moment_text
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind
from portal.notifications.services import notify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.events import AccountChanged, SignedInOnNewDevice
    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class _SecurityKind(NotificationKind):
    group: ClassVar[Group] = Group.SECURITY
    icon: ClassVar[str] = "shield"
    folds: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        return {fact.id: None for fact in facts}


class NewDevice(_SecurityKind):
    """Somebody signed in on a device that the account did not know."""

    name: ClassVar[str] = "accounts.new_device"
    label: ClassVar[_StrPromise] = gettext_lazy("Sign-in on a new device")

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        device = str(facts[0].payload.get("device") or "")
        if device:
            title = _("Somebody signed in to your account with %(device)s") % {"device": isolate(device)}
        else:
            title = _("Somebody signed in to your account on a new device")
        return Notice(
            title=title,
            text=_("%(moment)s. If it was not you, sign out that device and change your password.")
            % {"moment": moment_text(facts[0].occurred_at)},
            url=reverse("usersessions_list"),
            mail_subject=_("Sign-in on a new device"),
        )


class Changed(_SecurityKind):
    """Something by which a person signs in was changed; the mail about it is sent by `portal.accounts`."""

    name: ClassVar[str] = "accounts.changed"
    label: ClassVar[_StrPromise] = gettext_lazy("A change to your account")
    is_mailed: ClassVar[bool] = False

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        what = MAIL_NAMES.get(str(facts[0].payload.get("what")), self.label)
        return Notice(
            title=str(what),
            text=_("%(moment)s. If it was not you, change your password and sign out the other devices.")
            % {"moment": moment_text(facts[0].occurred_at)},
            url=reverse("accounts:security"),
        )


def tell_of_new_device(event: SignedInOnNewDevice) -> None:
    """Tell a person that their account was used on a device it did not know; once a day for the same browser there."""
    key = f"accounts.new_device:{event.user_id}:{event.visitor or event.at.isoformat()}"
    notify(
        kind=NewDevice.name,
        key=key,
        subject=f"accounts.sign_in:{event.user_id}-{int(event.at.timestamp() * 1_000_000)}",
        occurred_at=event.at,
        recipients=[event.user_id],
        payload={"device": event.device},
    )


def tell_of_change(event: AccountChanged) -> None:
    """Tell a person that something about signing in to their account was changed."""
    notify(
        kind=Changed.name,
        key=f"accounts.changed:{event.user_id}:{event.what.rpartition('/')[2]}:{event.at.isoformat()}",
        subject=f"accounts.change:{event.user_id}-{int(event.at.timestamp() * 1_000_000)}",
        occurred_at=event.at,
        recipients=[event.user_id],
        payload={"what": event.what},
    )
