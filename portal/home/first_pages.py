"""Initial pages of a new portal: a home page and an empty list of topics in each language."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext, override
from wagtail.models import Locale, Page, Site

from faq.models import HelpIndexPage
from portal.core.brand import site_name
from portal.home.models import HomePage


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
    for code, _name in settings.LANGUAGES:
        locale, _created = Locale.objects.get_or_create(language_code=code)
        with override(code):
            title = gettext("Help")
        home = HomePage(title=site_name(code), slug=code, locale=locale, translation_key=home_key)
        root.add_child(instance=home)
        home.add_child(
            instance=HelpIndexPage(
                title=title, slug=slugify(title, allow_unicode=True), locale=locale, translation_key=help_key
            )
        )
        if code == settings.LANGUAGE_CODE:
            site.root_page = home
    site.save()
    welcome.delete()
    return True
