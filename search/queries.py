"""Search: a person's text → a plan → results, the same for every index.

Each of these steps is reported to the reader if it changes the question:

1. entries that hold enough of the question are ranked by BM25 (`Plan.least`), the best of them once more by their titles
   and by words that stand together (`search.index.closeness`); if they are few, others follow
2. no word is known: the text is read as typed on the other keyboard
3. a word is unknown: its likeliest reading is used, a typing error or Persian in Latin letters
   (`search.asking.guesses`)
4. editors have entered synonyms for a word or phrase: these are searched for, too (`search.asking.synonyms`)
5. no entry contains all words: those with most of them are shown; if none is about the question, that is said
   (`search.showing.about`)
6. nothing is found in this language: results in another one are shown

If little is found as typed, and other words are much likelier, these are offered, and nothing is changed.

The audience is filtered in the index, and every hit is checked against the database before it is shown. The index's
answer to a question is the same for all readers with the same audiences and is cached until the index or the content
changes; the check is made for each reader, every time.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.utils.translation import get_language

from portal.catalog.queries import own_product_codes
from portal.core.audience import audiences_for
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.preferences import current_preferences
from search import registry
from search.asking.essence import MOST_READ, essence
from search.asking.guesses import likelier
from search.asking.notices import Notice, NoticeCode
from search.asking.questions import Question, ask, prepare, spelled, understand
from search.asking.synonyms import NO_RULES, Rules
from search.asking.unfinished import beginning_of, read_unfinished
from search.index.answering import answer
from search.index.entry_terms import stems_in
from search.index.plan import MAX_PAGES, PAGE_SIZE, BackendHit, Filters, Found, Plan, QueryTerm, Sort
from search.index.protocol import Backend
from search.language.analysis import clean
from search.meaning.fusion import Hybrid, with_meaning
from search.showing.about import is_about
from search.showing.best_answer import best_answer
from search.showing.facets import chosen_in_vain, describe
from search.showing.highlight import mark_terms
from search.showing.pins import Pin, pins_for
from search.showing.results import (
    BestAnswer,
    Hit,
    SearchResult,
    SuggestionGroup,
    Suggestions,
    between_words,
    by_language,
    open_answer,
    present,
)
from search.showing.visibility import seen_by

if TYPE_CHECKING:
    from search.documents import AnyUser

#: Up to so many results, a likelier question is looked for.
FEW_RESULTS: Final = 3
_ELSEWHERE_HITS: Final = 5
#: Notices that say that no result has the whole question.
LACKING: Final = frozenset({NoticeCode.IGNORED, NoticeCode.PARTIAL, NoticeCode.NOT_ABOUT})

#: The scopes that results depend on, in addition to those of cached values they use (`portal.core.scopes`).
SHOWN: Final = ("search", "articles", "catalogue", "site")

_versions: Final = itertools.count(1)
_results: Final[Memo[SearchResult]] = Memo(max_size=256, seconds=LONG_SECONDS, scopes=SHOWN, max_bytes=2 * 1024 * 1024)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """Everything that a result depends on besides the index; nothing that belongs to one person."""

    typed: str
    notices: tuple[Notice, ...]
    language: str
    #: The whole text, if it is too long for a question: what it asks is read out of it.
    whole: str = ""
    audiences: tuple[str, ...]
    filters: Filters = Filters()  # noqa: RUF009 - frozen
    page: int = 1
    exact: bool = False
    sort: Sort = Sort.RELEVANCE
    own_products: tuple[str, ...] = ()


def search(
    *,
    text: str,
    user: AnyUser,
    language: str,
    filters: Filters = Filters(),  # noqa: B008 - frozen
    page: int = 1,
    exact: bool = False,
    sort: Sort = Sort.RELEVANCE,
    own_products: Sequence[str] | None = None,
) -> SearchResult:
    """Results for what a person typed, 20 per page, in `language` unless the filters name other languages.

    Of entries that match about equally well, those about the user's `own_products` come first; these are looked up if
    they are not given. The number of queries is constant; if little was found, as many again are made for what may have
    been meant. No text raises an error. With `exact` the text is searched for as it is. Without text, all entries that
    pass the filters are listed, most popular first; without filters either, the result is empty.
    """
    typed, notices = prepare(text)
    if not typed and not filters:
        return SearchResult(typed="", text="", notices=notices)
    asked = _Asked(
        typed=typed,
        notices=tuple(notices),
        language=language,
        whole="" if exact or not notices else " ".join(clean(text[-4 * MOST_READ :]).split())[-MOST_READ:],
        filters=filters,
        page=page,
        exact=exact,
        sort=sort,
        own_products=tuple(own_product_codes(user) if own_products is None else own_products),
        audiences=tuple(audiences_for(user)),
    )
    found = _remembered(asked, user)
    if found.meant and not _is_better(_remembered(replace(asked, typed=found.meant, whole=""), user), found):
        found = replace(found, meant="")
    if filters or sort != Sort.RELEVANCE:
        return found
    return _with_pins(found, pins_for((found.typed, found.text), user=user, language=language))


def _remembered(asked: _Asked, user: AnyUser) -> SearchResult:
    """The cached or new result of the index, restricted to what the user may see now."""

    def result(backend: Backend) -> SearchResult:
        key = (asked, type(backend), get_language(), current_preferences())
        return _results.get(key, lambda: _result(backend, asked))

    return _as_seen(answer(result), user)


def _is_better(other: SearchResult, found: SearchResult) -> bool:
    """Whether `other` has more visible results that contain all words of the question."""
    complete = [
        0 if any(notice.code in LACKING for notice in result.notices) else len(result.hits) for result in (other, found)
    ]
    return complete[0] > complete[1]


def preview(*, text: str, user: AnyUser, language: str, rules: Rules) -> SearchResult:
    """The result of `search` with other synonyms than the active ones; not cached."""
    typed, notices = prepare(text)
    if not typed:
        return SearchResult(typed="", text="", notices=notices)
    asked = _Asked(
        typed=typed,
        notices=tuple(notices),
        language=language,
        audiences=tuple(audiences_for(user)),
    )
    return _as_seen(answer(lambda backend: _result(backend, asked, rules)), user)


def _result(backend: Backend, asked: _Asked, rules: Rules | None = None) -> SearchResult:
    """The result of the index for readers with these audiences, ready to show but not yet checked against the database.

    `rules` are the synonyms to use instead of the active ones.
    """
    asked = _with_essence(backend, asked)
    typed, language, filters, page, audiences = (
        asked.typed,
        asked.language,
        asked.filters,
        asked.page,
        asked.audiences,
    )
    notices = [*asked.notices]
    question = ask(backend, typed, language, audiences, NO_RULES if asked.exact else rules)
    if not asked.exact:
        question = understand(backend, question, language, audiences, notices)
    terms = question.terms()
    if terms and question.unknown:
        notices.append(Notice(NoticeCode.IGNORED, used=spelled(question.text, question.unknown)))
    if question.synonyms:
        notices.append(Notice(NoticeCode.SYNONYM, typed=question.text, used=between_words().join(question.synonyms)))
    plan = Plan(
        terms=terms,
        size=question.vocabulary.size,
        audiences=audiences,
        filters=filters if filters.languages else filters.choosing(language=[language]),
        sort=asked.sort,
        prefers=Filters(product=asked.own_products),
        offset=(min(max(page, 1), MAX_PAGES) - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    index = Hybrid(backend) if asked.exact or not typed else with_meaning(backend, question.text, plan)
    if typed and not terms and not index:
        return SearchResult(typed=typed, text=question.text, notices=notices)
    found = index.search(plan)
    if not found.hits and plan.offset:
        plan = replace(plan, offset=0)
        found = index.search(plan)
    counts = index.facets(plan)
    visible = None
    if chosen_in_vain(counts, filters):
        visible = backend.facets(Plan(terms=(), size=0, audiences=audiences))
    others: Sequence[BackendHit] = []
    other_languages = [code for code in counts["language"] if code not in plan.filters.languages]
    if not found.hits and other_languages:
        elsewhere = filters.choosing(language=other_languages)
        others = index.search(replace(plan, filters=elsewhere, offset=0, limit=_ELSEWHERE_HITS)).hits
    if index.only_by_meaning(found.hits or others):
        notices.append(Notice(NoticeCode.MEANING))
    elif found.hits and _most_words(found) < plan.word_count:
        notices.append(Notice(NoticeCode.PARTIAL))
    hits, others = _known(found.hits), _known(others)
    shown = present([*hits, *others])
    best = _best(hits, shown, plan, question) if plan.sort == Sort.RELEVANCE and not plan.offset else None
    # What has none of the words may still mean the same.
    notices = _unless_about(notices, hits, plan, question, is_answered=best is not None or bool(index))
    return SearchResult(
        typed=typed,
        text=question.text,
        total=found.total - (len(found.hits) - len(hits)),
        page=plan.offset // PAGE_SIZE + 1,
        hits=shown[: len(hits)],
        best=best,
        facets=describe(counts, plan.filters, visible=visible),
        notices=notices,
        meant=_meant(backend, question, asked) if rules is None and _are_few(found, plan) else "",
        elsewhere=by_language(shown[len(hits) :], counts["language"], other_languages if typed else ()),
        version=next(_versions),
    )


def _with_essence(backend: Backend, asked: _Asked) -> _Asked:
    """What was asked; of a long text the sentence that asks."""
    telling = essence(backend, asked.whole, asked.language, asked.audiences) if asked.whole else ""
    if not telling:
        return asked
    return replace(asked, typed=telling, notices=(Notice(NoticeCode.SHORTENED, used=telling),))


def _unless_about(
    notices: list[Notice], hits: Sequence[BackendHit], plan: Plan, question: Question, *, is_answered: bool
) -> list[Notice]:
    """The notices; if none of the hits is about the question, that one instead of those on words it lacks."""
    if is_answered or not hits or is_about(hits, plan, question):
        return notices
    told = Notice(NoticeCode.NOT_ABOUT, typed=question.text, used=question.text)
    return [*(each for each in notices if each.code not in LACKING), told]


def _most_words(found: Found) -> int:
    """The maximum number of words of the question that a hit contains."""
    return max((hit.matched for hit in found.hits), default=0)


def _are_few(found: Found, plan: Plan) -> bool:
    """Whether so few results contain the required number of words that another question should be looked for."""
    return sum(hit.matched >= plan.required for hit in found.hits) <= FEW_RESULTS


def _meant(backend: Backend, question: Question, asked: _Asked) -> str:
    """A much likelier text, or an empty string; always empty if the question was changed already."""
    if asked.exact or question.text != asked.typed:
        return ""
    return likelier(backend, question, asked.language, asked.audiences)


def _best(hits: Sequence[BackendHit], shown: Sequence[Hit], plan: Plan, question: Question) -> BestAnswer | None:
    """The first hit with its card, if it very likely answers the question and its kind has cards; otherwise None."""
    best = best_answer(hits, plan, unknown=len(question.unknown))
    document = registry.get_document(best.kind) if best else None
    card = document.answer_card(best.object_id) if best and document else None
    return open_answer(shown[0], card, plan.terms) if card else None


def _with_pins(found: SearchResult, pins: tuple[Pin, ...]) -> SearchResult:
    """The result with the pinned answers; a pinned answer is not shown again as the best answer."""
    if not pins:
        return found
    pinned = {(pin.kind, pin.object_id) for pin in pins}
    best = found.best if found.best and (found.best.hit.kind, found.best.hit.object_id) not in pinned else None
    return replace(found, pins=pins, best=best)


def _known(hits: Sequence[BackendHit]) -> list[BackendHit]:
    """The hits without those of uninstalled apps."""
    return [hit for hit in hits if registry.get_document(hit.kind)]


def _as_seen(found: SearchResult, user: AnyUser) -> SearchResult:
    """The result without hits that the user may not see according to the database."""
    everything = [*found.hits, *(hit for other in found.elsewhere for hit in other.hits)]
    seen = {(hit.kind, hit.object_id, hit.language) for hit in seen_by(user, everything)}
    if len(seen) == len(everything):
        return found
    hits, *others = (
        [hit for hit in some if (hit.kind, hit.object_id, hit.language) in seen]
        for some in (found.hits, *(other.hits for other in found.elsewhere))
    )
    elsewhere = [replace(other, hits=own) for other, own in zip(found.elsewhere, others, strict=True)]
    best = found.best if found.best and found.best.hit in hits else None
    return replace(found, hits=hits, best=best, total=found.total - (len(found.hits) - len(hits)), elsewhere=elsewhere)


def suggest(*, text: str, user: AnyUser, language: str) -> Suggestions:
    """Suggestions while a person types: entries with the words so far, of which the last one may be unfinished.

    At most four queries with one kind of objects, and one more for each further kind; two more for frequent words, and
    at most five more for unknown words.
    """
    typed, _notices = prepare(text)
    if not typed:
        return Suggestions(text="")
    return answer(lambda backend: _suggestions(backend, typed, user, language))


def _suggestions(backend: Backend, typed: str, user: AnyUser, language: str) -> Suggestions:
    unfinished = read_unfinished(backend, typed, language, tuple(audiences_for(user)))
    plan = unfinished.plan
    if not plan.terms:
        return Suggestions(text=typed)
    found = backend.search(plan, with_places=False)
    words = _words_by_stem(plan.terms)
    hits = sorted(seen_by(user, found.hits), key=lambda hit: -_words_in_title(hit, words))
    beginning = beginning_of(unfinished.text)
    groups = []
    for document in registry.all_documents():
        own = [hit for hit in hits if hit.kind == document.name][: document.suggestions]
        titles = [mark_terms(hit.title, words, language=hit.language, beginning=beginning) for hit in own]
        if own:
            groups.append(SuggestionGroup(document.name, str(document.label_plural), present(own, titles)))
    total = found.total - (len(found.hits) - len(hits))
    return Suggestions(text=unfinished.text, total=total, groups=groups, notice=unfinished.notice)


def _words_by_stem(terms: Sequence[QueryTerm]) -> Mapping[str, set[int]]:
    words: dict[str, set[int]] = defaultdict(set)
    for term in terms:
        for stem in (term.text, *term.beside):
            words[stem].update(term.words)
    return words


def _words_in_title(hit: BackendHit, words: Mapping[str, Collection[int]]) -> int:
    """The number of words in the title, which is all that is shown of a suggestion."""
    return len({word for stem in stems_in(hit.title, hit.language) for word in words.get(stem, ())})
