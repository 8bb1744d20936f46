"""Prints a link that makes the first administrator in the browser."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils.translation import override

from portal.accounts.first_administrator import make_link


class Command(BaseCommand):
    help = (
        "Prints a link that makes the first administrator in the browser: once, within a day. It replaces earlier links. "
        "Prints nothing if there is an administrator."
    )
    requires_system_checks: list[str] = []  # `script/server` starts it, after the checks

    def handle(self, **options: Any) -> None:
        token = make_link()
        if token:
            with override(settings.LANGUAGE_CODE):
                path = reverse("accounts:first_administrator", args=[token])
            self.stdout.write(f"{settings.BASE_URL}{path}")
