"""Analysis: a text → the terms it is indexed and searched by, with their places in the original.

All indexes share these tables. Letters are folded by `portal.core.text`; this module handles words: half-spaces,
inflection, stop words, stemming. Spellings that must find each other share a term:

    می‌خواهم · می خواهم · میخواهم            the verb prefix in any spelling
    کتاب‌ها · کتاب ها · کتابها               the plural in any spelling
    پیاده‌سازی · پیاده سازی · پیادهسازی      compounds: the index contains parts and whole, the query joins neighbours
    Wi-Fi · wifi · wi fi                     the same with hyphens

Terms carry offsets into the original text, so that highlighting never changes what an author wrote.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Final, NamedTuple

import Stemmer

from portal.core.memo import bounded_cache
from portal.core.text import ZWNJ, fold, fold_with_offsets
from search.language.forms import ENGLISH_FORMS, PERSIAN_FORMS

#: Increase it with every change of the tables and rules here or of the weights in `search.index.scoring`: entries that
#: were indexed with another version are out of date, and `rebuild_search --check` indexes them again.
VERSION: Final = 6

#: Longer stems and spellings are truncated: nobody types them, and rows of the index must stay small.
MAX_WORD_LENGTH: Final = 64

# Tables -------------------------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(fold(text).split())


#: Verb prefixes, written with a half-space, a space or nothing.
PERSIAN_PREFIXES: Final = _words("می نمی")

#: Endings after a half-space, or as separate words after the word they belong to.
PERSIAN_SUFFIXES: Final = _words(
    "ها های هایی هایم هایت هایش هایمان هایتان هایشان هاست هایند تر ترین تری ای ام ات اش ایم اید اند مان تان شان یی"
)
#: Endings only after a half-space; on their own they are words or letters.
PERSIAN_ATTACHED_SUFFIXES: Final = PERSIAN_SUFFIXES | _words(
    "است ی م ت ش را رو و مون تون شون هام هات هاش هامون هاتون هاشون"
)


class StemRule(NamedTuple):
    """Endings written without a half-space: the first that matches is removed, if at least `shortest` letters remain.

    With `after`, only if the remaining word ends with one of these letters.
    """

    endings: tuple[str, ...]
    shortest: int
    after: str = ""


PERSIAN_STEM_RULES: Final = (
    StemRule(("هایمان", "هایتان", "هایشان", "هامون", "هاتون", "هاشون", "هایی", "هایم", "هایت", "هایش", "های", "ها"), 2),
    StemRule(("هامو", "هاتو", "هاشو", "هام", "هات", "هاش", "هارو"), 3),
    StemRule(("ترین", "تری", "تر"), 3),
    StemRule(("ی",), 3, after="او"),  # the ezafe of خطای and منوی
    StemRule(("ی",), 4, after="ه"),  # and of صفحه‌ی, typed without its half-space
    StemRule(("ان", "ات"), 4),
    StemRule(("ین",), 5),
)
#: Words that look inflected but are not.
PERSIAN_UNINFLECTED: Final = _words(
    "تنها انتها فیلتر کامپیوتر پرینتر توییتر سازمان خیابان اصفهان عملیات مالیات ادبیات جزییات اطلاعات انتخابات پهلوی ثانوی معنوی وایفای "
    "گواهی آگاهی کوتاهی سیاهی تباهی رفاهی پادشاهی سازماندهی بازدهی سرویسدهی سفارشدهی گزارشدهی نوبتدهی شکلدهی جهتدهی استفهام"
)

_LIGHT_VERBS: Final = _words(
    "کن کنم کنی کند کنه کنیم کنید کنند کنن کرد کردم کردی کردیم کردید کردند کرده کردن بکنم بکنید بکنه "
    "شوم شوی شود شه شویم شوید شوند شد شدم شدند شده شدن بشود بشه "
    "باشد باشم باشید باشند بود بودم بودند باش دارم داری دارد داره داریم دارید دارند دارن داشت داشتم داشتن داشته "
    "توانم توانی تواند توانیم توانید توانند تونم تونی تونه تونیم تونید تونن خواهم خواهی خواهد خواهیم خواهید خواهند "
    "خوام خوای خواد خوایم خوان خواستم بخواهم بخواهی بخواهد بخواهید بخوام بخوای بخواد بخوایم بخوان گردد "
    "بتوانم بتواند بتوانید بتونم بتونه بتونید بشوم بشم بشن بشید بکنیم بکنی بکنند باشه باشن هستیم هستید "
    "نکنم نکن نکنید نشه نشود نشده نشد نشدم نشدی نشدیم نشدید نشدن نکرد نکرده نکردم"
)
#: Light verbs that are another word without their prefix: «کند» is "slow" much more often where people complain.
_ALSO_WORDS: Final = _words("کند")
#: Words that say nothing after a verb prefix: «می‌توان» is no «توان».
PERSIAN_STOPS_WITH_PREFIX: Final = _words("توان بایست کند")
#: Persian words that say nothing about the subject, including question words and polite phrases.
PERSIAN_STOP_WORDS: Final = (
    _words(
        "و در به از که این را رو با است برای آن یک تا بر هم نیز یا اما ولی اگر اگه چه هر ای ام من تو ما شما او وی "
        "آنها اینها ایشان خود خودم دیگر همه پس پیش بین روی هست هستم هستند نیست نیستم چی چیست کجاست کیست چگونه چرا کدام "
        "کجا کی کسی چند چطور چطوری چجوری چیکار چکار چیه کدوم آیا باید نباید لطفا سلام ممنون خواهشمند خیلی فقط حتی البته وقتی بی "
        "طور مورد توسط یعنی ی یه واسه توی اون همون همین همان بخاطر دیگه هی"
    )
    | PERSIAN_SUFFIXES
    | PERSIAN_PREFIXES
    | (_LIGHT_VERBS - _ALSO_WORDS)
    | {prefix + verb for prefix in PERSIAN_PREFIXES for verb in _LIGHT_VERBS | PERSIAN_STOPS_WITH_PREFIX}
)
ENGLISH_STOP_WORDS: Final = _words(
    "a an and are as at be but by for if in into is it its no not of on or such that the their then there these they "
    "this to was will with i you he she we my me your our us do does did done doing can could would should shall may "
    "has have had having what which who whom how when where why am been being please hi hello"
)
#: The part of a contraction after the apostrophe.
ENGLISH_CONTRACTIONS: Final = frozenset({"s", "t", "d", "m", "re", "ll", "ve"})

#: British spellings and the American ones they are indexed as, if a rule covers them. Verbs with a noun in -ision
#: (revise, precise) keep their s. Single words, such as fibre and centre, are in `search.language.forms`.
BRITISH_SPELLINGS: Final = (
    (re.compile("^([a-z]{2,}[^cvaeiou])is(e|ed|er|ers|es|ing|ement|ements|ation|ations|ational|able)$"), r"\1iz\2"),
    (re.compile("^([a-z]*(?:anal|paral|catal))ys(e|ed|er|ers|es|ing)$"), r"\1yz\2"),
    (
        re.compile("^(mis|un|dis|re|multi|)(behavi|col|endeav|fav|flav|harb|hon|hum|lab|neighb|rum|tum|vap)our"),
        r"\1\2or",
    ),
)

#: The Snowball algorithm for words in Latin letters, by language of the text; English words occur in every language.
SNOWBALL: Final = {"en": "english"}
_DEFAULT_SNOWBALL: Final = "english"

# Tokens -------------------------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """A term and its origin.

    `text` is the stem that is indexed, `word` the folded word it comes from. ``[start, end)`` is the place in the
    original. `position` counts words, including stop words; `width` is the number of words the term covers: two or
    more for a compound.
    """

    text: str
    start: int
    end: int
    position: int
    word: str
    width: int = 1


class _Part(NamedTuple):
    """A run of letters and digits in the folded text, with its offsets there."""

    text: str
    start: int
    end: int


_RUN: Final = re.compile(r"[^\W_]+")
_PERSIAN_LETTER: Final = re.compile("[\u0600-\u06ff]")
_HALF_SPACE: Final = re.compile(f"{ZWNJ}+")
_APOSTROPHES: Final = frozenset("'’‘ʼ")
_LATIN_JOINERS: Final = frozenset("-‐‑.") | _APOSTROPHES
_LETTERS_AND_DIGITS: Final = re.compile(
    "([a-z]{2,}|[\u0600-\u06ff]{2,})([0-9]+)|([0-9]+)([a-z]{2,}|[\u0600-\u06ff]{2,})"
)
_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")

_stemmers = threading.local()


def clean(text: str) -> str:
    """The text without characters that a database or a page rejects: control characters and lone surrogates."""
    return _UNSTORABLE.sub("", text)


def tokens(text: str, *, language: str | None = None, query: bool = False) -> list[Token]:
    """The terms of a text. A text of stop words alone keeps them: «چرا که نه» can be a title.

    `language` selects the stemmer for words in Latin letters. With `query`, neighbouring words are also joined and
    words like ``mesh6`` also split, to match the other spelling in the index.
    """
    folded, offsets = fold_with_offsets(text)
    compounds = list(_compounds(folded))
    stemmer = SNOWBALL.get((language or "").split("-")[0], _DEFAULT_SNOWBALL)
    for keep_stop_words in (False, True):
        found = list(_analyse(folded, compounds, stemmer, query=query, keep_stop_words=keep_stop_words))
        if found:
            break
    offsets.append(len(text))
    # A run ends after its last character's origin; characters that fold to nothing (vowel marks) belong to it.
    return [token._replace(start=offsets[token.start], end=_end(token.end, offsets)) for token in found]


def term_of(word: str, *, language: str | None = None) -> str | None:
    """The term for one folded word of letters and digits in a text, as `tokens` has it; None for a stop word."""
    if _PERSIAN_LETTER.search(word):
        return None if word in PERSIAN_STOP_WORDS else stem(word)[:MAX_WORD_LENGTH]
    if word in ENGLISH_STOP_WORDS:
        return None
    return stem(word, SNOWBALL.get((language or "").split("-")[0], _DEFAULT_SNOWBALL))[:MAX_WORD_LENGTH]


def _end(end: int, offsets: list[int]) -> int:
    """The end of a folded run in the original: before the origin of the character that follows it."""
    last = offsets[end - 1]
    following = offsets[end]
    return following if following > last else last + 1


def _compounds(folded: str) -> Iterator[list[_Part]]:
    """Runs of letters and digits; those linked by a half-space or hyphen are in one list."""
    current: list[_Part] = []
    for match in _RUN.finditer(folded):
        part = _Part(match[0], match.start(), match.end())
        if current and not _are_linked(folded, current[-1], part):
            yield current
            current = []
        current.append(part)
    if current:
        yield current


def _are_linked(folded: str, left: _Part, right: _Part) -> bool:
    gap = folded[left.end : right.start]
    if _HALF_SPACE.fullmatch(gap):
        return True
    if gap == ",":
        return left.text.isdecimal() and right.text.isdecimal() and len(right.text) == 3
    return gap in _LATIN_JOINERS and left.text[-1].isascii() and right.text[0].isascii()


def _analyse(
    folded: str, compounds: list[list[_Part]], stemmer: str, *, query: bool, keep_stop_words: bool
) -> Iterator[Token]:
    position = 0
    previous: _Part | None = None  # the previous word, if a query may join it with the next
    waiting: list[_Part] = []  # a detached verb prefix
    for place, compound in enumerate(compounds):
        parts = [*waiting, *compound]
        waiting = []
        follows = compounds[place + 1] if place + 1 < len(compounds) else None
        if follows and len(parts) == 1 and _is_detached_prefix(folded, parts[0], follows[0]):
            waiting = parts
            continue
        persian = any(map(_is_persian, parts))
        if persian:
            made = _persian(parts, position, stemmer, query=query, keep_stop_words=keep_stop_words)
        else:
            made = _latin(parts, position, stemmer, query=query, keep_stop_words=keep_stop_words)
        if query and len(compound) == 1 and len(parts) == 1:
            this = parts[0]
            joinable = this.text in PERSIAN_SUFFIXES or bool(made)
            if joinable and previous and _may_join(previous, this) and _is_space(folded, previous, this):
                yield _joined(previous, this, position - 1, stemmer)
            previous = this if joinable else None
        else:
            previous = None
        yield from made
        position = max([position + len(parts), *(token.position + token.width for token in made)])


def _is_persian(part: _Part) -> bool:
    return _PERSIAN_LETTER.search(part.text) is not None


def _may_join(left: _Part, right: _Part) -> bool:
    """Whether these are words of one script, or a number and its unit."""
    return _is_persian(left) == _is_persian(right) or left.text.isdecimal() != right.text.isdecimal()


def _is_space(folded: str, left: _Part, right: _Part) -> bool:
    return folded[left.end : right.start].isspace()


def _is_detached_prefix(folded: str, part: _Part, following: _Part) -> bool:
    if part.text not in PERSIAN_PREFIXES or following.text in PERSIAN_PREFIXES:
        return False
    return _is_persian(following) and _is_space(folded, part, following)


def _joined(left: _Part, right: _Part, position: int, stemmer: str) -> Token:
    word = left.text + right.text
    return _token(word, left.start, right.end, position, stemmer, width=2)


def _token(word: str, start: int, end: int, position: int, stemmer: str, *, width: int = 1) -> Token:
    return Token(stem(word, stemmer)[:MAX_WORD_LENGTH], start, end, position, word[:MAX_WORD_LENGTH], width)


def _persian(parts: list[_Part], position: int, stemmer: str, *, query: bool, keep_stop_words: bool) -> list[Token]:
    """The terms of one Persian word, which may consist of a verb prefix, several parts and endings."""
    start, end = parts[0].start, parts[-1].end
    first, last = 0, len(parts)
    if len(parts) > 1 and parts[0].text in PERSIAN_PREFIXES:
        first = 1
    while last - first > 1 and parts[last - 1].text in PERSIAN_ATTACHED_SUFFIXES:
        last -= 1
    core = parts[first:last]
    if len(core) == 1:
        word = core[0].text
        is_said = word not in PERSIAN_STOP_WORDS and not (first and word in PERSIAN_STOPS_WITH_PREFIX)
        if not is_said and not keep_stop_words:
            return []
        if query and len(parts) == 1:
            return _with_number(core[0], position, stemmer)
        made = [_token(word, start, end, position + first, stemmer)]
        if first:
            made.append(_token(parts[0].text + word, start, end, position + first, stemmer))
        return made
    made = [
        _token(part.text, part.start, part.end, position + place, stemmer)
        for place, part in enumerate(core, first)
        if keep_stop_words or part.text not in PERSIAN_STOP_WORDS
    ]
    if made:
        whole = "".join(part.text for part in core)
        made.append(_token(whole, core[0].start, core[-1].end, position + first, stemmer, width=len(core)))
    return made


def _latin(parts: list[_Part], position: int, stemmer: str, *, query: bool, keep_stop_words: bool) -> list[Token]:
    """The terms of one word in Latin or other letters and digits, which may be hyphenated or contracted."""
    if len(parts) == 1:
        part = parts[0]
        if part.text in ENGLISH_STOP_WORDS and not keep_stop_words:
            return []
        if query:
            return _with_number(part, position, stemmer)
        return [_token(part.text, part.start, part.end, position, stemmer)]
    if parts[-1].text in ENGLISH_CONTRACTIONS and len(parts) == 2 and (len(parts[0].text) > 1 or parts[0].text == "i"):
        return _contracted(parts, position, stemmer, keep_stop_words=keep_stop_words)
    made = [
        _token(part.text, part.start, part.end, position + place, stemmer)
        for place, part in enumerate(parts)
        if keep_stop_words or part.text not in ENGLISH_STOP_WORDS
    ]
    if made:
        whole_word = "".join(part.text for part in parts)
        made.append(
            _token(whole_word, parts[0].start, parts[-1].end, position, stemmer, width=len(parts)),
        )
    return made


def _with_number(part: _Part, position: int, stemmer: str) -> list[Token]:
    """The terms of a word in a question; ``mesh6`` and «۵گیگ» are also split into a word and a number."""
    whole = _token(part.text, part.start, part.end, position, stemmer)
    split = _LETTERS_AND_DIGITS.fullmatch(part.text)
    if split is None:
        return [whole]
    length = len(split[1] or split[3])
    middle = part.start + length
    return [
        _token(part.text[:length], part.start, middle, position, stemmer),
        _token(part.text[length:], middle, part.end, position + 1, stemmer),
        whole._replace(width=2),
    ]


def _contracted(parts: list[_Part], position: int, stemmer: str, *, keep_stop_words: bool) -> list[Token]:
    """The terms of a contraction: ``meter's`` → meter; ``don't`` also → ``dont``."""
    base, ending = parts
    made = []
    if keep_stop_words or base.text not in ENGLISH_STOP_WORDS:
        made.append(_token(base.text, base.start, ending.end, position, stemmer))
        if ending.text != "s":
            made.append(_token(base.text + ending.text, base.start, ending.end, position, stemmer))
    return made


# Stems --------------------------------------------------------------------------------------------------------------


@bounded_cache(max_bytes=4 * 2**20, usual_bytes=260)
def stem(word: str, stemmer: str = _DEFAULT_SNOWBALL) -> str:
    """The stem of one folded word."""
    if _PERSIAN_LETTER.search(word):
        return _persian_stem(word)
    if len(word) > 2 and word.isascii() and word.isalpha():
        word = ENGLISH_FORMS.get(word, word)
        if word.isdecimal():
            return word
        for british, american in BRITISH_SPELLINGS:
            word = british.sub(american, word)
        return _snowball(stemmer, word)
    return word


def _persian_stem(word: str) -> str:
    if word in PERSIAN_FORMS:
        return PERSIAN_FORMS[word]
    for endings, shortest, after in PERSIAN_STEM_RULES:
        if word in PERSIAN_UNINFLECTED:
            break
        for ending in endings:
            stays = word.removesuffix(ending)
            if stays != word and len(stays) >= shortest and (not after or stays[-1] in after):
                word = stays
                break
    return PERSIAN_FORMS.get(word, word)


def _snowball(stemmer: str, word: str) -> str:
    """Stem with Snowball. PyStemmer objects must not be shared between threads, so each thread has its own."""
    known = getattr(_stemmers, stemmer, None)
    if known is None:
        known = Stemmer.Stemmer(stemmer)
        setattr(_stemmers, stemmer, known)
    stemmed: str = known.stemWord(word)
    return stemmed
