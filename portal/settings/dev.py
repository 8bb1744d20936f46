"""Settings for development: debug pages, unhashed static files, a throw-away key."""

from portal.settings.base import *
from portal.settings.base import STORAGES

DEBUG = True
FRAGMENTS_ARE_STRICT = True
SECRET_KEY = "only-for-development"  # noqa: S105 - never used outside a developer's machine
ALLOWED_HOSTS = ["*"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
