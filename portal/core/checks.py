"""System checks for mistakes of operators and developers, reported before the first request."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from portal.core import outbox

#: The backend that Django's test runner puts in place of any other.
_BACKEND_OF_TESTS: Final = "django.core.mail.backends.locmem.EmailBackend"
#: Pairs (earlier, later) of middleware that only work in this order.
_ORDER: Final = (
    ("portal.core.page_cache.PageCacheMiddleware", "portal.core.middleware.ContentSecurityPolicyMiddleware"),
    ("portal.core.page_cache.PageCacheMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"),
    ("django.middleware.locale.LocaleMiddleware", "portal.core.middleware.PreferencesMiddleware"),
    ("django.contrib.auth.middleware.AuthenticationMiddleware", "portal.core.middleware.PreferencesMiddleware"),
)


@checks.register
def check_subscriptions(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E001, core.E002: each stored message must belong to exactly one event class and one handler."""
    functions = defaultdict(set)
    classes = defaultdict(set)
    for subscription in outbox.subscriptions():
        functions[subscription.event, subscription.handler].add(subscription.function)
        classes[subscription.event].add(subscription.event_class)
    found: list[checks.CheckMessage] = [
        checks.Error(
            f"Several handlers of {event} are called {handler}.",
            hint="Give each its own name: subscribe(Event, handler, name='…').",
            id="core.E001",
        )
        for (event, handler), same in functions.items()
        if len(same) > 1
    ]
    found += [
        checks.Error(
            f"Several event classes are called {event}.",
            hint="An event name belongs to one class for ever; choose another for the newer one.",
            id="core.E002",
        )
        for event, same in classes.items()
        if len(same) > 1
    ]
    return found


@checks.register
def check_middleware(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E003: caching and preferences depend on the order of the middleware."""
    place = {name: index for index, name in enumerate(settings.MIDDLEWARE)}
    return [
        checks.Error(f"{earlier} must come before {later}.", hint="Put MIDDLEWARE in this order.", id="core.E003")
        for earlier, later in _ORDER
        if earlier in place and later in place and place[earlier] > place[later]
    ]


@checks.register
def check_sqlite(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E004: without these options concurrent writers get "database is locked" errors."""
    found: list[checks.CheckMessage] = []
    for alias, database in settings.DATABASES.items():
        options = database.get("OPTIONS", {})
        if database["ENGINE"] != "django.db.backends.sqlite3":
            continue
        if options.get("transaction_mode") != "IMMEDIATE" or "journal_mode=WAL" not in options.get("init_command", ""):
            found.append(
                checks.Error(
                    f"The SQLite database {alias!r} is not set up for several writers.",
                    hint='OPTIONS needs "transaction_mode": "IMMEDIATE" and "PRAGMA journal_mode=WAL".',
                    id="core.E004",
                )
            )
    return found


@checks.register
def check_languages(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E005: the site's default language must be one of its languages."""
    if settings.LANGUAGE_CODE in dict(settings.LANGUAGES):
        return []
    return [
        checks.Error(
            f"LANGUAGE_CODE is {settings.LANGUAGE_CODE!r}, which is not in LANGUAGES.",
            hint="Use one of: " + ", ".join(code for code, _name in settings.LANGUAGES),
            id="core.E005",
        )
    ]


@checks.register
def check_data_folder(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E006: the folder for database, uploads and mail must be writable, or possible to create."""
    folder = Path(settings.DATA_DIR)
    nearest = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return []
    return [
        checks.Error(
            f"DATA_DIR {folder} cannot be written to.",
            hint="Give the account the portal runs under the right to write there, or set DATA_DIR.",
            id="core.E006",
        )
    ]


@checks.register(deploy=True)
def check_shared_cache(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.W001: rate limits count in the cache, so all workers must share one."""
    if not str(settings.CACHES["default"]["BACKEND"]).endswith((".LocMemCache", ".DummyCache")):
        return []
    return [
        checks.Warning(
            "The default cache is not shared between workers, so limits on sign-in and posting are weaker than set.",
            hint="Use the database cache (the default) or set REDIS_URL.",
            id="core.W001",
        )
    ]


@checks.register
def check_mail(**_kwargs: Any) -> list[checks.CheckMessage]:
    """core.E007: mail must go through the queue, and from there to a transport that exists."""
    found: list[checks.CheckMessage] = []
    queue = "portal.core.mail.QueueBackend"
    if settings.EMAIL_BACKEND not in {queue, _BACKEND_OF_TESTS}:
        found.append(
            checks.Error(
                f"EMAIL_BACKEND is {settings.EMAIL_BACKEND}, so pages would wait for the mail server.",
                hint=f"Leave EMAIL_BACKEND at {queue} and name the other in MAIL_TRANSPORT.",
                id="core.E007",
            )
        )
    try:
        is_usable = queue != settings.MAIL_TRANSPORT and import_string(settings.MAIL_TRANSPORT) is not None
    except ImportError:
        is_usable = False
    if not is_usable:
        found.append(
            checks.Error(
                f"MAIL_TRANSPORT names no transport: {settings.MAIL_TRANSPORT}.",
                hint="Use a class of portal.core.mail_transports, or an e-mail backend of Django or of another package.",
                id="core.E007",
            )
        )
    return found
