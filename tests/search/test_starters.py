"""The starter list of synonyms: it is sound, is used at query time, and editors can switch off each group."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from portal.catalog.models import Topic
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from search import services
from search.asking import starters
from search.asking.notices import NoticeCode
from search.asking.synonyms import STARTER_WEIGHT, SYNONYM_WEIGHT, rules_for
from search.models import Synonym, UnusedStarter
from search.queries import search, suggest
from tests.factories.accounts import UserFactory
from tests.factories.search import synonym

pytestmark = pytest.mark.django_db

SCREEN = "wagtailsnippets_search_synonym:starters"
#: The real list, which most tests of search do without.
groups_of_list = starters.groups


@pytest.fixture
def topics(topic_document, monkeypatch):
    monkeypatch.setattr(starters, "groups", groups_of_list)
    for number, name in enumerate(["تغییر رمز", "نشانی شعبه‌ها", "تغییر زمان نصب"]):
        Topic.objects.create(code=f"t{number}", name={"fa": name})
    services.rebuild()


@pytest.fixture
def editor(settings):
    settings.STAFF_SECOND_FACTOR = False
    return UserFactory(role=CONTENT_EDITORS, language="fa")


def titles(text: str) -> list[str]:
    return [title_of(hit) for hit in search(text=text, user=None, language="fa").hits]


def suggested(text: str) -> list[str]:
    return [title_of(hit) for group in suggest(text=text, user=None, language="fa").groups for hit in group.hits]


def title_of(hit) -> str:
    return hit.title.replace("<mark>", "").replace("</mark>", "")


def test_the_list_is_sound():
    problems = []
    for language in ("fa", "en"):
        for head, words in groups_of_list(language).items():
            try:
                Synonym(language=language, words=words).check_words()
            except ValidationError as error:
                problems.append((head, error.messages))
            if "\u200c " in words or "  " in words:
                problems.append((head, "spaces"))
        lines = (starters.FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(groups_of_list(language)), "every group has a first phrase of its own"
    assert problems == []
    assert len(groups_of_list("fa")) + len(groups_of_list("en")) >= 300


@pytest.mark.parametrize("language", ["de", "../fa", ""])
def test_other_languages_have_none(language, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert starters.in_use(language) == []


def test_what_nobody_wrote_is_found_by_what_means_the_same_and_that_is_said(topics):
    found = search(text="پسورد", user=None, language="fa")

    assert [str(hit.title) for hit in found.hits] == ["تغییر <mark>رمز</mark>"]
    assert [(each.code, each.used) for each in found.notices] == [(NoticeCode.SYNONYM, "رمز")]


def test_a_word_that_stands_there_is_found_without_a_word_about_others(topics):
    Topic.objects.create(code="t8", name={"fa": "پسورد"})
    services.rebuild()

    found = search(text="رمز", user=None, language="fa")

    assert [str(hit.title) for hit in found.hits] == ["تغییر <mark>رمز</mark>", "<mark>پسورد</mark>"]
    assert found.notices == []


def test_what_editors_wrote_weighs_more(topics):
    synonym("پسورد", "رمز")

    weights = {phrase.text: weight for _form, phrase, weight in rules_for("fa").by_stem["پسورد"]}

    assert weights["رمز"] == SYNONYM_WEIGHT > weights["گذرواژه"] == STARTER_WEIGHT


def test_the_beginning_of_a_word_finds_what_means_the_same_while_typing(topics):
    shown = {text: suggested(text) for text in ("پسو", "پسور", "تغییر پسو", "پس")}

    assert shown["پسو"] == shown["پسور"] == ["تغییر رمز"]
    assert shown["تغییر پسو"] == ["تغییر رمز"]
    assert shown["پس"] == [], "two letters are the beginning of too much"


@pytest.mark.both_databases("search.editors.starters_admin", "search.models.starter")
def test_an_editor_switches_a_group_off_and_on_again(topics, editor, client):
    client.force_login(editor)
    screen = reverse(SCREEN)
    assert titles("پسورد") == ["تغییر رمز"]

    client.post(f"{screen}?language=fa&q=رمز", {"head": "رمز", "use": "0"})
    client.post(screen, {"head": "رمز", "use": "0"})  # somebody else did the same
    assert (titles("پسورد"), titles("آدرس")) == ([], ["نشانی شعبه‌ها"])
    assert UnusedStarter.objects.get().changed_by == editor
    page = client.get(f"{screen}?language=fa&q=پسورد").text
    assert "خاموش" in page
    assert 'value="1"' in page
    assert "نشانی" not in page

    client.post(screen, {"head": "رمز", "use": "1"})
    assert titles("پسورد") == ["تغییر رمز"]
    assert not UnusedStarter.objects.exists()


def test_what_is_no_group_is_refused(editor, client):
    client.force_login(editor)

    assert client.post(reverse(SCREEN), {"head": "هیچ", "use": "0"}).status_code == 400
    assert client.get(reverse(SCREEN), {"language": "xx", "q": "\0"}).status_code == 200
    assert not UnusedStarter.objects.exists()


def test_the_list_of_synonyms_leads_there_and_others_may_not_see_it(editor, client, settings):
    client.force_login(editor)
    assert reverse(SCREEN) in client.get(reverse("wagtailsnippets_search_synonym:list")).text

    client.force_login(UserFactory(role=COMMUNITY_MANAGERS))
    assert client.get(reverse(SCREEN)).status_code in {302, 403}
    client.post(reverse(SCREEN), {"head": "رمز", "use": "0"})
    assert not UnusedStarter.objects.exists()
