"""Contact details of the support, from the site's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.core.memo import Memo
from portal.core.models import SupportSettings

if TYPE_CHECKING:
    from portal.core.localized import LocalizedText


@dataclass(frozen=True, slots=True)
class SupportContact:
    phone: str
    hours: LocalizedText


_contact: Memo[SupportContact | None] = Memo(max_size=1, scopes=("site",))


def support_contact() -> SupportContact | None:
    """Return the contact details, or None if none are set; cached until the settings change."""

    def read() -> SupportContact | None:
        found = SupportSettings.objects.exclude(support_phone="").order_by("-site__is_default_site", "pk").first()
        return SupportContact(found.support_phone, found.support_hours) if found else None

    return _contact.get("support", read)
