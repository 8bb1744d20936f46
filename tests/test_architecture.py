"""Rules worth saying twice. Each failure names the place and says what to do instead."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from portal.our_apps import OUR_FOLDERS

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
#: Mail programs know no style sheets and no content-security policy.
PAGES = [file for file in TEMPLATES if "email" not in file.parts]
STYLE_SHEETS = sorted((ROOT / "portal" / "static" / "portal" / "css").rglob("*.css"))


def own_python() -> list[Path]:
    found = (file for folder in OUR_FOLDERS for file in (ROOT / folder).rglob("*.py"))
    return sorted(file for file in found if "migrations" not in file.parts)


def own_apps():
    return [app for app in apps.get_app_configs() if app.name.partition(".")[0] in OUR_FOLDERS]


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


# Layers --------------------------------------------------------------------------------------------------------------


def test_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_foreign_keys_point_down_or_stay_in_their_app():
    """A foreign key named by a string escapes the import checker."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "Dependencies point down")
    height = {
        module.strip(): len(layers) - number for number, layer in enumerate(layers) for module in layer.split("|")
    }

    def height_of(model) -> int | None:
        return height.get(apps.get_app_config(model._meta.app_label).name)

    pointing_up = [
        f"{model._meta.label}.{field.name} → {target._meta.label}"
        for app in own_apps()
        for model in app.get_models()
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and (target := field.related_model) and target != "self"
        if target._meta.app_label != model._meta.app_label and height_of(target) is not None
        if height_of(target) >= height_of(model)
    ]

    assert height_of(apps.get_model("accounts.User")) < height_of(apps.get_model("faq.ArticlePage"))  # it can see
    assert pointing_up == [], "Keep an id and an event instead: a lower app must not know a higher one."


def test_every_app_says_what_it_is_for():
    missing = [app.name for app in own_apps() if app.name != "portal" and not (Path(app.path) / "README.md").is_file()]

    assert missing == [], "A dozen lines: what it owns, its public services, events out, settings."


# One door ------------------------------------------------------------------------------------------------------------

#: Where all pages are needed, whoever asks, and why.
SEES_ALL_PAGES = {
    "portal/core/pages.py": "is the door",
    "portal/core/roles.py": "gives editors rights on the tree",
    "portal/core/routing.py": "finds the page of an address; the page itself then asks is_visible_to",
    "portal/demo": "makes the pages",
    "faq/importing": "is an editor's tool",
    "faq/admin.py": "is the editors' side",
    "faq/models.py": "describes pages; lists are made in queries",
    "faq/richtext.py": "only turns links into addresses",
    "faq/wagtail_hooks.py": "is the editors' side",
    "faq/panels.py": "is the editors' side",
    "faq/page_forms.py": "is the editors' side",
    "faq/prefill.py": "is the editors' side",
    "faq/receivers.py": "keeps the index, which holds every page with its audience",
    "faq/search_documents.py": "declares the index, which holds every page with its audience",
    "search/pins.py": "knows what is pinned; each is asked for with visible_to before it is shown",
    "search/services.py": "keeps the index, which holds every page with its audience",
    "search/receivers.py": "keeps the index, which holds every page with its audience",
}
#: Folders in the tree, not content: what lies in them is filtered.
FOLDER_PAGES = {"HelpIndexPage", "HomePage"}


def unguarded_page_queries(source: str) -> list[int]:
    """Lines of queries that begin at `SomethingPage.objects` and do not go through `visible_to`.

    What is handed to `reindex` may be anything: the index knows audiences.
    """
    found = []
    tree = ast.parse(source)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "objects" and isinstance(node.value, ast.Name)):
            continue
        if not node.value.id.endswith("Page") or node.value.id in FOLDER_PAGES:
            continue
        methods, at = [], node
        while isinstance(parent := parents[at], ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is at):
            if isinstance(parent, ast.Attribute):
                methods.append(parent.attr)
            at = parent
        asked_by = parents[at].func if isinstance(parents[at], ast.Call) else None
        if "visible_to" not in methods and getattr(asked_by, "id", "") != "reindex":
            found.append(node.lineno)
    return found


def test_pages_reach_readers_only_through_visible_to():
    around = [
        f"{name_of(file)}:{line}"
        for file in own_python()
        if not name_of(file).startswith(tuple(SEES_ALL_PAGES))
        for line in unguarded_page_queries(file.read_text(encoding="utf-8"))
    ]

    assert unguarded_page_queries("ArticlePage.objects.live().filter(x=1)") == [1]  # it can see
    assert unguarded_page_queries("ArticlePage.objects.child_of(p).visible_to(u).filter(x=1)") == []
    assert around == [], "Use ….visible_to(user): it is the one door for audiences."


# Texts, templates, styles --------------------------------------------------------------------------------------------


def test_nothing_waits_to_be_returned_to():
    mark = chr(0x2042)
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    texts = (
        ROOT / file for file in files if Path(file).suffix in {".py", ".html", ".css", ".js", ".md", ".toml", ".po"}
    )
    marked = [name_of(file) for file in texts if file.is_file() and mark in file.read_text(encoding="utf-8")]

    assert marked == [], f"{mark} means “come back here”: do it now or write an issue."


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_template_fits_the_strict_content_security_policy(file):
    source = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)

    inline = [
        tag
        for tag in re.findall(r"<script\b[^>]*>", source)
        if not re.search(r"\ssrc=", tag) and "application/ld+json" not in tag
    ]
    inline += re.findall(r"<style\b[^>]*>|\sstyle=[\"'][^\"']*|\son[a-z]+=[\"'][^\"']*|href=[\"']javascript:", source)

    assert inline == [], "The browser refuses these: use a class, a data- attribute, an SVG attribute or a module."


PHYSICAL = re.compile(
    r"(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)\b|border-(?:top|bottom)-(?:left|right)-radius"
    r"|(?<![\w-])(?:left|right)\s*:|text-align\s*:\s*(?:left|right)|(?:float|clear)\s*:\s*(?:left|right)"
)


@pytest.mark.parametrize("file", STYLE_SHEETS, ids=name_of)
def test_style_sheet_knows_no_left_and_right(file):
    source = re.sub(
        r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), file.read_text(encoding="utf-8"), flags=re.DOTALL
    )

    physical = [
        f"{number}: {line.strip()}" for number, line in enumerate(source.splitlines(), 1) if PHYSICAL.search(line)
    ]

    assert PHYSICAL.search("a { margin-left: 1px }")  # it can see
    assert physical == [], "Persian runs the other way: margin-inline-start, inset-inline-end, text-align: start."


# Settings ------------------------------------------------------------------------------------------------------------


def variables_read() -> list[str]:
    """Names of the environment variables the settings read, once per place."""
    names = []
    for file in sorted((ROOT / "portal" / "settings").glob("*.py")):
        source = file.read_text(encoding="utf-8")
        names += re.findall(r"\benv\.\w+\(\s*\"(\w+)\"", source)
        for ending in re.findall(r"\benv\.\w+\(\s*f\"{provider\.upper\(\)}(\w+)\"", source):
            names += [f"GOOGLE{ending}", f"GITHUB{ending}"]
    return names


def test_every_environment_variable_is_documented():
    manual = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")

    unknown = [name for name in [*variables_read(), "HOST", "PORT", "WORKERS"] if f"`{name}`" not in manual]

    assert "DATABASE_URL" in variables_read()  # it can see
    assert unknown == [], "Add them to docs/operate.md."


def test_every_environment_variable_is_read_once():
    names = variables_read()

    twice = {name for name in names if names.count(name) > 1}

    assert twice == set(), "Two readers drift apart."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "postgres://user:hunter2@host:54x2/name"),
        ("HTTPS", "maybe"),
        ("STAFF_SECOND_FACTOR", "Flase"),
        ("REDIS_URL", "localhost:6379"),
        ("BASE_URL", "portal.example"),
        ("LANGUAGE_CODE", "xx"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("OIDC_PROVIDERS", "{"),
        ("EMAIL_URL", "mail.example"),
    ],
)
def test_wrong_value_stops_the_start(name, value, tmp_path):
    done = start_with({name: value}, tmp_path)

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name} must" in done.stderr.splitlines()[-1]
    assert "hunter2" not in done.stderr


def test_empty_values_count_as_unset(tmp_path):
    done = start_with({"DATABASE_URL": "", "HTTPS": "", "REDIS_URL": "", "TIME_ZONE": "", "BASE_URL": ""}, tmp_path)

    assert done.stdout.split() == ["django.db.backends.sqlite3", "Asia/Tehran"], done.stderr


def test_production_does_not_start_without_a_secret_key(tmp_path):
    done = start_with({"SECRET_KEY": ""}, tmp_path)

    assert "Set SECRET_KEY" in done.stderr.splitlines()[-1]


def test_secret_key_may_begin_with_a_dollar_sign(tmp_path):
    done = start_with({"SECRET_KEY": "$HOME"}, tmp_path, show="settings.SECRET_KEY")

    assert done.stdout.strip() == "$HOME"


def start_with(
    variables: dict[str, str], data_dir: Path, show: str = "settings.DATABASES['default']['ENGINE'], settings.TIME_ZONE"
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "SECRET_KEY": "for this test", **variables}
    code = f"from django.conf import settings; print(*[{show}])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**env, "DJANGO_SETTINGS_MODULE": "portal.settings.production"},
    )  # fmt: skip
