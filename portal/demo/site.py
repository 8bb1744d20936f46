"""Pages around the articles: home, list of topics, topics, information pages. In both languages."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings
from wagtail.models import Locale, Page, Site

from faq.models import HelpIndexPage, TopicPage
from portal.catalog.models import Topic
from portal.core.localized import LocalizedText
from portal.core.models import SiteBrand, SupportSettings
from portal.demo.catalogue import TOPICS
from portal.home.models import HomePage, InfoPage, PopularSearch

if TYPE_CHECKING:
    from portal.accounts.models import User

PageType = TypeVar("PageType", bound=Page)

PAGES_FOLDER: Final = Path(__file__).resolve().parent / "content" / "pages"
LANGUAGES: Final = ("fa", "en")

NAME: Final = {"fa": "نورا", "en": "Noora"}
EXAMPLE: Final = {"fa": "مثلاً: چراغ قرمز مودم", "en": "Try “red light on my router”"}
HOME: Final = {
    "fa": {
        "title": "مرکز مشتریان نورا",
        "lead": "دربارهٔ اینترنت، سیم‌کارت، تلویزیون و قبض بپرسید؛ پاسخ بیشتر پرسش‌ها همین‌جاست.",
        "searches": ("تغییر رمز وای‌فای", "هزینهٔ جابه‌جایی", "رسید پرداخت"),
    },
    "en": {
        "title": "Noora customer hub",
        "lead": "Ask about internet, SIM cards, TV or your bill. Most answers are already here.",
        "searches": ("Change Wi-Fi password", "Moving home", "Payment receipt"),
    },
}
HELP: Final = {
    "fa": {"title": "راهنما", "slug": "راهنما", "intro": "همهٔ پاسخ‌ها، به ترتیب موضوع."},
    "en": {"title": "Help", "slug": "help", "intro": "Every answer, by topic."},
}
INFO: Final = {
    InfoPage.Role.ACCESSIBILITY: {
        "fa": ("دسترس‌پذیری", "دسترس-پذیری"),
        "en": ("Accessibility", "accessibility"),
    },
    InfoPage.Role.PRIVACY: {
        "fa": ("حریم خصوصی", "حریم-خصوصی"),
        "en": ("Privacy", "privacy"),
    },
}
SUPPORT_PHONE: Final = "+98 21 9100 0000"
SUPPORT_HOURS: Final = {"fa": "هر روز از ۸ تا ۲۰", "en": "every day, 8 am to 8 pm"}


@dataclass(slots=True)
class DemoSite:
    """Creates the pages once; when repeated, finds the existing ones."""

    owner: User

    def load(self) -> None:
        locales = {code: Locale.objects.get_or_create(language_code=code)[0] for code in LANGUAGES}
        homes = {code: self._home(code, locale) for code, locale in locales.items()}
        self._make_default_site(homes["fa" if settings.LANGUAGE_CODE == "fa" else "en"])
        for code, home in homes.items():
            help_page = self._page(
                HelpIndexPage,
                home,
                "help",
                title=HELP[code]["title"],
                slug=HELP[code]["slug"],
                intro=HELP[code]["intro"],
            )
            for topic in TOPICS:
                self._page(
                    TopicPage,
                    help_page,
                    f"topic:{topic.code}",
                    title=topic.name(code),
                    slug=topic.slug(code),
                    intro=topic.intro(code),
                    topic=Topic.objects.get(code=topic.code),
                )
            for role, texts in INFO.items():
                title, slug = texts[code]
                body = (PAGES_FOLDER / f"{role.value}.{code}.html").read_text(encoding="utf-8").strip()
                self._page(InfoPage, home, f"info:{role.value}", title=title, slug=slug, role=role, body=body)

    def _home(self, code: str, locale: Locale) -> HomePage:
        found: HomePage | None = HomePage.objects.filter(locale=locale).order_by("path").first()
        if found is not None:
            return found
        root = Page.get_first_root_node()
        home = HomePage(
            locale=locale,
            translation_key=_key("home"),
            title=HOME[code]["title"],
            slug=code,
            lead=HOME[code]["lead"],
            owner=self.owner,
        )
        for place, query in enumerate(HOME[code]["searches"]):
            home.popular_searches.add(PopularSearch(query=query, sort_order=place))
        root.add_child(instance=home)
        home.save_revision(user=self.owner).publish(user=self.owner, skip_permission_checks=True)
        return home

    def _page(self, model: type[PageType], parent: Page, name: str, **fields: Any) -> PageType:
        """Return the page of this kind and name below `parent`, created and published if it does not exist."""
        key = _key(name)
        found: PageType | None = model.objects.filter(translation_key=key, locale=parent.locale).first()
        if found is not None:
            return found
        page: PageType = model(locale=parent.locale, translation_key=key, owner=self.owner, **fields)
        parent.add_child(instance=page)
        page.save_revision(user=self.owner).publish(user=self.owner, skip_permission_checks=True)
        return page

    @staticmethod
    def _make_default_site(home: HomePage) -> None:
        """Serve the site from `home` and delete Wagtail's own welcome page."""
        site = Site.objects.filter(is_default_site=True).first() or Site(hostname="localhost", is_default_site=True)
        welcome = site.root_page if site.root_page_id else None
        if welcome is None or welcome.specific_class is Page:
            site.root_page = home
            site.site_name = site.site_name or NAME["en"]
            site.save()
            if welcome is not None:
                welcome.delete()
        SiteBrand.objects.get_or_create(
            site=site, defaults={"name": LocalizedText(NAME), "search_placeholder": LocalizedText(EXAMPLE)}
        )
        SupportSettings.objects.get_or_create(
            site=site, defaults={"support_phone": SUPPORT_PHONE, "support_hours": SUPPORT_HOURS}
        )


def _key(name: str) -> uuid.UUID:
    """Return a key that is the same for all languages of a page, and in every installation of the demo."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"https://noora.example/demo/{name}")


def is_loaded() -> bool:
    """Return whether the demo is in this database."""
    found: bool = HelpIndexPage.objects.filter(translation_key=_key("help")).exists()
    return found
