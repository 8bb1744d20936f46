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
from community.models import Area, Thread
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
    threads = Thread.objects.visible_to(None).listed()
    chosen = {
        "question": threads.filter(solution__isnull=False),
        "open question": threads.filter(kind="questions", solution=None),
        "idea": threads.filter(kind="ideas"),
        "poll": threads.filter(poll__isnull=False),
    }
    for name, found in chosen.items():
        if thread := found.order_by("-reply_count", "pk").first():
            pages["thread " + name] = f"/{code}/community/t/{thread.pk}/"
            pages["person"] = f"/{code}/u/{thread.author.handle}/"
    pages["area"] = f"/{code}/community/a/{Area.objects.visible_to(None).filter(kind='questions').first().slug}/"
    pages["tag"] = f"/{code}/community/tag/{threads.filter(tags__isnull=False).first().tags.first().slug}/"
    for tab in ("", "popular/", "unanswered/", "solved/"):
        pages["community " + tab.strip("/")] = f"/{code}/community/{tab}"
    pages["downloads"] = f"/{code}/downloads/"
    for slug in ("x2-firmware", "noora-desktop", "dealer-kit"):
        pages["download " + slug] = f"/{code}/downloads/{slug}/"
    pages["troubleshooters"] = f"/{code}/troubleshoot/"
    pages["troubleshooter"] = f"/{code}/troubleshoot/no-internet/"
    for number, path in ((5, "1-1.0-2.u"), (8, "1-1.0-2.0"), (12, "1-1.0-2.1-3.0-6.1")):
        pages[f"troubleshooter step {number}"] = f"/{code}/troubleshoot/no-internet/{number}/?p={path}"
    pages["troubleshooter people"] = f"/{code}/troubleshoot/no-internet/people/?p=1-1.1-7.u"
    pages["licence"] = f"/{code}/downloads/x2-firmware/licence/"
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


_WRITING = """
import json
from community.models import Message, Post, Thread
from portal.accounts.models import User
sara = User.objects.get(email="sara@noora.example")
thread = Thread.objects.visible_to(sara).listed().filter(kind="questions", is_locked=False).exclude(author=sara).first()
own = Post.objects.visible_to(sara).filter(author=sara, state="visible", thread__is_locked=False).first()
other = Post.objects.visible_to(sara).filter(thread=thread, state="visible").exclude(author=sara).first()
message = Message.objects.visible_to(sara).exclude(author=sara).order_by("-number").first()
talk = f"community/messages/{message.conversation_id}/"
print(json.dumps({
    "ask": "community/ask/", "bookmarks": "community/bookmarks/", "own_posts": "community/mine/", "following": "community/following/",
    "follows": "community/follows/",
    "reply": f"community/t/{thread.pk}/reply/?to={other.pk}&quote=1", "thread": f"community/t/{thread.pk}/",
    "edit": f"community/p/{own.pk}/edit/", "delete": f"community/p/{own.pk}/delete/",
    "history": f"community/p/{own.pk}/history/", "flag": f"community/p/{other.pk}/flag/", "self": f"u/{sara.handle}/",
    "messages": "community/messages/", "conversation": talk, "conversation delete": f"{talk}delete/",
    "message report": f"{talk}report/{message.number}/", "message settings": "community/messages/settings/",
    "message write": f"community/messages/to/{message.author.handle}/", "member": f"u/{message.author.handle}/",
}))
"""
_MODERATING = """
import json
from community import services
from community.models import Message, Post, ReviewItem, Thread
from portal.accounts.models import User
sara = User.objects.get(email="sara@noora.example")
reported = Message.objects.visible_to(sara).exclude(author=sara).filter(author__is_staff=False).first()
services.report_message(message=reported, user=sara, reason="other", note="")
item = ReviewItem.objects.get(message=reported)
thread = Thread.objects.visible_to(None).listed().filter(kind="questions", reply_count__gt=1).first()
post = Post.objects.visible_to(None).filter(thread=thread, number__gt=1).first()
print(json.dumps({
    "desk": "desk/", "queue": "desk/queue/", "reported message": f"desk/queue/{item.pk}/message/", "log": "desk/log/", "limits": "desk/settings/",
    "member": f"desk/members/{thread.author.handle}/", "manage": f"community/t/{thread.pk}/manage/",
    "hide": f"community/p/{post.pk}/hide/", "thread": f"community/t/{thread.pk}/",
}))
"""


def writing_pages(portal: Portal) -> dict[tuple[str, str], str]:
    """The URLs of the pages with which a customer takes part in the community, by language and name."""
    return _in_both_languages(portal, _WRITING)


def moderating_pages(portal: Portal) -> dict[tuple[str, str], str]:
    """The URLs of the pages of a community manager, by language and name."""
    return _in_both_languages(portal, _MODERATING)


def _in_both_languages(portal: Portal, sample: str) -> dict[tuple[str, str], str]:
    found = json.loads(portal.shell(sample).splitlines()[-1])
    return {(code, name): f"/{code}/{path}" for code in ("fa", "en") for name, path in found.items()}
