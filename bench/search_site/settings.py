"""Settings with one model and Wagtail's database search."""

import os

import environ

SECRET_KEY = "only-for-measuring"  # noqa: S105 - guards nothing
INSTALLED_APPS = ["bench.search_site", "modelsearch", "django.contrib.contenttypes"]
DATABASES = {"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;"
            "PRAGMA mmap_size=134217728;PRAGMA cache_size=-16384;"
        ),
    }
MODELSEARCH_BACKENDS = {"default": {"BACKEND": "modelsearch.backends.database", "AUTO_UPDATE": False}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
