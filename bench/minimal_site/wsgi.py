"""The minimal site. Only its ordinary pages use the default middleware; the two upper limits have none."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.test.utils import override_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.minimal_site.settings")

_usual = get_wsgi_application()
with override_settings(MIDDLEWARE=[]):
    _bare = WSGIHandler()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    handler = _usual if environ["PATH_INFO"].startswith(("/page/", "/posts/")) else _bare
    return handler(environ, start_response)
