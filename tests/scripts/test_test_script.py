"""script/test: what it runs in parallel, its output, and that failures are reported."""

from __future__ import annotations

import argparse
import importlib
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = "postgres://postgres@127.0.0.1:5432/portal"


@pytest.fixture
def script(monkeypatch):
    """The module of script/test, as on a machine with a browser."""
    monkeypatch.syspath_prepend(ROOT / "script")
    module = importlib.import_module("_test")
    monkeypatch.setattr(module, "IN_CI", False)
    monkeypatch.setenv("CHROMIUM", "/usr/bin/chromium")
    return module


def arguments(**changes) -> argparse.Namespace:
    return argparse.Namespace(**{"all_databases": False, "no_browser": False, "workers": "2", **changes})


def toy(folder: Path, name: str, code: str) -> list[str]:
    """Arguments to run one small test file that is independent of the portal."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    file = folder / f"test_{name}.py"
    file.write_text(code)
    return [str(file), "-c", str(folder / "pytest.ini"), "-p", "no:django"]


def test_browsers_run_beside_postgresql_and_after_sqlite(script):
    stages = script.stages_of_everything(arguments(), SERVER)

    names = [[[run.name for run in lane] for lane in lanes] for lanes in stages]
    assert names == [[["sqlite"]], [["browser"], ["postgres"]]]
    assert [run.database_url for lanes in stages for lane in lanes for run in lane] == ["", "", SERVER]


@pytest.mark.parametrize("everything", [False, True])
def test_postgresql_runs_what_is_marked_unless_all_is_asked_for(script, everything):
    stages = script.stages_of_everything(arguments(all_databases=everything, no_browser=True), SERVER)
    [[[sqlite]], [[postgres]]] = stages

    assert "-m" not in sqlite.arguments
    assert ("both_databases or postgres" in postgres.arguments) is not everything


def test_nothing_is_left_out_in_ci(script, monkeypatch, capsys):
    monkeypatch.setattr(script, "IN_CI", True)
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(SystemExit):
        script.stages_of_everything(arguments(), SERVER)

    assert "Chromium is missing, and in CI nothing is skipped." in capsys.readouterr().err


def test_runs_side_by_side_say_whole_what_they_said_and_whether_they_passed(script, tmp_path, capfd):
    many = "import pytest\n@pytest.mark.parametrize('n', range(400))\ndef test_many(n): assert n != 399, 'the last one'"
    long = script.Run("long", "four hundred tests", toy(tmp_path, "many", many))
    short = script.Run("short", "one test", toy(tmp_path, "one", "def test_one(): assert True"))

    script.run_lanes([[long], [short]], {**os.environ, "PYTHONPATH": ""}, tmp_path)

    said = capfd.readouterr().out
    assert (long.succeeded, short.succeeded) == (False, True)
    assert re.search(r"── four hundred tests: [1-9]\d %", said)
    assert "── four hundred tests: failed after" in said
    assert "── one test: passed after" in said
    whole = said[said.index("FAILURES") :]
    assert whole.index("the last one") < whole.index("1 failed, 399 passed")


def test_the_table_adds_up_the_seconds_of_each_folder(script):
    sqlite = script.Run("sqlite", "SQLite", [], seconds=70, by_folder={"faq": (40.4, 12), "core": (80.0, 30)})
    browser = script.Run("browser", "browser", [], seconds=50, by_folder={"browser": (48.6, 9)})

    rows = [line.split() for line in script.table([sqlite, browser]).splitlines() if line]

    assert rows == [
        ["Seconds", "(tests)", "sqlite", "browser"],
        ["core", "80", "(30)", "–"],
        ["browser", "–", "49", "(9)"],
        ["faq", "40", "(12)", "–"],
        ["all", "120", "(42)", "49", "(9)"],
        ["by", "the", "clock", "70", "50"],
    ]
