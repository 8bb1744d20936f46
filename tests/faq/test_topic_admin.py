"""One form makes a topic with its pages in every language."""

from __future__ import annotations

import pytest
from django.urls import reverse
from lucide.templatetags.lucide import lucide

from faq.models import TopicPage
from faq.topic_admin import ICONS
from portal.catalog.models import Topic
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, group_of, make_roles
from portal.home.first_pages import make_first_pages
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

ANSWERS = {
    "name_fa": "قبض",
    "name_en": "Bills",
    "intro_en": "Pay and read them",
    "icon": "receipt",
    "tone": "",
    "is_live": "on",
}


@pytest.fixture
def editor(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    make_first_pages()
    make_roles()
    editor = UserFactory(is_staff=True)
    editor.groups.add(group_of(CONTENT_EDITORS))
    client.force_login(editor)
    return editor


def test_one_form_makes_the_entry_and_published_pages_that_are_translations(client, editor):
    response = client.post(reverse("new_topic"), ANSWERS)

    assert response.status_code == 302
    topic = Topic.objects.get()
    assert (topic.code, topic.icon, dict(topic.name)) == ("bills", "receipt", {"fa": "قبض", "en": "Bills"})
    pages = TopicPage.objects.order_by("locale__language_code")
    assert [(page.title, page.intro, page.live, page.topic_id) for page in pages] == [
        ("Bills", "Pay and read them", True, topic.pk),
        ("قبض", "", True, topic.pk),
    ]
    assert len({page.translation_key for page in pages}) == 1
    assert "Bills" in client.get("/en/").text


def test_without_a_name_there_is_no_page_in_a_language_and_codes_do_not_repeat(client, editor):
    for _time in range(2):
        client.post(reverse("new_topic"), ANSWERS | {"name_fa": "", "is_live": ""})

    assert list(Topic.objects.values_list("code", flat=True)) == ["bills", "bills-2"]
    assert set(TopicPage.objects.values_list("locale__language_code", "live")) == {("en", False)}


@pytest.mark.parametrize(("field", "value"), [("icon", "no-such-icon"), ("name_en", ""), ("code", "bills")])
def test_wrong_answers_make_nothing(client, editor, field, value):
    client.post(reverse("new_topic"), ANSWERS | {"code": "bills"})

    page = client.post(reverse("new_topic"), {**ANSWERS, "code": "other", "name_fa": "", field: value})

    assert (page.status_code, Topic.objects.count()) == (200, 1)
    assert page.context["form"].errors


def test_the_picker_shows_pictures_of_icons_that_exist(client, editor):
    page = client.get(reverse("new_topic")).text

    assert page.count('class="icon-picker__one"') == len(ICONS)
    assert page.count('<svg class="i"') >= len(ICONS)
    assert all("<svg" in lucide(name) for name in ICONS)


def test_who_writes_no_pages_makes_no_topics(client, editor):
    manager = UserFactory(is_staff=True)
    manager.groups.add(group_of(COMMUNITY_MANAGERS))
    client.force_login(manager)

    assert client.post(reverse("new_topic"), ANSWERS).status_code in {302, 403}
    assert Topic.objects.count() == 0
