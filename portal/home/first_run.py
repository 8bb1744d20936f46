"""What a new portal still needs: the steps on the first page of the admin, each ticked from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from wagtail.models import Site
from wagtail.users.models import UserProfile

from faq.models import ArticlePage, HelpIndexPage, TopicPage
from portal.accounts.models import User
from portal.core.brand import brand, is_named
from portal.core.mail import send_mail
from portal.core.models import OutgoingMail
from portal.core.support import support_contact

if TYPE_CHECKING:
    from collections.abc import Iterator

#: In the profile of whoever closed the list.
DISMISSED: Final = "portal-first-run"
TEST_MAIL: Final = "home/email/test"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; `url` leads to where it is done, or is posted to if `is_posted`."""

    name: str
    label: str
    help_text: str
    url: str
    is_done: bool
    is_posted: bool = False


def steps_for(user: User) -> list[Step]:
    """Return the steps this person may do; none when all are done or the list was closed. The queries are constant."""
    closed = UserProfile.objects.filter(user=user).values_list("dismissibles", flat=True).first() or {}
    if DISMISSED in closed:
        return []
    steps = list(_steps(user))
    return [] if all(step.is_done for step in steps) else steps


def dismiss(user: User) -> None:
    """Close the list for this person."""
    profile = UserProfile.get_for_user(user)
    profile.dismissibles[DISMISSED] = True
    profile.save(update_fields=["dismissibles"])


def send_test_mail(user: User) -> None:
    """Send a mail to this person, which shows that mails arrive."""
    send_mail(to=user.email, template=TEST_MAIL, context={"owner": user}, language=user.language)


def _steps(user: User) -> Iterator[Step]:
    site = Site.objects.filter(is_default_site=True).first()
    if site is not None and user.has_perm("core.change_sitebrand"):
        has_look = any(kind in brand().pictures for kind in ("logo", "icon-512"))
        yield Step(
            "brand",
            _("Name, logo and colours"),
            _("What customers recognise you by, on every page and in every mail."),
            reverse("wagtailsettings:edit", args=["core", "sitebrand", site.pk]),
            is_named() and has_look,
        )
    if site is not None and user.has_perm("core.change_supportsettings"):
        yield Step(
            "contact",
            _("Telephone of the support"),
            _("Where the portal cannot help, it leads to people. Without a number it promises nobody."),
            reverse("wagtailsettings:edit", args=["core", "supportsettings", site.pk]),
            support_contact() is not None,
        )
    if user.has_perm("wagtailcore.add_page") or _writes_pages(user):
        yield from _steps_of_editors()
    if user.is_superuser:
        yield Step(
            "mail",
            _("Mails arrive"),
            _("A test mail goes to your own address.")
            if settings.MAIL_TRANSPORT.endswith("SmtpBackend")
            else _("Mails are kept as files, because no mail server is set (EMAIL_URL)."),
            reverse("first_run_test_mail"),
            settings.MAIL_TRANSPORT.endswith("SmtpBackend")
            and OutgoingMail.objects.filter(state=OutgoingMail.State.SENT).exists(),
            is_posted=True,
        )
    yield Step(
        "second_factor",
        _("Second step of your own sign-in"),
        _("A passkey or a code, so that a stolen password opens nothing."),
        reverse("accounts:security"),
        is_mfa_enabled(user),
    )
    if user.has_perm("accounts.add_user"):
        yield Step(
            "people",
            _("People who work here"),
            _("Invite them by mail: editors write, community managers look after the forum."),
            reverse("invitations:index"),
            User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk).exists(),
        )


def _steps_of_editors() -> Iterator[Step]:
    index = HelpIndexPage.objects.filter(locale__language_code=settings.LANGUAGE_CODE).order_by("path").first()
    if index is None:
        return
    topic = TopicPage.objects.order_by("-live", "path").first()
    languages = set(ArticlePage.objects.filter(live=True).values_list("locale__language_code", flat=True).distinct())
    yield Step(
        "topic",
        _("The first topic"),
        _("Articles are sorted by what they are about."),
        reverse("new_topic"),
        topic is not None and topic.live,
    )
    yield Step(
        "article",
        _("The first article"),
        _("Begin with the question that is asked most often."),
        reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])
        if topic is not None
        else reverse("wagtailadmin_explore", args=[index.pk]),
        bool(languages),
    )
    yield Step(
        "languages",
        _("An article in every language"),
        _("Readers who find nothing in their language ask people instead."),
        reverse("wagtailadmin_explore", args=[topic.pk if topic is not None else index.pk]),
        languages >= {code for code, _name in settings.LANGUAGES},
    )


def _writes_pages(user: User) -> bool:
    """Return whether one of the person's groups may add pages somewhere."""
    return user.is_superuser or user.groups.filter(page_permissions__permission__codename="add_page").exists()
