"""Reading of downloads, for pages, feeds and search; each in a constant number of queries."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.catalog.models import Ownership
from portal.catalog.queries import own_product_codes
from portal.core import machine_reading
from portal.core.feeds import ENTRIES
from portal.core.memo import LONG_SECONDS, Memo
from portal.downloads.locks import Lock, lock_of
from portal.downloads.models import Channel, Download, File, LicenceAcceptance, Platform, Release

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portal.catalog.models import Product
    from portal.downloads.models import AnyUser


@dataclass(frozen=True, slots=True)
class Listed:
    """A download with what a list shows of it."""

    download: Download
    release: Release
    files: Sequence[File]
    products: Sequence[Product]
    lock: Lock | None
    is_owned: bool
    #: Whether a file of it is for the platform the browser states.
    fits: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A published release as a reader sees it."""

    release: Release
    files: Sequence[File] = field(default_factory=list)
    is_latest: bool = False
    is_supported: bool = True


def files_counted() -> QuerySet[File]:
    """Files with `downloads`, how often each was fetched to its end, and `begun`, how often at all."""
    recent = Count("transfers", filter=Q(transfers__is_complete=True))
    counted = {"downloads": F("completed") + recent, "begun": F("started") + Count("transfers")}
    return File.objects.annotate(**counted).order_by("platform", "architecture", "pk")


def published(download: Download | None = None) -> QuerySet[Release]:
    """Return published releases, the newest version first."""
    found = Release.objects.filter(state=Release.State.PUBLISHED).order_by("-sort_key", "-pk")
    return found if download is None else found.filter(download=download)


def listed(user: AnyUser, *, product: str = "", platform: str = "") -> list[Listed]:
    """Return what the person may see, what fits them first: their own products, then the platform of the browser."""
    newest = published().filter(download=OuterRef("pk")).order_by(*NEWEST_FIRST).values("pk")[:1]
    shown = Download.objects.visible_to(user).in_order().prefetch_related("products").annotate(newest=Subquery(newest))
    if product:
        shown = shown.filter(products__code=product)
    found = list(shown)
    numbers: dict[int, int] = {each.pk: each.newest for each in found}  # type: ignore[attr-defined]  # annotated
    releases = (
        published().filter(pk__in=numbers.values()).prefetch_related(Prefetch("files", files_counted())).in_bulk()
    )
    owned = own_product_codes(user)
    rows = []
    for each in found:
        release = releases.get(numbers[each.pk])
        if release is None:  # withdrawn a moment ago
            continue
        products = list(each.products.all())
        codes = {one.code for one in products}
        files = list(release.files.all())
        rows.append(
            Listed(
                download=each,
                release=release,
                files=files,
                products=products,
                lock=lock_of(each, user, owned=owned, products=codes),
                is_owned=bool(codes & set(owned)),
                fits=bool(platform) and any(file.platform == platform for file in files),
            )
        )
    return sorted(rows, key=lambda row: (not row.is_owned, not row.fits))


#: Stable releases before betas; of each the newest version.
NEWEST_FIRST: Final = ("-channel", "-sort_key", "-pk")


def versions_of(download: Download, *, channel: str = "") -> list[Version]:
    """Return all published releases, the newest first, each with whether it is the latest of its channel."""
    today = timezone.localdate()
    found = published(download)
    if channel:
        found = found.filter(channel=channel)
    latest: set[str] = set()
    rows = []
    for release in found.prefetch_related(Prefetch("files", files_counted())):
        is_latest = release.channel not in latest
        latest.add(release.channel)
        is_supported = release.ends_on is None or release.ends_on >= today
        rows.append(Version(release, list(release.files.all()), is_latest, is_supported))
    return rows


def own_version(user: AnyUser, products: Iterable[Product]) -> str:
    """Return the version of the person's own device, if they stated one of these products; else an empty text."""
    if user is None or not user.is_authenticated:
        return ""
    own = Ownership.objects.for_user(user).filter(product__in=list(products), version__isnull=False)
    return own.values_list("version__number", flat=True).first() or ""


def file_of(user: AnyUser, pk: int) -> File | None:
    """Return a published file of a download the person sees, whether they may fetch it or not."""
    return (
        File.objects.filter(
            pk=pk,
            release__state=Release.State.PUBLISHED,
            release__download__in=Download.objects.visible_to(user),
        )
        .select_related("release__download")
        .first()
    )


def lock_for(download: Download, user: AnyUser) -> Lock | None:
    """Return what keeps the person from the files of a download. No query for what everybody may fetch."""
    codes = [product.code for product in download.products.all()] if download.is_for_owners else []
    owned = own_product_codes(user) if download.is_for_owners else ()
    return lock_of(download, user, owned=owned, products=codes)


def has_accepted(user: AnyUser, download: Download) -> bool:
    """Return whether the person accepted the licence as it is now. False for visitors."""
    if user is None or not user.is_authenticated:
        return False
    return LicenceAcceptance.objects.filter(
        person_id=user.pk, download=download, licence_version=download.licence_version
    ).exists()


def latest_file(download: Download, *, platform: str = "", guess: str = "", architecture: str = "") -> File | None:
    """Return the file of the latest stable release (of a beta, if there is no other) that is meant.

    `platform` was asked for; `guess` is what the browser states, and decides only between several. None if several fit.
    """
    newest = published(download).order_by(*NEWEST_FIRST).prefetch_related("files").first()
    if newest is None:
        return None
    files = list(newest.files.all())
    if platform:
        files = [file for file in files if file.platform == platform]
    if architecture:
        files = [file for file in files if file.architecture == architecture]
    if len(files) > 1 and guess:
        files = [file for file in files if file.platform == guess] or files
    return files[0] if len(files) == 1 else None


def owners_of(download: Download) -> list[int]:
    """Return the people who own one of its products."""
    owners = Ownership.objects.filter(product__downloads=download, user__is_active=True)
    return sorted(set(owners.values_list("user_id", flat=True)))


#: Whether the navigation leads to downloads, for which every page asks; kept until the first one can be seen, or none.
_is_anything_public: Final[Memo[bool]] = Memo(max_size=1, seconds=LONG_SECONDS, scopes=("site",))


def for_programs(language: str, limit: int) -> machine_reading.Section:
    """Return what everybody may see, for programs. One query."""
    shown = Download.objects.visible_to(None).in_order().only("slug", "name", "summary")[:limit]
    lines = [
        machine_reading.Line(
            download.name.in_language(language), download.get_absolute_url(), download.summary.in_language(language)
        )
        for download in shown
    ]
    return machine_reading.Section(_("Downloads"), lines)


def is_anything_public() -> bool:
    """Return whether visitors find anything."""
    return _is_anything_public.get("", lambda: Download.objects.visible_to(None).exists())


def news(download: Download | None = None, *, limit: int = ENTRIES) -> list[Release]:
    """Return what was published last and everybody may see."""
    public = Download.objects.visible_to(None)
    found = published().filter(download__in=public).select_related("download").order_by("-published_at", "-pk")
    return list((found if download is None else found.filter(download=download))[:limit])


PLATFORMS = frozenset(Platform.values)
CHANNELS = frozenset(Channel.values)
#: Days for which the rows of transfers are kept: those of a day may be stored late.
KEPT_DAYS = 2


def old_day() -> dt.date:
    """Return the last day of which nothing comes any more."""
    return timezone.localdate() - dt.timedelta(days=KEPT_DAYS)
