from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"
    verbose_name = _("Core")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import (  # noqa: F401, PLC0415 - apps must be ready; checks register themselves
            admin_formats,
            admin_search,
            checks,
            events,
            file_audiences,
            mail,
            mail_delivery,
            receivers,
            roles,
            slugs,
            solar_dates,
            spreadsheets,
        )

        receivers.connect()
        slugs.connect()
        admin_search.connect()
        file_audiences.connect()
        spreadsheets.protect()
        solar_dates.install()
        admin_formats.install()
        autodiscover_modules("roles")
        post_migrate.connect(roles.make_roles, sender=self, dispatch_uid="core.make_roles")
        events.subscribe(mail.MailQueued, mail_delivery.deliver, is_remote=True)
        _report_health()
        _connect_jobs()


def _report_health() -> None:
    from portal.core import disk, fragments, health, mail_delivery  # noqa: PLC0415 - apps must be ready

    health.report("mail", mail_delivery.health)
    health.report("disk", disk.health, is_needed=True)
    health.report_to_staff("disk_space", disk.figures)
    health.report_to_staff("kept_html", fragments.figures)


def _connect_jobs() -> None:
    from portal.core import file_check, forgetting, jobs, mail_delivery, outbox, schedule, visitors  # noqa: PLC0415 - apps must be ready

    hour = timedelta(hours=1)
    kept = timedelta(days=settings.OUTBOX_KEEP_DAYS)
    jobs.every(
        hour,
        name="core.forget_salts",
        run=visitors.forget_salts,
        is_needed=lambda _last_end: visitors.has_old_salts(),
    )
    jobs.every(
        hour,
        name="core.purge_outbox",
        run=lambda: outbox.purge(older_than=kept),
        is_needed=lambda _last_end: outbox.has_old(older_than=kept),
    )
    jobs.every(
        hour,
        name="core.tidy_mails",
        run=mail_delivery.tidy,
        is_needed=lambda _last_end: mail_delivery.needs_tidying(),
    )
    jobs.every(
        forgetting.INTERVAL,
        name=forgetting.JOB,
        run=forgetting.forget_typed_texts,
        is_needed=lambda _last_end: forgetting.has_any(),
    )
    jobs.every(
        timedelta(days=1),
        name="core.check_files",
        run=file_check.check_and_tell,
        is_needed=lambda _last_end: file_check.has_files(),
    )
    jobs.every(
        schedule.INTERVAL,
        name=schedule.JOB,
        run=schedule.carry_out_schedule,
        is_needed=lambda _last_end: schedule.is_anything_due(),
    )
