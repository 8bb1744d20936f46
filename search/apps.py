from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = _("Search")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from search import checks, receivers, registry  # noqa: F401, PLC0415 - apps must be ready

        registry.autodiscover()
        receivers.connect()
