"""All pages of the documentation are in the index, and their links work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from portal.core import jobs
from portal.our_apps import OUR_APPS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    missing = [
        str(page.relative_to(DOCS))
        for page in sorted(DOCS.rglob("*.md"))
        if page != DOCS / "README.md" and f"({page.relative_to(DOCS)})" not in index
    ]

    assert missing == [], "docs/README.md is the index: add these pages to it"


@pytest.mark.parametrize("file", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda file: file.name)
def test_links_between_pages_lead_somewhere(file):
    broken = [
        target for target in _LINK.findall(file.read_text(encoding="utf-8")) if not (file.parent / target).exists()
    ]

    assert broken == []


def test_no_two_decisions_have_the_same_number():
    numbers = [file.name[:4] for file in sorted((DOCS / "decisions").glob("*.md"))]

    assert numbers == sorted(set(numbers))


#: Commands of packages for those who change the code, or look into the database; nothing has to run them.
FOR_DEVELOPERS = {
    *(
        "check",
        "compilemessages",
        "dbshell",
        "diffsettings",
        "dumpdata",
        "findstatic",
        "flush",
        "inspectdb",
        "loaddata",
    ),
    *("makemessages", "makemigrations", "optimizemigration", "runserver", "shell", "showmigrations", "sqlflush"),
    *("sqlmigrate", "sqlsequencereset", "squashmigrations", "startapp", "startproject", "test", "testserver"),
    *("api_tokens", "convert_mariadb_uuids", "create_log_entries_from_revisions", "show_references_index"),
    *("enable_fuzzystrmatch", "enable_trigram", "enable_unaccent"),  # indices of another search
}


def _section(title: str) -> str:
    operate = (DOCS / "operate.md").read_text(encoding="utf-8")
    return operate.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_for_each_command_of_a_framework_somebody_does_its_work():
    """Editors are shown dates that `publish_scheduled` carries out: who runs it, and its like, must be known."""
    told = set(
        re.findall(
            r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", _section("Commands of the frameworks"), re.MULTILINE))
        )
    )
    ours = {*OUR_APPS, "portal"}
    commands = {name for name, app in get_commands().items() if app not in ours}

    assert sorted(commands - told - FOR_DEVELOPERS) == [], (
        "Say in docs/operate.md which job does the work of these, or why none."
    )
    assert sorted(told - commands) == [], "These commands are gone."


def test_jobs_named_in_the_documentation_exist():
    named = set(re.findall(r"`(\w+\.\w+)`", _section("Commands of the frameworks"))) - {"operate.md"}

    assert named
    assert sorted(named - {job.name for job in jobs.all_jobs()}) == []
