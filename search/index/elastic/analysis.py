"""The tables of `search.language.analysis` and `portal.core.text` as analysis settings of Elasticsearch.

    character filters   fold letters as `fold` does; join a detached verb prefix («می خواهم») with its verb
    tokenizer           a word with everything a half-space, hyphen, dot or apostrophe links to it
    token filters       remove endings and stop words, emit the parts and the whole of compounds, stem

No plug-in is needed. The terms are those of `tokens(text)`, except for the following differences, which are rare and
harmless because a question asks for both the parts and the whole:

- a text that consists of stop words has no terms under `ANALYZER`; index such a text with `STOP_WORDS_KEPT`,
  where a verb prefix is a term, too
- a compound of letters that happens to spell a stop word («i-t») is removed as one, and so is an English stop word
  inside a Persian compound («آن‌a»)
- Snowball 3 (PyStemmer) and 2 (Lucene) differ in 1 of 750 English words; those likely in help texts are listed below
- positions: a removed ending takes up no position; the parts of a folded compound are marked as a whole

All expressions run in time linear to the length of the text: repeated groups are possessive, because Java's regular
expressions use recursion for other groups, and a stack overflow stops the whole server.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, Final

from portal.core.text import ZWNJ, fold
from search.language.analysis import (
    BRITISH_SPELLINGS,
    ENGLISH_CONTRACTIONS,
    ENGLISH_STOP_WORDS,
    MAX_WORD_LENGTH,
    PERSIAN_ATTACHED_SUFFIXES,
    PERSIAN_PREFIXES,
    PERSIAN_STEM_RULES,
    PERSIAN_STOP_WORDS,
    PERSIAN_STOPS_WITH_PREFIX,
    PERSIAN_UNINFLECTED,
    SNOWBALL,
    stem,
)
from search.language.forms import ENGLISH_FORMS, PERSIAN_FORMS

#: The analyzer for texts, and the one for texts that consist of stop words.
ANALYZER: Final = "portal"
STOP_WORDS_KEPT: Final = "portal_stop_words_kept"

_DEFAULT_SNOWBALL: Final = "english"
#: Words that Lucene's older Snowball algorithm stems differently from ours, and an ending of many more.
_STEMMED_OTHERWISE: Final = (
    "added adding ebbed ebbing egged egging erred erring offed offing hying vying paste pasted pastes pasting "
    "emergence emergencies emergency emergent evening evenings interfered interfering interval intervals lateral laterally "
    "internal internality internalization internalize internalized internalizes internalizing internally internals "
    "international internationalism internationally internationals internment internments "
    "organic organically organism organisms organization organizations organize organized organizer organizers organizes "
    "organizing universal universality universally universities university"
)
_SCIENTIST: Final = "^(.+olog)ists?$"
_SURROGATES: Final = range(0xD800, 0xE000)

_LETTER: Final = r"[\p{L}\p{N}]"
_LATIN: Final = r"[\p{L}\p{N}&&[^\u0600-\u06ff]]"
_PERSIAN: Final = r"[\u0600-\u06ff&&[\p{L}\p{N}]]"
_NO_LETTER: Final = r"[^\p{L}\p{N}]"
_CONTRACTED: Final = rf"(?:{_LATIN}{{2,}}+|i)"
_SPACE: Final = r"[\s\u1680\u2028\u2029]"
_ASCII: Final = r"[0-9a-z]"
_JOINER: Final = r"[-‐‑.'’‘]"
_PREFIX: Final = "(?:" + "|".join(sorted(PERSIAN_PREFIXES)) + ")"

#: Marks the rest of a contraction (don·t), which is part of the whole but not a term of its own.
_REST: Final = "\ue000"


def index_settings(language: str) -> dict[str, Any]:
    """Settings of an index for texts in `language`: ``{"analysis": …}`` with the analyzers named above."""
    snowball = SNOWBALL.get(language.split("-", maxsplit=1)[0], _DEFAULT_SNOWBALL)
    return {
        "analysis": {
            "char_filter": {
                "portal_letters": {"type": "mapping", "mappings": list(_folding())},
                "portal_prefixes": _replace(
                    rf"(?<![\p{{L}}\p{{N}}{ZWNJ}])({_PREFIX}){_SPACE}++(?!{_PREFIX}(?!{_LETTER}))(?={_LATIN}*+{_PERSIAN})",
                    f"$1{ZWNJ}",
                ),
            },
            "tokenizer": {"portal_compounds": {"type": "pattern", "pattern": _compound(), "group": 0}},
            "filter": {
                "portal_endings": _replace(
                    rf"^((?:{_PREFIX}{ZWNJ}++)?+[^{ZWNJ}].*?)(?:{ZWNJ}++(?:{_any(PERSIAN_ATTACHED_SUFFIXES)})(?={ZWNJ}|$))++$",
                    "$1",
                ),
                "portal_prefix_of_compound": _replace(rf"^{_PREFIX}{ZWNJ}++(?={_LETTER}++{_NO_LETTER}++{_LETTER})", ""),
                "portal_possessive": _replace(rf"^({_CONTRACTED}){_NO_LETTER}++s$", "$1"),
                "portal_contraction": _replace(
                    rf"^({_CONTRACTED}{_NO_LETTER}++)({_any(ENGLISH_CONTRACTIONS - {'s'})})$", f"$1{_REST}$2"
                ),
                "portal_stop_persian": _replace(_all_of(PERSIAN_STOP_WORDS), ""),
                "portal_stop_english": _replace(
                    _all_of({*ENGLISH_STOP_WORDS, *(_REST + rest for rest in ENGLISH_CONTRACTIONS)}), ""
                ),
                "portal_stop_prefixed": _replace(rf"^{_PREFIX}{ZWNJ}++(?:{_any(PERSIAN_STOPS_WITH_PREFIX)})$", ""),
                "portal_something": {"type": "length", "min": 1},
                "portal_parts": {
                    "type": "word_delimiter_graph",
                    "catenate_all": True,
                    "split_on_case_change": False,
                    "split_on_numerics": False,
                    "stem_english_possessive": False,
                    "type_table": [rf"{_escaped(_REST)} => ALPHA"],
                },
                "portal_stop": {"type": "stop", "stopwords": sorted(PERSIAN_STOP_WORDS | ENGLISH_STOP_WORDS)},
                "portal_rests": {"type": "stop", "stopwords": [_REST + rest for rest in sorted(ENGLISH_CONTRACTIONS)]},
                "portal_without_rest": _replace(_REST, ""),
                "portal_forms": {"type": "stemmer_override", "rules": _forms(snowball)},
                **{f"portal_stem_{number}": _replace(*rule) for number, rule in enumerate(_stem_rules())},
                "portal_no_english": {"type": "keyword_marker", "keywords_pattern": "^(?![a-z]{3,}$).*$"},
                **{
                    f"portal_british_{number}": _replace(british.pattern, american.replace("\\", "$"))
                    for number, (british, american) in enumerate(BRITISH_SPELLINGS)
                },
                "portal_scientists": _replace(_SCIENTIST, "$1"),
                "portal_newer_snowball": {
                    "type": "stemmer_override",
                    "rules": [f"{word} => {stem(word, snowball)}" for word in _STEMMED_OTHERWISE.split()],
                },
                "portal_snowball": {"type": "snowball", "language": snowball.capitalize()},
                "portal_cut": {"type": "truncate", "length": MAX_WORD_LENGTH},
            },
            "analyzer": {
                ANALYZER: _analyzer(keep_stop_words=False),
                STOP_WORDS_KEPT: _analyzer(keep_stop_words=True),
            },
        }
    }


def _analyzer(*, keep_stop_words: bool) -> dict[str, Any]:
    stop_compounds = [] if keep_stop_words else [
        "portal_stop_persian", "portal_stop_english", "portal_stop_prefixed", "portal_something",
    ]  # fmt: skip
    return {
        "type": "custom",
        "char_filter": ["portal_letters", "portal_prefixes"],
        "tokenizer": "portal_compounds",
        "filter": [
            "portal_endings",
            "portal_prefix_of_compound",
            "portal_possessive",
            "portal_contraction",
            *stop_compounds,
            "portal_parts",
            *([] if keep_stop_words else ["portal_stop"]),
            "portal_rests",
            "portal_without_rest",
            "portal_forms",
            *(f"portal_stem_{number}" for number, _rule in enumerate(PERSIAN_STEM_RULES)),
            "portal_forms",
            *(f"portal_british_{number}" for number, _spelling in enumerate(BRITISH_SPELLINGS)),
            "portal_scientists",
            "portal_no_english",
            "portal_newer_snowball",
            "portal_snowball",
            "portal_cut",
        ],
    }


@lru_cache(maxsize=1)
def _folding() -> tuple[str, ...]:
    """The rules of a mapping character filter that has the effect of `fold`, one for every character it changes."""
    changed = []
    for code in range(sys.maxunicode + 1):
        if code not in _SURROGATES:
            character = chr(code)
            folded = fold(character)
            if folded != character:
                changed.append(f"{_escaped(character)}=>{_escaped(folded)}")
    return tuple(changed)


def _escaped(text: str) -> str:
    """The text in UTF-16 escapes, which Elasticsearch takes literally in every kind of rule."""
    units = text.encode("utf-16-be").hex()
    return "".join(rf"\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def _replace(pattern: str, replacement: str) -> dict[str, str]:
    return {"type": "pattern_replace", "pattern": pattern, "replacement": replacement}


def _any(words: Collection[str]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


def _all_of(words: Collection[str]) -> str:
    """A pattern for compounds that consist of these words; single words are left to a stop filter."""
    between = rf"[^\p{{L}}\p{{N}}{_REST}]++"
    return rf"^(?:(?:{_any(words)}){between})++(?:{_any(words)})$"


def _compound() -> str:
    """A pattern for a word and what `search.language.analysis` links to it by half-space, joiner or thousands comma."""
    half_space = f"{ZWNJ}++{_LETTER}"
    joined = rf"(?<={_ASCII}){_JOINER}(?={_ASCII})"
    thousands = rf"(?<=(?<!{_LETTER})[0-9]{{1,20}}),(?=[0-9]{{3}}(?!{_LETTER}))"
    return rf"{_LETTER}++(?:(?:{half_space}|{joined}|{thousands}){_LETTER}*+)*+"


def _forms(snowball: str) -> list[str]:
    """Rules for the words that have a table of their own; a word that is kept whole is not stemmed further."""
    english = {form: stem(word, snowball) for form, word in ENGLISH_FORMS.items()}
    return [f"{form} => {word}" for form, word in (PERSIAN_FORMS | english).items()]


def _stem_rules() -> Iterator[tuple[str, str]]:
    for endings, shortest, after in PERSIAN_STEM_RULES:
        last = f"(?<=[{after}])" if after else ""
        yield rf"^(?!(?:{_any(PERSIAN_UNINFLECTED)})$)(.{{{shortest},}}?){last}(?:{_any(endings)})$", "$1"
