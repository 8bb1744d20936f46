from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "portal.desk"
    label = "desk"
    verbose_name = _("Desk")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import navigation  # noqa: PLC0415 - apps must be ready
        from portal.core.robots import disallow_in_each_language  # noqa: PLC0415 - apps must be ready

        navigation.add_section("community", namespaces={"desk"})
        disallow_in_each_language("desk")
