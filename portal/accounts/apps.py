from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text
from portal.core.robots import disallow, disallow_in_each_language


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.accounts import changes, clocks, ended_sessions, mail_names, navigation, own_data, receivers  # noqa: PLC0415 - apps must be ready
        from portal.accounts import invitations as of_staff  # noqa: PLC0415 - apps must be ready
        from portal.core import jobs  # noqa: PLC0415 - apps must be ready
        from portal.core.mail_words import name_mails  # noqa: PLC0415 - apps must be ready

        navigation.connect()
        name_mails(mail_names.MAIL_NAMES)
        clocks.heal_limits()
        receivers.connect()
        changes.connect()
        own_data.register("account", export_of=own_data.export_account, erase=own_data.erase_account_data)
        jobs.every(
            own_data.INTERVAL,
            name=own_data.JOB,
            run=own_data.erase_who_left,
            is_needed=lambda _last_end: own_data.is_anybody_leaving(),
        )
        jobs.every(
            ended_sessions.INTERVAL,
            name=ended_sessions.JOB,
            run=ended_sessions.forget_ended_sessions,
            is_needed=lambda _last_end: ended_sessions.has_ended_sessions(),
        )
        jobs.every(
            of_staff.INTERVAL,
            name=of_staff.JOB,
            run=of_staff.forget_old_invitations,
            is_needed=lambda _last_end: of_staff.has_old_invitations(),
        )
        disallow("/accounts/")
        disallow_in_each_language("account", "accounts")
        register_typed_text(
            "accounts.User",
            *("email", "handle", "handle_key", "name", "phone"),
            purpose="people sign in, are written to and are called by them",
            until="the owner changes it, or the account is deleted",
            as_typed_because="they are the account; its owner sees and changes them",
        )
        register_typed_text(
            "account.EmailAddress",
            "email",
            purpose="sign-in and mails; one of them may be waiting for its code",
            until="the owner changes it, or the account is deleted",
            as_typed_because="it is the account's",
        )
        register_typed_text(
            "mfa.Authenticator",
            "data",
            purpose="the owner tells passkeys apart by the names given to them",
            until="the owner removes the passkey, or the account",
            as_typed_because="only the owner sees it",
        )
