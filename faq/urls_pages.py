"""URLs below a language, before those of the pages."""

from __future__ import annotations

from django.urls import re_path

from faq import machine

urlpatterns = [
    re_path(r"^((?:[\w-]+/)*[\w-]+)\.md$", machine.article_markdown, name="article_markdown"),
]
