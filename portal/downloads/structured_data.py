"""What a page of a download says to search engines, as structured data of schema.org."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from portal.core.http import public_address

if TYPE_CHECKING:
    from portal.downloads.models import Download
    from portal.downloads.queries import Version


def data_of(download: Download, latest: Version) -> dict[str, Any]:
    """Return the newest version of a download; the address of its file only if everybody may fetch it."""
    release = latest.release
    systems = list(dict.fromkeys(str(file.get_platform_display()) for file in latest.files if file.platform != "any"))
    link = public_address(reverse("downloads_root:latest", args=[download.slug]))
    return {
        "@context": "https://schema.org",
        "@type": "SoftwareApplication" if systems else "DigitalDocument",
        "name": str(download),
        "description": str(download.summary),
        "url": public_address(download.get_absolute_url()),
        "softwareVersion" if systems else "version": release.version,
        "datePublished": release.released_on.isoformat(),
        "operatingSystem": ", ".join(systems),
        "softwareRequirements": str(release.requirements) if systems else "",
        "downloadUrl": link if systems and download.is_free else "",
    }
