"""All places name the same supported Python versions; script/pythons finds those on this machine."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pythons(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "script")
    return importlib.import_module("_pythons")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_place_names_the_same_pythons(pythons):
    first, after = (f"{major}.{minor}" for major, minor in (pythons.FROM, pythons.BEFORE))
    last = f"3.{pythons.BEFORE[1] - 1}"
    all_of_them = [f"3.{minor}" for minor in range(pythons.FROM[1], pythons.BEFORE[1])]
    condition = f"{pythons.FROM} <= sys.version_info < {pythons.BEFORE}"

    assert tomllib.loads(text("pyproject.toml"))["project"]["requires-python"] == f">={first},<{after}"
    assert tomllib.loads(text("pyproject.toml"))["tool"]["mypy"]["python_version"] == first
    assert condition in text("script/_common.py")
    assert condition in text("script/_python.sh")
    assert f'uv python find ">={first},<{after}"' in text("script/_python.sh")
    assert " ".join(f"python{version}" for version in reversed(all_of_them)) in text("script/_python.sh")
    for name in ("script/_python.sh", "README.md"):
        assert f"Python {', '.join(all_of_them[:-1])} or {last}" in text(name)
    assert f"Python {first} to {last}" in text("requirements.txt")
    assert re.search(r"^FROM python:(3\.\d+)-", text("deploy/Dockerfile"), re.MULTILINE)[1] in all_of_them


def test_a_python_that_can_make_an_environment_is_found_by_its_version(pythons):
    found = pythons.known(str(Path(sys.base_prefix) / "bin" / "python3"))

    assert found.version == sys.version_info[:3]
    assert str(found).startswith(f"Python {sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]} (")


def test_what_is_no_python_of_ours_is_passed_over(pythons, tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3 10 4 True\n")
    old.chmod(0o755)

    assert [pythons.known(str(path)) for path in (old, "/bin/false", tmp_path / "missing")] == [None, None, None]


def test_the_python_of_an_environment_is_no_other_python(pythons, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)

    assert pythons.known(str(tmp_path / "bin" / "python3")) is None


def test_the_tests_it_runs_are_there(pythons):
    pins = text("requirements-dev.txt")

    assert [name for name in pythons.TESTS if not (ROOT / name).is_file()] == []
    assert [name for name in pythons.PACKAGES if not re.search(rf"^{name}==", pins, re.MULTILINE)] == []
