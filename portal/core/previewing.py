"""Previews of a page as somebody else reads it: a visitor, a customer, a partner, or anybody in the dark theme."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.models import AnonymousUser
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from portal.core.audience import PARTNER, PUBLIC, SIGNED_IN, Audience, reading_as
from portal.core.preferences import current_preferences, preferences_in_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from wagtail.models import Page

DARK: Final = "dark"
#: Names of the modes and what editors choose from; the first one is the preview as oneself.
MODES: Final = [
    ("", _("As I see it")),
    ("visitor", _("As a visitor")),
    ("customer", _("As a signed-in customer")),
    ("partner", _("As a partner")),
    (DARK, _("In the dark theme")),
]
_KEYS: Final = {
    "visitor": frozenset({PUBLIC}),
    "customer": frozenset({PUBLIC, SIGNED_IN}),
    "partner": frozenset({PUBLIC, SIGNED_IN, PARTNER}),
}


class PreviewReader(AnonymousUser):
    """Somebody without an account of whom only the audiences are known, so that a preview shows nobody's own data."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__()
        self._audience_keys = keys


def serve_as(page: Page, request: HttpRequest, mode: str, serve: Callable[[], Any]) -> Any:
    """Return the preview that `serve` makes, rendered for the reader of a mode; an unknown mode is the first one."""
    if mode == DARK:
        with preferences_in_use(replace(current_preferences(), theme=DARK), with_language=False):
            return serve().render()
    if mode not in _KEYS:
        return serve()
    reader = PreviewReader(_KEYS[mode])
    request.user = reader
    with reading_as(reader):
        if not audience_of_draft(page).admits(_KEYS[mode]):
            return TemplateResponse(request, "core/preview_hidden.html", {"reader": dict(MODES)[mode]}).render()
        return serve().render()


def audience_of_draft(page: Any) -> Audience:
    """Return who can read a page once its draft is published."""
    above = getattr(page.get_parent().specific, "effective_audience", PUBLIC)
    return Audience.parse(page.audience) & Audience.parse(above)
