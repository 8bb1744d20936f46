"""A small portal with its own data folder, and empty ones elsewhere to restore into."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from portal.core import memo, page_cache
from portal.core.outbox import drain
from tests.databases import _connected_to, _server, _sql
from tests.factories.faq import ArticlePageFactory, HelpMediaFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faq.models import ArticlePage


def run(name: str, *arguments: object, **options: object) -> str:
    """The output of a command."""
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


class Installation:
    """A data folder and a database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.media = folder / "media"

    @contextmanager
    def in_use(self, settings) -> Iterator[None]:
        """Inside this context, this is the portal of the process."""
        before = settings.DATA_DIR, settings.MEDIA_ROOT
        settings.DATA_DIR, settings.MEDIA_ROOT = self.folder, str(self.media)
        try:
            with _connected_to(self.database):
                _forget()
                yield
        finally:
            settings.DATA_DIR, settings.MEDIA_ROOT = before
            _forget()


def _forget() -> None:
    memo.forget_all()
    page_cache.store.clear()
    page_cache.answers.clear()
    cache.clear()


@pytest.fixture(autouse=True)
def _no_static_files(monkeypatch):
    """Collecting the static files takes seconds, and no backup contains them."""

    def call(name, *arguments, **options):
        if name != "collectstatic":
            call_command(name, *arguments, **options)

    monkeypatch.setattr("portal.management.commands.prepare.call_command", call)


@pytest.fixture
def here(transactional_db, settings, tmp_path) -> Installation:
    """The portal in use: one article, and a recording with captions."""
    installation = Installation(tmp_path / "here", str(connection.settings_dict["NAME"]))
    installation.folder.mkdir()
    settings.DATA_DIR, settings.MEDIA_ROOT = installation.folder, str(installation.media)
    settings.STATIC_ROOT = str(tmp_path / "static")
    return installation


@pytest.fixture
def article(here) -> ArticlePage:
    HelpMediaFactory()
    article = ArticlePageFactory(title="چراغ قرمز مودم")
    drain()
    return article


@pytest.fixture
def elsewhere(here, tmp_path) -> Iterator[Installation]:
    """Another machine: an empty data folder and no database, or an empty one."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if connection.vendor == "sqlite":
        yield Installation(folder, str(folder / "portal.sqlite3"))
        return
    name = f"{here.database}_elsewhere"
    with _server() as cursor:
        cursor.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
        cursor.execute(_sql("CREATE DATABASE {} TEMPLATE template0", name))
    yield Installation(folder, name)
    with _server() as cursor:
        cursor.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))


@pytest.fixture
def backups(tmp_path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def backup(here, article, backups) -> Path:
    """A backup of the small portal."""
    run("backup", to=backups)
    (file,) = backups.iterdir()
    return file


def pages_of(article: ArticlePage) -> dict[str, bytes]:
    """What visitors get of the pages that show the article, and the uploaded files, of which they see those shown."""
    urls = ["/fa/", "/en/", article.get_url(), article.get_parent().get_url(), "/fa/search/?q=مودم", "/sitemap.xml"]
    pages = {}
    for url in urls:
        response = Client().get(url, headers={"User-Agent": "Mozilla/5.0 Firefox/140.0"})
        assert response.status_code == 200, url
        pages[url] = response.getvalue()
    root = Path(django_settings.MEDIA_ROOT)
    files = {f"/media/{file.relative_to(root)}": file.read_bytes() for file in root.rglob("*") if file.is_file()}
    return {**pages, **files}
