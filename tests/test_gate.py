"""The test runner itself: which tests run on both databases, their order and distribution, its output.

See tests/README.md.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal.our_apps import OUR_FOLDERS
from tests import gate

ROOT = Path(__file__).resolve().parent.parent
#: Calls with SQL of our own, or whose result depends on the database: locks, constraints, order, JSON.
CALLS = frozenset(
    [
        "cursor",
        "raw",
        "RawSQL",
        "F",
        "Window",
        "Collate",
        "Case",
        "Substr",
        "Lower",
        "select_for_update",
        "get_or_create",
        "update_or_create",
        "UniqueConstraint",
        "CheckConstraint",
        "ExclusionConstraint",
        "JSONField",
        "annotate",
        "TruncDate",
        "TruncDay",
        "TruncMonth",
        "TruncHour",
    ]
)
#: The same for keyword arguments.
ARGUMENTS = frozenset({"nulls_first", "nulls_last", "ignore_conflicts", "update_conflicts", "unique"})
LOOKUPS = ("__iexact", "__contains", "__icontains", "__istartswith", "__regex", "__iregex", "__has_key")
ERRORS = frozenset({"IntegrityError", "OperationalError"})
ADVICE = (
    "Its SQL, its locks or its constraints are decided by the database: mark the tests that prove it with"
    ' pytest.mark.both_databases("the.module"). The rule is in tests/README.md.'
)


def decided_by_the_database(source: str) -> set[str]:
    """The parts of this Python code that are raw SQL, locks, conditional updates, constraints, orders or JSON."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            arguments = {keyword.arg or "" for keyword in node.keywords}
            found |= ({name} & CALLS) | (arguments & ARGUMENTS) | {one for one in arguments if one.endswith(LOOKUPS)}
            if name == "update" and "filter(" in ast.unparse(node.func):
                found.add("filter(…).update")
        elif isinstance(node, ast.Attribute) and node.attr == "vendor":
            found.add("vendor")
        elif isinstance(node, ast.Name) and node.id in ERRORS:
            found.add(node.id)
    return found


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def named_in_marks() -> dict[str, set[str]]:
    """Our modules → the test files that are marked to run their SQL on both databases."""
    named: dict[str, set[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "both_databases":
                for argument in node.args:
                    named.setdefault(ast.literal_eval(argument), set()).add(name_of(file))
    return named


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("with connection.cursor() as cursor: cursor.execute('SELECT 1')", "cursor"),
        ("Row.objects.select_for_update().get(pk=1)", "select_for_update"),
        ("Row.objects.filter(pk=1, taken=False).update(taken=True)", "filter(…).update"),
        ("rows.update(count=F('count') + 1)", "F"),
        ("models.UniqueConstraint(fields=['a'], name='a')", "UniqueConstraint"),
        ("models.CharField(unique=True)", "unique"),
        ("Row.objects.bulk_create(rows, ignore_conflicts=True)", "ignore_conflicts"),
        ("rows.order_by(models.F('day').desc(nulls_last=True))", "nulls_last"),
        ("models.JSONField(default=list)", "JSONField"),
        ("rows.filter(mail__iexact=text)", "mail__iexact"),
        ("if connection.vendor == 'sqlite': pass", "vendor"),
        ("try: save()\nexcept IntegrityError: pass", "IntegrityError"),
    ],
)
def test_what_a_database_decides_is_seen(source, reason):
    assert reason in decided_by_the_database(source)


def test_what_only_computes_is_not_taken_for_sql():
    source = "counts.update(a=1)\nrows.filter(pk=1).first()\nRow.objects.order_by('pk')\nrender(request, 'a.html', {})"

    assert decided_by_the_database(source) == set()


def test_whatever_a_database_decides_is_tested_on_both():
    named = named_in_marks()
    files = (file for folder in OUR_FOLDERS for file in (ROOT / folder).rglob("*.py") if "migrations" not in file.parts)

    missing = {
        name_of(file): sorted(reasons)
        for file in sorted(files)
        if (reasons := decided_by_the_database(file.read_text(encoding="utf-8"))) and name_of(file) not in named
    }

    assert len(named) > 20
    assert missing == {}, ADVICE


def test_marks_name_modules_there_are():
    gone = {
        name: sorted(files)
        for name, files in named_in_marks().items()
        if not any((ROOT / name.replace(".", "/")).with_suffix(suffix).exists() for suffix in ("", ".py"))
    }

    assert gone == {}, "The module was moved or renamed: so must be its name in both_databases(…)."


# Distribution --------------------------------------------------------------------------------------------------------


def ended(nodeid: str, *, process: str = "gw0", when: str = "call", seconds: float = 1.0) -> SimpleNamespace:
    """A report of xdist about a phase of a test."""
    node = SimpleNamespace(gateway=SimpleNamespace(id=process))
    return SimpleNamespace(nodeid=nodeid, when=when, duration=seconds, node=node)


def exit_status(*reports: SimpleNamespace, by_file: bool = True) -> int:
    """The exit status of a run in which all these tests passed."""
    seconds, session = gate.Seconds(by_file=by_file), SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    for report in reports:
        seconds.pytest_runtest_logreport(report)
    seconds.pytest_sessionfinish(session)
    return session.exitstatus


def test_a_file_in_two_processes_fails_a_run_that_is_shared_out_by_file():
    here, there = ended("tests/faq/test_a.py::test_1"), ended("tests/faq/test_a.py::test_2", process="gw1")
    elsewhere = ended("tests/faq/test_b.py::test_1", process="gw1")

    assert exit_status(here, there) == pytest.ExitCode.TESTS_FAILED
    assert exit_status(here, elsewhere) == pytest.ExitCode.OK
    assert exit_status(here, there, by_file=False) == pytest.ExitCode.OK


def test_seconds_and_tests_of_each_folder_are_left_for_the_table(monkeypatch, tmp_path):
    monkeypatch.setenv(gate.SECONDS_FILE, str(tmp_path / "seconds.json"))

    exit_status(
        ended("tests/faq/test_a.py::test_1", when="setup", seconds=2.5),
        ended("tests/faq/test_a.py::test_1", seconds=0.5),
        ended("tests/faq/deep/test_b.py::test_1"),
        ended("tests/test_gate.py::test_1", seconds=0.25),
    )

    assert json.loads((tmp_path / "seconds.json").read_text()) == {"faq": [4.0, 2], "test_gate.py": [0.25, 1]}


def test_files_with_slow_tests_begin_first_and_the_rest_keeps_its_order():
    def item(file: str, *, slow: bool = False) -> SimpleNamespace:
        return SimpleNamespace(path=Path(file), get_closest_marker=lambda name: slow and name == "slow")

    first, second, third = item("a.py"), item("b.py"), item("b.py", slow=True)
    items = [first, second, third]

    gate._slow_files_first(items)

    assert items == [second, third, first]
