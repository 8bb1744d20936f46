"""script/test: unit and contract tests, then the browser tests.

  script/test                     everything, on SQLite
  script/test --postgres          everything, then once more on PostgreSQL (TEST_DATABASE_URL says where)
  script/test tests/faq -k rate   only these; what pytest understands is passed on

TEST_DATABASE_URL (postgres://user@host:port/name) alone has the same effect as --postgres. The user must be allowed to
create databases. Browser tests need Chromium (CHROMIUM, else one on the PATH). Tests with a real Elasticsearch run, on
SQLite, where TEST_ELASTICSEARCH_URL names one:

  ELASTICSEARCH_HOME=/var/cache/portal-elasticsearch script/elasticsearch start --quick
  TEST_ELASTICSEARCH_URL=http://127.0.0.1:9200 script/test

With CI=true both databases, Chromium and Elasticsearch must be there, and a skipped test is a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from _common import PYTHON, ROOT, ensure_venv, environment, say, stop

IN_CI = os.environ.get("CI") == "true"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgres", action="store_true", help="also run on PostgreSQL (TEST_DATABASE_URL)")
    parser.add_argument("--no-browser", action="store_true", help="leave the browser tests out")
    parser.add_argument("--workers", default="2", help="how many processes share the tests")
    arguments, chosen = parser.parse_known_args()
    postgres = os.environ.get("TEST_DATABASE_URL", "")
    if (arguments.postgres or IN_CI) and not postgres:
        stop(
            "Where is PostgreSQL? Name a server whose user may create databases, for example\n"
            "  TEST_DATABASE_URL=postgres://postgres@127.0.0.1:5432/portal script/test"
        )
    if not os.environ.get("TEST_ELASTICSEARCH_URL"):
        if IN_CI:
            stop("Elasticsearch is missing (TEST_ELASTICSEARCH_URL), and in CI nothing is skipped.")
        say(
            "Tests with a real Elasticsearch are left out: script/elasticsearch start --quick, then TEST_ELASTICSEARCH_URL."
        )
    ensure_venv(dev=True)
    with tempfile.TemporaryDirectory(prefix="portal-test-") as folder:
        env = test_environment(folder)
        if subprocess.run([PYTHON, "manage.py", "compile_translations"], cwd=ROOT, env=env, check=False).returncode:
            stop("The translations do not compile; the reason is above.")
        runs = runs_of_everything(arguments, postgres) if not chosen else [("", "chosen tests", {}, chosen)]
        if chosen and postgres:
            runs.append((postgres, "chosen tests", {}, chosen))
        failed = [title for url, title, extra, args in runs if not run(title, url, {**env, **extra}, args)]
    if failed:
        stop(f"Failed: {', '.join(failed)}.")


def runs_of_everything(
    arguments: argparse.Namespace, postgres: str
) -> list[tuple[str, str, dict[str, str], list[str]]]:
    """(database address or "" for SQLite, title, extra variables, pytest's arguments) of each run."""
    share = ["--ignore=tests/browser", "-n", arguments.workers, "--dist", "loadgroup"]
    coverage = ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=90"] if IN_CI else []
    runs = [("", "unit and contract tests, SQLite", {}, [*share, *coverage])]
    if postgres:
        runs.append((postgres, "unit and contract tests, PostgreSQL", {}, share))
    if arguments.no_browser:
        return runs
    if os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome"):
        runs.append(("", "browser tests", {}, ["tests/browser"]))
    elif IN_CI:
        stop("Chromium is missing, and in CI nothing is skipped.")
    else:
        say("Browser tests are left out: install Chromium (Debian: apt install chromium) or set CHROMIUM to its path.")
    return runs


def test_environment(folder: str) -> dict[str, str]:
    """A run that sees nothing of the operator's installation: its own folder, no addresses of real services."""
    private = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT", "DATA_DIR"}
    private |= {name for name in os.environ if name.startswith("ELASTICSEARCH_") and name != "ELASTICSEARCH_HOME"}
    env = {name: value for name, value in environment().items() if name not in private}
    return {**env, "DJANGO_SETTINGS_MODULE": "portal.settings.test", "DATA_DIR": folder}


def run(title: str, database_url: str, env: dict[str, str], arguments: list[str]) -> bool:
    say(f"\n── {title}")
    began = time.monotonic()
    if database_url:
        env = {**env, "DATABASE_URL": database_url}
    code = subprocess.run([PYTHON, "-m", "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode
    if code:
        say(f"── {title}: failed after {time.monotonic() - began:.0f} s")
    return code == 0


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
