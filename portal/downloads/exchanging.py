"""The catalogue of downloads as lines of an export, with the files and without how often they were fetched."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import TYPE_CHECKING, Any, Final

from django.core.files.base import File as StoredContent
from django.utils.translation import gettext as _

from portal.catalog.models import Product, Topic
from portal.core import exchange
from portal.core.audience import register_audience
from portal.core.exchange import ExchangeError, Part, Result, Taken, Wish
from portal.core.scopes import content_changed
from portal.downloads import scanning
from portal.downloads.models import Architecture, Download, File, Platform, Release
from portal.downloads.services import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models.fields.files import FieldFile

    from portal.core.exchange import Row, Sink, Supply, Terms

_TEXTS: Final = ("name", "summary", "licence")
_FIELDS: Final = (
    *("slug", "icon", "audience", "files_for", "is_for_owners", "must_accept", "licence_version", "order"),
)
_RELEASE_TEXTS: Final = ("known_issue", "changelog", "requirements")
_RELEASE_FIELDS: Final = ("version", "channel", "is_security", "state")


def connect() -> None:
    """Declare the lines; called once when the apps are ready."""
    exchange.register(Part("downloads", rows=rows, take=take))


def rows(wish: Wish, sink: Sink) -> Iterator[Row]:
    """Yield downloads with their releases; those that are not published if drafts are wanted."""
    found = Download.objects.select_related("topic").prefetch_related("products", "releases__files")
    for each in sorted(found, key=lambda each: each.slug):
        if each.is_shown or wish.drafts:
            yield _row(each, wish, sink)


def _row(each: Download, wish: Wish, sink: Sink) -> Row:
    releases = [
        _release(release, sink)
        for release in sorted(each.releases.all(), key=lambda release: (release.sort_key, release.version))
        if release.state == Release.State.PUBLISHED or wish.drafts
    ]
    return {
        **{name: getattr(each, name) for name in _FIELDS},
        **{name: dict(getattr(each, name)) for name in _TEXTS},
        "topic": each.topic.code if each.topic else None,
        "products": sorted(product.code for product in each.products.all()),
        "releases": releases,
    }


def _release(release: Release, sink: Sink) -> Row:
    files = [_file(file, sink) for file in release.files.all()]
    return {
        **{name: getattr(release, name) for name in _RELEASE_FIELDS},
        **{name: dict(getattr(release, name)) for name in _RELEASE_TEXTS},
        "released_on": release.released_on.isoformat(),
        "ends_on": release.ends_on and release.ends_on.isoformat(),
        "published_at": release.published_at and release.published_at.astimezone(dt.UTC).isoformat(),
        "files": sorted((file for file in files if file), key=exchange.line),
    }


def _file(file: File, sink: Sink) -> Row | None:
    """Return what a line says of a file; None for one that was found infected, or is gone."""
    content = sink.keep(file.file) if file.scan != File.Scan.INFECTED else None
    if content is None:
        return None
    signature = sink.keep(file.signature) if file.signature else None
    return {
        "platform": file.platform,
        "architecture": file.architecture,
        "content": _nameless(content, file.name),
        "signature": signature and _nameless(signature, file.signature_name),
    }


def _nameless(described: Row, name: str) -> Row:
    """Return a file under the name readers know: the one in the storage is another one in each portal."""
    return {**described, "name": name}


def take(row: Row, supply: Supply, terms: Terms) -> Taken:
    """Store a download with the releases that are missing. What is different here is left alone, or on `terms` replaced.

    Nobody is told of a release: those who wait for it knew it where it comes from. Where files are scanned, and without `publish`, releases
    become drafts.
    """
    held = Download.objects.select_for_update(of=("self",)).filter(slug=row["slug"]).first()
    wish = Wish(drafts=any(release["state"] != Release.State.PUBLISHED for release in row["releases"]))
    if held is not None and exchange.same(_row(held, wish, _Known(held)), row):
        return Taken(Result.UNCHANGED)
    found = held or Download()
    if held is None or terms.overwrite:
        for name in (*_FIELDS, *_TEXTS):
            setattr(found, name, row[name])
        found.topic = Topic.objects.filter(code=row["topic"]).first() if row["topic"] else None
        found.audience = register_audience(row["audience"])
        found.files_for = register_audience(row["files_for"])
        found.full_clean()
        found.save()
        found.products.set(Product.objects.filter(code__in=row["products"]))
    known = set(found.releases.values_list("version", flat=True))
    missing = [release for release in row["releases"] if release["version"] not in known]
    stored: list[Any] = []
    try:
        for release in missing:
            _take_release(found, release, supply, stored, is_published=terms.publish)
    except BaseException:
        for each in stored:
            each.storage.delete(each.name)
        raise
    found.is_shown = found.releases.filter(state=Release.State.PUBLISHED).exists()
    found.save()
    content_changed("downloads", "site")
    if held is None:
        return Taken(Result.CREATED)
    if missing or terms.overwrite:
        return Taken(Result.CHANGED)
    return Taken(Result.SKIPPED, [_("It is different here, and was left as it is.")])


class _Known:
    """A sink that keeps nothing, and knows the sums of a download's files without reading them."""

    def __init__(self, download: Download) -> None:
        files = File.objects.filter(release__download=download)
        self._sums = {file: (digest, size) for file, digest, size in files.values_list("file", "sha256", "size")}

    def keep(self, file: FieldFile) -> Row | None:
        """Return what a line says of a file."""
        name = str(file.name)
        if name not in self._sums:  # signatures are small
            with file.open("rb") as stream:
                content = stream.read()
            self._sums[name] = (hashlib.sha256(content).hexdigest(), len(content))
        return exchange.described_file(name, *self._sums[name])


def _take_release(found: Download, row: Row, supply: Supply, stored: list[Any], *, is_published: bool) -> None:
    scanner = scanning.scanner_in_use()
    release = Release(
        download=found, released_on=dt.date.fromisoformat(row["released_on"]),
        ends_on=dt.date.fromisoformat(row["ends_on"]) if row["ends_on"] else None,
        published_at=dt.datetime.fromisoformat(row["published_at"]) if row["published_at"] else None,
        **{name: row[name] for name in (*_RELEASE_FIELDS, *_RELEASE_TEXTS)},
    )  # fmt: skip
    if scanner is not None or not is_published:
        release.state = Release.State.DRAFT
    release.full_clean(exclude=["sort_key"])
    release.save()
    for each in row["files"]:
        if each["platform"] not in Platform.values or each["architecture"] not in Architecture.values:
            raise ExchangeError(_("A file of the release is for a system that is not known."))
        file = File(
            release=release, platform=each["platform"], architecture=each["architecture"],
            name=safe_name(each["content"]["name"]), size=each["content"]["bytes"], sha256=each["content"]["sha256"],
            scan=File.Scan.WAITING if scanner is not None else File.Scan.NOT_NEEDED,
        )  # fmt: skip
        _save(file.file, each["content"], supply, stored)
        if each["signature"]:
            file.signature_name = safe_name(each["signature"]["name"])
            _save(file.signature, each["signature"], supply, stored)
        file.save()


def _save(field: Any, described: Row, supply: Supply, stored: list[Any]) -> None:
    with supply.open(described) as stream:
        field.save(f"{secrets.token_hex(8)}.bin", StoredContent(stream), save=False)
    stored.append(field)
