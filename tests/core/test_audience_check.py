"""What every page editor offers: "Who can see this?", and the list of one's own drafts."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.core.audience import explain_audience
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def test_who_can_see_this_explains_each_clause(client, editor):
    topic = TopicPageFactory(audience="signed-in")
    article = ArticlePageFactory(parent=topic, audience="partner")
    url = reverse("audience_check", args=[article.pk])

    asked = client.get(url)
    customer = client.get(url, {"kind": "signed-in"})
    partner = client.get(url, {"kind": "partner"})

    assert asked.status_code == 200
    assert topic.title in asked.text
    assert [holds for _text, holds in customer.context["clauses"]] == [False, True]
    assert customer.context["may_see"] is False
    assert partner.context["may_see"] is True


@pytest.mark.both_databases("portal.core.audience_check")
def test_only_those_who_may_see_accounts_ask_about_a_person(client, editor):
    person = UserFactory(partner=True)
    url = reverse("audience_check", args=[ArticlePageFactory(audience="partner").pk])

    as_editor = client.get(url, {"email": person.email, "kind": "public"})
    client.force_login(UserFactory(superuser=True))
    as_administrator = client.get(url, {"email": person.email})
    unknown = client.get(url, {"email": "nobody@example.com"})

    assert as_editor.context["may_see"] is False
    assert "email" not in as_editor.context["form"].fields
    assert as_administrator.context["may_see"] is True
    assert "may_see" not in unknown.context


def test_customers_may_not_ask_who_sees_a_page(client):
    client.force_login(UserFactory())

    assert client.get(reverse("audience_check", args=[ArticlePageFactory().pk])).status_code in {302, 403}


@pytest.mark.parametrize(
    ("expression", "keys", "clauses"),
    [
        ("public", {"public"}, [(["public"], True)]),
        ("partner|segment:fibre", {"public", "signed-in"}, [(["partner", "segment:fibre"], False)]),
        ("signed-in&partner", {"public", "signed-in"}, [(["partner"], False), (["signed-in"], True)]),
        ("signed-in&partner", {"public", "staff"}, [(["partner"], True), (["signed-in"], True)]),
    ],
)
def test_an_audience_is_explained_clause_by_clause(expression, keys, clauses):
    assert explain_audience(expression, frozenset(keys)) == clauses


def test_who_can_see_this_names_alternatives_as_editors_know_them(client, editor):
    article = ArticlePageFactory(audience="partner|signed-in")

    page = client.get(reverse("audience_check", args=[article.pk]), {"kind": "public"})

    assert page.context["clauses"] == [("همکاران تجاری یا مشتریان واردشده", False)]


def test_nobody_sees_a_page_that_is_not_published(client, editor):
    article = ArticlePageFactory(draft=True)

    page = client.get(reverse("audience_check", args=[article.pk]), {"kind": "public"})

    assert page.context["may_see"] is False


def test_the_page_editor_leads_to_who_can_see_this(client, editor):
    article = ArticlePageFactory()

    page = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk]))

    assert reverse("audience_check", args=[article.pk]) in page.text


def test_the_admin_home_lists_own_drafts_only(client, editor):
    own = ArticlePageFactory(owner=editor, title="پیش‌نویس من")
    other = ArticlePageFactory(title="پیش‌نویس دیگری")
    for page in (own, other):
        page.title += " تازه"
        page.save_revision()

    home = client.get(reverse("wagtailadmin_home"))

    panel = home.text.partition("پیش‌نویس‌های من")[2]
    assert "پیش‌نویس من تازه" in panel
    assert "پیش‌نویس دیگری" not in panel
