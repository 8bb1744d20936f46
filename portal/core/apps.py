from datetime import timedelta

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"
    verbose_name = _("Core")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import checks, fragments, health, jobs, receivers, roles, schedule, visitors  # noqa: F401, PLC0415 - apps must be ready; checks register themselves

        receivers.connect()
        health.report_to_staff("kept_html", fragments.figures)
        autodiscover_modules("roles")
        post_migrate.connect(roles.make_roles, sender=self, dispatch_uid="core.make_roles")
        jobs.every(timedelta(hours=1), name="core.forget_salts", run=visitors.forget_salts)
        jobs.every(schedule.INTERVAL, name=schedule.JOB, run=schedule.carry_out_schedule)
