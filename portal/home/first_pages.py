"""Initial pages of a new portal: in each language a home page, an empty list of topics, and drafts of two notices."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy, override
from wagtail.models import Locale, Page, Site

from faq.models import HelpIndexPage
from portal.core.brand import site_name
from portal.core.text import slugify_unicode
from portal.home.models import HomePage, InfoPage

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


#: Pages that every portal needs and only its company can complete: role and title.
DRAFTS: Final[dict[str, _StrPromise]] = {
    InfoPage.Role.PRIVACY: gettext_lazy("Privacy"),
    InfoPage.Role.ACCESSIBILITY: gettext_lazy("Accessibility"),
}


@transaction.atomic
def make_first_pages() -> bool:
    """Replace Wagtail's welcome page by the initial pages; return whether it was still there.

    Pages made by anybody else are left alone, so it is safe to repeat.
    """
    site = Site.objects.select_for_update().filter(is_default_site=True).select_related("root_page").first()
    if site is None or site.root_page.specific_class is not Page:
        return False
    welcome, root = site.root_page, Page.get_first_root_node()
    home_key, help_key = uuid.uuid4(), uuid.uuid4()
    keys = {role: uuid.uuid4() for role in DRAFTS}
    for code, _name in settings.LANGUAGES:
        locale, _created = Locale.objects.get_or_create(language_code=code)
        with override(code):
            title = gettext("Help")
        home = HomePage(title=site_name(code), slug=code, locale=locale, translation_key=home_key)
        root.add_child(instance=home)
        home.add_child(
            instance=HelpIndexPage(title=title, slug=slugify_unicode(title), locale=locale, translation_key=help_key)
        )
        _add_drafts(home, code, keys)
        if code == settings.LANGUAGE_CODE:
            site.root_page = home
    site.save()
    welcome.delete()
    return True


def _add_drafts(home: HomePage, language: str, keys: dict[str, uuid.UUID]) -> None:
    """Add the drafts, which editors find below the home page; readers see them when they are published."""
    for role, title in DRAFTS.items():
        try:
            body = render_to_string(f"home/first_pages/{role}_{language}.html")
        except TemplateDoesNotExist:  # a language that somebody added
            continue
        with override(language):
            named = str(title)
        page = InfoPage(
            title=named,
            slug=slugify_unicode(named),
            role=role,
            body=body,
            locale=home.locale,
            translation_key=keys[role],
            live=False,
        )
        home.add_child(instance=page)
        page.save_revision()
