"""script/bench NAME …: sets up the environment and runs a measurement with the remaining arguments.

  script/bench pages         speed of pages, relative to minimal pages on the same server; --writes 20 compares their
                             speed with and without concurrent writes; --quick takes a minute
  script/bench connections   time of pages while slow clients hold hundreds of connections; --quick takes a minute
  script/bench downloads     a large file with curl and aria2, killed and resumed, with and without nginx, and pages beside slow
                             downloads; --quick takes a minute
  script/bench memory        memory of two workers after 5,000 different searches; --quick takes a minute
  script/bench search        quality and speed of search, compared with alternatives; --quick takes a minute
  script/bench best-answer   how often the best answer is shown, and how often it is correct
  script/bench community     import of a million posts, and speed of the community with few and with very many, relative to
                             minimal pages on the same server; --quick takes two minutes
  script/bench import        how much of folders of documentation is imported as it is, what is lost of it, and how fast
  script/bench ledger        speed of the points ledger, relative to plain inserts; --quick takes half a minute
  script/bench offers        how often what is said of the effect of offers is true, and how good the chosen ones are; --quick takes half a minute
  script/bench zendesk       import of a help center of 2,000 articles in two languages: speed, memory, and how long a sign-in takes meanwhile

script/bench NAME --help says more.
"""

from __future__ import annotations

import subprocess
import sys

from _common import PYTHON, ROOT, ensure_venv, environment, say, stop

#: The measurements that can be run, and their files in bench/; the other files there are helpers.
FILES = {
    "pages": "pages.py",
    "community": "community.py",
    "connections": "connections.py",
    "downloads": "downloads.py",
    "import": "importing.py",
    "ledger": "ledger.py",
    "memory": "memory.py",
    "offers": "offers.py",
    "search": "search.py",
    "best-answer": "best_answer.py",
    "zendesk": "zendesk.py",
}


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name in {"-h", "--help"}:
        say(__doc__ or "")
        return
    if name not in FILES:
        stop(f"Usage: script/bench NAME …, where NAME is one of {', '.join(FILES)}. script/bench --help says more.")
    ensure_venv()
    command = [str(PYTHON), str(ROOT / "bench" / FILES[name]), *arguments]
    sys.exit(subprocess.run(command, env=environment(), check=False).returncode)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
