"""Search document of downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from portal.core.short_markdown import words_of
from portal.downloads.models import Download
from portal.downloads.queries import published
from search.documents import HitDetails, SearchDocument, SearchEntry
from search.facets import PRODUCT, TOPIC
from search.registry import register

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.db.models import QuerySet

    from portal.downloads.models import AnyUser, Release

#: Releases whose words are indexed, the newest first.
_RELEASES: Final = 5


@register
class DownloadDocument(SearchDocument[Download]):
    """Downloads with something published, in every language their name has; languages are one family."""

    name = "downloads.download"
    model = Download
    label = _("download")
    label_plural = _("Downloads")
    icon = "download"
    order = 30
    suggestions: ClassVar[int] = 2
    facets = (PRODUCT, TOPIC)

    def get_queryset(self) -> QuerySet[Download]:
        newest = Prefetch("releases", published(), to_attr="newest_releases")
        shown = Download.objects.filter(is_shown=True)
        return shown.select_related("topic").prefetch_related("products", newest)

    def to_entry(self, instance: Download) -> SearchEntry:
        return next(iter(self.to_entries(instance)))

    def to_entries(self, instance: Download) -> Iterator[SearchEntry]:
        releases: list[Release] = instance.newest_releases[:_RELEASES]  # type: ignore[attr-defined]  # prefetched
        for language, _name in settings.LANGUAGES:
            if not instance.name.get(language) and any(instance.name.values()) and len(instance.name) > 1:
                continue
            with override(language):
                url = reverse("downloads:download", args=[instance.slug])
            texts = [f"{release.version} {words_of(release.changelog.in_language(language))}" for release in releases]
            yield self.entry(
                instance,
                language=language,
                title=instance.name.in_language(language) or instance.slug,
                short_answer=instance.summary.in_language(language),
                body="\n".join(texts),
                url=url,
                audience=instance.audience,
                facets={
                    PRODUCT: [product.code for product in instance.products.all()],
                    TOPIC: [instance.topic.code] if instance.topic else [],
                },
                updated=instance.changed_at,
            )

    def visible_to(self, user: AnyUser, ids: Collection[int]) -> set[int]:
        found = Download.objects.visible_to(user).filter(pk__in=ids)
        return set(found.order_by().values_list("pk", flat=True))

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """Return the newest version."""
        newest: dict[int, HitDetails] = {}
        rows = published().filter(download__in=ids).values_list("download_id", "version")
        for pk, version in rows:
            newest.setdefault(pk, HitDetails(facts=(version,)))
        return newest
