"""The least Django that answers: no middleware, one table group, one template. Pages of the portal are compared with it."""

import os
from pathlib import Path

SECRET_KEY = "only-for-measuring"  # noqa: S105 - guards nothing
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["bench.minimal_site"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.minimal_site.urls"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["DATA_DIR"]) / "minimal.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"},
    }
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
    }
]
