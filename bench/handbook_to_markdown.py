"""Turn ``../shared/data/handbook_fa_en.json.gz`` into a folder of Markdown for ``manage.py import_articles``.

    python bench/handbook_to_markdown.py /tmp/handbook
    python manage.py import_articles /tmp/handbook --topic handbook

Each of the 127 pages becomes one file per language. The texts are plain: every character with a meaning in Markdown is
escaped, and long texts are split into paragraphs between sentences. Needs only the standard library.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "handbook_fa_en.json.gz"
LANGUAGES: Final = ("fa", "en")
SHORT_ANSWER_LENGTH: Final = 300
PARAGRAPH_LENGTH: Final = 700

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~:&=])")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?؟])\s+")


def page_id(page: dict[str, object]) -> str:
    """An id made from the name of the page's file."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", Path(str(page["file"])).stem).strip("-").lower()


def clean(text: object) -> str:
    return " ".join(str(text).split())


def paragraphs(text: str) -> list[str]:
    """The text split between sentences into paragraphs of similar length."""
    found = [""]
    for sentence in _SENTENCE_END.split(text):
        if found[-1] and len(found[-1]) + len(sentence) > PARAGRAPH_LENGTH:
            found.append("")
        found[-1] = f"{found[-1]} {sentence}".strip()
    return [paragraph for paragraph in found if paragraph]


def shortened(text: str) -> str:
    """The beginning of the text, cut at a word boundary."""
    if len(text) <= SHORT_ANSWER_LENGTH:
        return text
    return text[:SHORT_ANSWER_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:،؛") + "…"


def markdown(page: dict[str, object], language: str) -> str:
    """One page in one language, with front matter."""
    title, text = clean(page[f"{language}_title"]), clean(page[language])
    front = {
        "id": page_id(page),
        "language": language,
        "kind": "guide",
        "title": title,
        "slug": page_id(page),
        "short_answer": shortened(text) or title,
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    body = "\n\n".join(_SPECIAL.sub(r"\\\1", paragraph) for paragraph in paragraphs(text))
    return "\n".join(["---", *lines, "---", "", body, ""])


def convert(data: Path, folder: Path) -> int:
    """Write the files; return their number."""
    pages = json.loads(gzip.decompress(data.read_bytes()))
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        for language in LANGUAGES:
            (folder / f"{page_id(page)}.{language}.md").write_text(markdown(page, language), encoding="utf-8")
    return len(pages) * len(LANGUAGES)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python bench/handbook_to_markdown.py FOLDER")
    if not DATA.exists():
        sys.exit(f"The data is not there: {DATA}")
    print(f"{convert(DATA, Path(sys.argv[1]))} files in {sys.argv[1]}")


if __name__ == "__main__":
    main()
