"""One word for each thing in Persian: `docs/terms.md`, and every text that readers and editors meet."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.pofile import read_po
from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext, override, pgettext

from portal.core.management.commands.compile_translations import _folders

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(settings.BASE_DIR)
#: Packages whose texts are shown; Django's own admin is not.
PACKAGES = ("allauth", "wagtail", "django.contrib.auth")
_LETTER = "ء-ً\u066e-ۓ"


@lru_cache(maxsize=1)
def _refused() -> re.Pattern[str]:
    rows = re.findall(r"^\| [آ-ی][^|]* \|[^|]*\| ([^|]+) \|$", (ROOT / "docs/terms.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    words = [word for row in rows for word in row.split("، ")]
    return re.compile(rf"(?<![{_LETTER}])(?:{'|'.join(sorted(words, key=len, reverse=True))})(?![{_LETTER}])")


def _texts(catalogue: Path) -> Iterator[tuple[str, str, list[str]]]:
    with catalogue.open("rb") as file:
        for message in read_po(file):
            if message.id and not message.fuzzy:
                source = message.id if isinstance(message.id, str) else message.id[0]
                strings = message.string if isinstance(message.string, tuple | list) else [message.string]
                yield message.context or "", source, [text for text in strings if text]


def test_our_texts_use_the_words_of_the_list() -> None:
    catalogues = [path for folder in _folders() for path in Path(folder).glob("fa/LC_MESSAGES/*.po")]
    assert len(catalogues) >= 3
    wrong = [
        (path.parts[-5], _refused().findall(text), text)
        for path in catalogues
        for _context, _source, texts in _texts(path)
        for text in texts
        if _refused().search(text)
    ]
    assert wrong == []


def test_texts_of_packages_are_put_right() -> None:
    """What is shown, after our own catalogues had their say; of plural forms the first one stands for both."""
    folders = [Path(config.path) for config in apps.get_app_configs() if config.name.startswith(PACKAGES)]
    folders.append(Path(apps.get_app_config("auth").path).parents[1] / "conf")
    wrong = []
    with override("fa"):
        for catalogue in (path for folder in folders for path in folder.glob("locale/fa/LC_MESSAGES/django.po")):
            for context, source, _texts_of_package in _texts(catalogue):
                shown = pgettext(context, source) if context else gettext(source)
                if _refused().search(shown):
                    wrong.append((source, shown))
    assert wrong == []


def test_templates_contain_no_refused_words() -> None:
    files = [
        path for folder in (ROOT / "templates", ROOT / "portal", ROOT / "community") for path in folder.rglob("*.html")
    ]
    assert [path.name for path in files if _refused().search(path.read_text())] == []
