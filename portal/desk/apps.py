from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "portal.desk"
    label = "desk"
    verbose_name = _("Desk")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from community.rules import can_moderate  # noqa: PLC0415 - apps must be ready
        from portal.core import navigation  # noqa: PLC0415 - apps must be ready
        from portal.core.robots import disallow_in_each_language  # noqa: PLC0415 - apps must be ready

        navigation.register(
            navigation.NavItem(
                "desk",
                _("Community desk"),
                "shield-alert",
                "desk:index",
                places=(navigation.HEADER_FOR_SOME,),
                readers=navigation.For.SIGNED_IN,
                admits=can_moderate,
                text=_("What was reported or waits, questions without a reply, and how the community is doing"),
            )
        )
        navigation.add_section("community", namespaces={"desk"})
        disallow_in_each_language("desk")
