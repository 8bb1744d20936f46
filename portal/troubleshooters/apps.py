from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TroubleshootersConfig(AppConfig):
    name = "portal.troubleshooters"
    label = "troubleshooters"
    verbose_name = _("Troubleshooters")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import guides, jobs, machine_reading, sitemaps  # noqa: PLC0415 - apps must be ready
        from portal.core.robots import disallow  # noqa: PLC0415
        from portal.insight.facts import register_facts  # noqa: PLC0415
        from portal.troubleshooters import counting, exchanging, navigation, own_data, queries, taking_along  # noqa: PLC0415
        from portal.troubleshooters.sitemap import TroubleshooterSitemap  # noqa: PLC0415

        navigation.connect()
        own_data.connect()
        exchanging.connect()
        taking_along.connect()
        guides.register(queries.of_topic)
        register_facts(counting.FACT, counting.note)
        sitemaps.register("troubleshooters", TroubleshooterSitemap)
        machine_reading.register(queries.for_programs, scope=queries.SCOPE)
        disallow("/*/troubleshoot/*/*/")
        jobs.every(
            timedelta(days=1),
            name="troubleshooters.forget",
            run=counting.forget,
            is_needed=lambda _last_end: counting.is_anything_to_forget(),
        )
