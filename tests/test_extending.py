"""docs/extend.md is correct: following its first three lists literally in a copy of the project adds an app, a page and
a searchable kind."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from portal.our_apps import OUR_FOLDERS

ROOT = Path(__file__).resolve().parent.parent
FOLLOWED = ["Add an app", "Add a page", "Add a searchable kind"]
#: What the reader does then: add a public term and one for staff, look at them, search.
USE = """
import json
from django.test import Client
from glossary.models import TermPage
from portal.core import outbox
from portal.home.first_pages import make_first_pages
from portal.home.models import HomePage
from search.queries import search

make_first_pages()
home = HomePage.objects.get(locale__language_code="en")
urls = []
for slug, audience in (("attenuation", "public"), ("secret", "staff")):
    term = home.add_child(instance=TermPage(
        title="Attenuation " + slug, slug=slug, meaning="What a cable swallows.", locale=home.locale, audience=audience
    ))
    term.save_revision().publish()
    urls.append(term.url)
outbox.drain()
found = search(text="swallows", user=None, language="en")
answers = [Client().get(url) for url in urls]
print(json.dumps({
    "found": [[hit.kind, hit.title, hit.url] for hit in found.hits],
    "statuses": [answer.status_code for answer in answers],
    "page": answers[0].text,
}))
"""


def blocks() -> list[tuple[str, str, str]]:
    """The fenced blocks of these sections as (language, first line, text); shell commands have no first line."""
    sections = dict(
        re.findall(
            r"^## (.+?)\n(.*?)(?=^## |\Z)",
            (ROOT / "docs/extend.md").read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
    )
    found = []
    for title in FOLLOWED:
        for language, text in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", sections[title], re.MULTILINE | re.DOTALL):
            lines = textwrap.dedent(text)
            first, _, rest = lines.partition("\n")
            name = re.search(r"[\w/]+\.\w+", first)
            found.append((language, "", lines) if language == "sh" else (language, name[0] if name else "", rest))
    return found


def apply(project: Path, language: str, name: str, text: str) -> None:
    """Write the file, or change it according to the lines marked with + and -."""
    file = project / name
    if language != "diff":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return
    lines = text.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    source = file.read_text(encoding="utf-8")
    assert source.count(before) == 1, f"{name} has changed: docs/extend.md shows\n{before}"
    file.write_text(source.replace(before, after), encoding="utf-8")


@pytest.fixture
def project(tmp_path, django_db_setup) -> Path:
    """A copy of our code, with the migrated database of an empty portal."""
    leave_out = shutil.ignore_patterns("__pycache__", "*.mo")
    for folder in (*OUR_FOLDERS, "templates", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=leave_out)
    for name in ("manage.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "glossary").mkdir()
    (tmp_path / "glossary" / "__init__.py").touch()
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as migrated,
        closing(sqlite3.connect(tmp_path / "portal.sqlite3")) as copy,
    ):
        migrated.backup(copy)
    return tmp_path


def run(project: Path, *command: str) -> str:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(project), "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    done = subprocess.run([sys.executable, *command], cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)[:80]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(connection.vendor != "sqlite", reason="begins with a copy of the database's file")
def test_an_app_a_page_and_a_searchable_kind_are_added_as_the_manual_says(project):
    for language, name, text in blocks():
        if language == "sh":
            for line in text.splitlines():
                run(project, *line.removeprefix("python ").split())
        else:
            apply(project, language, name, text)

    rules = [
        "tests/test_architecture.py",
        "tests/test_our_apps.py",
        "-k",
        "visible_to or foreign_keys or contracts or measures",
    ]
    run(project, "manage.py", "check", "--fail-level", "WARNING")
    run(project, "-m", "pytest", "-q", "-p", "no:randomly", *rules)
    seen = json.loads(run(project, "-c", f"import django; django.setup()\n{USE}").splitlines()[-1])

    assert seen["found"] == [["glossary.term", "Attenuation attenuation", "/en/attenuation/"]]
    assert seen["statuses"] == [200, 404]
    assert "What a cable swallows." in seen["page"]
    assert "<h1>Attenuation attenuation</h1>" in seen["page"]


def test_every_file_the_manual_names_is_there():
    text = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:portal|faq|search|tests|docs|deploy|script)/[\w/.-]+)`", text))
    missing = [name for name in named if not (ROOT / name).exists() and "glossary" not in name and "/de/" not in name]

    assert len(named) > 15
    assert missing == []
