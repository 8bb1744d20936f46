"""Changes of downloads: releases and their files, publishing, licences."""

from __future__ import annotations

import hashlib
import re
import secrets
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.base import File as StoredContent
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.core.audience import register_audience
from portal.core.events import emit
from portal.core.formats import format_size
from portal.core.scopes import content_changed
from portal.core.text import without_bidi_controls
from portal.downloads import scanning
from portal.downloads.events import FileUploaded, ReleasePublished
from portal.downloads.exceptions import DownloadError
from portal.downloads.models import Download, File, LicenceAcceptance, Release
from portal.notifications import services as following

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.uploadedfile import UploadedFile
    from django.db.models import QuerySet

    from portal.accounts.models import User

#: Largest detached signature.
MAX_SIGNATURE_BYTES: Final = 64 * 1024
#: Who may publish; editors have it (`portal.downloads.roles`).
PUBLISH: Final = "downloads.publish_download"
_NAME_LENGTH: Final = 150
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


def target_of(download_id: int) -> str:
    """Return the name under which a download is followed."""
    return f"downloads.download:{download_id}"


# Editing -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_download(download: Download, *, seen: str = "") -> Download:
    """Store a download. Another licence is another version of it, so that everybody is asked again.

    `seen`: its mark when whoever changes it looked at it. Raises `DownloadError` if it was changed since.
    """
    audience = ""
    if download.pk:
        before = Download.objects.select_for_update().get(pk=download.pk)
        _check_seen(seen, before.mark)
        audience = before.audience
        download.licence_version = before.licence_version + (before.licence != download.licence)
        download.is_shown = before.is_shown
    download.audience = register_audience(download.audience)
    download.files_for = register_audience(download.files_for)
    download.save()
    # The navigation leads to downloads if visitors find one.
    content_changed("downloads", *(["site"] if audience != download.audience else []))
    return download


@transaction.atomic
def save_release(release: Release, *, seen: str = "") -> Release:
    """Store a release; of a published one, search learns the new words.

    `seen`: its mark when whoever changes it looked at it. Raises `DownloadError` if it was changed since.
    """
    if release.pk:
        before = Release.objects.select_for_update().get(pk=release.pk)
        _check_seen(seen, before.mark)
        release.state, release.published_at = before.state, before.published_at
    release.save()
    if release.state == Release.State.PUBLISHED:
        Download.objects.get(pk=release.download_id).save()
    content_changed("downloads")
    return release


def _check_seen(seen: str, mark: str) -> None:
    if seen and seen != mark:
        raise DownloadError(_("Somebody else changed this meanwhile. Open it again to see what is there now."))


class _Hashed(StoredContent):  # type: ignore[type-arg]  # generic only for type checkers
    """A file that computes its SHA-256 while the storage reads it, so that it is read once."""

    def __init__(self, file: Any) -> None:
        super().__init__(file.file if hasattr(file, "file") else file, name=file.name)
        self.digest = hashlib.sha256()
        self.read_bytes = 0

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        for chunk in super().chunks(chunk_size):
            self.digest.update(chunk)
            self.read_bytes += len(chunk)
            yield chunk


def safe_name(name: str) -> str:
    """Return a file's name without folders and characters that no system accepts; letters of all languages stay."""
    name = _FORBIDDEN.sub("-", without_bidi_controls(PurePosixPath(name.replace("\\", "/")).name)).strip(" .-")
    path = PurePosixPath(name or "file")
    return path.stem[: _NAME_LENGTH - len(path.suffix[:20])] + path.suffix[:20]


def add_file(
    *,
    release: Release,
    file: UploadedFile[Any] | ContentFile[Any],
    platform: str,
    architecture: str = "",
    signature: UploadedFile[Any] | ContentFile[Any] | None = None,
) -> File:
    """Store a file of a release. Raises `DownloadError` for an empty one, or for a signature that is too large."""
    if not file.size:
        raise DownloadError(_("The file is empty."))
    if signature is not None and (signature.size or 0) > MAX_SIGNATURE_BYTES:
        raise DownloadError(_("A signature has at most %(limit)s.") % {"limit": format_size(MAX_SIGNATURE_BYTES)})
    name = safe_name(file.name or "")
    scanner = scanning.scanner_in_use()
    hashed = _Hashed(file)
    stored = File(
        release=release,
        platform=platform,
        architecture=architecture,
        name=name,
        scan=File.Scan.WAITING if scanner else File.Scan.NOT_NEEDED,
    )
    stored.file.save(f"{secrets.token_hex(8)}.bin", hashed, save=False)
    stored.size, stored.sha256 = hashed.read_bytes, hashed.digest.hexdigest()
    if signature is not None:
        ending = PurePosixPath(signature.name or "").suffix.lower()
        stored.signature_name = name + (ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else ".sig")
        stored.signature.save(f"{secrets.token_hex(8)}.bin", signature, save=False)
    with transaction.atomic():
        held = Release.objects.select_for_update().get(pk=release.pk)
        if scanner and held.state == Release.State.PUBLISHED:
            _delete_content(stored)
            raise DownloadError(_("Withdraw the release first: a file must be looked at before anybody may fetch it."))
        stored.save(force_insert=True)
        if scanner:
            emit(FileUploaded(file_id=stored.pk))
        content_changed("downloads")
    return stored


@transaction.atomic
def delete_file(*, file: File) -> None:
    """Delete a file of a draft. Raises `DownloadError` for one that readers can fetch."""
    release = Release.objects.select_for_update().get(pk=file.release_id)
    if release.state == Release.State.PUBLISHED:
        raise DownloadError(_("Withdraw the release first."))
    file.delete()
    transaction.on_commit(partial(_delete_content, file))


@transaction.atomic
def delete_release(*, release: Release) -> None:
    """Delete a release that was never published, with its files. Raises `DownloadError` for one that readers knew."""
    held = Release.objects.select_for_update().get(pk=release.pk)
    if held.published_at is not None:
        raise DownloadError(_("Readers know this release. Withdraw it instead."))
    _delete_with_content(held, File.objects.filter(release=held))


@transaction.atomic
def delete_download(*, download: Download) -> None:
    """Delete a download of which nothing was ever published. Raises `DownloadError` for one that readers knew."""
    held = Download.objects.select_for_update().get(pk=download.pk)
    if held.releases.filter(published_at__isnull=False).exists():
        raise DownloadError(_("Readers know releases of this download. Withdraw them instead."))
    _delete_with_content(held, File.objects.filter(release__download=held))
    content_changed("downloads")


def _delete_with_content(held: Release | Download, files: QuerySet[File]) -> None:
    stored = list(files)
    held.delete()
    for file in stored:
        transaction.on_commit(partial(_delete_content, file))


def _delete_content(file: File) -> None:
    for each in (file.file, file.signature):
        if each:
            each.storage.delete(str(each.name))


def look_at_file(event: FileUploaded) -> None:
    """Have the scanner look at a file and note what it says. Raises `scanning.ScanFailedError`."""
    file = File.objects.filter(pk=event.file_id, scan=File.Scan.WAITING).first()
    scanner = scanning.scanner_in_use()
    if file is None or scanner is None:
        return
    found = File.Scan.CLEAN if scanner.is_clean(file.file.path) else File.Scan.INFECTED
    File.objects.filter(pk=file.pk, scan=File.Scan.WAITING).update(scan=found)


# Publishing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def publish_release(*, release: Release, by: User) -> Release:
    """Let readers fetch a release, and tell those who wait for it. Repeating it changes nothing.

    Raises `PermissionDenied`, and `DownloadError` while it has no file, or one that was not found clean.
    """
    if not by.has_perm(PUBLISH):
        raise PermissionDenied
    download = Download.objects.select_for_update().get(pk=release.download_id)
    release = Release.objects.select_for_update().get(pk=release.pk)
    if release.state == Release.State.PUBLISHED:
        return release
    scans = set(release.files.values_list("scan", flat=True))
    if not scans:
        raise DownloadError(_("Add a file first."))
    if scans & {File.Scan.WAITING, File.Scan.INFECTED} or (scanning.scanner_in_use() and scans != {File.Scan.CLEAN}):
        raise DownloadError(_("Not every file was looked at and found clean."))
    is_first = release.published_at is None
    release.state = Release.State.PUBLISHED
    release.published_at = release.published_at or timezone.now()
    release.save()
    _follow_releases(download)
    if is_first:
        emit(ReleasePublished(release_id=release.pk, at=release.published_at))
    return release


@transaction.atomic
def withdraw_release(*, release: Release, by: User) -> Release:
    """Take a release back: nobody may fetch it any more. Raises `PermissionDenied`."""
    if not by.has_perm(PUBLISH):
        raise PermissionDenied
    download = Download.objects.select_for_update().get(pk=release.download_id)
    release = Release.objects.select_for_update().get(pk=release.pk)
    release.state = Release.State.DRAFT
    release.save()
    _follow_releases(download)
    return release


def _follow_releases(download: Download) -> None:
    is_shown = download.releases.filter(state=Release.State.PUBLISHED).exists()
    scopes = ("downloads", "site") if is_shown != download.is_shown else ("downloads",)
    download.is_shown = is_shown
    download.save()
    content_changed(*scopes)


# Readers -------------------------------------------------------------------------------------------------------------


def accept_licence(*, person: User, download: Download) -> None:
    """Record, once, that the person accepts the licence as it is now. One query."""
    LicenceAcceptance.objects.bulk_create(
        [LicenceAcceptance(person=person, download=download, licence_version=download.licence_version)],
        ignore_conflicts=True,
    )


def follow(*, person: User, download: Download, is_wanted: bool) -> None:
    """Have the person hear of new versions, or no longer."""
    change = following.follow if is_wanted else following.unfollow
    change(person_id=person.pk, target=target_of(download.pk))


def export_of(person: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the licences a person accepted."""
    own = LicenceAcceptance.objects.filter(person=person).select_related("download").order_by("pk")
    for each in own.iterator(chunk_size=200):
        yield (
            "licence",
            {
                "download": each.download.slug,
                "version": each.licence_version,
                "accepted_at": each.accepted_at.isoformat(),
            },
        )


def erase(person: User) -> None:
    """Forget which licences a person accepted."""
    LicenceAcceptance.objects.filter(person=person).delete()
