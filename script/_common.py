"""Shared by the scripts: messages, and a virtual environment that is created and updated automatically.

Uses only the standard library, because it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
_STAMP = VENV / ".installed.json"
_SUPPORTED = "(3, 11) <= sys.version_info < (3, 15)"
#: Files with the pins, each for everybody, those with semantic search, developers. Beside each is its lock file.
REQUIREMENTS = ("requirements.txt", "requirements-semantic.txt", "requirements-dev.txt")


def say(message: str) -> None:
    print(message, flush=True)


def stop(message: str) -> NoReturn:
    print(f"\n{message}", file=sys.stderr, flush=True)
    sys.exit(1)


def ensure_venv(*, dev: bool = False, semantic: bool = False) -> Path:
    """The Python of a virtual environment with the requirements installed, which is created or updated if needed.

    `dev` installs everything, `semantic` the requirements of semantic search. If nothing has changed since the last
    time, no process is started and the network is not used.
    """
    kind = "dev" if dev else "semantic" if semantic else "runtime"
    pinned = REQUIREMENTS if dev else REQUIREMENTS[:2] if semantic else REQUIREMENTS[:1]
    if wrong := disagreements(ROOT, pinned):
        stop(f"{wrong[0]}\nAfter changing a pin run script/lock_packages, which renews the hashes.")
    files = [ROOT / lock_of(name) for name in pinned]
    wanted = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    with _only_one_at_a_time():
        if not _usable():
            _make_venv()
        stamps = json.loads(_STAMP.read_text()) if _STAMP.is_file() else {}
        if stamps.get(kind) != wanted:
            _install(files)
            try:
                _STAMP.write_text(json.dumps({**stamps, kind: wanted}))
            except OSError as error:
                stop(f"Cannot write in {VENV}: {error.strerror}.")
    return PYTHON


def lock_of(requirements: str) -> str:
    """Name of the file with the hashes of what is pinned in this one, and nothing that another one pins already."""
    return requirements.removesuffix(".txt") + ".lock"


def pins(text: str) -> dict[str, str]:
    """Package → version, of a requirements file or a lock file; names as package indexes compare them."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w, -]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def disagreements(folder: Path, requirements: Sequence[str] = REQUIREMENTS) -> list[str]:
    """Sentences about pins without their hashes and hashes without a pin; none if the lock files are current."""
    wrong = []
    known: dict[str, str] = {}
    for name in requirements:
        pinned = {**pins((folder / name).read_text(encoding="utf-8")), **known}
        lock = folder / lock_of(name)
        text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
        locked = {**pins(text), **known}
        differing = sorted(set(pinned.items()) ^ set(locked.items()))
        wrong += [f"{name} and {lock.name} differ: {package} {version}." for package, version in differing]
        without = [block for block in re.split(r"\n(?=\w)", text) if "==" in block and "--hash=sha256:" not in block]
        wrong += [f"{lock.name} has no hash of {block.partition(' ')[0]}." for block in without]
        known = pinned
    return wrong


def our_folders() -> tuple[str, ...]:
    """The folders with our code, from portal/our_apps.py."""
    return tuple(runpy.run_path(str(ROOT / "portal" / "our_apps.py"))["OUR_FOLDERS"])


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Hold a lock, so that two scripts started at once do not build the same environment."""
    with (ROOT / "requirements.txt").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _usable() -> bool:
    """Whether .venv exists and its Python works (it breaks if the base Python is removed)."""
    if not PYTHON.exists():
        return False
    probe = f"import sys; sys.exit(not ({_SUPPORTED} and sys.prefix != sys.base_prefix))"
    return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
            stop(f"{VENV} is in the way and is not a virtual environment. Move it, then start again.")
        say("The virtual environment cannot be used any more (its Python is gone or too old): making a new one.")
        shutil.rmtree(VENV)
    base = getattr(sys, "_base_executable", sys.executable)
    uv = shutil.which("uv")
    version = ".".join(map(str, sys.version_info[:2]))
    if uv:
        command = [uv, "venv", "--quiet", "--python", base, str(VENV)]
    elif importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        command = [base, "-m", "venv", str(VENV)]
    else:
        stop(
            f"Python {version} is here, but not its venv module, which the portal needs to keep its packages apart.\n\n"
            f"  Debian, Ubuntu:  apt install python{version}-venv\n"
            f"  elsewhere:       install uv (https://docs.astral.sh/uv/) and start again"
        )
    say(f"Making a virtual environment with Python {version} in {VENV} …")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        stop(f"Could not make a virtual environment in {VENV}:\n{(done.stderr or done.stdout).strip()}")


def _install(files: list[Path]) -> None:
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
    else:
        if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
            subprocess.run([PYTHON, "-m", "ensurepip"], capture_output=True, check=False)
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    names = ", ".join(file.with_suffix(".txt").name for file in files)
    say(f"Installing the packages of {names} (needs the network, this time only) …")
    # Whatever the index serves, only files with these hashes are installed.
    command += ["--require-hashes", *(argument for file in files for argument in ("-r", str(file)))]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        stop("The packages could not be installed; the reason is above. Is the network reachable? Then start again.")


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child process: ours, without variables that point Python at other packages."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    return {
        **kept,
        "VIRTUAL_ENV": str(VENV),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        **extra,
    }
