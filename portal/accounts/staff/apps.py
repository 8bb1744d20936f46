from wagtail.users.apps import WagtailUsersAppConfig


class StaffUsersConfig(WagtailUsersAppConfig):
    """Wagtail's user management with our forms: an e-mail address instead of a user name, one name instead of two."""

    user_viewset = "portal.accounts.staff.viewsets.PortalUserViewSet"

    def ready(self) -> None:
        super().ready()
        from wagtail.admin.views.account import NameEmailSettingsPanel  # noqa: PLC0415 - apps must be ready

        from portal.accounts.staff.forms import OwnNameForm  # noqa: PLC0415 - apps must be ready

        # Wagtail has no setting for this form; its own asks for a first and a last name, and our model has neither
        # field.
        NameEmailSettingsPanel.form_class = OwnNameForm
