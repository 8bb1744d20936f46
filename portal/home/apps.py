from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HomeConfig(AppConfig):
    name = "portal.home"
    label = "home"
    verbose_name = _("Home")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core.mail_words import name_mails  # noqa: PLC0415 - apps must be ready
        from portal.home import first_run, navigation  # noqa: PLC0415

        navigation.connect()
        name_mails({first_run.TEST_MAIL: _("Test mail")})
