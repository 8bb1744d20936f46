"""What a company makes its own in the admin, and what becomes of it on pages, in mails and in the style sheet."""

from __future__ import annotations

import re
from itertools import product

import pytest
from django.urls import reverse
from django.utils.translation import override
from wagtail.models import Site

from portal.core import brand_colours, memo
from portal.core.brand import brand, site_name
from portal.core.brand_colours import Colours, better_accent, better_dark, better_main, contrast, tokens
from portal.core.localized import LocalizedText
from portal.core.mail import _with_name
from portal.core.models import BrandLink, SiteBrand
from portal.home.first_pages import make_first_pages
from tests.core.test_static_design import PAIRS, colours
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

HUES = ("#FFF59D", "#7F0000", "#0F62FE", "#00B050", "#E91E63", "#808080", "#000000", "#FFFFFF")


@pytest.fixture
def site() -> Site:
    make_first_pages()
    memo.forget_all()
    return Site.objects.get(is_default_site=True)


@pytest.fixture
def save(django_capture_on_commit_callbacks, site):
    """Return a function that saves the brand as the admin does."""

    def save(**fields: object) -> SiteBrand:
        with django_capture_on_commit_callbacks(execute=True):
            return SiteBrand.objects.update_or_create(site=site, defaults=fields)[0]

    return save


@pytest.fixture
def editor(client, settings, site):
    """The form of the brand: posts `changes` and returns the response."""
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    url = reverse("wagtailsettings:edit", args=["core", "sitebrand", site.pk])

    def edit(**changes: object):
        empty = {
            f"{name}_{place}": "" for name in ("name", "tagline", "footer_text", "sender_name") for place in (0, 1)
        }
        empty |= {"search_placeholder_fa": "", "search_placeholder_en": "", "shown_blocks": ["topics", "stuck"]}
        counts = {
            "links-TOTAL_FORMS": 0,
            "links-INITIAL_FORMS": 0,
            "links-MIN_NUM_FORMS": 0,
            "links-MAX_NUM_FORMS": 1000,
        }
        return client.post(url, {**empty, **counts, **changes})

    return edit


# Colours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("main", "accent"), list(product(HUES, HUES[:3])))
def test_suggested_colours_pass_and_everything_derived_from_them_is_readable(main, accent):
    dark = better_dark(main) or main
    chosen = Colours(better_main(main) or main, dark, better_accent(accent, dark) or accent)

    assert (better_main(chosen.main), better_dark(chosen.dark), better_accent(chosen.accent, chosen.dark)) == (
        "",
        "",
        "",
    )
    base = colours()
    for own, derived in zip((base["light"], base["dark"]), tokens(chosen), strict=True):
        shades = own | derived
        weak = [
            (text, ground)
            for text, ground, least in PAIRS
            if contrast(shades[text], shades[ground]) < (4.5 if text == "on-saffron" else least)
        ]
        assert weak == []


def test_every_derived_property_is_one_of_the_tokens():
    light, dark = tokens(Colours(*HUES[1:4]))

    assert set(light) | set(dark) <= set(colours()["light"])


def test_the_own_colours_of_the_portal_pass():
    own = Colours().complete

    assert (better_main(own.main), better_dark(own.dark), better_accent(own.accent, own.dark)) == ("", "", "")


@pytest.mark.parametrize(("typed", "kept"), [("#0f62fe", "#0F62FE"), ("۷۰۰", "#770000"), ("", "")])
def test_a_colour_is_kept_in_one_form(editor, typed, kept):
    response = editor(main_colour=typed)

    assert (response.status_code, SiteBrand.objects.get().main_colour) == (302, kept)


@pytest.mark.parametrize(
    ("field", "colour", "suggestion"),
    [
        ("main_colour", "#FFF59D", "#9C9139"),
        ("dark_colour", "#FFF59D", better_dark("#FFF59D")),
        ("accent_colour", "#14295A", better_accent("#14295A", "")),
        ("main_colour", "red", "#0A6A7A"),
    ],
)
def test_an_unreadable_colour_is_refused_with_one_that_can_be_read(editor, field, colour, suggestion):
    page = editor(**{field: colour}).text

    assert not SiteBrand.objects.exclude(**{field: ""}).exists()
    errors = " ".join(re.findall(r'class="error-message".*?</div>', page, re.DOTALL))
    assert suggestion in errors


# The sheet -----------------------------------------------------------------------------------------------------------


def test_a_portal_without_colours_has_no_further_style_sheet(site, client):
    assert brand().sheet == ""
    assert '"/theme.' not in client.get("/en/").text


def test_colours_come_as_a_style_sheet_that_is_kept_for_a_year(save, client):
    save(main_colour="#7F0000")

    page = client.get("/en/")
    url = re.search(r'<link rel="stylesheet" href="(/theme\.[0-9a-f]{32}\.css)">', page.text)[1]
    sheet = client.get(url)

    assert "style=" not in page.text
    assert page["Content-Security-Policy"].count("'unsafe-inline'") == 0
    assert (sheet["Content-Type"], sheet["Cache-Control"]) == (
        "text/css; charset=utf-8",
        "public, max-age=31536000, immutable",
    )
    assert "--brand:#7F0000;" in sheet.text
    assert "Set-Cookie" not in sheet


def test_a_kept_page_gets_the_new_colours(save, client):
    save(main_colour="#7F0000")
    old = brand().sheet_url
    assert old in client.get("/en/").text

    save(main_colour="#0F62FE")

    assert brand().sheet_url != old
    assert brand().sheet_url in client.get("/en/").text
    late = client.get(old)
    assert ("--brand:#0F62FE;" in late.text, late["Cache-Control"]) == (True, "public, max-age=60")


# Texts, parts, links -------------------------------------------------------------------------------------------------


def test_texts_are_those_of_the_language_of_the_page(save, client):
    save(
        name=LocalizedText(fa="آب بهار", en="Bahar Water"),
        tagline=LocalizedText(fa="همراه شما"),
        search_placeholder=LocalizedText(en="Try “my meter”"),
        footer_text=LocalizedText(en="Bahar Water Ltd"),
    )

    persian, english = client.get("/fa/").text, client.get("/en/").text

    assert ("همراه شما" in persian, "همراه شما" in english, "Customer hub" in english) == (True, False, True)
    assert ("Try “my meter”" in english, 'placeholder="Try' in persian) == (True, False)
    assert ("Bahar Water Ltd" in english, "Bahar Water Ltd" in persian) == (True, False)


def test_hidden_parts_of_the_home_page_are_not_there(save, client):
    assert 'id="home-join"' in client.get("/en/").text

    save(hidden_blocks=["join", "stuck"])

    page = client.get("/en/").text
    assert ('id="home-join"' in page, 'id="home-stuck"' in page) == (False, False)


def test_the_form_hides_what_is_not_chosen(editor):
    editor()

    assert brand().hidden_blocks == {"products", "offers", "helpful", "recent", "threads", "join"}


def test_links_are_in_the_footer_of_every_page(save, client, django_capture_on_commit_callbacks):
    kept = save()
    with django_capture_on_commit_callbacks(execute=True):
        BrandLink.objects.create(
            brand=kept, kind="legal", label=LocalizedText(en="Terms"), url="https://bahar.example/t"
        )

    assert '<a href="https://bahar.example/t">Terms</a>' in client.get("/en/").text


def test_only_web_addresses_are_links(editor):
    link = {
        "links-TOTAL_FORMS": 1,
        "links-0-kind": "legal",
        "links-0-label_fa": "x",
        "links-0-label_en": "x",
        "links-0-ORDER": 1,
    }

    assert editor(**link, **{"links-0-url": "javascript:alert(1)"}).status_code == 200
    assert editor(**link, **{"links-0-url": "https://bahar.example/"}).status_code == 302
    assert BrandLink.objects.get().url == "https://bahar.example/"


def test_mails_come_from_the_senders_name_of_their_language(save):
    save(name=LocalizedText(en="Bahar"), sender_name=LocalizedText(en="Bahar support"))

    with override("en"):
        assert _with_name("a@bahar.example") == "Bahar support <a@bahar.example>"
    with override("fa"):
        assert _with_name("a@bahar.example").endswith(" <a@bahar.example>")
        assert site_name() == "درگاه مشتریان"


def test_the_brand_is_read_once(save, django_assert_num_queries):
    save(main_colour="#7F0000")
    memo.forget_all()

    with django_assert_num_queries(1):
        assert (brand().colours.main, site_name("en")) == ("#7F0000", "Customer portal")
    with django_assert_num_queries(0):
        assert brand().sheet == brand_colours.style_sheet(Colours("#7F0000"))
