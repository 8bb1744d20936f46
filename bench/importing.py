"""How much of folders of documentation is imported as it is, what is lost of it, and how fast.

Run by `script/bench import`. Every FOLDER (or zip, or spreadsheet) is imported into an empty portal in a temporary folder, on SQLite:

  files        documents in it, imported, passed over (licences, menus, parts of pages) and refused, by reason
  lost         elements of the source that no article has, by kind: counted from the source's own syntax tree and from the rendered
               articles by parsers that are not the importer's (bench/import_measures.py); and documents that lost some without a line in the report
  speed        articles a second, and the most memory the import held
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: Bars of --check: the least share of files and of elements.
FILES: Final = 0.97
ELEMENTS: Final = 0.98


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/bench import", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folder, zip or spreadsheet")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--verbose", action="store_true", help="name every document that lost something without a line in the report"
    )
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in the process of one folder
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.folders[0])))
        return
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        empty = Path(folder) / "empty.sqlite3"
        for name in ("migrate", "createcachetable"):
            _in_a_process([sys.executable, str(ROOT / "manage.py"), name, "--verbosity=0"], empty, folder)
        for number, source in enumerate(arguments.folders):
            database = Path(folder) / f"{number}.sqlite3"
            database.write_bytes(empty.read_bytes())
            command = [sys.executable, __file__, "--here", str(source.resolve())]
            figures[str(source)] = json.loads(_in_a_process(command, database, folder))
            report(str(source), figures[str(source)], verbose=arguments.verbose)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    missed = [
        name for name, found in figures.items() if found["files_share"] < FILES or found["elements_share"] < ELEMENTS
    ]
    sys.exit(1 if missed and arguments.check else 0)


def _in_a_process(command: list[str], database: Path, folder: str) -> str:
    env = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "DATA_DIR": folder,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "portal.settings.dev"),
    }
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def measure(source: Path) -> dict[str, Any]:
    """Import the source into the database of this process and return the figures."""
    import django  # noqa: PLC0415 - the environment is set by now

    django.setup()
    from bench.import_measures import compare  # noqa: PLC0415
    from faq.importing import Outcome, import_articles  # noqa: PLC0415
    from faq.importing.logs import quiet_logs  # noqa: PLC0415
    from portal.home.first_pages import make_first_pages  # noqa: PLC0415

    make_first_pages()
    with quiet_logs():
        started = time.perf_counter()
        report = import_articles(source)
        seconds = time.perf_counter() - started
    result = compare(source, report)
    return {
        "files": result.files,
        "imported": result.imported,
        "files_share": result.share_of_files,
        "passed_over": dict(result.passed_over),
        "refused": dict(result.refused),
        "elements": dict(result.elements),
        "lost": dict(result.lost),
        "elements_share": result.share_of_elements,
        "words_share": result.share_of_words,
        "silent": result.silent,
        "per_second": report.count(Outcome.CREATED) / max(seconds, 0.001),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def report(name: str, found: dict[str, Any], *, verbose: bool) -> None:
    """Print the figures of one source."""
    print(f"\n{name}")
    print(f"  files      {found['files']}, imported {found['imported']} ({found['files_share']:.1%})")
    for title in ("passed_over", "refused"):
        for reason, number in found[title].items():
            print(f"    {title.replace('_', ' '):12}{number:6}  {reason}")
    print(f"  elements   {found['elements_share']:.1%} arrived, words {found['words_share']:.1%}")
    for kind, number in found["elements"].items():
        print(f"    {kind:12}{number:6}, lost {found['lost'].get(kind, 0)}")
    print(f"  silent     {len(found['silent'])} documents lost something without a line in the report")
    for line in found["silent"] if verbose else ():
        print(f"    {line}")
    print(f"  speed      {found['per_second']:.1f} articles a second, {found['megabytes']:.0f} MB")


if __name__ == "__main__":
    main()
