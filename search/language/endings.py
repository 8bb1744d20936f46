"""Endings that are said, run together with the word: «قبضم», «گوشیمو», «بچشون», «مشکلی». Which of them is one, a lexicon says.

`search.language.analysis` removes endings by rules, for every text. These cannot be removed by a rule («کارت» is no
«کار»), so a question asks for the word with its ending and without.
"""

from __future__ import annotations

from typing import Final

from search.language.lexicon import known

#: Possessives, object marker, plural, «a …», and forms of «است».
_ENDINGS: Final = (
    *("هامونو", "هاتونو", "هاشونو", "هامون", "هاتون", "هاشون", "هامو", "هاتو", "هاشو", "هام", "هات", "هاش"),
    *("امونو", "اتونو", "اشونو", "امون", "اتون", "اشون", "امو", "اتو", "اشو", "ام", "ات", "اش"),
    *("مونو", "تونو", "شونو", "مون", "تون", "شون", "مو", "تو", "شو", "م", "ت", "ش"),
    *("هایی", "ایی", "ای", "ی", "هارو", "ارو", "رو", "ها", "ا", "و", "ه", "ند", "ید", "یم"),
)
#: Zipf frequency from which a word is more likely meant than mistyped.
_USUAL: Final = 3
#: Shortest words an ending may leave, by whether the ending is a long one.
_SHORTEST: Final = 3
_SHORTEST_OF_LONG: Final = 2
_LONG: Final = 3
#: How much more frequent the headword of «مو» ("my … as an object") must be than one that ends with م itself.
_OBJECT_BONUS: Final = 2


def without_ending(word: str) -> str:
    """The headword a folded Persian word is a spoken form of; empty if it is one itself, or of none.

    Of several the most frequent one, but «مودمو» is مودم, not مود. A final ه is often lost: «شمارم» is شماره.
    """
    own = known(word)
    if own and own.is_headword:
        return ""
    least = own.zipf if own else 0
    best = (0, 0, "")
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= (_SHORTEST_OF_LONG if len(ending) >= _LONG else _SHORTEST):
            for base in (rest, rest + "ه"):
                found = known(base)
                if found and found.is_headword and found.zipf >= least:
                    likely = found.zipf + (_OBJECT_BONUS if ending == "و" and rest.endswith("م") else 0)
                    best = max(best, (likely, len(base), base))
    return best[-1]


def is_said(word: str) -> bool:
    """Whether its language knows the folded word well, alone or with an ending: then it is no slip."""
    own = known(word)
    if own is None:
        base = known(without_ending(word))
        return base is not None and base.zipf > _USUAL
    return own.zipf >= _USUAL
