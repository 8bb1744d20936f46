"""Settings used by `script/server` and every real installation."""

from django.core.exceptions import ImproperlyConfigured

from portal.settings.base import *
from portal.settings.base import DATA_DIR, SECRET_KEY

if not SECRET_KEY:
    _key_file = DATA_DIR / "secret_key"  # created by script/server on its first start
    if not _key_file.exists():
        raise ImproperlyConfigured("Set SECRET_KEY, or start with script/server, which makes one.")
    SECRET_KEY = _key_file.read_text().strip()
