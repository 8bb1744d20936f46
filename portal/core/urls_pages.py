"""URLs of pages, served by `portal.core.routing`; Wagtail's own URLs follow for everything else."""

from __future__ import annotations

from django.urls import re_path
from wagtail.urls import serve_pattern

from portal.core.routing import serve

urlpatterns = [re_path(serve_pattern, serve, name="wagtail_serve")]
