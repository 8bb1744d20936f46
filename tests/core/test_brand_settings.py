"""What a company makes its own in the admin, and what becomes of it on pages, in mails and in the style sheet."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from wagtail.models import Site

from portal.core import brand_colours, memo
from portal.core.brand import brand, site_name
from portal.core.brand_colours import Colours, better_accent, better_dark, better_main, contrast, tokens
from portal.core.brand_pictures import forget_replaced
from portal.core.localized import LocalizedText
from portal.core.mail import _with_name, message_of, send_mail
from portal.core.models import BrandLink, BrandPicture, OutgoingMail, SiteBrand
from portal.core.views import server_error
from portal.home.first_pages import make_first_pages
from portal.our_apps import OUR_FOLDERS
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
        empty |= {
            "search_placeholder_fa": "",
            "search_placeholder_en": "",
            "shown_blocks": ["topics", "stuck"],
            "main_colour": "",
            "dark_colour": "",
        }
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


# Pictures ------------------------------------------------------------------------------------------------------------


def logo(name: str = "logo.png", *, colour: str = "#7F0000", size: tuple[int, int] = (300, 100)) -> SimpleUploadedFile:
    stream = io.BytesIO()
    about = PngInfo()
    about.add_text("Comment", "made at home")
    Pillow.new("RGBA", size, colour).save(stream, "PNG", pnginfo=about)
    return SimpleUploadedFile(name, stream.getvalue(), content_type="image/png")


@pytest.fixture
def upload(editor, django_capture_on_commit_callbacks):
    """Return a function that sends the form of the brand with files."""

    def upload(**changes: object):
        with django_capture_on_commit_callbacks(execute=True):
            return editor(**changes)

    return upload


def test_a_portal_without_pictures_has_the_portals_own(site, client):
    page = client.get("/en/").text

    assert ("favicon.svg" in page, "og:image" in page, "/brand/" in page) == (True, False, False)
    assert '<svg viewBox="0 0 32 32"' in page
    icons = client.get("/manifest-en.webmanifest").json()["icons"]
    assert [re.sub(r"\.[0-9a-f]{12}", "", icon["src"]) for icon in icons] == [
        f"/static/portal/img/icon-{name}.png" for name in ("192", "512", "maskable-512")
    ]


@pytest.mark.both_databases("portal.core.brand_pictures")
def test_a_logo_is_encoded_anew_and_shown_everywhere(upload, client):
    response = upload(logo_file=logo(), icon_file=logo("icon.png", size=(90, 90)), name_en="Bahar Water")

    assert response.status_code == 302
    shown = brand().shown
    page = client.get("/en/").text
    assert page.count(shown["logo"].url) == 2  # header and footer
    assert 'alt="Bahar Water"' in page
    assert [shown[name].url in page for name in ("icon_32", "icon_192", "icon_180", "sharing")] == [True] * 4
    admin = client.get(reverse("wagtailadmin_home")).text
    assert (shown["logo"].url in admin, shown["icon_32"].url in admin) == (True, True)
    manifest = client.get("/manifest-en.webmanifest").json()
    assert (manifest["name"], manifest["icons"][1]["src"]) == ("Bahar Water", shown["icon_512"].url)
    picture = client.get(shown["logo"].url)
    assert (picture["Content-Type"], picture["Cache-Control"]) == ("image/png", "public, max-age=31536000, immutable")
    assert (b"made at home" in picture.content, Pillow.open(io.BytesIO(picture.content)).size) == (False, (300, 100))
    sharing = Pillow.open(io.BytesIO(client.get(shown["sharing"].url).content))
    assert (sharing.size, sharing.getpixel((600, 300))) == ((1200, 630), (127, 0, 0))


@pytest.mark.both_databases("portal.core.brand_pictures")
def test_pictures_stay_until_they_are_removed(upload):
    upload(logo_file=logo())
    kept = brand().pictures["logo"]

    upload(main_colour="#0F62FE")
    assert (brand().pictures["logo"], "mark-512" in brand().pictures) == (kept, True)

    upload(remove_pictures=["logo"])
    assert brand().pictures == {}


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("logo.svg", b"<svg onload='alert(1)'/>", content_type="image/svg+xml"),
        SimpleUploadedFile("logo.png", b"no picture", content_type="image/png"),
        SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(800 * 1024), content_type="image/png"),
    ],
    ids=["svg", "damaged", "large"],
)
def test_what_is_no_picture_is_refused(upload, file):
    response = upload(logo_file=file)

    assert (response.status_code, brand().pictures) == (200, {})
    assert "logo_file" in response.context["form"].errors


def test_the_mark_has_the_colours_of_the_company(upload, client):
    upload(main_colour="#7F0000")

    icon = Pillow.open(io.BytesIO(client.get(brand().shown["icon_192"].url).content))
    assert icon.getpixel((24, 96))[:3] == (127, 0, 0)


def test_replaced_pictures_are_deleted_after_some_days(upload):
    upload(logo_file=logo())
    upload(logo_file=logo(colour="#00FF00"))
    count = BrandPicture.objects.count()

    assert forget_replaced() == 0
    BrandPicture.objects.update(created_at=timezone.now() - timedelta(days=8))

    assert forget_replaced() == count - len(brand().pictures)
    assert forget_replaced() == 0


def test_a_language_that_is_not_there_has_no_manifest(client):
    assert client.get("/manifest-de.webmanifest").status_code == 404


def test_mails_have_the_colours_and_the_logo(upload):
    send_mail(to="a@bahar.example", template="faq/email/review", context={"articles": []}, key="one")
    upload(main_colour="#7F0000", logo_file=logo())
    send_mail(to="a@bahar.example", template="faq/email/review", context={"articles": []}, key="two")

    before, after = (message_of(OutgoingMail.objects.get(key=key)).alternatives[0][0] for key in ("one", "two"))
    assert ("#07606F" in before, "<img" in before) == (True, False)
    assert ("#07606F" in after, brand().shown["logo"].url in after) == (False, True)


def test_the_page_for_a_broken_server_knows_the_brand_without_asking(upload, rf, django_assert_num_queries):
    upload(main_colour="#7F0000")
    brand()

    with django_assert_num_queries(0):
        page = server_error(rf.get("/")).text

    assert brand().sheet_url in page
    assert brand().shown["icon_192"].url in page


def test_the_preview_shows_colours_as_they_are_typed(editor, client):
    url = reverse("brand_preview")

    drawing = client.get(url, {"main": "7F0000", "dark": "<script>", "accent": ""})

    assert drawing["Content-Type"] == "image/svg+xml"
    assert ("#7F0000" in drawing.text, "<script>" in drawing.text, "#14295A" in drawing.text) == (True, False, True)


# Nothing of the demo's company in the code ---------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
#: What belongs to one company or one trade; `router` is also a word of Django.
OF_A_COMPANY = re.compile(r"\bnoora|نورا\b|\brouters?\b(?!\.db_)|\bSIM\b|\bsim cards?\b|سیم‌?کارت|روتر", re.IGNORECASE)
#: The demo, dictionaries of a language, and what has landed.
NO_CODE = ("portal/demo/", "search/language/words/", "search/language/synonyms/", "/migrations/")


def test_no_text_or_example_in_the_code_is_about_the_company_of_the_demo():
    kinds = {".py", ".html", ".txt", ".js", ".css", ".svg", ".po"}
    files = [path for folder in (*OUR_FOLDERS, "templates", "script") for path in (ROOT / folder).rglob("*")]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path in files
        if path.suffix in kinds and not any(part in path.as_posix() for part in NO_CODE)
        for line in path.read_text(encoding="utf-8").splitlines()
        if OF_A_COMPANY.search(line) and not line.startswith(("from django.db import", "from wagtail."))
    ]

    assert len(files) > 500  # the check works
    assert found == [], "use a neutral example: a device, a meter, an order"
