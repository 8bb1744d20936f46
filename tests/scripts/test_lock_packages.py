"""The lock files: every pin has its hashes, and packages are installed with them only."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = ("requirements.txt", "requirements-semantic.txt", "requirements-dev.txt")


@pytest.fixture
def common(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "script")
    return importlib.import_module("_common")


@pytest.fixture
def copy(tmp_path) -> Path:
    """The requirements and lock files, to be changed."""
    for file in [*ROOT.glob("requirements*.txt"), *ROOT.glob("requirements*.lock")]:
        shutil.copy(file, tmp_path)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert len(re.findall(old, text, re.MULTILINE)) == 1
    file.write_text(re.sub(old, new, text, flags=re.MULTILINE))


def test_pins_and_hashes_agree(common):
    """Otherwise: script/lock_packages."""
    assert common.disagreements(ROOT) == []
    assert len(common.pins((ROOT / "requirements.lock").read_text())) > 80


@pytest.mark.parametrize(
    ("file", "change_of", "said"),
    [
        ("requirements.txt", (r"^(nh3==.*)", "nh3==9.9.9"), "requirements.txt and requirements.lock differ: nh3 9.9.9."),
        ("requirements.txt", (r"^nh3==.*\n", ""), "requirements.txt and requirements.lock differ: nh3"),
        ("requirements-dev.txt", (r"^(djade==.*)", r"\1\nnew==1.0"), "requirements-dev.lock differ: new 1.0."),
        ("requirements.lock", (r"^nh3==(\S+) \\\n(    --hash.*\n)+", ""), "requirements.lock differ: nh3"),
        ("requirements.lock", (r"^nh3==(\S+) \\\n(    --hash.*\n)+", r"nh3==\1\n"), "requirements.lock has no hash of nh3"),
    ],
)  # fmt: skip
def test_whatever_differs_is_named(common, copy, file, change_of, said):
    change(copy / file, *change_of)

    assert any(said in each for each in common.disagreements(copy))


def test_names_are_compared_as_indexes_do(common):
    assert common.pins("PyYAML==6.0\n") == common.pins('pyyaml==6.0 ; python_version < "4" \\\n    --hash=sha256:0\n')
    assert common.pins("draftjs_exporter[lxml, x]==7.3\n# a==1\n-r b.txt\n") == {"draftjs-exporter": "7.3"}


def test_nothing_is_installed_before_the_hashes_are_renewed(common, copy, monkeypatch, capsys):
    change(copy / "requirements.txt", r"^nh3==.*", "nh3==9.9.9")
    monkeypatch.setattr(common, "ROOT", copy)
    monkeypatch.setattr(common, "_make_venv", lambda: pytest.fail("began to install"))

    with pytest.raises(SystemExit):
        common.ensure_venv()

    assert "run script/lock_packages" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["requirements.lock"]),
        ({"semantic": True}, ["requirements.lock", "requirements-semantic.lock"]),
        ({"dev": True}, ["requirements.lock", "requirements-semantic.lock", "requirements-dev.lock"]),
    ],
)
def test_packages_are_installed_with_their_hashes_only(common, copy, monkeypatch, options, files):
    commands = []

    def run(command, **_options):
        commands.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(common, "ROOT", copy)
    monkeypatch.setattr(common, "_STAMP", copy / "stamp")
    monkeypatch.setattr(common, "_usable", lambda: True)
    monkeypatch.setattr(common.subprocess, "run", run)
    for uv in (None, "/usr/bin/uv"):
        monkeypatch.setattr(common.shutil, "which", lambda _name, found=uv: found)
        (copy / "stamp").unlink(missing_ok=True)
        common.ensure_venv(**options)

        command = commands[-1]
        assert "install" in command
        assert "--require-hashes" in command
        assert [Path(command[place + 1]).name for place, part in enumerate(command) if part == "-r"] == files


def test_a_file_with_another_content_is_refused(tmp_path):
    """What pip does with such a lock file, without network: our own package in the place of another."""
    (tmp_path / "lamp.py").write_text("")
    wheel = tmp_path / "lamp-1.0-py3-none-any.whl"
    shutil.make_archive(str(wheel), "zip", tmp_path, "lamp.py")
    Path(f"{wheel}.zip").rename(wheel)
    (tmp_path / "a.lock").write_text(f"lamp==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", tmp_path, "--require-hashes"]

    done = subprocess.run(
        [*command, "--dry-run", "-r", tmp_path / "a.lock"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_each_package_is_locked_beside_the_first_file_that_pins_it(common, copy, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("lock_packages", str(ROOT / "script" / "lock_packages"))
    spec = importlib.util.spec_from_loader("lock_packages", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", copy)
    whole = "".join((copy / common.lock_of(name)).read_text() for name in PINNED)
    whole = re.sub(r"^#.*\n", "", whole, flags=re.MULTILINE)
    windows = "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n"

    assert module.shared_out(windows + whole) == {
        common.lock_of(name): (copy / common.lock_of(name)).read_text() for name in PINNED
    }
    with pytest.raises(SystemExit):
        module.shared_out("unpinned==1.0 \\\n    --hash=sha256:1\n" + whole)


def test_no_lock_file_names_an_index():
    for file in ROOT.glob("requirements*.lock"):
        assert "://" not in file.read_text()
