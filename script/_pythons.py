"""script/pythons: tests the portal on the oldest and the newest Python of this machine, each in a separate copy.

  script/pythons                            finds Pythons on the PATH and those of pyenv and uv
  script/pythons /opt/py/bin/python3.14 …   uses these
  script/pythons --list                     says which were found, and runs nothing

Each of them runs script/server as a new user would (packages, migrations, start, a page), and then the tests that need
neither a database nor a browser. The Pythons found are listed, because few machines have all that we support. All other
tests run on the Python of .venv.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _common import ROOT, our_folders, say, stop

if TYPE_CHECKING:
    from typing import IO

#: The oldest version we support, and the first one that is too new.
FROM, BEFORE = (3, 11), (3, 15)
READY_SECONDS = 400
#: Packages those tests need in addition to the portal's; the versions are those of requirements-dev.txt.
PACKAGES = ("factory_boy", "hypothesis", "pytest-randomly", "pytest-socket", "wagtail-factories")
TESTS = (
    "tests/accounts/test_user_agents.py",
    "tests/core/test_formats.py",
    "tests/core/test_forms.py",
    "tests/core/test_privacy.py",
    "tests/core/test_text.py",
    "tests/core/test_ui.py",
    "tests/faq/test_importing_markdown.py",
    "tests/faq/test_importing_sources.py",
    "tests/search/test_highlight.py",
)
#: Variables of the operator's installation, which the copies must not see.
PRIVATE = {"DATABASE_URL", "DATA_DIR", "REDIS_URL", "ELASTICSEARCH_URL", "SECRET_KEY", "ALLOWED_HOSTS", "BASE_URL", "HOST",
           "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "SEMANTIC", "CI"}  # fmt: skip


class FailedError(Exception):
    """Raised if something fails on one of the Pythons; the log says what."""


@dataclass(frozen=True, order=True)
class Python:
    version: tuple[int, int, int]
    path: str

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/pythons", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", nargs="*", help="use these instead of searching for some")
    parser.add_argument("--list", action="store_true", help="say which Pythons were found, and run nothing")
    arguments = parser.parse_args()
    found = all_known(arguments.python or candidates())
    if not found:
        stop("No Python of ours was found that can make an environment (its modules venv and ensurepip).")
    say("Found: " + ", ".join(map(str, found)))
    there = {python.version[:2] for python in found}
    if missing := [f"3.{minor}" for minor in range(FROM[1], BEFORE[1]) if (3, minor) not in there]:
        say(f"Not here: {', '.join(missing)}")
    if arguments.list:
        return
    chosen = found if arguments.python else list(dict.fromkeys((found[0], found[-1])))
    with ThreadPoolExecutor(len(chosen)) as pool:
        succeeded = list(pool.map(tried, chosen))
    if not all(succeeded):
        sys.exit(1)


def all_known(paths: list[str]) -> list[Python]:
    """The Pythons at these paths that we support, the oldest first, one of each version."""
    return sorted({python.version: python for path in paths if (python := known(path))}.values())


def candidates() -> list[str]:
    """Paths of Pythons on the PATH, and of those pyenv and uv installed, which may have other versions."""
    names = [f"python3.{minor}" for minor in range(FROM[1], BEFORE[1])]
    paths = [str(Path(folder) / name) for folder in os.get_exec_path() for name in (*names, "python3")]
    home = Path.home()
    places = [Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions", home / ".local/share/uv/python"]
    return [*paths, *(str(file) for place in places for file in sorted(place.glob("*/bin/python3")))]


def known(path: str) -> Python | None:
    """The Python at this path; None if we do not support it, it cannot create environments, or it is in one."""
    probe = "import ensurepip, sys, venv; print(*sys.version_info[:3], sys.prefix == sys.base_prefix)"
    try:
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    if done.returncode or len(words) != 4 or words[3] != "True":
        return None
    version = (int(words[0]), int(words[1]), int(words[2]))
    return Python(version, path) if FROM <= version[:2] < BEFORE else None


def tried(python: Python) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portal-python-") as folder, (Path(folder) / "log").open("w+b") as log:
        project = copied(Path(folder) / "project")
        try:
            serve(project, python, log)
            ready = time.monotonic()
            summary = test(project, log)
        except FailedError as error:
            log.seek(0)
            tail = log.read().decode(errors="replace").splitlines()[-60:]
            say("\n".join([f"✗ {python}: {error}", *tail]))
            return False
    say(f"✓ {python}: set up and served in {ready - began:.0f} s; {summary}")
    return True


def copied(project: Path) -> Path:
    """Copy our code, without environments and data."""
    project.mkdir()
    for name in (*our_folders(), "templates", "script", "tests"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    for file in (
        ROOT / "manage.py",
        ROOT / "pyproject.toml",
        *ROOT.glob("requirements*.txt"),
        *ROOT.glob("requirements*.lock"),
    ):
        shutil.copy(file, project)
    return project


def serve(project: Path, python: Python, log: IO[bytes]) -> None:
    """Start the portal by script/server, check a page in each language, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    env = {**clean_environment(), "PYTHON": python.path, "PORT": str(port), "WORKERS": "1"}
    server = subprocess.Popen(
        ["sh", "script/server", "--no-demo"],
        cwd=project, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + READY_SECONDS
        while status(port, "/health/") != 200:
            if server.poll() is not None or time.monotonic() > deadline:
                raise FailedError("script/server did not get so far as to answer")
            time.sleep(0.3)
        wrong = {path: code for path in ("/fa/", "/en/", "/en/search/?q=light") if (code := status(port, path)) != 200}
        if wrong:
            raise FailedError(f"answered {wrong}")
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def status(port: int, path: str) -> int:
    """The status of a GET request; 0 if there is no response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test(project: Path, log: IO[bytes]) -> str:
    """Run the tests; return the last line of their output."""
    python = str(project / ".venv" / "bin" / "python")
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    wanted = [found for name in PACKAGES for found in re.findall(rf"^{name}==\S+", pins, re.MULTILINE)]
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    env = {**clean_environment(), "DATA_DIR": str(project / "var")}
    for command in (
        [*install, *wanted],
        [python, "manage.py", "compile_translations"],
        [python, "-W", "error::SyntaxWarning", "-m", "pytest", "-q", *TESTS],
    ):
        at = log.tell()
        with_settings = {**env, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
        if subprocess.run(command, cwd=project, env=with_settings, stdout=log, stderr=log, check=False).returncode:
            raise FailedError(f"{' '.join(command[1:4])} … failed")
    log.seek(at)
    return log.read().decode(errors="replace").strip().splitlines()[-1].strip("= ")


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in PRIVATE}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
