"""The first page of the admin: the steps of a new portal, and what each role may do."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override
from wagtail.models import Site

from portal.core import memo
from portal.core.models import OutgoingMail, SupportSettings
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, group_of, make_roles
from portal.home import first_run
from portal.home.first_pages import make_first_pages
from portal.home.models import InfoPage
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, help_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    make_first_pages()
    make_roles()
    memo.forget_all()
    owner = UserFactory(is_superuser=True, is_staff=True)
    client.force_login(owner)
    return owner


def with_role(role):
    person = UserFactory(is_staff=True)
    person.groups.add(group_of(role))
    return person


def test_an_empty_portal_shows_its_owner_all_steps_and_where_they_are_done(client, owner):
    page = client.get("/admin/").text

    steps = first_run.steps_for(owner)
    assert [step.name for step in steps] == [
        *("brand", "contact", "topic", "article", "languages", "mail", "second_factor", "people"),
    ]
    assert not any(step.is_done for step in steps)
    assert all(step.url in page for step in steps)
    for step in steps:
        assert client.get(step.url).status_code == (405 if step.is_posted else 200), step.name


def test_steps_tick_themselves(client, owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        SupportSettings.objects.create(site=Site.objects.get(is_default_site=True), support_phone="021 9100 0000")
    UserFactory(is_staff=True)
    topic = TopicPageFactory()
    ArticlePageFactory(parent=topic)

    done = {step.name for step in first_run.steps_for(owner) if step.is_done}

    assert done == {"contact", "topic", "article", "people"}


def test_the_list_is_for_those_who_may_do_the_steps(client, owner):
    editor, manager = with_role(CONTENT_EDITORS), with_role(COMMUNITY_MANAGERS)

    assert [step.name for step in first_run.steps_for(editor)] == ["topic", "article", "languages", "second_factor"]
    assert [step.name for step in first_run.steps_for(manager)] == ["second_factor"]


def test_the_list_is_closed_for_one_person(client, owner):
    assert 'id="first-run' in client.get("/admin/").text

    client.post(reverse("first_run_dismiss"))

    assert 'id="first-run' not in client.get("/admin/").text
    assert first_run.steps_for(UserFactory(is_superuser=True, is_staff=True)) != []


def test_a_test_mail_goes_to_oneself_and_only_by_post(client, owner):
    url = reverse("first_run_test_mail")
    assert client.get(url).status_code == 405
    client.post(url)
    assert OutgoingMail.objects.get().kind == first_run.TEST_MAIL

    client.force_login(with_role(CONTENT_EDITORS))
    client.post(url)
    assert OutgoingMail.objects.count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_steps_cost_the_same_whatever_there_is(owner, count):
    help_site()
    for topic in TopicPageFactory.create_batch(count):
        ArticlePageFactory.create_batch(count, parent=topic)
    first_run.steps_for(owner)

    with CaptureQueriesContext(connection) as made:
        first_run.steps_for(owner)

    assert len(made) <= 12


@pytest.mark.filterwarnings("ignore::django.core.paginator.UnorderedObjectListWarning")  # of a report of a package
@pytest.mark.parametrize("role", [CONTENT_EDITORS, COMMUNITY_MANAGERS])
def test_every_role_sees_what_it_may_do_and_may_do_what_it_sees(client, owner, role):
    client.force_login(with_role(role))

    page = client.get("/admin/").text

    panel = page[page.index('id="what-you-may-do') :]
    urls = re.findall(r'<li><a href="([^"]+)">', panel)
    assert len(urls) > 1
    assert {url: client.get(url, follow=True).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_the_steps_are_in_persian(client, owner):
    with override("fa"):
        labels = [step.label for step in first_run.steps_for(owner)]

    assert all(not re.search(r"[A-Za-z]", label) for label in labels)


def test_an_empty_portal_has_drafts_of_its_notices_which_readers_do_not_see(client, owner):
    drafts = InfoPage.objects.filter(live=False)

    assert sorted(drafts.values_list("role", "locale__language_code")) == [
        ("accessibility", "en"),
        ("accessibility", "fa"),
        ("privacy", "en"),
        ("privacy", "fa"),
    ]
    assert all("<h2>" in page.body and page.latest_revision for page in drafts)
    assert len(set(drafts.values_list("translation_key"))) == 2
    client.logout()
    assert client.get("/en/privacy/").status_code == 404
    assert 'href="/en/privacy/"' not in client.get("/en/").text


def test_an_empty_portal_promises_nobody_and_shows_no_empty_part(client, owner):
    client.logout()
    page = client.get("/en/").text

    assert "a person will" not in page
    assert [
        part for part in ("home-topics", "home-helpful", "home-recent", "home-offers") if f'id="{part}"' in page
    ] == []
