"""Apps are listed in one place, portal/our_apps.py. Files that cannot read that list are compared with it here."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from portal.our_apps import OUR_APPS, OUR_FOLDERS

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMPORTS = PYPROJECT["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in IMPORTS["contracts"]}


def names_in(layer: str) -> list[str]:
    """The names in a layer: `"(a) | b"` → a, b."""
    return [name.strip().strip("()") for name in layer.split("|")]


def script(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "script")
    return importlib.import_module(name)


# The list ------------------------------------------------------------------------------------------------------------


def test_every_app_of_the_list_is_installed_and_every_folder_with_an_app_is_in_the_list():
    installed = [config.name for config in apps.get_app_configs() if config.name in OUR_APPS]
    folders = {file.parent for folder in OUR_FOLDERS for file in (ROOT / folder).rglob("apps.py")}
    folders |= {file.parent for file in ROOT.glob("*/apps.py")}
    found = {folder.relative_to(ROOT).as_posix().replace("/", ".") for folder in folders}

    assert installed == list(OUR_APPS)
    assert found - {"portal", "portal.accounts.staff"} == set(OUR_APPS), "Add the app to portal/our_apps.py."


def test_the_list_is_read_without_anything_installed():
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import runpy, sys; print(*runpy.run_path(sys.argv[1])['OUR_FOLDERS'])",
         "portal/our_apps.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout.split() == list(OUR_FOLDERS), done.stderr


def test_empty_rooms_show_nothing_and_make_no_table():
    rooms = [config for config in apps.get_app_configs() if config.name in {"community", "loyalty"}]
    empty = [config for config in rooms if not list(config.get_models())]

    assert len(rooms) == 2
    for config in empty:
        files = {file.name for file in Path(config.path).iterdir() if file.name != "__pycache__"}
        assert files == {"__init__.py", "apps.py", "README.md"}, f"{config.name} has begun: give it its tests."


# Users of the list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", OUR_FOLDERS)
def test_checks_of_python_files_see_every_folder(folder, monkeypatch):
    assert f"{folder}/__init__.py" in script("_lint", monkeypatch).python_files()


def test_a_change_in_any_folder_has_the_portal_prepared_anew(monkeypatch, tmp_path):
    server, common = script("_server", monkeypatch), script("_common", monkeypatch)
    for module in (server, common):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("portal/settings", *OUR_FOLDERS):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "portal/our_apps.py").write_bytes((ROOT / "portal/our_apps.py").read_bytes())
    (tmp_path / "requirements.txt").touch()
    marks = [server.fingerprint({}, demo=False)]

    for folder in OUR_FOLDERS:
        (tmp_path / folder / "models.py").write_text("changed")
        marks.append(server.fingerprint({}, demo=False))

    assert len(set(marks)) == len(OUR_FOLDERS) + 1


def test_texts_of_every_folder_must_be_translated(tmp_path):
    """Run script/check_translations on a copy in which one folder has a new text."""
    for name in ("script", "portal/locale"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "script").unlink()
    (tmp_path / "script").mkdir()
    for name in ("script/_common.py", "script/check_translations", "portal/our_apps.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for folder in OUR_FOLDERS:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "views.py").write_text(f'_("nobody translated this in {folder}")\n')

    done = subprocess.run(
        [sys.executable, "script/check_translations"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert [folder for folder in OUR_FOLDERS if f"in {folder}'" not in done.stderr] == []


# Files that cannot read it -------------------------------------------------------------------------------------------


def test_coverage_measures_every_folder():
    assert PYPROJECT["tool"]["coverage"]["run"]["source"] == list(OUR_FOLDERS), (
        "pyproject.toml, [tool.coverage.run]: source = the folders of portal/our_apps.py."
    )


def test_types_of_every_module_are_checked(monkeypatch):
    mypy = PYPROJECT["tool"]["mypy"]
    scripts = script("_lint", monkeypatch).python_scripts()

    assert mypy["files"] == [*OUR_FOLDERS, "bench", "script", "manage.py", *scripts], (
        "pyproject.toml, [tool.mypy]: files = the folders of portal/our_apps.py, and all other Python but the tests."
    )
    assert "script/check_translations" in scripts
    assert mypy["exclude"] == ["/migrations/"]
    assert mypy["strict"] is True


def test_import_contracts_know_every_app():
    layers = [name for layer in CONTRACTS["Dependencies point down"]["layers"] for name in names_in(layer)]
    beside_articles = next(
        names_in(layer) for layer in CONTRACTS["Dependencies point down"]["layers"] if "faq" in names_in(layer)
    )

    assert IMPORTS["root_packages"] == list(OUR_FOLDERS), (
        "pyproject.toml, [tool.importlinter]: root_packages = the folders of portal/our_apps.py."
    )
    assert set(OUR_APPS) - set(layers) == set(), (
        "pyproject.toml, the contract “Dependencies point down”: give the app its layer, without parentheses."
    )
    assert CONTRACTS["Inside an app"]["containers"] == [name for name in beside_articles if name in OUR_APPS], (
        "pyproject.toml, the contract “Inside an app”: containers = the features, the apps in one layer with faq."
    )
    assert CONTRACTS["Only one module knows Elasticsearch"]["source_modules"] == list(OUR_FOLDERS), (
        "pyproject.toml, the contract “Only one module knows Elasticsearch”: source_modules = the folders of our apps."
    )


def test_the_image_gets_every_folder():
    patterns = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    left_out = [folder for folder in OUR_FOLDERS if f"!{folder}" not in patterns]

    assert "COPY --chown=portal . ." in (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines(), (
        "deploy/Dockerfile copies the project as a whole; who names folders names all of portal/our_apps.py."
    )
    assert left_out == [], "deploy/Dockerfile.dockerignore lists what the image gets: add the folder."


# Contracts hold for apps that do not exist yet -----------------------------------------------------------------------

#: Imports that may be added one day, and the contract that must reject them.
FORBIDDEN = [
    ("community.services", "loyalty.services", "Dependencies point down"),
    ("loyalty.views", "community.models", "Dependencies point down"),
    ("search.queries", "community.models", "Dependencies point down"),
    ("community.models", "community.services", "Inside an app"),
    ("loyalty.queries", "loyalty.views", "Inside an app"),
    ("loyalty.services.ledger", "loyalty.services.offers", "The ledger knows no offers"),
    ("loyalty.models.ledger", "loyalty.models.offers", "The ledger knows no offers"),
    ("loyalty.services.ledger.posting", "loyalty.models.earning", "The ledger knows no offers"),
    ("loyalty.services.ledger.batches", "loyalty.services.rewards", "The ledger knows no offers"),
]


def test_walls_stand_before_there_is_anything_between_them(tmp_path):
    """Check the contracts on a project of empty modules, shaped like the two planned apps, that breaks each rule."""
    contracts = [CONTRACTS[name] for name in {name for _, _, name in FORBIDDEN}]
    lines = ["[tool.importlinter]", f"root_packages = {json.dumps(IMPORTS['root_packages'])}"]
    for contract in contracts:
        lines += ["[[tool.importlinter.contracts]]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in contract.items() if key != "ignore_imports"]
    (tmp_path / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")
    modules = {*OUR_APPS, "portal.apps", "portal.urls", "portal.wiring", "portal.settings", "portal.points"}
    for module in modules.union(*((importer, imported) for importer, imported, _ in FORBIDDEN)):
        file = tmp_path.joinpath(*module.split("."), "__init__.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for parent in file.parents[: module.count(".") + 1]:
            (parent / "__init__.py").touch()
    for importer, imported, _ in FORBIDDEN:
        tmp_path.joinpath(*importer.split("."), "__init__.py").write_text(f"import {imported}\n", encoding="utf-8")

    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    _, *broken = re.split(r"^(.+)\n-+\n", done.stdout[done.stdout.index("Broken contracts") :], flags=re.MULTILINE)
    said = dict(zip(broken[::2], broken[1::2], strict=True))
    assert [wall for wall in FORBIDDEN if f"{wall[0]} -> {wall[1]} (l.1)" not in said.get(wall[2], "")] == [], said
