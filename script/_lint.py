"""script/lint: runs every check that is not a test. Says which failed and why; exits with 1 if any failed.

script/lint            all checks
script/lint mypy       only checks with “mypy” in their name
script/lint --fix      first lets the tools fix what they can
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from _common import PYTHON, ROOT, VENV, ensure_venv, environment, our_folders, say, stop


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]
    succeeded: bool = True
    output: str = ""
    seconds: float = 0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/lint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fix", action="store_true", help="let the tools fix what they can")
    parser.add_argument("name", nargs="?", default="", help="run only the checks whose name contains this")
    arguments = parser.parse_args()
    ensure_venv(dev=True)
    with tempfile.TemporaryDirectory(prefix="portal-lint-") as folder:
        env = environment(DJANGO_SETTINGS_MODULE="portal.settings.test", DATA_DIR=folder)
        if arguments.fix:
            for command in repairs():
                subprocess.run(command, cwd=ROOT, env=env, check=False)
        wanted = [check for check in checks() if arguments.name in check.name]
        if not wanted:
            stop(f"No check is called “{arguments.name}”. There are: {', '.join(check.name for check in checks())}.")
        failed = []
        with ThreadPoolExecutor(2) as pool:
            for check in pool.map(lambda check: run(check, env), wanted):
                say(f"{'✓' if check.succeeded else '✗'} {check.name}  {check.seconds:.1f} s")
                if not check.succeeded:
                    failed.append(check.name)
                    say(check.output.rstrip() + "\n")
    if failed:
        stop(f"{len(failed)} of {len(wanted)} checks failed: {', '.join(failed)}.")
    say(f"All {len(wanted)} checks passed.")


def checks() -> list[Check]:
    python, scripts, templates = python_files(), python_scripts(), template_files()
    return [
        Check("mypy", [tool("mypy")]),
        Check("ruff format", [tool("ruff"), "format", "--check", ".", *scripts]),
        Check("ruff check", [tool("ruff"), "check", ".", *scripts]),
        Check("import contracts", [tool("lint-imports"), "--no-cache"]),
        Check("djhtml", [tool("djhtml"), "--check", "--tabwidth", "2", *templates]),
        Check("djade", [tool("djade"), "--check", "--target-version", "5.2", *templates]),
        Check("djlint", [tool("djlint"), "--lint", "--quiet", *templates]),
        Check("django-upgrade", [tool("django-upgrade"), "--check", "--target-version", "5.2", *python]),
        Check("system checks", [str(PYTHON), "manage.py", "check", "--fail-level", "WARNING"]),
        Check("missing migrations", [str(PYTHON), "manage.py", "makemigrations", "--check", "--dry-run"]),
        Check("migration linter", [str(PYTHON), "script/lint_migrations"]),
        Check("translations", [str(PYTHON), "script/check_translations"]),
        Check("locked packages", [str(PYTHON), "script/lock_packages", "--check"]),
        Check("vendored files", [str(PYTHON), "script/vendor_js", "--check"]),
        Check("style sheet", [str(PYTHON), "script/build_css", "--check"]),
    ]


def repairs() -> list[list[str]]:
    scripts = python_scripts()
    return [
        [tool("django-upgrade"), "--target-version", "5.2", *python_files()],
        [tool("ruff"), "check", "--fix", ".", *scripts],
        [tool("ruff"), "format", ".", *scripts],
        [tool("djade"), "--target-version", "5.2", *template_files()],
        [tool("djhtml"), "--tabwidth", "2", *template_files()],
        [str(PYTHON), "script/build_css"],
    ]


def tool(name: str) -> str:
    return str(VENV / "bin" / name)


def python_files() -> list[str]:
    folders = (*our_folders(), "bench", "script", "tests")
    found = (file for folder in folders for file in (ROOT / folder).rglob("*.py") if "migrations" not in file.parts)
    return sorted(str(file.relative_to(ROOT)) for file in found)


def python_scripts() -> list[str]:
    """Python scripts without a file extension, which the tools do not find."""
    files = [file for file in (ROOT / "script").iterdir() if file.is_file() and not file.suffix]
    return sorted(str(file.relative_to(ROOT)) for file in files if "python" in file.read_text().partition("\n")[0])


def template_files() -> list[str]:
    """All templates, including those that override a package's (django/, wagtail…/) and keep its layout."""
    return sorted(str(file.relative_to(ROOT)) for file in (ROOT / "templates").rglob("*.html"))


def run(check: Check, env: dict[str, str]) -> Check:
    began = time.monotonic()
    done = subprocess.run(check.command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return Check(check.name, check.command, done.returncode == 0, done.stdout + done.stderr, time.monotonic() - began)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
