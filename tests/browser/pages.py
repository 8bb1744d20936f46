"""The pages that visual and accessibility tests visit, found on the running portal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.conftest import Portal

_SAMPLE = """
import json
from faq.models import ArticlePage, HelpIndexPage, TopicPage
from portal.home.models import InfoPage
out = {}
for code in ("fa", "en"):
    pages = {}
    for external_id in ("red-light", "phone-tones", "reset-router", "self-install", "pay-late", "wifi-5ghz-24ghz"):
        page = ArticlePage.objects.get(external_id=external_id, locale__language_code=code)
        pages["article " + external_id] = page.url
    pages["topic"] = TopicPage.objects.filter(locale__language_code=code).first().url
    pages["help"] = HelpIndexPage.objects.get(locale__language_code=code).url
    for page in InfoPage.objects.filter(locale__language_code=code):
        pages["info " + page.role] = page.url
    out[code] = pages
print(json.dumps(out))
"""

_WORDS = {"fa": "مودم", "en": "router"}
#: Searches with different result pages: queries by language and name.
_SEARCHES = {
    "fa": {
        "best answer": "q=چراغ+قرمز+مودم",
        "on the other keyboard": "q=]vhy+rvlc",
        "repaired": "q=چراق+قرمز",
        "with ignored words": "q=مودم+زبرجدنشان",
        "newest": "q=مودم&sort=newest&updated=year",
        "filtered to nothing": "q=چراغ+قرمز&topic=none",
        "exactly as typed": "q=]vhy+rvlc&exact=1",
        "in the other language": "q=warranty+adapter",
    },
    "en": {
        "best answer": "q=change+wifi+password",
        "on the other keyboard": "q=قخعفثق",
        "repaired": "q=ruoter",
        "with ignored words": "q=router+zzqqxxyy",
        "newest": "q=router&sort=newest&updated=year",
        "filtered to nothing": "q=red+light&topic=none",
        "exactly as typed": "q=قخعفثق&exact=1",
        "in the other language": "q=گارانتی",
    },
}


def public_pages(portal: Portal) -> dict[tuple[str, str], str]:
    """The URLs of all kinds of pages an anonymous visitor can open, by language and name."""
    pages: dict[tuple[str, str], str] = {}
    for code, found in json.loads(portal.shell(_SAMPLE).splitlines()[-1]).items():
        for name, url in found.items():
            pages[code, name] = url
        pages[code, "home"] = f"/{code}/"
        pages[code, "search"] = f"/{code}/search/"
        pages[code, "search results"] = f"/{code}/search/?q={_WORDS[code]}"
        pages[code, "search without results"] = f"/{code}/search/?q=zzqqxxyy"
        for name, query in _SEARCHES[code].items():
            pages[code, f"search {name}"] = f"/{code}/search/?{query}"
        pages[code, "not found"] = f"/{code}/no-such-page/"
        pages[code, "styleguide"] = f"/{code}/styleguide/"
        pages[code, "sign in"] = f"/{code}/accounts/login/"
        pages[code, "sign up"] = f"/{code}/accounts/signup/"
        pages[code, "sign in by code"] = f"/{code}/accounts/login/code/"
        pages[code, "password reset"] = f"/{code}/accounts/password/reset/"
    return pages


def account_pages() -> dict[tuple[str, str], str]:
    """The URLs of the pages that only a signed-in customer can open, by language and name."""
    names = {
        "my home": "",
        "account": "account/",
        "details": "account/details/",
        "preferences": "account/preferences/",
        "devices": "account/devices/",
        "notifications": "notifications/",
        "notification settings": "account/notifications/",
        "security": "account/security/",
        "my data": "account/data/",
        "e-mail": "accounts/email/",
        "password": "accounts/password/change/",
        "sessions": "accounts/sessions/",
        "sign out": "accounts/logout/",
    }
    return {(code, name): f"/{code}/{path}" for code in ("fa", "en") for name, path in names.items()}
