"""Persian written in Latin letters, as people do on a keyboard without Persian: «modem vasl nemishe».

There is no one spelling: vowels are written or not, and each sound stands for several Persian letters. What stays is the
*skeleton* of consonants. Words of the index are kept by their skeletons; of those that share one, the word whose
letters and vowels fit best is meant.
"""

from __future__ import annotations

import re
from typing import Final

#: The sound of each Persian consonant; capitals are sounds of two Latin letters. Vowels and silent letters are left out.
_SOUNDS: Final = str.maketrans(
    {
        **dict.fromkeys("طت", "t"),
        **dict.fromkeys("ثسص", "s"),
        **dict.fromkeys("حه", "h"),
        **dict.fromkeys("ذزضظ", "z"),
        **dict.fromkeys("غق", "q"),
        **dict.fromkeys("عاوی", ""),
        **dict(zip("بپجچخدرژشفکگلمن", "bpjCXdrJSfkglmn", strict=True)),
    }
)
_PAIRS: Final = (("ch", "C"), ("sh", "S"), ("kh", "X"), ("zh", "J"), ("gh", "q"), ("ph", "f"), ("ck", "k"))
_VOWELS: Final = re.compile("[aeiouywv]")
_REPEATED: Final = re.compile(r"(.)\1+")
_PERSIAN_WORD: Final = re.compile("[\u0600-\u06ff]{2,}")
_LATIN_WORD: Final = re.compile("[a-z]{2,}")


def skeleton(word: str) -> str:
    """The consonants of a folded word as Latin letters: equal for a Persian word and its Finglish spellings.

    A final ``h`` is silent as often as not and is left out. Empty for words of neither alphabet, and without consonants.
    """
    if _PERSIAN_WORD.fullmatch(word):
        sounds = word.translate(_SOUNDS)
    elif _LATIN_WORD.fullmatch(word):
        sounds = word
        for pair, sound in _PAIRS:
            sounds = sounds.replace(pair, sound)
        sounds = _VOWELS.sub("", sounds)
    else:
        return ""
    return _REPEATED.sub(r"\1", sounds).removesuffix("h")
