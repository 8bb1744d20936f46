"""News of downloads: a new version for followers and owners, and security releases, which owners always hear of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core.text import isolate
from portal.downloads import queries
from portal.downloads.models import Download, Release
from portal.downloads.services import target_of
from portal.notifications.registry import Group, Notice, NotificationKind
from portal.notifications.services import notify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.downloads.events import ReleasePublished
    from portal.notifications.registry import Fact


class NewRelease(NotificationKind):
    """There is a new version of what somebody owns or follows."""

    name: ClassVar[str] = "downloads.release"
    group: ClassVar[Group] = Group.FOLLOWED
    label: ClassVar[_StrPromise] = gettext_lazy("A new version")
    icon: ClassVar[str] = "download"
    is_conversation: ClassVar[bool] = False

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the published releases by fact; one query."""
        numbers = {fact.id: fact.payload["release_id"] for fact in facts}
        shown = Download.objects.visible_to(person)
        found = queries.published().filter(pk__in=numbers.values(), download__in=shown).select_related("download")
        releases = found.in_bulk()
        return {pk: releases[number] for pk, number in numbers.items() if number in releases}

    def render(self, facts: Sequence[Fact], about: Release) -> Notice:
        """Return the words for the newest of them."""
        words = {"name": isolate(str(about.download)), "version": isolate(about.version)}
        return Notice(
            title=self.title() % words,
            text=self.text(about),
            url=about.download.get_absolute_url(),
            mail_subject=self.title() % {"name": str(about.download), "version": about.version},
        )

    def title(self) -> str:
        """Return the sentence, with its places."""
        return _("Version %(version)s of %(name)s is there")

    def text(self, about: Release) -> str:
        """Return what is said besides."""
        return str(about.known_issue) and _("Known issue: %(text)s") % {"text": str(about.known_issue)}


class SecurityRelease(NewRelease):
    """A version mends a weakness: owners are mailed at once, even if they have muted the download."""

    name: ClassVar[str] = "downloads.security_release"
    group: ClassVar[Group] = Group.SECURITY
    label: ClassVar[_StrPromise] = gettext_lazy("A security release")
    icon: ClassVar[str] = "shield-alert"
    rank: ClassVar[int] = 20
    is_optional: ClassVar[bool] = False

    def title(self) -> str:
        """Return the sentence, with its places."""
        return _("Security: please install version %(version)s of %(name)s")

    def text(self, about: Release) -> str:
        """Return what is said besides."""
        return _("It mends a weakness that others could use against you.")


def tell_of_release(event: ReleasePublished) -> None:
    """Tell owners of the products and followers of a release that was published."""
    release = queries.published().filter(pk=event.release_id).select_related("download").first()
    if release is None:
        return
    fact: dict[str, Any] = {
        "key": f"downloads.release:{release.pk}",
        "subject": target_of(release.download_id),
        "occurred_at": event.at,
        "payload": {"release_id": release.pk},
    }
    # A beta is for those who asked for news; owners who did not are not woken by one.
    is_for_owners = release.is_security or release.channel != "beta"
    owners = queries.owners_of(release.download) if is_for_owners else []
    kind = SecurityRelease if release.is_security else NewRelease
    if owners:
        notify(kind=kind.name, recipients=owners, **fact)
    notify(kind=NewRelease.name, targets=[target_of(release.download_id)], **fact)
