from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Composition of the project: connects events with their handlers."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal import wiring  # noqa: PLC0415 - apps must be ready

        wiring.connect()
