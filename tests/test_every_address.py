"""Every URL × every kind of visitor: no server errors, staff pages only for staff, private content stays private.

A new URL must be added to one of the two tables below, or these tests fail. They walk the resolver, so that none is
missed.
"""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db.models import FileField
from django.test import Client
from django.urls import reverse

from community.models import Post, Thread, Upload
from loyalty.services.ledger import earn
from loyalty.services.members import wallet_for
from loyalty.services.rewards import redeem
from portal.core import file_audiences, outbox
from portal.core.localized import LocalizedText
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from portal.core.scopes import content_changed
from portal.home.models import InfoPage
from portal.our_apps import OUR_FOLDERS
from tests.addresses import Address, every_address
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, MessageFactory, ThreadFactory
from tests.factories.downloads import DownloadFactory, release_of
from tests.factories.faq import ArticlePageFactory, HelpMediaFactory, TopicPageFactory, help_site
from tests.factories.loyalty import EarningFactory, RewardFactory
from tests.factories.troubleshooters import TroubleshooterFactory
from tests.faq.bodies import document, picture
from tests.test_architecture import FOLDERS_OF_PAGES, guarded_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from portal.accounts.models import User
    from portal.core.pages import PortalPage

pytestmark = pytest.mark.django_db


class Access(Enum):
    #: No sign-in needed.
    EVERYBODY = "everybody"
    #: Anonymous visitors are redirected to the sign-in page and back.
    SIGNED_IN = "signed in"
    #: A step of signing in or up; out of order, it redirects to the first one.
    STEP = "a step of signing in"


#: Names of our URLs, and prefixes of those of packages → who may open them. Those for staff are below.
ACCESS = {
    "accounts:first_administrator": Access.EVERYBODY,
    "accounts:invitation": Access.EVERYBODY,
    "accounts:theme": Access.EVERYBODY,
    "accounts:": Access.SIGNED_IN,
    "catalog:": Access.SIGNED_IN,
    "community:area": Access.EVERYBODY,
    "community:area_feed": Access.EVERYBODY,
    "community:area_tab": Access.EVERYBODY,
    "community:feed": Access.EVERYBODY,
    "community:index": Access.EVERYBODY,
    "community:person": Access.EVERYBODY,
    "community:popular": Access.EVERYBODY,
    "community:product": Access.EVERYBODY,
    "community:solved": Access.EVERYBODY,
    "community:solved_it": Access.EVERYBODY,
    "community:tag": Access.EVERYBODY,
    "community:thread": Access.EVERYBODY,
    "community:thread_feed": Access.EVERYBODY,
    "community:thread_without_slug": Access.EVERYBODY,
    "community:unanswered": Access.EVERYBODY,
    "community:": Access.SIGNED_IN,
    "community_root:": Access.EVERYBODY,
    "desk:": Access.SIGNED_IN,
    "downloads:": Access.EVERYBODY,
    "downloads:follow": Access.SIGNED_IN,
    "downloads_root:": Access.EVERYBODY,
    "faq:article_feedback": Access.EVERYBODY,
    "faq:short_link": Access.EVERYBODY,
    "faq:llms": Access.EVERYBODY,
    "faq:llms_full": Access.EVERYBODY,
    "article_markdown": Access.EVERYBODY,
    "page_feed": Access.EVERYBODY,
    "health": Access.EVERYBODY,
    "language_root": Access.EVERYBODY,
    "loyalty:invitation": Access.EVERYBODY,
    "loyalty:offer": Access.EVERYBODY,
    "loyalty:offers": Access.EVERYBODY,
    "loyalty:": Access.SIGNED_IN,
    # Programs sign in with a token; a session means nothing.
    "loyalty_api:": Access.EVERYBODY,
    "media": Access.EVERYBODY,
    "notifications:action": Access.EVERYBODY,
    "notifications:unsubscribe": Access.EVERYBODY,
    "notifications:": Access.SIGNED_IN,
    "brand_": Access.EVERYBODY,
    "robots": Access.EVERYBODY,
    "search:click": Access.EVERYBODY,
    "search:results": Access.EVERYBODY,
    "search:suggest": Access.EVERYBODY,
    "sitemap": Access.EVERYBODY,
    "styleguide": Access.EVERYBODY,
    "troubleshooters:": Access.EVERYBODY,
    "wagtail_serve": Access.EVERYBODY,
    # django-allauth
    "account_change_password": Access.SIGNED_IN,
    "account_email": Access.SIGNED_IN,
    "account_email_verification_sent": Access.STEP,
    "account_reauthenticate": Access.SIGNED_IN,
    "account_set_password": Access.SIGNED_IN,
    "account_": Access.STEP,
    "github_": Access.EVERYBODY,
    "google_": Access.EVERYBODY,
    "mfa_authenticate": Access.STEP,
    "mfa_index": Access.STEP,
    "mfa_login_webauthn": Access.STEP,
    "mfa_signup_webauthn": Access.STEP,
    "mfa_": Access.SIGNED_IN,
    "openid_connect_": Access.EVERYBODY,
    "socialaccount_connections": Access.SIGNED_IN,
    "socialaccount_": Access.STEP,
    "usersessions_list": Access.SIGNED_IN,
    # Wagtail
    "wagtailcore_": Access.EVERYBODY,
    "wagtaildocs_": Access.EVERYBODY,
}
#: Staff URLs without private content: scripts, icons, signing out, and disabled pages.
STAFFS_OPEN = {
    "articles:choose_parent",  # leads to article_for_question, which asks
    "wagtailadmin_sprite",
    "wagtailadmin_javascript_catalog",
    "wagtailadmin_logout",
    "wagtailadmin_password_reset",
    "wagtailadmin_password_reset_done",
    "wagtailadmin_password_reset_confirm",
    "wagtailadmin_password_reset_complete",
    "admin:logout",
}
#: Lead to the first page of the admin when they are done, or when there is nothing yet to begin with.
LEAD_HOME = {"first_run_dismiss", "first_run_test_mail", "new_topic"}
#: Our own URLs for staff → the roles that may open them, besides superusers.
STAFFS = {
    "PinCreateView": {"editor"},
    "PinEditView": {"editor"},
    "PinIndexView": {"editor"},
    "admin:taggit_tag_merge_tags": set(),
    "article_for_question": {"editor"},
    "article_import:": {"editor"},
    "articles:": {"editor"},
    "articles_like_title": {"editor"},
    "audience_check": {"editor"},
    "brand_preview": set(),
    "first_run_dismiss": {"editor", "manager"},
    "first_run_test_mail": set(),
    "exports_admin:": {"editor"},
    "invitations:": set(),
    "new_topic": {"editor"},
    "feedback_report:": {"editor"},
    "broken_link_report:": {"editor"},
    "helpfulness_report:": {"editor"},
    "review_report:": {"editor"},
    "translation_debt:": {"editor"},
    "search_report:": {"editor"},
    "wagtailsnippets_search_synonym:": {"editor"},
    "offers_admin:terms": set(),
    "offers_admin:": {"editor"},
    "points_badges:": {"manager"},
    "points_challenges:": {"manager"},
    "points_campaigns:": set(),
    "points_claims:": {"manager"},
    "points_configuration:": set(),
    "points_corrections:": {"manager"},
    "points_decisions:": {"manager"},
    "points_files:": set(),
    "points_liability:": set(),
    "points_members:": {"manager"},
    "downloads_admin:": {"editor"},
    "troubleshooters_admin:": {"editor"},
    "points_pace:": {"manager"},
    "points_programmes:": set(),
    "points_referrals:": {"manager"},
    "points_reviews:": {"manager"},
    "points_rules:": set(),
    "points_segments:": {"editor"},
    "points_tier_members:": set(),
    "points_tiers:": set(),
    "rewards_offered:": set(),
    "rewards_taken:": set(),
    "points_tokens:": set(),
    "points_webhooks:": set(),
    "unsent_mails:": set(),
    "filed_mails:": set(),
    "wagtailusers_users:": set(),
}
#: Fails on purpose: Wagtail's page for testing error handling.
FAILS_ON_PURPOSE = {"wagtailadmin_error_test"}

ADDRESSES = every_address()
_FIELDS = (
    "q", "page", "id", "object", "number", "language", "next", "sort", "type", "kind", "solved", "revision", "email",
    "password", "login", "code", "version", "action", "theme", "position", "product", "topic", "comment", "title",
)  # fmt: skip
_NONSENSE = ("\x00", "-1", "x", "١٢٣", "9" * 40, "xx", "//evil.example", "'\"><", "\u202e", "..", "maybe", "1e9")
GARBAGE = dict(zip(_FIELDS, _NONSENSE * 2, strict=True))


def role(kind: str) -> User | None:
    made: dict[str, dict[str, Any]] = {
        "member": {},
        "insider": {"segments": ["fibre"]},
        "partner": {"partner": True},
        "editor": {"staff": True, "in_group": CONTENT_EDITORS.name},
        "manager": {"staff": True, "in_group": COMMUNITY_MANAGERS.name},
        "superuser": {"superuser": True},
    }
    return UserFactory(**made[kind]) if kind != "visitor" else None


class Visitor:
    """A person with a browser, who signs in again if a URL signed them out."""

    def __init__(self, kind: str, user: User | None = None) -> None:
        self.user = user or role(kind)
        self.client = Client()

    def ask(self, path: str, method: str = "GET", data: dict[str, str] | None = None) -> HttpResponse:
        if self.client.cookies.get("sessionid") is None or not self.client.cookies["sessionid"].value:
            self.client = Client(raise_request_exception=False)
            if self.user is not None:
                self.client.force_login(self.user)
        response = getattr(self.client, method.lower())(path, data)
        if "sessionid" in response.cookies:
            self.client.cookies.clear()
        return response


def listed(address: Address, table: dict[str, Any]) -> list[Any]:
    """The entries of a table for a URL: by its name, or else by its longest prefix."""
    known = [key for key in table if key == address.name or (key[-1] in "_:" and address.name.startswith(key))]
    return [table[max(known, key=len)]] if known else []


def is_ours(address: Address) -> bool:
    return address.module.partition(".")[0] in OUR_FOLDERS


def leads_to_sign_in(response: HttpResponse) -> bool:
    """Whether it redirects to our sign-in page, or to that of an admin, which redirects there."""
    doors = ("/fa/accounts/login/", "/admin/login/", "/django-admin/login/")
    return response.status_code == 302 and response.headers["Location"].startswith(doors)


# The tables ----------------------------------------------------------------------------------------------------------


def test_every_address_says_who_may_come():
    unknown = [
        f"{address.name} {address.path()}"
        for address in ADDRESSES
        if not (
            listed(address, STAFFS) if address.is_staffs and is_ours(address)
            else address.is_staffs or listed(address, ACCESS)
        )
    ]  # fmt: skip
    names = [address.name for address in ADDRESSES]
    stale = [key for key in (*ACCESS, *STAFFS) if not any(name.startswith(key) for name in names)]

    assert unknown == [], "Add the address to ACCESS, one on staff's side to STAFFS, in tests/test_every_address.py."
    assert stale == [], "There are no such addresses any more."


# Access --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [{}, GARBAGE], ids=["nothing", "garbage"])
@pytest.mark.parametrize("kind", ["visitor", "member"])
def test_customers_meet_no_server_error_and_nothing_of_staff(kind, data):
    """Staff URLs are refused before the request data is read, so it does not matter what is sent."""
    help_site()
    visitor = Visitor(kind)
    wrong = []
    for address in (known for known in ADDRESSES if not (data and known.is_staffs)):
        access = [] if address.is_staffs else listed(address, ACCESS)
        for method in ("GET", "POST") if is_ours(address) or not address.is_staffs else ("GET",):
            response = visitor.ask(address.path(number=0), method, data)
            said = f"{method} {address.name} {address.path(number=0)}: {response.status_code} {response.headers.get('Location')}"
            refused = leads_to_sign_in(response) or response.status_code in {403, 404}
            if response.status_code >= 500:
                wrong.append(said)
            elif address.is_staffs and address.name not in STAFFS_OPEN and not refused:
                wrong.append(f"{said}, on staff's side")
            elif kind == "visitor" and access == [Access.SIGNED_IN] and not leads_to_sign_in(response):
                wrong.append(f"{said}, without signing in")
            elif kind == "visitor" and access == [Access.EVERYBODY] and leads_to_sign_in(response):
                wrong.append(f"{said}, asks to sign in")

    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("data", [{}, GARBAGE], ids=["nothing", "garbage"])
@pytest.mark.parametrize("kind", ["editor", "manager", "superuser"])
def test_staff_come_where_their_role_may_and_meet_no_server_error(kind, data, settings):
    settings.STAFF_SECOND_FACTOR = False
    visitor = Visitor(kind)
    wrong = []
    for address in filter(is_ours, ADDRESSES):
        for method in ("GET", "POST"):
            response = visitor.ask(address.path(number=0), method, data)
            leads_home = response.headers.get("Location") == "/admin/"
            # Wagtail fetches a snippet before it asks for permission, and number 0 does not exist.
            missing = response.status_code in {404, 405} or response.headers.get("Location", "").startswith(
                "/fa/admin/"
            )
            may = kind == "superuser" or kind in (listed(address, STAFFS) or [set()])[0]
            refused = response.status_code == 403 or (leads_home and not (may and address.name in LEAD_HOME))
            if response.status_code >= 500 or (
                address.is_staffs and address.name not in STAFFS_OPEN and (refused if may else not (refused or missing))
            ):
                wrong.append(f"{method} {address.name} {address.path(number=0)}: {response.status_code}")

    assert wrong == [], "\n".join(wrong)


@pytest.mark.filterwarnings("ignore:Pagination may yield inconsistent results")  # wagtail-localize's report
def test_the_admins_answer_nothing_garbage_and_the_wrong_method_without_a_server_error(settings):
    """Those of packages, as somebody who may do everything; page 1 is the root, which most pages of Wagtail forget."""
    settings.STAFF_SECOND_FACTOR = False
    help_site()
    visitor = Visitor("superuser")
    wrong = [
        f"{method} {address.name} {path} with {sorted(data)}: {status}"
        for address in ADDRESSES
        if address.is_staffs and not is_ours(address) and address.name not in FAILS_ON_PURPOSE
        for path in [address.path(number=1, word="x")]
        for method, data in (("GET", GARBAGE), ("POST", {}), ("POST", GARBAGE))
        if (status := visitor.ask(path, method, data).status_code) >= 500
    ]

    assert wrong == [], "\n".join(wrong)


@pytest.mark.filterwarnings("ignore:Pagination may yield inconsistent results")  # wagtail-localize's report
def test_every_page_of_the_admins_opens(settings):
    settings.STAFF_SECOND_FACTOR = False
    help_site()
    visitor = Visitor("superuser")
    opened = [address for address in ADDRESSES if address.is_staffs and not address.takes_values]
    wrong = [
        f"{address.name} {address.path()}: {status}"
        for address in opened
        if address.name not in FAILS_ON_PURPOSE
        if (status := visitor.ask(address.path()).status_code) >= 500
    ]

    assert len(opened) > 100
    assert wrong == [], "\n".join(wrong)


# Private content -----------------------------------------------------------------------------------------------------

#: The secret that others must never see, anywhere; the word they may search for is in the same text.
SECRET, WORD, SLUG = "زمردنشان", "کهربا", "for-few-only"
FOR_FEW = {"audience": "segment:fibre", "title": f"{SECRET} {WORD}", "slug": SLUG}


def private_info_page() -> InfoPage:
    home = help_site()["fa"].get_parent()
    return home.add_child(instance=InfoPage(body=f"<p>{SECRET} {WORD}</p>", locale=home.locale, **FOR_FEW))


def private_in_the_community(kind: str) -> SimpleNamespace:
    """An area for insiders, with a thread, its post, and a picture in it; `url` is where an insider reads it."""
    area = AreaFactory(audience="segment:fibre", slug=SLUG, title=LocalizedText(fa=f"{SECRET} {WORD}"))
    author = MemberFactory(segments=["fibre"])
    upload = Upload.objects.create(
        owner=author, kind="picture", name=f"{SECRET}.png", content_type="image/png", size=1, sha256="0"
    )
    body = f"{SECRET} {WORD} ![{SECRET}](upload:{upload.pk})"
    thread = ThreadFactory(area=area, author=author, title=f"{SECRET} {WORD}", body=body)
    Thread.objects.visible_to(author).filter(pk=thread.pk).update(slug=SLUG)
    thread.refresh_from_db()
    thread_url = thread.get_absolute_url()
    pk, url = {
        "area": (area.pk, area.get_absolute_url()),
        "thread": (thread.pk, thread_url),
        "post": (Post.objects.visible_to(author).get(thread=thread).pk, thread_url),
        "upload": (upload.pk, thread_url),
    }[kind]
    return SimpleNamespace(pk=pk, url=url)


def private_between_two(kind: str) -> SimpleNamespace:
    """A message of one member to another; `reader` is who received it."""
    reader = MemberFactory()
    message = MessageFactory(recipient=reader, body=f"{SECRET} {WORD}")
    pk = {"conversation": message.conversation_id, "message": message.pk}[kind]
    url = reverse("community:conversation", args=[message.conversation_id])
    return SimpleNamespace(pk=pk, url=url, reader=reader)


def redeemed() -> SimpleNamespace:
    """A reward that is offered no more, and that one member took."""
    reader, programme = UserFactory(), EarningFactory().programme
    content_changed("site")
    earn(wallet=wallet_for(user=reader, programme=programme), amount=100, key="1")
    reward = RewardFactory(programme=programme, name=LocalizedText(fa=f"{SECRET} {WORD}"))
    own = redeem(user=reader, reward=reward, key="1", price=100, seen=0)
    type(reward).objects.update(is_published=False)
    uid = UUID(f"00000000-0000-4000-8000-{own.pk:012d}")  # as `every_address` writes its number
    type(own).objects.visible_to(reader).update(uid=uid)
    return SimpleNamespace(pk=own.pk, url=reverse("loyalty:redemption", args=[uid]), reader=reader)


def private_download() -> SimpleNamespace:
    """A download for insiders, with a published file."""
    name = LocalizedText(fa=f"{SECRET} {WORD}")
    download = DownloadFactory(name=name, slug=SLUG, audience="segment:fibre")
    release_of(download, changelog=name)
    return SimpleNamespace(pk=download.pk, url=download.get_absolute_url())


def private_troubleshooter() -> SimpleNamespace:
    """A published troubleshooter for insiders."""
    text = LocalizedText(fa=f"{SECRET} {WORD}")
    it = TroubleshooterFactory(title=text, slug=SLUG, audience="segment:fibre")
    return SimpleNamespace(pk=it.pk, url=it.get_absolute_url())


#: Every kind of content with an audience → a function that creates one that only insiders may see.
PRIVATE: dict[str, Callable[[], PortalPage | SimpleNamespace]] = {
    "community.Area": lambda: private_in_the_community("area"),
    "community.Conversation": lambda: private_between_two("conversation"),
    "community.Message": lambda: private_between_two("message"),
    "community.Post": lambda: private_in_the_community("post"),
    "community.Thread": lambda: private_in_the_community("thread"),
    "community.Upload": lambda: private_in_the_community("upload"),
    "faq.ArticlePage": lambda: ArticlePageFactory(short_answer=f"{SECRET} {WORD}", **FOR_FEW),
    "faq.TopicPage": lambda: TopicPageFactory(intro=f"{SECRET} {WORD}", **FOR_FEW),
    "downloads.Download": private_download,
    "home.InfoPage": private_info_page,
    "loyalty.Redemption": redeemed,
    "troubleshooters.Troubleshooter": private_troubleshooter,
}
#: Kinds that are searchable.
FOUND = {"downloads.Download", "faq.ArticlePage", "troubleshooters.Troubleshooter"}


def test_every_kind_of_content_with_an_audience_is_tried():
    kinds = {model._meta.label for model in guarded_models() if model.__name__ not in FOLDERS_OF_PAGES}

    assert kinds == PRIVATE.keys(), "Add the model to PRIVATE in tests/test_every_address.py, with a private one."


@pytest.mark.parametrize("label", PRIVATE)
def test_what_is_private_is_nowhere_but_where_it_may_be(label):
    private = PRIVATE[label]()
    ArticlePageFactory(title=f"همگانی {WORD}")
    outbox.drain()
    search = f"/fa/search/?q={WORD}"
    insider = Visitor("insider", getattr(private, "reader", None))
    may_see = [insider.ask(address).text for address in (private.url, *([search] if label in FOUND else []))]

    leaks = []
    for kind in ("visitor", "member"):
        visitor = Visitor(kind)
        own = visitor.ask(private.url)
        beside = (f"{private.url.rstrip('/')}.{suffix}" for suffix in ("md", "atom"))
        paths = {(path, "GET") for path in (private.url, *beside, "/fa/راهنما.atom", search)}
        for address in ADDRESSES:
            paths |= {
                (address.path(number=number), method)
                for number in (private.pk, 1)
                for method in ("GET", "POST")
                if not address.is_staffs
            }
        assert own.status_code == 404 or leads_to_sign_in(own)
        for path, method in sorted(paths):
            response = visitor.ask(path, method, None if path == search else {"q": WORD})
            text = (
                response.text
                if not response.streaming
                else b"".join(response.streaming_content).decode(errors="replace")
            )
            if SECRET in text or (SLUG in text + response.headers.get("Location", "") and SLUG not in path):
                leaks.append(f"{method} {path} to a {kind}")

    assert [SECRET in text for text in may_see] == [True] * len(may_see)  # it could leak
    assert leaks == []


# Files ---------------------------------------------------------------------------------------------------------------

STAFF_ROLES = {"editor", "manager", "superuser"}
ROLES = ("visitor", "member", "insider", "partner", *sorted(STAFF_ROLES))
#: Where files are shown → the article that shows them, and who may fetch them.
SHOWN = {
    "nowhere": (None, STAFF_ROLES),
    "a draft": ({"draft": True}, STAFF_ROLES),
    "for staff": ({"audience": "staff"}, STAFF_ROLES),
    "for partners": ({"audience": "partner"}, {"partner", *STAFF_ROLES}),
    "for members": ({"audience": "signed-in"}, set(ROLES) - {"visitor"}),
    "for everybody": ({}, set(ROLES)),
}


#: Fields with files that `/media/` gives to nobody.
NOT_ENTERED = {
    "community.Upload.file",  # served by an address of their own, to those whom `visible_to` admits
    "downloads.File.file",  # as above
    "downloads.File.signature",
    "faq.Export.file",  # served by an address of its own, to who may export
    "wagtailcore.UploadedFile.file",  # of the admin, for minutes
    "wagtailimages.Image.file",  # originals
    "wagtailmedia.Media.file",  # no such objects: ours are faq.HelpMedia
    "wagtailmedia.Media.thumbnail",
}


def files_shown(article: dict[str, Any] | None) -> dict[str, str]:
    """Every kind of stored file, shown on such an article → its address."""
    image, guide = picture(), document()
    recordings = [
        HelpMediaFactory(type=kind, file=ContentFile(b"1", name=f"x.{end}"), thumbnail=ContentFile(b"2", name="y.webp"))
        for kind, end in (("video", "mp4"), ("audio", "mp3"))
    ]
    if article is not None:
        body = [{"type": "picture", "value": {"image": image.pk, "alt": "مودم", "caption": ""}}]
        body += [{"type": "download", "value": {"document": guide.pk, "label": ""}}]
        body += [{"type": "media", "value": {"media": recording.pk, "caption": ""}} for recording in recordings]
        ArticlePageFactory(body=body, **article)
    rendition = image.get_rendition("format-webp|width-40")
    several = image.get_renditions("width-30", "width-20")  # made without telling anybody
    return {
        "document": guide.url,
        "document on the disk": guide.file.url,
        "original": image.file.url,
        "rendition": rendition.url,
        "rendition of several": several["width-20"].url,
        "video": recordings[0].url,
        "audio": recordings[1].url,
        "captions": recordings[0].captions.url,
        "thumbnail": recordings[0].thumbnail.url,
    }


def test_a_file_is_fetched_by_those_who_see_where_it_is_shown(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    files = {where: files_shown(article) for where, (article, _readers) in SHOWN.items()}
    visitors = {kind: Visitor(kind) for kind in ROLES}
    wrong = []
    for where, (_article, readers) in SHOWN.items():
        for what, address in files[where].items():
            for kind, visitor in visitors.items():
                response = visitor.ask(address)
                may = kind in readers and what != "original"
                cached = "public" in response.headers.get("Cache-Control", "")
                body = b"".join(response.streaming_content) if response.streaming else b""
                if (response.status_code, bool(body), cached) != (
                    (200, True, "visitor" in readers) if may else (404, False, False)
                ):
                    wrong.append(
                        f"{what} shown {where}, to a {kind}: {response.status_code} {response.headers['Cache-Control']}"
                    )

    assert len({address for addresses in files.values() for address in addresses.values()}) == 6 * 9
    assert wrong == [], "\n".join(wrong)


def test_every_field_that_stores_files_says_who_may_fetch_them():
    entered = {f"{kind.model._meta.label}.{field}" for kind in file_audiences.kinds.values() for field in kind.fields}
    entered |= {f"{kind.renditions._meta.label}.file" for kind in file_audiences.kinds.values() if kind.renditions}
    stored = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, FileField)
    }

    assert entered - stored == set()
    assert stored - entered == NOT_ENTERED, "Call portal.core.file_audiences.register in the app's apps.py."
