from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"
    verbose_name = _("Core")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import checks, jobs, receivers, visitors  # noqa: F401, PLC0415 - apps must be ready; checks register themselves

        receivers.connect()
        jobs.every(timedelta(hours=1), name="core.forget_salts", run=visitors.forget_salts)
