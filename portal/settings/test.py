"""Settings for the tests: fast, isolated, without network access."""

import os

from portal.settings.base import *
from portal.settings.base import DATA_DIR as BASE_DATA_DIR
from portal.settings.base import DATABASES, STORAGES

SECRET_KEY = "only-for-tests"  # noqa: S105 - never used outside the tests
ALLOWED_HOSTS = ["*"]
FRAGMENTS_ARE_STRICT = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAIL_TRANSPORT = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: the concurrency tests use real threads and processes.
    DATABASES["default"]["TEST"] = {"NAME": str(DATABASES["default"]["NAME"]) + ".test"}
ACTIVITY_THREAD = False  # tests store explicitly; a separate thread would wait for their transactions
WHITENOISE_AUTOREFRESH = True
# Each test process is an installation of its own: changes in one need not invalidate caches in another.
DATA_DIR = BASE_DATA_DIR / os.environ.get("PYTEST_XDIST_WORKER", "alone")
# Its own tests switch it on; all others must get the same results with and without its package.
SEARCH_SEMANTIC = False
ELASTICSEARCH_URL = ""  # tests of a cluster name their own in TEST_ELASTICSEARCH_URL
