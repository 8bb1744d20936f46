"""A made-up export of a Zendesk Help Center in two languages, of any size; and how importing it bears on people who sign in.

Run by `script/bench zendesk`. It writes an export, imports it into an empty portal in a temporary folder while another process signs in once a
second through the same database, and reports articles a second, the most memory held, and the slowest sign-in.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from PIL import Image

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "https://noora.zendesk.com"
FIRST: Final = 360000000000
PER_PAGE: Final = 100
#: Bars of --check: seconds of the slowest sign-in, and MB.
SIGN_IN_SECONDS: Final = 1.0
MEMORY_MB: Final = 400
_WORDS: Final = [
    "مودم",
    "چراغ",
    "کابل",
    "اینترنت",
    "تلفن",
    "خط",
    "رمز",
    "شبکه",
    "گوشی",
    "سیم\u200cکارت",
    "بسته",
    "صورت\u200cحساب",
    "پرداخت",
    "سرعت",
    "نصب",
    "تنظیم",
    "خانه",
    "برق",
    "پریز",
]
_ENGLISH: Final = [
    "router",
    "light",
    "cable",
    "internet",
    "phone",
    "line",
    "password",
    "network",
    "bill",
    "payment",
    "speed",
    "setup",
    "home",
    "power",
    "socket",
    "plan",
]


def _sentence(source: random.Random, words: list[str]) -> str:
    return f"{' '.join(source.choices(words, k=source.randint(8, 18)))}."


def _body(source: random.Random, words: list[str], number: int, articles: int, locale: str) -> str:
    other = FIRST + 400000 + source.randrange(articles)
    attachment = FIRST + 300000 + number % 10
    paragraphs = "".join(f"<p>{_sentence(source, words)}</p>" for _place in range(source.randint(4, 10)))
    items = "".join(f"<li>{_sentence(source, words)}</li>" for _place in range(4))
    return (
        f'<p>{_sentence(source, words)}</p><h2 id="h_{number}">{" ".join(source.choices(words, k=3))}</h2>{paragraphs}<ol>{items}</ol>'
        f'<div class="callout callout--info"><p>{_sentence(source, words)}</p></div>'
        f'<p><img src="{HOST}/hc/article_attachments/{attachment}" alt="{words[0]}"></p>'
        f'<p><a href="/hc/{locale}/articles/{other}-{words[0]}">{words[1]}</a></p>'
    )


def write_export(folder: Path, *, articles: int) -> None:
    """Write an export with this many articles in Persian and English, the same for the same number."""
    source = random.Random(articles)
    folder.mkdir(parents=True, exist_ok=True)
    categories = max(1, min(8, articles // 5))
    sections = categories * 3

    def dump(name: str, value: Any) -> None:
        (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    groups: list[dict[str, Any]] = [
        {"id": FIRST + 100000 + number, "name": f"دستهٔ {number + 1} {_WORDS[number]}", "locale": "fa", "source_locale": "fa", "position": number}
        for number in range(categories)
    ]  # fmt: skip
    dump("categories.json", {"categories": groups, "count": categories, "next_page": None})
    parts: list[dict[str, Any]] = [
        {
            "id": FIRST + 200000 + number, "category_id": FIRST + 100000 + number // 3, "name": f"بخش {number + 1}", "locale": "fa",
            "source_locale": "fa", "position": number % 3, "parent_section_id": None,
        }
        for number in range(sections)
    ]  # fmt: skip
    dump("sections.json", {"sections": parts, "count": sections, "next_page": None})
    titles = [("Category", each["id"], f"Category {each['id'] % 1000 + 1}") for each in groups]
    titles += [("Section", each["id"], f"Section {each['id'] % 1000 + 1}") for each in parts]
    dump(
        "translations-of-groups.json",
        {
            "translations": [
                {"source_type": kind, "source_id": pk, "locale": "en-us", "title": title} for kind, pk, title in titles
            ]
        },
    )
    for page, start in enumerate(range(0, articles, PER_PAGE), start=1):
        numbers = range(start, min(articles, start + PER_PAGE))
        dump(
            f"articles-{page}.json",
            {"articles": [_article(source, number, articles, sections) for number in numbers], "page": page},
        )
        dump(
            f"translations-{page}.json",
            {"translations": [_translation(source, number, articles) for number in numbers], "page": page},
        )
    (folder / "article_attachments").mkdir(exist_ok=True)
    for number in range(10):
        stream = io.BytesIO()
        Image.new("RGB", (60 + number, 40), "#0A6A7A").save(stream, "PNG")
        (folder / "article_attachments" / f"{FIRST + 300000 + number}.png").write_bytes(stream.getvalue())


def _article(source: random.Random, number: int, articles: int, sections: int) -> dict[str, Any]:
    pk = FIRST + 400000 + number
    return {
        "id": pk, "html_url": f"{HOST}/hc/fa/articles/{pk}", "section_id": FIRST + 200000 + number % sections, "locale": "fa",
        "source_locale": "fa", "title": f"{' '.join(source.choices(_WORDS, k=4))} {number + 1}؟", "promoted": number % 50 == 0,
        "position": number, "draft": number % 40 == 7, "label_names": source.sample(_WORDS, 2), "user_segment_id": None,
        "outdated_locales": ["en-us"] if number % 30 == 3 else [], "updated_at": "2025-06-07T09:10:11Z",
        "body": _body(source, _WORDS, number, articles, "fa"),
    }  # fmt: skip


def _translation(source: random.Random, number: int, articles: int) -> dict[str, Any]:
    return {
        "source_type": "Article", "source_id": FIRST + 400000 + number, "locale": "en-us", "draft": number % 40 == 7, "outdated": False,
        "title": f"{' '.join(source.choices(_ENGLISH, k=4))} {number + 1}?", "updated_at": "2025-06-07T09:10:11Z",
        "body": _body(source, _ENGLISH, number, articles, "en-us"),
    }  # fmt: skip


# The measure ---------------------------------------------------------------------------------------------------------


def main() -> None:
    """Write an export, import it twice, and print the figures."""
    parser = argparse.ArgumentParser(
        prog="script/bench zendesk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=2000, help="articles, each in two languages (default: 2000)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--only-write", type=Path, metavar="FOLDER", help="write the export there, and nothing else")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)  # in the process of the import
    arguments = parser.parse_args()
    if arguments.only_write:
        write_export(arguments.only_write, articles=arguments.articles)
        return
    if arguments.here:
        print(json.dumps(_imported(arguments.here)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-zendesk-") as name:
        folder = Path(name)
        write_export(folder / "export", articles=arguments.articles)
        environment = {
            **os.environ, "DATABASE_URL": f"sqlite:///{folder / 'portal.sqlite3'}", "DATA_DIR": str(folder / "data"),
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        }  # fmt: skip
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity=0"], env=environment, check=True)
        subprocess.run([*manage, "setup_portal"], env=environment, check=False, capture_output=True)
        figures = _measured(folder / "export", environment)
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    missed = figures["slowest_sign_in"] > SIGN_IN_SECONDS or figures["memory_mb"] > MEMORY_MB or figures["failed"]
    if arguments.check and missed:
        sys.exit(1)


def _measured(export: Path, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--here", str(export)]
    started = time.monotonic()
    importing = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    os.environ.update(environment)
    slowest = _sign_in_until(lambda: importing.poll() is not None)
    output, _error = importing.communicate()
    return {
        **json.loads(output.splitlines()[-1]),
        "seconds": round(time.monotonic() - started),
        "slowest_sign_in": slowest,
    }


def _sign_in_until(is_over: Any) -> float:
    """Sign in again and again, through the whole of Django, and return how long the slowest took."""
    _set_up()
    from django.test import Client  # noqa: PLC0415 - Django must be set up

    from tests.factories.accounts import UserFactory  # noqa: PLC0415

    user = UserFactory()
    slowest = 0.0
    while not is_over():
        started = time.monotonic()
        Client().force_login(user)
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.2)
    return round(slowest, 3)


def _imported(export: Path) -> dict[str, Any]:
    _set_up()
    import resource  # noqa: PLC0415 - not on every system

    from faq.importing import Outcome, import_articles  # noqa: PLC0415
    from tests.factories.faq import help_site  # noqa: PLC0415

    help_site()
    started = time.monotonic()
    first = import_articles(export)
    seconds = time.monotonic() - started
    again = import_articles(export)
    return {
        "texts": len(first.rows),
        "failed": first.count(Outcome.FAILED),
        "changed_by_the_second_import": len(again.rows) - again.count(Outcome.UNCHANGED),
        "texts_a_second": round(len(first.rows) / seconds, 1),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _set_up() -> None:
    sys.path.insert(0, str(ROOT))
    import django  # noqa: PLC0415

    django.setup()


if __name__ == "__main__":
    main()
