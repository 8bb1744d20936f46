"""The analysis compiled for Elasticsearch produces the terms of `search.language.analysis.tokens`.

The comparisons need a node: TEST_ELASTICSEARCH_URL=http://127.0.0.1:9200 pytest -m elasticsearch (script/elasticsearch
starts one). The known differences are listed in `search.index.elastic.analysis`.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.text import fold
from search.index.elastic.analysis import ANALYZER, STOP_WORDS_KEPT, index_settings
from search.language.analysis import ENGLISH_STOP_WORDS, PERSIAN_STOP_WORDS, tokens
from search.language.forms import ENGLISH_FORMS, PERSIAN_FORMS
from tests.search import golden_forms
from tests.search.golden import ENGLISH, PERSIAN, Z

ARTICLES = Path(__file__).resolve().parents[2] / "portal" / "demo" / "content" / "articles"
WORDS = [
    "می",
    "نمی",
    "بینم",
    "ها",
    "های",
    "ام",
    "تر",
    "كتاب",
    "پیاده",
    "سازی",
    "گوشی",
    "مُشتَری",
    "wi",
    "fi",
    "۱",
    "۲۰۰",
    "x2",
]
TEXT = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "  ", Z, "-", "'", ".", ",", "،", "\n", "\u200f"]))
)


class Node:
    """A real Elasticsearch with a separate index for these tests."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.index = f"portal_test_analysis_{uuid.uuid4().hex[:8]}"

    def call(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(  # noqa: S310 - the developer's own node
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)

    def tokens(self, text: str, analyzer: str = ANALYZER) -> list[dict]:
        return self.call("POST", f"{self.index}/_analyze", {"analyzer": analyzer, "text": text})["tokens"]

    def terms(self, text: str, analyzer: str = ANALYZER) -> Counter[str]:
        return Counter(token["token"] for token in self.tokens(text, analyzer))


@pytest.fixture(scope="module")
def node():
    url = os.environ.get("TEST_ELASTICSEARCH_URL")
    if not url:
        pytest.skip("needs a node: script/elasticsearch start, then TEST_ELASTICSEARCH_URL=http://127.0.0.1:9200")
    node = Node(url)
    try:
        node.call("GET", "")
    except (OSError, urllib.error.URLError) as error:
        pytest.skip(f"no Elasticsearch answers at {url}: {error}")
    analysis = {"number_of_shards": 1, "number_of_replicas": 0, "analyze.max_token_count": 200_000}
    node.call("PUT", node.index, {"settings": {**index_settings("fa"), **analysis}})
    yield node
    node.call("DELETE", node.index)


def own_terms(text: str) -> Counter[str]:
    return Counter(token.text for token in tokens(text))


def paragraphs() -> list[str]:
    texts = [path.read_text() for path in sorted(ARTICLES.rglob("*.md"))]
    return [paragraph for text in texts for paragraph in text.split("\n\n") if tokens(paragraph)]


# Without a node -----------------------------------------------------------------------------------------------------


def test_every_rule_folds_as_fold_does():
    rules = index_settings("fa")["analysis"]["char_filter"]["portal_letters"]["mappings"]

    def read(escaped: str) -> str:
        units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in re.findall(r"\\u(\w{4})", escaped))
        return units.decode("utf-16-be")

    folded = dict(tuple(map(read, rule.split("=>"))) for rule in rules)

    assert all(fold(character) == text for character, text in folded.items())
    assert [folded[c] for c in "يكة٣ـAÉ\u200b\u061c"] == ["ی", "ک", "ه", "3", "", "a", "e", Z, ""]
    assert "ی" not in folded


def test_both_languages_have_the_same_analyzers():
    assert index_settings("fa")["analysis"]["analyzer"] == index_settings("en-gb")["analysis"]["analyzer"]


# With a node --------------------------------------------------------------------------------------------------------


@pytest.mark.elasticsearch
def test_every_golden_text_has_the_same_terms(node):
    texts = {text for question, written, *_ in PERSIAN + ENGLISH for text in (question, written)}

    found = {text: node.terms(text) for text in texts}
    of_stop_words = {text for text, terms in found.items() if not terms}

    assert {text: found[text] for text in texts - of_stop_words} == {
        text: own_terms(text) for text in texts - of_stop_words
    }
    assert len(of_stop_words) < len(texts) / 20
    assert all(own_terms(text) <= node.terms(text, STOP_WORDS_KEPT) for text in of_stop_words)


@pytest.mark.elasticsearch
def test_every_form_of_a_word_has_the_same_term(node):
    words = {word for pairs, _meet in golden_forms.TABLES for pair in pairs for word in pair}
    text = "، ".join(sorted(words | {*PERSIAN_FORMS, *ENGLISH_FORMS, f"می{Z}توان", "نمی توان"}))

    assert node.terms(text) == own_terms(text)


@pytest.mark.elasticsearch
def test_the_demo_articles_have_the_same_terms_but_for_one_in_a_thousand(node):
    count = differences = 0
    for text in paragraphs():
        own, theirs = own_terms(text), node.terms(text)
        count += own.total()
        differences += ((own - theirs) + (theirs - own)).total()

    assert count > 10_000
    assert differences <= count / 1_000


@pytest.mark.elasticsearch
def test_terms_stand_where_the_author_wrote_them(node):
    for text in paragraphs()[:300]:
        places: dict[str, list[tuple[int, int]]] = {}
        for token in tokens(text):
            places.setdefault(token.text, []).append((token.start, token.end))
        for token in node.tokens(text):
            start, end = token["start_offset"], token["end_offset"]
            assert any(start < other_end and other_start < end for other_start, other_end in places[token["token"]])


@pytest.mark.elasticsearch
@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (f"چراغ كتاب{Z}هاي من", ["چراغ", f"كتاب{Z}هاي"]),
        ("مُشتَريِ خوب", ["مُشتَريِ", "خوب"]),
        ("The router's light", ["router's", "light"]),
        ("«مودم»، روشن", ["مودم", "روشن"]),
        ("می بینم", ["می بینم", "بینم"]),
    ],
)
def test_offsets_survive_folding(node, text, marked):
    assert [text[token["start_offset"] : token["end_offset"]] for token in node.tokens(text)] == marked


@pytest.mark.elasticsearch
def test_a_compound_stands_at_the_place_of_its_first_part(node):
    found = [(t["token"], t["position"]) for t in node.tokens(f"پیاده{Z}سازی مودم")]

    assert sorted(found) == sorted([("پیادهسازی", 0), ("پیاده", 0), ("سازی", 1), ("مودم", 2)])


@pytest.mark.elasticsearch
def test_a_text_of_stop_words_is_kept_where_it_is_asked_for(node):
    assert node.terms("چرا که") == node.terms("who am I") == {}
    assert node.terms("چرا که", STOP_WORDS_KEPT) == own_terms("چرا که")
    assert node.terms("who am I", STOP_WORDS_KEPT) == own_terms("who am I")


@pytest.mark.elasticsearch
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT)
def test_composed_words_have_the_same_terms(node, pieces):
    text = "".join(word + link for word, link in pieces)
    known_differences = PERSIAN_STOP_WORDS | ENGLISH_STOP_WORDS
    own, theirs = own_terms(text), node.terms(text)

    if set(own) & known_differences:
        return  # here, a text of stop words keeps them
    assert theirs == own


@pytest.mark.elasticsearch
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_has_the_same_letters_in_its_terms(node, text):
    """Java and Python have different Unicode versions; characters in both are split and folded equally."""
    if text.isascii() or all("\u0600" <= c <= "\u06ff" for c in text):
        own, theirs = own_terms(text), node.terms(text)
        assert theirs == own or set(own) & (PERSIAN_STOP_WORDS | ENGLISH_STOP_WORDS)
    else:
        node.terms(text)


@pytest.mark.elasticsearch
@pytest.mark.parametrize(
    "piece", ["a-", "a.", f"م{Z}", f"می{Z}", "می ", "don't ", "1,200", f"کتاب{Z}ها", f"از{Z}", "(", "ا", " ", "\u0640"]
)
def test_giant_and_deeply_linked_text_is_no_trouble(node, piece):
    node.tokens(piece * (100_000 // len(piece)))

    assert node.terms("مودم") == {"مودم": 1}
