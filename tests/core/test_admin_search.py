"""Searching in the admin: however letters, digits and half-spaces are typed, the same is found, on every list."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.urls import reverse
from wagtail.contrib.redirects.models import Redirect
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file

from community.models import Tag
from faq.models import ArticlePage
from portal.core.admin_search import indexed_text, spelt_like
from search.models import Synonym
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, HelpMediaFactory, ReusableContentFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.admin_search")]

NAME = "کتاب‌های یک مودم ۱۲"
#: As other keyboards write it: a space, nothing, or Arabic letters and digits.
SPELLINGS = ("کتاب های یک", "کتابهای", "كتاب‌هاي", "كتابهاي يك مودم ١٢", "مودم 12")


def made_redirect() -> Redirect:
    return Redirect.objects.create(old_path="/" + NAME, redirect_link="/fa/")


def made_picture():
    return get_image_model().objects.create(title=NAME, file=get_test_image_file())


def made_file():
    return get_document_model().objects.create(title=NAME, file=ContentFile(b"x", name="x.pdf"))


#: Screens with a search, by what makes what they list.
SCREENS = [
    (lambda: ArticlePageFactory(title=NAME), ["wagtailadmin_pages:search", "articles:index", "wagtailadmin_choose_page_search"]),
    (made_picture, ["wagtailimages:index", "wagtailimages_chooser:choose_results"]),
    (made_file, ["wagtaildocs:index", "wagtaildocs_chooser:choose_results"]),
    (lambda: HelpMediaFactory(title=NAME), ["wagtailmedia:index", "wagtailmedia:chooser"]),
    (lambda: ReusableContentFactory(title=NAME), ["wagtailsnippets_faq_reusablecontent:list"]),
    (lambda: UserFactory(name=NAME), ["wagtailusers_users:index"]),
    (lambda: Group.objects.create(name=NAME), ["wagtailusers_groups:index"]),
    (lambda: Synonym.objects.create(language="fa", words=NAME + "\nدفتر"), ["wagtailsnippets_search_synonym:list"]),
    (lambda: Tag.objects.create(name=NAME, slug="k"), ["wagtailsnippets_community_tag:list"]),
    (made_redirect, ["wagtailredirects:index"]),
]  # fmt: skip


@pytest.fixture
def staff(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True))
    return client


@pytest.mark.parametrize(("make", "screens"), SCREENS, ids=[screens[0] for _make, screens in SCREENS])
def test_what_is_listed_is_found_in_every_spelling(staff, make, screens):
    make()

    def found(screen: str, words: str) -> bool:
        return "کتاب‌های یک" in staff.get(f"{reverse(screen)}?{urlencode({'q': words})}").text

    assert {(screen, words) for screen in screens for words in SPELLINGS if not found(screen, words)} == set()
    assert {screen for screen in screens if found(screen, "کتابچه")} == set()


def test_a_half_space_that_was_not_written_is_found(staff):
    """Who searches with it finds what was written as one word, and as two."""
    ArticlePageFactory(title="کتابهای الف")
    ArticlePageFactory(title="کتاب های ب")

    assert len(ArticlePage.objects.autocomplete("کتاب‌های")) == 2


def test_signs_of_patterns_and_accents_stay_what_they_are():
    UserFactory(name="Zoë (a+b)? 100%_")
    UserFactory(name="Zoran aab")

    def names(words: str) -> int:
        return type(UserFactory.build()).objects.filter(spelt_like(words, ["name"])).count()

    assert [names(words) for words in ("zoe", "Zoë", "(a+b)?", "%_", "[", "a.b", "\\", " ", "STRASSE")] == [
        1, 1, 1, 1, 0, 0, 0, 2, 0,
    ]  # fmt: skip


def test_the_index_has_words_with_half_spaces_in_parts_and_as_one():
    assert indexed_text("كتاب‌هاي ۱۲") == "کتاب های 12 کتابهای"
