"""No cell that leaves the portal is run as a formula, whoever wrote the view and whatever the format."""

from __future__ import annotations

import csv
import io
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from django.urls import reverse
from wagtail.admin.views.mixins import SpreadsheetExportMixin
from wagtail.contrib.redirects.models import Redirect

from portal.core.spreadsheets import CsvWriter, as_typed, csv_of_workbook, harmless, is_workbook
from tests.addresses import every_view
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory
from tests.factories.search import synonym

pytestmark = pytest.mark.django_db

DANGEROUS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "\x00=1")


@pytest.mark.parametrize("text", DANGEROUS)
def test_text_that_would_be_run_gets_an_apostrophe_in_front(text):
    assert str(harmless(text)).startswith("'")


@pytest.mark.parametrize("cell", ["مودم", "a=b", "5-1", "", -1, 1.5, None, "ali@example.com"])
def test_anything_else_stays_as_it_is(cell):
    assert harmless(cell) == cell


@pytest.mark.parametrize("text", ["=1+1", "-5", "'quoted'", "مودم"])
def test_what_was_made_harmless_can_be_read_back(text):
    assert as_typed(str(harmless(text))) == text


def test_a_table_of_our_own_is_harmless():
    stream = io.StringIO()

    CsvWriter(stream).write(["=1+1", "مودم", 3])

    assert stream.getvalue() == "'=1+1,مودم,3\r\n"


# Wagtail's ------------------------------------------------------------------------------------------------------------

TEXT = '=HYPERLINK("https://evil.example")'


def feedback() -> None:
    FeedbackFactory(unsolved=True, comment=TEXT)


def redirect() -> None:
    Redirect.objects.create(old_path="/old", redirect_link=TEXT)


EXPORTS = {
    "feedback_report:index": feedback,
    "wagtailsnippets_search_synonym:list": lambda: synonym("رمز", "پسورد", note=TEXT),
    "wagtailredirects:index": redirect,
    "wagtailadmin_reports:aging_pages": lambda: ArticlePageFactory(title=TEXT),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_the_admin_is_harmless_in_both_formats(client, settings, name):
    settings.STAFF_SECOND_FACTOR = False
    EXPORTS[name]()
    client.force_login(UserFactory(superuser=True))

    table, book = (b"".join(client.get(reverse(name), {"export": form}).streaming_content) for form in ("csv", "xlsx"))

    cells = [cell for row in csv.reader(io.StringIO(table.decode())) for cell in row]
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    (typed,) = [cell for row in sheet.iter_rows() for cell in row if cell.value == TEXT]
    assert f"'{TEXT}" in cells
    assert TEXT not in cells
    assert (typed.data_type, typed.quotePrefix) == ("s", True)


def test_no_view_goes_round_the_rule():
    """Views may say how a value is shown, not how a cell is written."""
    rule = {"preprocess_field_value", "write_csv_row", "generate_xlsx_row", "stream_csv", "write_xlsx"}
    exports = [view for view in every_view() if issubclass(view, SpreadsheetExportMixin)]

    own = {
        f"{cls.__module__}.{cls.__name__}.{name}"
        for view in exports
        for cls in view.__mro__
        if cls is not SpreadsheetExportMixin
        for name in rule & vars(cls).keys()
    }

    assert len(exports) > 10
    assert own == set()


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_workbook_is_read_as_the_table_it_shows():
    content = workbook(["عضو", "امتیاز"], ["sara", 120.0], [None, None], ["'=1", -5], ["x" * 3, "۱۲"])

    assert is_workbook(content)
    assert csv_of_workbook(content, most_rows=4).decode().splitlines() == ["عضو,امتیاز", "sara,120", "", "'=1,-5"]


def test_cells_that_share_a_long_text_do_not_multiply_it(monkeypatch):
    content = workbook(*[["x" * 40_000] * 5] * 5)

    shown = csv_of_workbook(content, most_rows=5).decode()
    assert max(len(cell) for line in shown.splitlines() for cell in line.split(",")) == 32_767

    monkeypatch.setattr("portal.core.spreadsheets._MOST_UNPACKED", 500_000)
    with pytest.raises(ValueError, match="unpacked"):
        csv_of_workbook(content, most_rows=5)


@pytest.mark.parametrize(("flags", "method"), [(1, 8), (0, 99)], ids=["encrypted", "unknown compression"])
def test_a_workbook_nobody_can_unpack_is_no_workbook(flags, method):
    content = bytearray(workbook(["a"]))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the heads of parts, and their list
        place = content.find(mark)
        while place >= 0:
            content[place + at : place + at + 4] = bytes((flags, 0, method, 0))
            place = content.find(mark, place + 4)

    with pytest.raises(ValueError, match="workbook"):
        csv_of_workbook(bytes(content), most_rows=5)


def test_what_is_no_workbook_or_unpacks_to_far_more_is_refused():
    bomb = io.BytesIO()
    with ZipFile(bomb, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 31_000_000)
    good = workbook(["a"])

    for content in (b"PK\x03\x04", good[:-40], good[:200] + b"x" * 200, bomb.getvalue()):
        with pytest.raises(ValueError, match=r"workbook|unpacked"):
            csv_of_workbook(content, most_rows=5)
