from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DownloadsConfig(AppConfig):
    name = "portal.downloads"
    label = "downloads"
    verbose_name = _("Downloads")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import jobs, machine_reading, releases, sitemaps  # noqa: PLC0415 - apps must be ready
        from portal.core.receivers import touches  # noqa: PLC0415
        from portal.core.robots import disallow  # noqa: PLC0415
        from portal.downloads import counting, exchanging, navigation, notifications, own_data, queries  # noqa: PLC0415
        from portal.downloads.models import Download, File, Release  # noqa: PLC0415
        from portal.downloads.shelf import DownloadShelf  # noqa: PLC0415
        from portal.downloads.sitemap import DownloadSitemap  # noqa: PLC0415
        from portal.notifications.registry import register  # noqa: PLC0415

        navigation.connect()
        own_data.connect()
        exchanging.connect()
        releases.use(DownloadShelf())
        register(notifications.NewRelease(), notifications.SecurityRelease())
        sitemaps.register("downloads", DownloadSitemap)
        machine_reading.register(queries.for_programs, scope="downloads")
        disallow("/d/", "/*/downloads/*/licence/")
        for model in (Download, Release, File):
            touches(model, "downloads")
        jobs.every(
            timedelta(hours=6),
            name="downloads.add_up",
            run=counting.add_up,
            is_needed=lambda _last_end: counting.is_anything_to_add_up(),
        )
