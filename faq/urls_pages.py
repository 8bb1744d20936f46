"""URLs below a language, before those of the pages."""

from __future__ import annotations

from django.urls import re_path

from faq import feeds, machine

#: Those of a page, with a suffix in place of the last slash.
_PAGE = r"^((?:[\w-]+/)*[\w-]+)"

urlpatterns = [
    re_path(_PAGE + r"\.atom$", feeds.page_feed, name="page_feed"),
    re_path(_PAGE + r"\.md$", machine.article_markdown, name="article_markdown"),
]
