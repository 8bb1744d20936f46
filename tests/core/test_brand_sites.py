"""Two sites of one portal, each with a brand of its own: nothing of one is shown on the other."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.test import Client
from wagtail.models import Site

from portal.accounts.handles import validate_handle
from portal.core import memo, page_cache
from portal.core.brand import at_site, brand, names_of_all_sites, site_name
from portal.core.localized import LocalizedText
from portal.core.mail import message_of, send_mail
from portal.core.models import OutgoingMail, SiteBrand
from portal.core.views import server_error
from portal.home.first_pages import make_first_pages
from tests.core.test_brand_settings import logo
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

BAHAR, NASIM = "bahar.example", "nasim.example"
SHOWN = ("logo", "icon_32", "sharing")
MAIL = {"to": "a@bahar.example", "template": "faq/email/review", "context": {"articles": []}}
#: What the form of the brand is sent besides.
EMPTY = {
    **{
        f"{name}_{code}": ""
        for name in ("tagline", "search_placeholder", "footer_text", "sender_name")
        for code in ("fa", "en")
    },
    **{
        f"links-{name}": value
        for name, value in {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}.items()
    },
}


@pytest.fixture
def sites(settings, django_capture_on_commit_callbacks):
    """Two sites with the same pages, and brands without pictures."""
    settings.BASE_URL = f"http://{BAHAR}"
    make_first_pages()
    memo.forget_all()
    page_cache.store.clear()
    cache.clear()
    bahar = Site.objects.get(is_default_site=True)
    bahar.hostname = BAHAR
    bahar.port = 80
    with django_capture_on_commit_callbacks(execute=True):
        bahar.save()
        nasim = Site.objects.create(hostname=NASIM, port=80, root_page=bahar.root_page)
        for site, fa, en, colour in (
            (bahar, "آب بهار", "Bahar Water", "#7F0000"),
            (nasim, "باد نسیم", "Nasim Wind", "#1B5E20"),
        ):
            SiteBrand.objects.create(site=site, name=LocalizedText(fa=fa, en=en), main_colour=colour)
    return bahar, nasim


def at(host: str) -> Client:
    return Client(headers={"host": host})


def of(host: str):
    with at_site(host, 80):
        return brand()


@pytest.fixture
def pictures(sites, settings, client, django_capture_on_commit_callbacks):
    """Logos and icons of both, sent by the form in the admin."""
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True))
    for site in sites:
        own = site.sitebrand
        names = {f"name_{code}": text for code, text in own.name.items()}
        files = {
            "logo_file": logo(colour=own.main_colour),
            "icon_file": logo("icon.png", colour=own.main_colour, size=(90, 90)),
        }
        with django_capture_on_commit_callbacks(execute=True):
            sent = EMPTY | names | files | {"main_colour": own.main_colour}
            assert client.post(f"/admin/settings/core/sitebrand/{site.pk}/", sent).status_code == 302
    return client


def test_pages_manifest_mails_and_admin_show_the_pictures_and_colours_of_their_site_alone(pictures):
    urls = {host: [of(host).sheet_url, *(of(host).shown[kind].url for kind in SHOWN)] for host in (BAHAR, NASIM)}
    for host, name, colour in ((BAHAR, "Bahar Water", "#7F0000"), (NASIM, "Nasim Wind", "#1B5E20")) * 2:
        other = NASIM if host == BAHAR else BAHAR
        page = at(host).get("/en/").text  # the second time as it was kept
        admin = pictures.get("/admin/", headers={"host": host}).text
        with at_site(host, 80):
            send_mail(**MAIL, language="en", key=f"{host}{OutgoingMail.objects.count()}")
        html = message_of(OutgoingMail.objects.latest("pk")).alternatives[0][0]
        assert all(url in page for url in urls[host]), host
        assert (of(host).shown["logo"].url in admin, f"http://{host}{of(host).shown['logo'].url}" in html) == (
            True,
            True,
        )
        assert [url for url in urls[other] if url in page + admin + html] == []
        sheet = at(host).get(of(host).sheet_url)
        assert (colour in sheet.text, sheet["Cache-Control"]) == (True, "public, max-age=31536000, immutable")
        manifest = at(host).get("/manifest-en.webmanifest").json()
        assert (manifest["name"], manifest["icons"][1]["src"]) == (name, of(host).shown["icon_512"].url)


def test_a_kept_page_of_one_site_is_not_shown_on_the_other(sites):
    for name_a, name_b, path in (("Bahar Water", "Nasim Wind", "/en/"), ("آب بهار", "باد نسیم", "/fa/")):
        for host, own, others in ((BAHAR, name_a, name_b), (NASIM, name_b, name_a)) * 2:
            page = at(host).get(path).text
            assert (own in page, others in page) == (True, False)
    assert len(page_cache.store) == 4


@pytest.mark.parametrize("path", ["/fa/community/", "/fa/accounts/login/", "/fa/nothing-here/", "/llms.txt"])
def test_neither_is_a_page_of_a_feature_a_missing_page_or_a_list_for_programs(sites, path):
    for host, own, others in ((BAHAR, "آب بهار", "باد نسیم"), (NASIM, "باد نسیم", "آب بهار")) * 2:
        page = at(host).get(path).text
        assert (own in page, others in page) == (True, False)


def test_mails_of_a_request_have_the_brand_of_its_site_and_those_of_jobs_that_of_the_default_one(sites):
    for key, place in (("job", None), ("bahar", BAHAR), ("nasim", NASIM)):
        if place:
            with at_site(place, 80):
                send_mail(**MAIL, language="en", key=key)
        else:
            send_mail(**MAIL, language="en", key=key)

    mails = {mail.key: message_of(mail) for mail in OutgoingMail.objects.all()}
    senders = {key: mail.from_email.partition(" <")[0] for key, mail in mails.items()}
    assert senders == {"job": "Bahar Water", "bahar": "Bahar Water", "nasim": "Nasim Wind"}
    html = mails["nasim"].alternatives[0][0]
    assert (of(BAHAR).mail_colours["brand_ink"] in html, of(NASIM).mail_colours["brand_ink"] in html) == (False, True)
    assert "Bahar" not in html + mails["nasim"].body


def test_a_sign_up_at_a_site_is_answered_in_its_name(sites):
    at(NASIM).post("/en/accounts/signup/", {"email": "mina@example.com", "password1": "three quiet rivers"})

    assert message_of(OutgoingMail.objects.get()).from_email.startswith("Nasim Wind <")


def test_the_page_for_a_broken_server_knows_the_site_without_asking(sites, django_assert_num_queries):
    brand()
    for host in (BAHAR, NASIM):
        sheet = of(host).sheet_url
        with at_site(host, 80), django_assert_num_queries(0):
            assert sheet in server_error(HttpRequest()).text


def test_the_brands_of_all_sites_are_read_in_one_query(sites, django_assert_num_queries):
    memo.forget_all()

    with django_assert_num_queries(1):
        assert [of(host).colours.main for host in (BAHAR, NASIM, "other.example")] == ["#7F0000", "#1B5E20", "#7F0000"]


def test_a_site_without_a_brand_looks_as_the_default_one(sites, django_capture_on_commit_callbacks):
    bahar, _nasim = sites
    with django_capture_on_commit_callbacks(execute=True):
        Site.objects.create(hostname="www.bahar.example", port=80, root_page=bahar.root_page)
        Site.objects.create(
            hostname="b2b.bahar.example", port=80, root_page=bahar.root_page, site_name="Bahar Business"
        )

    with at_site("www.bahar.example", 80):
        assert (site_name("en"), brand().colours.main) == ("Bahar Water", "#7F0000")
    with at_site("b2b.bahar.example", 443):
        assert (site_name("en"), brand().colours.main) == ("Bahar Business", "#7F0000")


def test_nobody_is_called_like_any_of_the_companies(sites):
    assert names_of_all_sites() == {"آب بهار", "Bahar Water", "باد نسیم", "Nasim Wind"}
    for handle in ("nasim", "bahar"):
        with pytest.raises(ValidationError):
            validate_handle(handle)


def test_sites_on_one_host_differ_by_their_ports(sites, django_capture_on_commit_callbacks):
    bahar, _nasim = sites
    with django_capture_on_commit_callbacks(execute=True):
        other = Site.objects.create(hostname=NASIM, port=8080, root_page=bahar.root_page)
        SiteBrand.objects.create(site=other, name=LocalizedText(en="Nasim Test"))

    names = []
    for port in (80, 8080, 9999):
        with at_site(NASIM, port):
            names.append(site_name("en"))
    assert names == ["Nasim Wind", "Nasim Test", "Bahar Water"]
