"""Navigation entries for the account, sign-in and sign-up."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.core.navigation import HEADER_BUTTON, HEADER_PERSON, TABBAR, For, NavItem, add_section, register

_FOOTER = ("footer-account",)


def connect() -> None:
    """Register the entries; called once when the app is ready."""
    me = pgettext_lazy("tab bar", "Me")
    register(
        NavItem("me", me, "user-round", "accounts:overview", "account", (TABBAR,), For.SIGNED_IN, order=90),
        NavItem("guest", me, "user-round", "account_login", "account", (TABBAR,), For.VISITORS, order=90),
        NavItem(
            "person", me, "user-round", "accounts:overview", "account", (HEADER_PERSON,), For.SIGNED_IN, current="page"
        ),
        NavItem(
            "account",
            pgettext_lazy("account", "Overview"),
            "user-round",
            "accounts:overview",
            "account",
            _FOOTER,
            For.SIGNED_IN,
            order=10,
        ),
        NavItem(
            "security",
            _("Sign-in and security"),
            "shield",
            "accounts:security",
            "account",
            _FOOTER,
            For.SIGNED_IN,
            order=20,
        ),
        NavItem(
            "preferences",
            _("Language and display"),
            "settings",
            "accounts:preferences",
            "account",
            _FOOTER,
            For.SIGNED_IN,
            order=30,
        ),
        NavItem("logout", _("Sign out"), "log-out", "account_logout", "account", _FOOTER, For.SIGNED_IN, order=90),
        NavItem(
            "login",
            _("Sign in"),
            "log-in",
            "account_login",
            "account",
            (HEADER_BUTTON, *_FOOTER),
            For.VISITORS,
            order=10,
        ),
        NavItem(
            "signup", _("Create an account"), "user-plus", "account_signup", "account", _FOOTER, For.VISITORS, order=20
        ),
        # The theme is stored on the device, and in the account if there is one.
        NavItem("theme", "", "sun-moon", "accounts:theme"),
    )
    add_section("account", namespaces={"accounts"}, url_name_prefixes=("account_", "mfa_", "usersessions_"))
