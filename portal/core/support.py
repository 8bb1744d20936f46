"""How to reach a person: what the settings of the site say."""

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
    """How to reach a person, if the settings say so; remembered until they change."""

    def read() -> SupportContact | None:
        found = SupportSettings.objects.exclude(support_phone="").order_by("-site__is_default_site", "pk").first()
        return SupportContact(found.support_phone, found.support_hours) if found else None

    return _contact.get("support", read)
