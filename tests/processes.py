"""Processes of their own that use the database of a test."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings
from django.db import connection


def database_url():
    """The address of the database of this test."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = f"{database['USER']}:{database['PASSWORD']}@" if database["USER"] else ""
    return f"postgres://{user}{database['HOST']}:{database['PORT']}/{database['NAME']}"


def start_module(module, *arguments):
    """Run ``python -m module …`` with the same database; its output and errors are text in pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=settings.BASE_DIR, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "portal.settings.test"},
    )  # fmt: skip
