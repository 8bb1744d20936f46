"""The writing process of `bench.search_load`: publishes, unpublishes and changes articles of the demo, as in the admin.

Prints a line when it is ready, reads an order (JSON), and prints the number of writes, the errors, and a word of the
article that was written last, with its title.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

import django

django.setup()

from faq.models import ArticlePage  # noqa: E402 - the settings first

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Every so many writes, an article is unpublished and published again instead of changed.
_TAKEN_BACK: int = 5


def main() -> None:
    print("ready", flush=True)
    order = json.loads(sys.stdin.readline())
    articles: Iterator[int] = itertools.cycle(
        ArticlePage.objects.live()
        .filter(locale__language_code="fa", audience="public")
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    errors: list[str] = []
    number, word, title = 0, "", ""
    while (moment := order["from"] + number / order["per_second"]) < order["until"]:
        time.sleep(max(0.0, moment - time.time()))
        if time.time() > order["until"]:
            break
        number += 1
        word = f"zqx{number:05}"
        try:
            title = write(next(articles), word, taken_back=number % _TAKEN_BACK == 0)
        except Exception as error:  # noqa: BLE001 - reported at the end
            errors.append(f"{type(error).__name__}: {error}")
    print(json.dumps({"writes": number, "errors": errors, "word": word, "title": title}))


def write(pk: int, word: str, *, taken_back: bool) -> str:
    """Publish the article with an additional word; return its title."""
    article = ArticlePage.objects.get(pk=pk)
    if taken_back:
        article.unpublish()
        article.refresh_from_db()
    article.keywords = word
    article.save_revision().publish()
    return str(article.title)


if __name__ == "__main__":
    main()
