"""Measures one search on one database: reads orders and writes their figures, as JSON. See `bench.search`."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django
from django.utils.module_loading import import_string

from bench import search_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.search_common import Engine

PORTAL, PLAIN = "bench.search_settings", "bench.search_site.settings"
#: Name → (settings module, path of the class).
ENGINES = {
    "portal": (PORTAL, "bench.search_portal.Portal"),
    "fts5": (PLAIN, "bench.search_engines.Fts5"),
    "ts_rank": (PLAIN, "bench.search_engines.TsRank"),
    "fts5-stems": (PORTAL, "bench.search_stems.Fts5"),
    "fts5-stems-most": (PORTAL, "bench.search_stems.Fts5Most"),
    "ts_rank-stems": (PORTAL, "bench.search_stems.TsRank"),
    "ts_rank-stems-most": (PORTAL, "bench.search_stems.TsRankMost"),
    "ts_rank-stems-short": (PORTAL, "bench.search_stems.TsRankShort"),
    "ts_rank_cd-stems": (PORTAL, "bench.search_stems.TsRankCd"),
    "wagtail": (PLAIN, "bench.search_engines.Wagtail"),
    "elastic-standard": (PLAIN, "bench.search_engines.ElasticStandard"),
}


def quality(engine: Engine, order: dict[str, Any]) -> dict[str, dict[str, float]]:
    """MRR@10, P@1, recall@10 and the share of questions without a result, in per cent, for each way of typing."""
    collection = search_data.COLLECTIONS[order["collection"]](order["questions"])
    if order["others"] is not None:
        collection = collection.small(order["others"])
    engine.index(collection.texts)
    engine.learn(collection.texts)
    found = {}
    for name, typed in collection.variants.items():
        ranks, recalls, empty = [], [], 0
        for asked in collection.questions:
            hits = engine.search(typed(asked.text), asked.language)[:10]
            rank = next((place for place, hit in enumerate(hits, 1) if hit in asked.answers), None)
            ranks.append(1 / rank if rank else 0)
            recalls.append(len(asked.answers.intersection(hits)) / min(10, len(asked.answers)))
            empty += not hits
        count = len(collection.questions)
        found[name] = {
            "mrr": 100 * statistics.fmean(ranks),
            "p1": 100 * sum(rank == 1 for rank in ranks) / count,
            "recall": 100 * statistics.fmean(recalls),
            "zero": 100 * empty / count,
        }
    return found


def speed(engine: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Entries indexed per second, bytes, and milliseconds (median, 95th percentile) of searches and keystrokes."""
    generator = search_data.Generator()
    count = order["entries"]
    texts = list(generator.texts(count))  # generated before the time is measured
    began = time.perf_counter()
    engine.index(texts)
    figures: dict[str, Any] = {"entries_per_second": count / (time.perf_counter() - began)}
    questions = generator.questions(order["questions"], count)
    engine.imagine(texts, [text for text, _language in questions])
    figures["bytes"] = engine.size()
    keys = generator.beginnings(order["questions"], count)
    warm = order["questions"] // 10  # fills the caches of the database
    for name, ask, asked in (
        ("search", engine.search, questions),
        ("suggest", engine.suggest, keys),
        ("results", getattr(engine, "results", None), questions),
    ):
        if ask:
            figures[name] = _timed(ask, asked, warm)
    if put_one := getattr(engine, "put_one", None):
        figures["put_one"] = _timed(put_one, [(text,) for text in texts[-60:]], 10)
    return figures


def _timed(ask: Callable[..., object], asked: Sequence[tuple[Any, ...]], warm: int) -> dict[str, float]:
    milliseconds = []
    for place, arguments in enumerate(asked):
        began = time.perf_counter()
        ask(*arguments)
        if place >= warm:
            milliseconds.append(1000 * (time.perf_counter() - began))
    milliseconds.sort()
    return {"p50": statistics.median(milliseconds), "p95": milliseconds[int(len(milliseconds) * 0.95)]}


def main() -> None:
    asked = json.load(sys.stdin)
    settings, where = ENGINES[asked["engine"]]
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    django.setup()
    engine: Engine = import_string(where)()
    figures = []
    try:
        for place, order in enumerate(asked["orders"]):
            if place:
                engine.forget()
            figures.append((quality if "collection" in order else speed)(engine, order))
            engine.check()
    finally:
        engine.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
