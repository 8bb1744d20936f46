"""Sources of imports: folders, zip files, tables and encodings."""

from __future__ import annotations

import io
import zipfile

import pytest
from openpyxl import Workbook

from faq.importing import files
from faq.importing.documents import read_document
from faq.importing.errors import FileProblemError, SourceError
from faq.importing.files import FileFinder, FolderFiles, ZipFiles
from faq.importing.layout import Layout
from faq.importing.sources import open_source
from tests.faq.import_sources import picture, write_markdown

HEADER = "id,language,title,short_answer,body"
LINE = "red-light,fa,چراغ قرمز است,کابل را محکم کنید,متن"


class OneFile:
    """A folder in which one file is known by its name only."""

    def __init__(self, name):
        self._name = name

    def names(self):
        return [self._name]

    def has(self, name):
        return name == self._name

    def read(self, name, limit):
        return b""


def parsed(name, text):
    return read_document(name, text, Layout(OneFile(name), ["en", "fa"]))


def rows_of(path, **options):
    return list(open_source(path, **options).rows())


def table(folder, content, name="articles.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def test_a_folder_is_read_in_the_order_of_names_without_hidden_files(tmp_path):
    write_markdown(tmp_path / "wifi", "b.fa.md")
    write_markdown(tmp_path / "billing", "a.fa.md")
    write_markdown(tmp_path / ".git", "c.fa.md")

    assert [(row.place, row.folder) for row in rows_of(tmp_path)] == [
        ("billing/a.fa.md", "billing"),
        ("wifi/b.fa.md", "wifi"),
    ]


def test_id_language_and_section_come_from_the_place_when_the_file_does_not_say():
    row = parsed("wifi/red-light.fa.md", "---\ntitle: چراغ\n---\nمتن")

    assert (row.place_id, row.place_language, row.sections, row.body_line) == ("wifi:red-light", "fa", ("wifi",), 3)


def test_values_stay_as_written():
    row = parsed("a.md", "---\nid: 0012\nupdated: 1405-02-31\nfeatured: no\nversion: 4.10\n---\n")

    assert dict(row.fields) == {"id": "0012", "updated": "1405-02-31", "featured": "no", "version": "4.10"}


@pytest.mark.parametrize(
    "head",
    [
        "---\ntitle: چراغ\ntags: [الف, ب]\n---\n",
        "\ufeff\n\n---\ntitle: چراغ\ntags:\n- الف\n- ب\n---\n",
        "<!-- note -->\n---\ntitle:\tچراغ\ntags:\t[الف, ب]\n---\n",
        "---\nTitle:   چراغ\nTags:\n\t- الف\n\t- ب\n...\n",
        '---\ntitle: "چراغ"\ntags: [الف, ب]\nsummary: یک: دو: سه\n---\n',
        '+++\ntitle = "چراغ"\ntags = ["الف", "ب"]\ndate = 2024-05-01\n+++\n',
        '{\n"title": "چراغ",\n"tags": ["الف", "ب"]\n}\n',
    ],
)
def test_heads_are_read_in_every_spelling(head):
    row = parsed("a.md", head + "متن\n")

    assert (row.fields["title"], row.fields["keywords"], row.body.strip()) == ("چراغ", ["الف", "ب"], "متن")


@pytest.mark.parametrize(
    "text",
    [
        "متن بدون سربرگ",
        "---\nمتن میان دو خط\n---\n",
        "---\n- یک\n- دو\n---\n",
        "---\na: " + "[" * 30_000 + "\n---\n",
        "---\n" + "a: b\n" * 30_000 + "---\n",
        "+++\nمتن\n",
        "{ متن",
    ],
)
def test_what_is_no_head_or_cannot_be_read_never_loses_the_text(text):
    row = parsed("a.md", text)

    assert row.problem is None
    assert row.body == text or row.fields


def test_control_and_direction_characters_never_reach_an_article():
    row = parsed("a.md", "\ufeff---\r\ntitle: ك\u202eي\x00\r\n---\r\nم\u200eتن\x07")

    assert (row.fields["title"], row.body) == ("کی", "متن")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256"])
def test_a_table_is_read_in_every_usual_encoding_and_the_report_says_when_it_was_another(tmp_path, encoding):
    content = f"{HEADER}\n{LINE}\n"
    if encoding == "cp1256":  # does not contain the Persian ی
        content = content.replace("ی", "ي")

    source = open_source(table(tmp_path, content, encoding=encoding))

    assert [row.fields["title"] for row in source.rows()] == ["چراغ قرمز است"]
    assert bool(source.notes) == (not encoding.startswith("utf-8"))


def test_lines_with_letters_of_another_code_page_are_told_and_the_others_land(tmp_path):
    content = HEADER.encode() + f"\n{LINE}\n".encode() + b"red-light,en,caf\xe9,na\xefve \xfcber,x\n"

    found = rows_of(table(tmp_path, content))

    assert [row.problem is None for row in found] == [True, False]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(tmp_path, delimiter):
    content = "\n".join(line.replace(",", delimiter) for line in (HEADER, LINE))

    assert [row.body for row in rows_of(table(tmp_path, content))] == ["متن"]


def test_a_table_without_questions_and_answers_says_what_it_has(tmp_path):
    with pytest.raises(SourceError, match="colour"):
        open_source(table(tmp_path, "colour,1\n2,3\n", "x.csv"), columns={"colour": "", "1": ""})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("پرسش;پاسخ;دسته\nچرا قرمز است؟;کابل شل است.;مودم\n", [("چرا قرمز است؟", "کابل شل است.", "مودم", "")]),
        ("Question\tAnswer\tTopic area\nWhy red?\tThe cable.\tx\n", [("Why red?", "The cable.", None, "")]),
        (
            "question_en,answer_en,پرسش (فارسی),پاسخ (فارسی)\nWhy?,Cable.,چرا؟,کابل.\n",
            [("Why?", "Cable.", None, "en"), ("چرا؟", "کابل.", None, "fa")],
        ),
        (
            "چرا چراغ قرمز است؟,کابل شل شده است و باید آن را محکم کنید.\nچطور وصل شوم؟,رمز را بنویسید و روی اتصال بزنید.\n",
            [
                ("چرا چراغ قرمز است؟", "کابل شل شده است و باید آن را محکم کنید.", None, ""),
                ("چطور وصل شوم؟", "رمز را بنویسید و روی اتصال بزنید.", None, ""),
            ],
        ),
    ],
)
def test_columns_are_recognised_by_names_in_many_words_or_by_contents(tmp_path, content, expected):
    found = rows_of(table(tmp_path, content))

    assert [
        (row.fields.get("title"), row.body, row.fields.get("category"), row.place_language) for row in found
    ] == expected


def test_columns_can_be_said(tmp_path):
    path = table(tmp_path, "A,B\nچرا؟,کابل.\n")

    row = rows_of(path, columns={"A": "title:fa", "2": "body:fa"})[0]

    assert (row.fields["title"], row.body, row.place_language) == ("چرا؟", "کابل.", "fa")


def test_a_workbook_is_read_like_a_table(tmp_path):
    workbook = Workbook()
    for line in (["سؤال", "جواب"], ["چرا؟", "کابل."]):
        workbook.active.append(line)
    workbook.save(tmp_path / "faq.xlsx")

    assert [(row.fields["title"], row.body) for row in rows_of(tmp_path / "faq.xlsx")] == [("چرا؟", "کابل.")]


def test_broken_lines_of_a_table_do_not_lose_the_others(tmp_path):
    content = f'{HEADER}\n{LINE}\nx,fa,"bad"quote,y,z\n\n"{"l" * 3}",fa,"دو\nسطر",پاسخ,متن\n{LINE},more\n'

    found = [(row.line, row.problem is None, len(row.notes)) for row in rows_of(table(tmp_path, content))]

    assert found == [(2, True, 0), (3, True, 0), (5, True, 0), (7, True, 1)]


def test_an_unclosed_quote_and_a_huge_cell_are_problems_of_their_lines(tmp_path):
    unclosed = f'{HEADER}\n{LINE}\nx,fa,"never closed,y,z\n{LINE}\n'
    assert [row.problem is None for row in rows_of(table(tmp_path, unclosed))] == [True, False, True]

    huge = f'{HEADER}\nx,fa,"{"l" * 2_200_000}",y,z\n{LINE}\n'
    assert [row.problem is None for row in rows_of(table(tmp_path, huge))] == [False, True]


def test_nul_characters_in_a_table_are_dropped(tmp_path):
    content = f"{HEADER}\n{LINE}\n".replace("قرمز", "قر\0مز")

    assert rows_of(table(tmp_path, content))[0].fields["title"] == "چراغ قرمز است"


@pytest.mark.parametrize("name", ["gone", "articles.docx"])
def test_what_is_no_source_is_refused(tmp_path, name):
    if "." in name:
        table(tmp_path, "x", name)

    with pytest.raises(SourceError, match=name):
        open_source(tmp_path / name)


def test_a_folder_without_markdown_is_refused(tmp_path):
    with pytest.raises(SourceError):
        open_source(tmp_path)


def test_a_zip_of_markdown_is_a_source_too(tmp_path):
    path = write_markdown(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "articles.zip", "w") as archive:
        archive.write(path, "wifi/red-light.fa.md")
        archive.writestr("../evil.fa.md", "---\nid: evil\n---\n")
        archive.writestr("__MACOSX/._red-light.fa.md", "x")

    assert [row.place for row in rows_of(tmp_path / "articles.zip")] == ["wifi/red-light.fa.md"]


# Files ---------------------------------------------------------------------------------------------------------------


def test_files_are_found_beside_the_text_in_subfolders_and_in_the_zip_beside(tmp_path):
    write_markdown(tmp_path / "wifi")
    (tmp_path / "wifi" / "near.png").write_bytes(b"near")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "shared.png").write_bytes(b"shared")
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("zipped.png", b"zipped")
    finder = open_source(tmp_path).files

    found = [finder.find(name, near="wifi") for name in ("near.png", "shared.png", "zipped.png")]

    assert [file.read(100) for file in found] == [b"near", b"shared", b"zipped"]


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "link.png", "", "..\\secret.png"]
)
def test_files_outside_the_source_are_out_of_reach(tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "own.png").write_bytes(b"own")
    finder = FileFinder([FolderFiles(root)])

    assert finder.find("own.png") is not None
    assert finder.find(name) is None


def test_a_zip_that_unpacks_to_too_much_is_refused_before_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_ZIP_TOTAL_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.png", b"\0" * 10_001)

    with pytest.raises(SourceError, match="bomb"):
        ZipFiles(tmp_path / "bomb.zip")


def test_a_zip_member_is_never_read_beyond_its_limit(tmp_path, monkeypatch):
    """The size in the header may be wrong, so the limit is enforced while reading."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.png", b"\0" * 1_000_000)
    asked = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: asked.append(n) or read(self, n))

    with pytest.raises(FileProblemError, match="big"):
        ZipFiles(tmp_path / "a.zip").read("big.png", 1000)
    assert asked == [1001]


def test_a_damaged_zip_is_refused_and_a_damaged_member_is_a_problem_of_its_file(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"PK nonsense")
    with pytest.raises(SourceError, match=r"no\.zip"):
        ZipFiles(tmp_path / "no.zip")

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x2.png", picture())
    content = bytearray(stream.getvalue())
    content[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(FileProblemError, match=r"x2\.png"):
        ZipFiles(tmp_path / "damaged.zip").read("x2.png", 100_000)
