"""Editors maintain synonyms in the admin, with a preview of the effect of a change."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.urls import reverse
from wagtail.models import ModelLogEntry

from portal.catalog.models import Topic
from portal.core.audience import register_audience
from portal.core.roles import COMMUNITY_MANAGERS, Role
from search import services
from search.models import Synonym
from search.queries import search
from tests.factories.accounts import UserFactory
from tests.factories.search import synonym

pytestmark = pytest.mark.django_db

LIST = "wagtailsnippets_search_synonym:list"
ADD = "wagtailsnippets_search_synonym:add"
EDIT = "wagtailsnippets_search_synonym:edit"
DELETE = "wagtailsnippets_search_synonym:delete"


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def member_of(role: Role, **fields):
    return UserFactory(role=role, **{"language": "fa", **fields})


@pytest.fixture
def topics(topic_document):
    register_audience("staff")
    for number, name in enumerate(["تغییر رمز", "تغییر گذرواژه", "تغییر نشانی"]):
        Topic.objects.create(code=f"t{number}", name={"fa": name})
    services.rebuild()


def form(words: str, **fields) -> dict[str, str]:
    return {
        "language": "fa",
        "direction": "two-way",
        "words": words,
        "also_finds": "",
        "is_active": "on",
        "note": "",
    } | fields


def text_of(response) -> str:
    """The text in the part of the page about the effect."""
    (section,) = re.findall(r'aria-labelledby="preview-title">(.*?)</section>', response.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", section).split())


# Writing ------------------------------------------------------------------------------------------------------------


def test_an_editor_adds_changes_and_deletes_a_synonym(client, editor, topics):
    client.post(reverse(ADD), form("رمز، گذرواژه"))
    made = Synonym.objects.get()
    assert (made.changed_by, made.language, made.is_active) == (editor, "fa", True)
    assert search(text="گذرواژه", user=None, language="fa").total == 2

    client.post(reverse(EDIT, args=[made.pk]), form("رمز، پسورد"))
    assert search(text="گذرواژه", user=None, language="fa").total == 1
    assert search(text="پسورد", user=None, language="fa").total == 1

    client.post(reverse(DELETE, args=[made.pk]))
    assert search(text="پسورد", user=None, language="fa").total == 0
    actions = ModelLogEntry.objects.filter(object_id=str(made.pk)).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["wagtail.create", "wagtail.edit", "wagtail.delete"]


def test_what_cannot_work_is_said_in_persian_and_not_saved(client, editor):
    response = client.post(reverse(ADD), form("گوشي، گوشی"))

    assert "«گوشي» و «گوشی» برای جست‌وجو یک واژه‌اند." in response.text
    assert not Synonym.objects.exists()


def test_words_that_are_not_passed_on_are_mentioned_after_saving(client, editor):
    synonym("پسورد", "گذرواژه")

    response = client.post(reverse(ADD), form("رمز، پسورد"), follow=True)

    assert "«رمز» عبارت «گذرواژه» را پیدا نمی‌کند" in response.text


@pytest.mark.parametrize("language", ["fa", "en"])
def test_a_link_can_begin_a_synonym(client, editor, language):
    response = client.get(reverse(ADD), {"language": language, "words": "<b>پسورد"})

    assert f'<option value="{language}" selected>' in response.text
    assert "&lt;b&gt;پسورد" in response.text
    assert "<b>پسورد" not in response.text


def test_without_a_link_the_language_is_the_editors(client, editor):
    assert '<option value="fa" selected>' in client.get(reverse(ADD)).text
    assert '<option value="fa" selected>' in client.get(reverse(ADD), {"language": "xx"}).text


# Preview ------------------------------------------------------------------------------------------------------------


def test_the_effect_is_shown_side_by_side_and_nothing_is_saved(client, editor, topics):
    response = client.post(reverse(ADD), form("رمز، گذرواژه", preview="1", preview_text="رمز"))

    assert "قبل: ۱ نتیجه" in text_of(response)
    assert "بعد: ۲ نتیجه" in text_of(response)
    assert "تغییر گذرواژه تازه" in text_of(response)
    assert "تغییر رمز تازه" not in text_of(response)
    assert not Synonym.objects.exists()
    assert search(text="رمز", user=None, language="fa").total == 1


def test_what_was_typed_stays_in_the_form(client, editor, topics):
    response = client.post(reverse(ADD), form("رمز، گذرواژه", note="برای تیم", preview="1", preview_text="رمز من"))

    assert "رمز، گذرواژه</textarea>" in response.text
    assert "برای تیم</textarea>" in response.text
    assert 'value="رمز من"' in response.text


def test_without_a_question_the_words_themselves_are_tried(client, editor, topics):
    response = client.post(reverse(ADD), form("پسورد، رمز", preview="1"))

    assert "« پسورد » قبل: ۰ نتیجه بعد: ۱ نتیجه – تغییر رمز تازه" in text_of(response)
    assert "« رمز » قبل: ۱ نتیجه بعد: ۱ نتیجه تغییر رمز تغییر رمز" in text_of(response)


def test_the_effect_of_a_change_is_compared_with_going_without(client, editor, topics):
    known = synonym("رمز", "گذرواژه")

    response = client.post(reverse(EDIT, args=[known.pk]), form("رمز، گذرواژه، پسورد", preview="1", preview_text="رمز"))

    assert "قبل: ۱ نتیجه" in text_of(response)
    known.refresh_from_db()
    assert known.words == "رمز\nگذرواژه"


def test_the_effect_shows_an_editor_nothing_they_may_not_see(client, topics):
    Topic.objects.filter(code="t1").update(tone=Topic.Tone.POM)
    services.rebuild()
    nobody = search(text="گذرواژه", user=UserFactory(), language="fa")
    assert nobody.total == 0

    from search.editors.admin import effects

    (effect,) = effects(Synonym(language="fa", words="رمز\nگذرواژه"), text="رمز", user=UserFactory())

    assert (effect.before.total, effect.after.total) == (1, 1)


def test_a_form_with_errors_shows_them_instead_of_an_effect(client, editor):
    response = client.post(reverse(ADD), form("رمز", preview="1", preview_text="رمز"))

    assert "دست‌کم ۲ واژهٔ گوناگون بنویسید." in response.text
    assert "قبل:" not in text_of(response)


# The list -----------------------------------------------------------------------------------------------------------


def test_the_list_is_searched_and_filtered_by_language(client, editor):
    synonym("رمز", "پسورد")
    synonym("قبض", "صورتحساب")
    synonym("phone", "handset", language="en")

    everything = client.get(reverse(LIST)).text
    assert all(word in everything for word in ("پسورد", "صورتحساب", "handset"))
    english = client.get(reverse(LIST), {"language": "en"}).text
    assert "handset" in english
    assert "پسورد" not in english
    searched = client.get(reverse(LIST), {"q": "پسورد"}).text
    assert "رمز، پسورد" in searched
    assert "صورتحساب" not in searched


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_whatever_its_length(client, editor, count, django_assert_num_queries):
    for number in range(count):
        synonym(f"رمز{number}", f"پسورد{number}", changed_by=UserFactory())
    client.get(reverse(LIST))

    with django_assert_num_queries(14):
        client.get(reverse(LIST))


def test_the_list_is_exported(client, editor):
    synonym("رمز", also_finds="پسورد", note="از تیم پشتیبانی")

    response = client.get(reverse(LIST), {"export": "csv"})

    (row,) = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))[1:]
    assert row == ["fa", "one-way", "رمز", "پسورد", "True", "از تیم پشتیبانی"]


# Who may ------------------------------------------------------------------------------------------------------------


def test_the_menu_leads_an_editor_to_synonyms_and_pins(client, editor):
    page = client.get(reverse("wagtailadmin_home")).text
    (menu,) = re.findall(r'<script id="wagtail-sidebar-props".*?</script>', page, re.DOTALL)

    assert reverse(LIST) in menu
    assert menu.count(reverse("wagtailsearchpromotions:index")) == 1
    assert "/search-terms/" not in page


@pytest.mark.parametrize("address", [LIST, ADD, "edit", "delete", "preview"])
@pytest.mark.parametrize("who", ["customer", "community manager"])
def test_nobody_else_gets_there(client, topics, address, who):
    known = synonym("رمز", "پسورد")
    user = UserFactory() if who == "customer" else member_of(COMMUNITY_MANAGERS)
    client.force_login(user)

    if address == "preview":
        response = client.post(reverse(ADD), form("رمز، گذرواژه", preview="1"))
    elif address in {"edit", "delete"}:
        response = client.post(reverse(EDIT if address == "edit" else DELETE, args=[known.pk]), form("رمز، کلید"))
    else:
        response = client.get(reverse(address))

    assert response.status_code in {302, 403}
    assert "preview-title" not in response.text
    assert list(Synonym.objects.values_list("words", flat=True)) == ["رمز\nپسورد"]
