from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "portal.notifications"
    label = "notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import events, jobs  # noqa: PLC0415 - apps must be ready
        from portal.core.mail import ask_before_sending  # noqa: PLC0415 - apps must be ready
        from portal.core.mail_words import name_mails  # noqa: PLC0415 - apps must be ready
        from portal.core.robots import disallow_in_each_language  # noqa: PLC0415 - apps must be ready
        from portal.notifications import mailing, navigation, own_data, security, services  # noqa: PLC0415 - apps must be ready
        from portal.notifications.events import MailWanted, NotificationWanted  # noqa: PLC0415 - apps must be ready
        from portal.notifications.registry import register  # noqa: PLC0415 - apps must be ready

        navigation.connect()
        own_data.connect()
        disallow_in_each_language("notifications")
        register(security.NewDevice(), security.Changed())
        name_mails(
            {
                "notifications/email/news": _("News mailed at once"),
                "notifications/email/digest": _("Digest of news"),
            }
        )
        for template in ("notifications/email/news", "notifications/email/digest"):
            ask_before_sending(template, mailing.is_still_true)
        events.subscribe(NotificationWanted, services.write_notifications)
        events.subscribe(MailWanted, mailing.send_waiting)
        jobs.every(
            timedelta(minutes=5),
            name="notifications.digests",
            run=mailing.send_digests,
            is_needed=lambda _last_end: mailing.is_any_digest_due(),
        )
        jobs.every(
            timedelta(hours=6),
            name="notifications.tidy",
            run=mailing.tidy,
            is_needed=lambda _last_end: mailing.needs_tidying(),
        )
