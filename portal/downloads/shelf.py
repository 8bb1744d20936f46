"""What articles show of downloads (`portal.core.releases`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery

from portal.core.releases import Newest, ReleasedFile
from portal.core.scopes import rests_on
from portal.downloads.models import Channel, Download
from portal.downloads.queries import NEWEST_FIRST, published

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from portal.downloads.models import AnyUser, Release


class DownloadShelf:
    """Downloads of this app."""

    def choices(self) -> Sequence[tuple[str, str]]:
        """Return slugs and names of all downloads. One query."""
        return [(each.slug, str(each)) for each in Download.objects.in_order()]

    def newest(self, user: AnyUser, slugs: Collection[str]) -> Mapping[str, Newest]:
        """Return those that the person may see, by slug. Three queries, none without slugs."""
        rests_on("downloads")
        latest = published().filter(download=OuterRef("pk")).order_by(*NEWEST_FIRST).values("pk")[:1]
        shown = Download.objects.visible_to(user).filter(slug__in=slugs).annotate(newest=Subquery(latest))
        found = published().filter(pk__in=[each.newest for each in shown])  # type: ignore[attr-defined]  # annotated
        return {
            release.download.slug: _shown(release)
            for release in found.select_related("download").prefetch_related("files")
        }

    def audiences(self, slugs: Collection[str]) -> Mapping[str, str]:
        """Return who may see those with something published. One query."""
        # Who may see them is what is asked; nothing else of them is read.
        return dict(Download.objects.filter(slug__in=slugs, is_shown=True).values_list("slug", "audience"))


def _shown(release: Release) -> Newest:
    download = release.download
    page = download.get_absolute_url()
    return Newest(
        title=str(download),
        summary=str(download.summary),
        url=page,
        icon=download.icon,
        version=release.version,
        released_on=release.released_on,
        is_beta=release.channel == Channel.BETA,
        is_security=release.is_security,
        known_issue=str(release.known_issue),
        files=tuple(
            ReleasedFile(
                name=file.name,
                platform="" if file.platform == "any" else str(file.get_platform_display()),
                architecture=str(file.get_architecture_display()) if file.architecture else "",
                size=file.size,
                # Articles are kept for everybody of an audience; what else a file asks of a person, its page says.
                url=file.get_absolute_url() if download.is_free else page,
            )
            for file in release.files.all()
        ),
    )
