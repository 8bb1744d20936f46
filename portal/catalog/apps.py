from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text


class CatalogConfig(AppConfig):
    name = "portal.catalog"
    label = "catalog"
    verbose_name = _("Catalogue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.catalog import own_data  # noqa: PLC0415 - apps must be ready
        from portal.catalog.models import Product, ProductVersion, Topic  # noqa: PLC0415 - apps must be ready
        from portal.core import navigation  # noqa: PLC0415 - apps must be ready
        from portal.core.receivers import touches  # noqa: PLC0415 - apps must be ready

        own_data.connect()
        navigation.add_section("account", namespaces={"catalog"})
        for model in (Product, ProductVersion, Topic):
            touches(model, "catalogue")
        register_typed_text(
            "catalog.Ownership",
            "serial_number",
            purpose="the owner tells devices apart, and the support finds theirs",
            until="the owner removes the device, or the account",
            as_typed_because="it tells the owner's devices apart, and only them",
        )
