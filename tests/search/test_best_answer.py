"""Whether the first result is shown as the best answer, and to whom."""

from __future__ import annotations

import re

import pytest

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from search import services
from search.documents import AnswerCard
from search.index.answering import get_backend
from search.index.plan import Filters, QueryTerm, Sort
from search.queries import search
from search.showing.best_answer import best_answer
from search.showing.highlight import mark_answers
from tests.factories.accounts import UserFactory
from tests.factories.search import entry
from tests.search.asking import plan_for
from tests.search.conftest import TopicDocument
from tests.search.test_views import get, main

pytestmark = pytest.mark.django_db

STEPS = ("مودم را خاموش کنید", "سی ثانیه صبر کنید", "<b>روشن کنید</b>")


@pytest.fixture
def shelf():
    """Ten articles; the words «چراغ» and «قرمز» are rare, «مودم» occurs in all of them."""
    titles = ["چراغ قرمز مودم", "رمز مودم", "گارانتی مودم", "مودم و فیبر", *(f"مودم {n}" for n in range(6))]
    answers = {1: "دوشاخه را بکشید.", 3: "مودم تا دو سال گارانتی دارد.", 4: "نصب رایگان است."}
    get_backend().put(
        [
            entry(object_id=number, title=title, short_answer=answers.get(number, ""))
            for number, title in enumerate(titles, start=1)
        ]
    )
    return get_backend()


def answer_to(backend, text: str, *, unknown: int = 0, **options) -> int | None:
    plan = plan_for(backend, text, **options)
    best = best_answer(backend.search(plan).hits, plan, unknown=unknown)
    return best.object_id if best else None


# The gate -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["چراغ قرمز", "چراغ قرمز مودم", "قرمز", "چراغ", "گارانتی", "مودم گارانتی"])
def test_what_stands_in_one_title_alone_is_the_answer(shelf, text):
    assert answer_to(shelf, text) in {1, 3}


@pytest.mark.parametrize("text", ["مودم", "گارانتی رمز چراغ فیبر", ""])
def test_a_word_of_every_title_and_a_question_of_many_titles_have_no_answer(shelf, text):
    assert answer_to(shelf, text) is None


def test_two_articles_that_answer_alike_are_no_answer(shelf):
    shelf.put([entry(object_id=20, title="چراغ قرمز دکل")])

    assert answer_to(shelf, "چراغ قرمز") is None
    assert answer_to(shelf, "چراغ قرمز دکل") == 20


def test_a_translation_is_no_rival(shelf):
    shelf.put([entry(object_id=1, language="en", title="چراغ قرمز مودم", family="test.note:1")])

    assert answer_to(shelf, "چراغ قرمز", filters=Filters(language=("fa", "en"))) == 1


def test_another_kind_is_no_rival(shelf):
    shelf.put([entry(kind="test.talk", object_id=20, title="چراغ قرمز دکل")])

    assert answer_to(shelf, "چراغ قرمز") == 1


def test_words_that_nobody_wrote_close_the_gate(shelf):
    assert answer_to(shelf, "چراغ قرمز", unknown=0) == 1
    assert answer_to(shelf, "چراغ قرمز", unknown=3) is None


def test_words_that_stand_only_in_the_text_are_no_answer(shelf):
    shelf.put([entry(object_id=21, title="تلویزیون", body="زبرجد و یاقوت، هر دو در متن.")])

    assert answer_to(shelf, "زبرجد یاقوت") is None


def test_a_synonym_says_less_than_the_word(shelf):
    plan = plan_for(shelf, "گارانتی")
    (word,) = plan.terms
    hits = shelf.search(plan).hits

    def gate(weight: int, beside: tuple[str, ...] = ()):
        typed = QueryTerm(text="ضمانت", words=word.words, frequency=1)
        synonym = QueryTerm(text=word.text, words=word.words, frequency=1, weight=weight, beside=beside)
        asked = type(plan)(terms=(typed, synonym), size=plan.size, audiences=plan.audiences)
        return best_answer(hits, asked, unknown=0)

    assert gate(900).object_id == 3
    assert gate(300) is None
    assert gate(900, beside=("زبرجد",)) is None


def test_no_hits_have_no_answer(shelf):
    assert best_answer([], plan_for(shelf, "چراغ"), unknown=0) is None


# The card -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def topics(topic_document, monkeypatch):
    """Topics with answer cards; «secret» is for staff only."""
    register_audience("staff")
    monkeypatch.setattr(
        TopicDocument,
        "answer_card",
        lambda _self, pk: AnswerCard(short_answer=f"پاسخ کوتاه {pk}", steps=STEPS, step_count=5),
    )
    Topic.objects.bulk_create(
        [
            Topic(pk=1, code="red", name={"fa": "چراغ قرمز مودم", "en": "Red light on the router"}),
            Topic(pk=2, code="green", name={"fa": "گارانتی مودم"}),
            Topic(pk=3, code="secret", name={"fa": "چراغ محرمانه"}, tone=Topic.Tone.POM),
            *(Topic(pk=10 + number, code=f"t{number}", name={"fa": f"مودم {number}"}) for number in range(30)),
        ]
    )
    services.rebuild()


def test_the_card_is_shown_open_and_its_hit_not_again(client, topics):
    page = main(get(client, "چراغ قرمز مودم"))

    assert page.count('<section class="best" data-hit="test.topic:1" aria-labelledby="best-label best-title">') == 1
    assert "<p>پاسخ کوتاه 1</p>" in page
    steps = "".join(
        f"<li>{step}</li>" for step in ("<mark>مودم</mark> را خاموش کنید", STEPS[1], "&lt;b&gt;روشن کنید&lt;/b&gt;")
    )
    assert f"<ol>{steps}</ol>" in page
    assert "همهٔ ۵ گام" in page
    assert 'class="cover" href="/fa/topics/red/"' not in page


def test_the_card_marks_the_words_of_the_question_and_nothing_else(client, topics, monkeypatch):
    card = AnswerCard(
        short_answer="اگر <i>چراغِ</i> مودم‌ها قرمز شد", steps=("<mark>مودم</mark> را خاموش کنید",), step_count=1
    )
    monkeypatch.setattr(TopicDocument, "answer_card", lambda _self, _pk: card)

    page = main(get(client, "چراغ قرمز مودم"))

    assert "<p>اگر &lt;i&gt;<mark>چراغِ</mark>&lt;/i&gt; <mark>مودم‌ها قرمز</mark> شد</p>" in page
    assert "<ol><li>&lt;mark&gt;<mark>مودم</mark>&lt;/mark&gt; را خاموش کنید</li></ol>" in page


def test_a_synonym_of_two_words_is_marked_where_both_stand():
    terms = [QueryTerm(text="همراه", words=(1,), frequency=1, beside=("اینترنت",))]

    assert mark_answers("اینترنت همراه", terms, language="fa") == "<mark>اینترنت همراه</mark>"
    assert mark_answers("دفترچهٔ همراه", terms, language="fa") == "دفترچهٔ همراه"


def test_the_card_counts_among_the_results(client, topics):
    result = search(text="چراغ قرمز مودم", user=None, language="fa")

    assert result.best.hit is result.hits[0]
    assert [hit.object_id for hit in result.listed] == [hit.object_id for hit in result.hits[1:]]
    assert result.total == len(result.hits)


def test_other_orders_pages_and_questions_have_no_card(client, topics):
    assert 'class="best"' in main(get(client, "گارانتی"))
    assert 'class="best"' not in main(get(client, "گارانتی", sort=Sort.NEWEST))
    assert 'class="best"' not in main(get(client, "مودم"))
    assert 'class="best"' not in main(get(client, "مودم", page=2))
    assert 'class="best"' not in main(get(client, topic="red"))


def test_a_kind_without_answers_has_no_card(client, topic_document):
    Topic.objects.create(code="red", name={"fa": "چراغ قرمز مودم"})
    services.rebuild()

    page = main(get(client, "چراغ قرمز مودم"))

    assert 'href="/fa/topics/red/"' in page
    assert 'class="best"' not in page


def test_the_private_answer_is_there_for_staff_and_nowhere_for_others(client, topics):
    client.force_login(UserFactory(is_staff=True))
    assert "پاسخ کوتاه 3" in main(get(client, "چراغ محرمانه"))

    client.force_login(UserFactory())
    assert "پاسخ کوتاه 3" not in main(get(client, "چراغ محرمانه"))

    client.logout()
    assert "پاسخ کوتاه 3" not in main(get(client, "چراغ محرمانه"))


def test_an_answer_the_database_hides_loses_its_card_at_once_though_it_was_remembered(client, topics):
    client.force_login(UserFactory())
    assert "پاسخ کوتاه 2" in main(get(client, "گارانتی مودم"))

    Topic.objects.filter(code="green").update(tone=Topic.Tone.POM)  # sends no signal, so the index is outdated

    page = main(get(client, "گارانتی مودم"))
    assert "پاسخ کوتاه 2" not in page
    assert "گارانتی مودم</mark>" not in page


def test_an_answer_in_another_language_says_so(client, topics):
    page = main(client.get("/fa/search/", {"q": "red light router", "language": "en"}))

    assert re.search(
        r'<div lang="en" dir="ltr">\s*<h2 id="best-title"><a href="/en/topics/red/"[^>]* hreflang="en">', page
    )
