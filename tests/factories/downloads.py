"""Factories of downloads. Default: a public app, without a release."""

from __future__ import annotations

from typing import Any

import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from portal.core.audience import register_audience
from portal.core.localized import LocalizedText
from portal.downloads import services
from portal.downloads.models import Download, File, Release
from tests.factories.accounts import UserFactory

CONTENT = bytes(range(256)) * 8


class DownloadFactory(factory.django.DjangoModelFactory[Download]):
    class Meta:
        model = Download

    slug = factory.Sequence(lambda n: f"app-{n}")
    name = factory.LazyAttribute(lambda o: LocalizedText(fa=f"برنامهٔ {o.slug}", en=f"App {o.slug}"))

    @classmethod
    def _create(cls, model_class: type[Download], *args: Any, **kwargs: Any) -> Download:
        for name in ("audience", "files_for"):
            register_audience(kwargs.get(name, "public"))
        products = kwargs.pop("products", ())
        made = super()._create(model_class, *args, **kwargs)
        made.products.set(products)
        return made


def release_of(download: Download, version: str = "1.0", *, is_published: bool = True, **fields: Any) -> Release:
    """Make a release with one file, published by an administrator."""
    release = Release.objects.create(download=download, version=version, released_on=timezone.localdate(), **fields)
    file_in(release)
    if is_published:
        release = services.publish_release(release=release, by=UserFactory(superuser=True))
    return release


def file_in(release: Release, name: str = "app.bin", content: bytes = CONTENT, **fields: Any) -> File:
    """Add a file."""
    fields.setdefault("platform", "any")
    return services.add_file(release=release, file=ContentFile(content, name), **fields)


def published_file(name: str = "app.bin", content: bytes = CONTENT, **fields: Any) -> File:
    """Make a download with one published file of this name."""
    release = release_of(DownloadFactory(**fields), is_published=False)
    release.files.all().delete()
    file = file_in(release, name, content)
    services.publish_release(release=release, by=UserFactory(superuser=True))
    return file
