"""The navigation consists of items that apps register."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext, Template
from django.test import RequestFactory
from django.urls import resolve
from django.utils.translation import override

from portal.core import navigation
from portal.core.language_links import language_links
from portal.core.navigation import For, NavGroup, NavItem, section_of
from portal.core.scopes import content_changed
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, help_site
from tests.test_architecture import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry(monkeypatch):
    """An empty registry, for the items of the test."""
    monkeypatch.setattr(navigation, "_items", {})
    monkeypatch.setattr(navigation, "_groups", {})
    monkeypatch.setattr(navigation, "_sections", [])


def names(place: str, *, is_authenticated: bool = False, section: str = "") -> list[str]:
    return [link.name for link in navigation.links_at(place, is_authenticated=is_authenticated, section=section)]


def test_a_place_shows_what_was_registered_for_it_in_order(registry):
    navigation.register(
        NavItem("c", "C", "x", "/c/".format, places=("tabbar",), order=30),
        NavItem("a", "A", "x", "/a/".format, places=("header", "tabbar"), order=10),
        NavItem("nowhere", "N", "x", "/n/".format),
    )
    navigation.register(NavItem("b", "B", "x", "/b/".format, places=("tabbar",), order=20))

    assert names("tabbar") == ["a", "b", "c"]
    assert names("header") == ["a"]
    assert names("footer") == []


def test_an_entry_may_be_for_visitors_or_for_those_with_an_account(registry):
    navigation.register(
        NavItem("in", "Sign in", "x", "/in/".format, places=("header",), readers=For.VISITORS),
        NavItem("out", "Sign out", "x", "/out/".format, places=("header",), readers=For.SIGNED_IN),
        NavItem("help", "Help", "x", "/help/".format, places=("header",)),
    )

    assert names("header") == ["in", "help"]
    assert names("header", is_authenticated=True) == ["out", "help"]


def test_an_entry_that_leads_nowhere_is_left_out(registry):
    navigation.register(
        NavItem("gone", "Gone", "x", "no:such_view", places=("header",)),
        NavItem("none", "None", "x", lambda _language: "", places=("header",)),
        NavItem("there", "There", "x", "search:results", places=("header",)),
    )

    assert names("header") == ["there"]
    assert navigation.address_of("gone") == navigation.address_of("never registered") == ""


def test_an_entry_is_marked_in_its_section_and_may_be_left_out_in_others(registry):
    navigation.register(
        NavItem("a", "A", "x", "/a/".format, "first", ("header",), current="page"),
        NavItem("b", "B", "x", "/b/".format, "second", ("header", "tabbar"), hidden_in={"header": {"first"}}),
        NavItem("c", "C", "x", "/c/".format, places=("header",)),
    )

    def marks(place: str, section: str) -> dict[str, str]:
        return {x.name: x.current for x in navigation.links_at(place, is_authenticated=False, section=section)}

    assert marks("header", "first") == {"a": "page", "c": ""}
    assert marks("header", "second") == {"a": "", "b": "true", "c": ""}
    assert marks("header", "") == {"a": "", "b": "", "c": ""}
    assert marks("tabbar", "first") == {"b": ""}


def test_addresses_follow_the_language_and_content(registry):
    known = {"fa": "/fa/راهنما/", "en": "/en/help/"}
    navigation.register(NavItem("help", "Help", "x", known.__getitem__))
    nav = navigation.Addresses()

    assert nav["help_url"] == "/fa/راهنما/"
    with override("en"):
        assert nav["help_url"] == "/en/help/"
    known["fa"] = "/fa/کمک/"
    assert nav["help_url"] == "/fa/راهنما/"
    content_changed()
    assert nav["help_url"] == "/fa/کمک/"
    with pytest.raises(KeyError):
        nav["help"]


def test_names_are_unique(registry):
    navigation.register(NavItem("help", "Help", "x", "/help/".format))
    navigation.register_group(NavGroup("footer-help", "Help"))

    with pytest.raises(ValueError, match="two entries of the navigation called help"):
        navigation.register(NavItem("help", "Other", "x", "/other/".format))
    with pytest.raises(ValueError, match="two columns of the footer called footer-help"):
        navigation.register_group(NavGroup("footer-help", "Help"))


def test_the_footer_has_the_columns_that_have_links(registry):
    navigation.register_group(NavGroup("two", "Second", order=2))
    navigation.register_group(NavGroup("one", "First", order=1))
    navigation.register_group(NavGroup("three", "Third", order=3))
    navigation.register(
        NavItem("a", "A", "x", "/a/".format, places=("one", "two")),
        NavItem("b", "B", "x", "/b/".format, places=("three",), readers=For.SIGNED_IN),
    )

    shown = navigation.groups(is_authenticated=False)

    assert [(group.label, [link.name for link in group.links]) for group in shown] == [
        ("First", ["a"]),
        ("Second", ["a"]),
    ]


def test_a_spare_entry_leaves_the_tab_bar_when_that_is_full(registry):
    for number in range(navigation.MOST_TABS):
        places = (navigation.TABBAR, navigation.HEADER_TOOLS)
        navigation.register(
            NavItem(f"n{number}", "N", "x", "/n/".format, places=places, order=number, is_spare=number == 1)
        )
    assert names("tabbar") == ["n0", "n1", "n2", "n3", "n4"]

    navigation.register(NavItem("more", "M", "x", "/m/".format, places=(navigation.TABBAR,)))

    assert names("tabbar") == ["n0", "n2", "n3", "n4", "more"]
    assert "n1" in names(navigation.HEADER_TOOLS)


def test_an_entry_for_some_is_shown_only_to_whom_it_admits(registry):
    navigation.register(
        NavItem("a", "A", "x", "/a/".format, places=(navigation.HEADER_FOR_SOME,), admits=lambda person: person == "me")
    )

    shown = [
        [link.name for link in navigation.links_at(navigation.HEADER_FOR_SOME, is_authenticated=True, person=person)]
        for person in (None, "you", "me")
    ]
    assert shown == [[], [], ["a"]]


def test_a_new_entry_is_on_every_page_without_a_change_to_the_foundation(client, monkeypatch):
    help_site()
    monkeypatch.setattr(navigation, "_items", dict(navigation._items))
    navigation.register(
        NavItem(
            "forum", "انجمن", "messages-square", "/forum/".format, "forum",
            (navigation.HEADER, navigation.TABBAR, "footer-help"), order=25,
        )
    )  # fmt: skip

    text = client.get("/fa/").text

    header, footer, tabbar = (
        re.search(f"<{tag}.*?</{name}>", text, re.DOTALL)[0]
        for tag, name in (("header", "header"), ("footer", "footer"), ('nav class="tabbar"', "nav"))
    )
    assert (
        re.findall(r'<a href="/forum/">', header) == re.findall(r'<a href="/forum/">', footer) == ['<a href="/forum/">']
    )
    assert re.search(r'<a href="/forum/"><svg class="i".*?</svg>انجمن</a>', tabbar)
    assert [text_of(link) for link in re.findall(r"<a .*?</a>", tabbar)] == ["خانه", "راهنما", "انجمن", "جست‌وجو", "من"]


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).strip()


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/fa/", "home"),
        ("/fa/راهنما/", "help"),
        ("/fa/search/", "search"),
        ("/fa/search/?q=مودم", "search"),
        ("/fa/accounts/login/", "account"),
        ("/fa/accounts/signup/", "account"),
        ("/fa/account/", "account"),
        ("/fa/account/devices/", "account"),
        ("/fa/account/security/", "account"),
        ("/fa/accounts/sessions/", "account"),
        ("/fa/styleguide/", ""),
    ],
)
def test_the_section_a_reader_is_in_is_marked(client, path, section):
    help_site()
    if "account/" in path or "sessions" in path:
        client.force_login(UserFactory())

    response = client.get(path)

    tabbar = re.search('<nav class="tabbar".*?</nav>', response.text, re.DOTALL)[0]
    marked = {text_of(link): mark for link, mark in re.findall(r'(<a [^>]*?aria-current="(\w+)".*?</a>)', tabbar)}
    words = {"home": "خانه", "help": "راهنما", "search": "جست‌وجو", "account": "من"}
    marks = {"home": "page", "help": "true", "search": "page", "account": "true"}
    assert response.status_code == 200
    assert marked == ({words[section]: marks[section]} if section else {})


def test_the_section_is_what_a_page_says_before_what_its_address_says():
    article = ArticlePageFactory()
    request = RequestFactory().get("/fa/")

    assert section_of(request) == section_of(None) == ""
    request.portal_page = article
    assert section_of(request) == "help"


def test_the_search_icon_stands_where_there_is_no_box(client):
    help_site()

    def has_icon(path: str) -> bool:
        return "data-search-link" in client.get(path).text

    assert [has_icon(path) for path in ("/fa/", "/fa/search/", "/fa/راهنما/")] == [False, False, True]


def test_core_names_no_feature():
    """The foundation uses only its own URLs and the registry."""
    sources = {
        file.name: file.read_text(encoding="utf-8")
        for file in (ROOT / "portal" / "core").glob("*.py")
        if file.name in {"navigation.py", "context_processors.py", "language_links.py", "fragments.py"}
    }

    named = {
        (file, word)
        for file, source in sources.items()
        for word in ("accounts:", "account_", "catalog", "search:", "help_url", "privacy", "faq")
        if word in re.sub(r'^"""(.*?)"""', "", source, flags=re.DOTALL)
    }

    assert len(sources) == 4
    assert named == set()


def test_language_links_of_an_address_keep_its_query():
    request = RequestFactory().get("/fa/search/", {"q": "مودم"})
    request.resolver_match = resolve("/fa/search/")

    links = language_links(request)

    assert [(link.code, link.url, link.current, link.translated) for link in links] == [
        ("fa", "/fa/search/?q=%D9%85%D9%88%D8%AF%D9%85", True, True),
        ("en", "/en/search/?q=%D9%85%D9%88%D8%AF%D9%85", False, True),
    ]


def test_language_links_of_an_address_without_a_language_lead_home():
    request = RequestFactory().get("/a/5/feedback/")
    request.resolver_match = resolve("/a/5/feedback/")

    assert [(link.code, link.url, link.translated) for link in language_links(request)] == [
        ("fa", "/a/5/feedback/", True),
        ("en", "/en/#not-translated", False),
    ]


def test_language_links_of_pages_are_remembered_until_content_changes(django_assert_num_queries):
    article = ArticlePageFactory()
    request = RequestFactory().get(article.url)
    request.user = AnonymousUser()
    request.portal_page = article
    first = language_links(request)

    again = RequestFactory().get(article.url)
    again.user = AnonymousUser()
    again.portal_page = type(article).objects.select_related("locale").get(pk=article.pk)
    with django_assert_num_queries(0):
        assert language_links(again) == first

    assert [(link.code, link.translated) for link in first] == [("fa", True), ("en", False)]
    article.unpublish()
    content_changed()
    fresh = RequestFactory().get(article.url)
    fresh.user = AnonymousUser()
    fresh.portal_page = type(article).objects.get(pk=article.pk)
    assert language_links(fresh)[1].url == "/en/help/#not-translated"


def test_templates_ask_for_a_place():
    help_site()
    request = RequestFactory().get("/fa/")
    request.user = AnonymousUser()

    shown = Template(
        '{% load ui %}{% navigation "tabbar" as links %}{% for link in links %}{{ link.label }} {% endfor %}'
        "{% navigation_groups as groups %}{% for group in groups %}{{ group.label }} {% endfor %}"
    ).render(RequestContext(request))

    assert shown.split() == ["خانه", "راهنما", "جست‌وجو", "من", "راهنما", "حساب", "من"]
