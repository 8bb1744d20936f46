"""Numbers without end and control characters, in every path, parameter and field of ours: no server errors."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from portal.core.richtext import LocalizedPageLinkHandler
from portal.core.roles import COMMUNITY_MANAGERS
from portal.core.text import row_number
from portal.our_apps import OUR_FOLDERS
from tests.addresses import every_address
from tests.factories.accounts import UserFactory
from tests.test_every_address import Visitor, is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.middleware", "portal.core.text")]

ROOT = Path(__file__).resolve().parents[1]
#: More digits than Python reads, than a column has, and what PostgreSQL refuses in a text.
ODD: Final = {"endless": "9" * 4400, "control": "\x00\x1b"}
ADDRESSES = [address for address in every_address() if is_ours(address)]


def sources() -> Iterator[tuple[Path, str]]:
    for folder in OUR_FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            if "migrations" not in file.parts:
                yield file, file.read_text(encoding="utf-8")


def names_of_parameters() -> list[str]:
    """The names of all parameters and fields that our code reads."""
    read = re.compile(r'(?:GET|POST)(?:\.get(?:list)?\(|\[)"(\w+)"|^    (\w+) = forms\.\w+\(', re.MULTILINE)
    names = {one or other for _file, text in sources() for one, other in read.findall(text)}
    assert {"done", "before", "after", "to", "revision"} <= names
    return sorted(names)


@pytest.fixture
def _media(settings, tmp_path):
    settings.MEDIA_ROOT, settings.STAFF_SECOND_FACTOR = tmp_path, False


@pytest.mark.usefixtures("_media")
@pytest.mark.parametrize("kind", ["member", "superuser"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_odd_values_are_no_server_error_anywhere(value, kind):
    person = UserFactory() if kind == "member" else UserFactory(role=COMMUNITY_MANAGERS, superuser=True)
    data = dict.fromkeys(names_of_parameters(), value)
    wrong = []
    visitor = Visitor(kind, person)
    for address in ADDRESSES:
        if kind == "member" and address.is_staffs:
            continue
        odd = address.path(number=10**25, word=value)
        for method, path in (("get", address.path(number=0)), ("post", address.path(number=0)), ("get", odd)):
            status = visitor.ask(path, method, data).status_code
            if status >= 500:
                wrong.append(f"{method} {address.name} {path[:80]}: {status}")

    assert wrong == []


@pytest.mark.parametrize(
    "path", ["/fa/community/tag/%00/", "/fa/desk/members/%00/", "/fa/u/a%1Bb/", "/en/%7F/", "/media/a%0Ab"]
)
def test_nothing_has_an_address_with_control_characters(client, path, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get(path)

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/plain")


def test_control_characters_are_taken_out_of_a_query_and_line_breaks_stay(rf, settings):
    from portal.core.middleware import ControlCharactersMiddleware

    read = ControlCharactersMiddleware(lambda request: request.GET)

    assert read(rf.get("/?q=a%00b%1b%7Fc%0Ad%09e&x=%01")) == {"q": ["abc\nd\te"], "x": [""]}
    assert read(rf.get("/?q=%2500&x=%D9%85")) == {"q": ["%00"], "x": ["م"]}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 4400, None),
        ("-1", None),
        ("", None),
        ("١٢", None),
        (None, None),
        (" 1", None),
        (12, 12),
    ],
)
def test_number_of_a_row_fits_into_a_column(text, number):
    assert row_number(text) == number


def test_link_to_a_page_with_an_endless_number_is_replaced_by_its_text():
    assert LocalizedPageLinkHandler.expand_db_attributes_many([{"id": "9" * 4400}, {"id": "9" * 25}]) == ["<a>", "<a>"]


def test_numbers_that_people_send_are_read_by_one_function():
    """`int` after a test for digits forgets how many there may be."""
    found = []
    for file, text in sources():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.IfExp | ast.If | ast.comprehension):
                continue
            guard = ast.unparse(node.test if not isinstance(node, ast.comprehension) else ast.Tuple(node.ifs))
            if re.search(r"\.is(?:decimal|digit|numeric)\(\)", guard) and "len(" not in guard:
                inside = ast.unparse(node)
                if re.search(r"\bint\(", inside):
                    found.append(f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {guard}")

    assert found == []
