"""What the home page shows, read through the features' own queries."""

from __future__ import annotations

from portal.core.pages import page_url
from portal.home.models import InfoPage


def info_page_url(language: str, role: str) -> str:
    """The address of the information page with a role (see `InfoPage.Role`); empty when there is none."""
    pages = InfoPage.objects.live().filter(locale__language_code=language, role=role)
    page = pages.select_related("locale").order_by("path").first()
    return page_url(page) if page is not None else ""
