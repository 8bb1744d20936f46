"""script/bench NAME …: sets up the environment and runs bench/NAME.py with the remaining arguments."""

from __future__ import annotations

import subprocess
import sys

from _common import PYTHON, ROOT, ensure_venv, environment, stop

#: Those meant to be run this way; the other files in bench/ are their helpers.
NAMES = ("pages", "search")


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name not in NAMES:
        stop(f"Usage: script/bench NAME …, where NAME is {' or '.join(NAMES)}.")
    ensure_venv()
    command = [PYTHON, ROOT / "bench" / f"{name}.py", *arguments]
    sys.exit(subprocess.run(command, env=environment(), check=False).returncode)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
