"""The data of a portal with the demo, made once and copied for every server a test starts.

Loading the demo takes half a minute and always ends in the same rows. What it depends on is nearly all of our code, so
the copy is kept under a hash of that: after a change of any file it is made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from portal.our_apps import OUR_FOLDERS
from tests.databases import FOLDER, ROOT, migrated_file

if TYPE_CHECKING:
    from pathlib import Path

#: How many are kept, for those who go back and forth between branches.
KEPT = 2
_NOT_READ = {"__pycache__", "node_modules"}


def demo_data(folder: Path) -> None:
    """Fill the empty `folder`, a DATA_DIR, with what ``manage.py prepare --demo`` leaves.

    The server's own settings still have to be prepared there (its address, for example), which takes a few seconds.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = FOLDER / f"demo-{_key()}"
    with (FOLDER / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            _make(made)
        os.utime(made)
        shutil.copytree(made, folder, dirs_exist_ok=True)
    stamp = folder / "static.stamp"  # where the static files were collected, and of what
    stamp.write_text(f"{folder / 'static'} {stamp.read_text(encoding='utf-8').split()[-1]}", encoding="utf-8")


def _make(made: Path) -> None:
    unfinished = FOLDER / "demo-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    migrated_file(unfinished / "portal.sqlite3")
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | {
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
        "DATA_DIR": str(unfinished),
        "SECRET_KEY": "only-for-tests",
        "ALLOWED_HOSTS": "localhost",
    }
    subprocess.run([sys.executable, "manage.py", "prepare", "--demo"], cwd=ROOT, env=env, check=True)
    for name in ("secret_key", "prepare.lock"):
        (unfinished / name).unlink(missing_ok=True)
    unfinished.rename(made)
    newest_first = sorted(FOLDER.glob("demo-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[KEPT:]:
        shutil.rmtree(old)


def _key() -> str:
    known = hashlib.sha256()
    files = [ROOT / "requirements.txt"]
    for top in (*OUR_FOLDERS, "templates"):
        files += [path for path in (ROOT / top).rglob("*") if path.is_file() and not _NOT_READ & set(path.parts)]
    for file in sorted(files):
        known.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return known.hexdigest()[:16]
