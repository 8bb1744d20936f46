"""Pages of downloads."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from portal.catalog.models import Ownership
from portal.core import navigation, outbox
from portal.core.localized import LocalizedText
from portal.core.short_markdown import html_of
from portal.downloads import services
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory, ProductVersionFactory
from tests.factories.downloads import DownloadFactory, file_in, published_file, release_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.downloads.queries")]


@pytest.fixture(autouse=True)
def _afresh():
    cache.clear()
    with translation.override("fa"):
        yield


def test_a_persian_page_shows_versions_in_their_order_with_their_state():
    download = DownloadFactory(name=LocalizedText(fa="سفت‌افزار نورا", en="Noora firmware"))
    old = timezone.localdate() - dt.timedelta(days=1)
    release_of(download, "1.9", ends_on=old)
    release_of(download, "1.10", known_issue=LocalizedText(fa="قطعی شبانه"), changelog=LocalizedText(fa="- تندتر"))
    release_of(download, "2.0-rc1", channel="beta")

    page = Client().get(download.get_absolute_url()).text
    beta = Client().get(download.get_absolute_url() + "?channel=beta").text

    assert 'lang="fa" dir="rtl"' in page
    assert page.index("1.10") < page.index("1.9")
    assert all(word in page for word in ("سفت‌افزار نورا", "قطعی شبانه", "تندتر", "تازه‌ترین", "بدون پشتیبانی"))
    assert "2.0-rc1" not in page
    assert "2.0-rc1" in beta


def test_older_versions_are_one_link_away():
    download = DownloadFactory()
    for minor in range(7):
        release_of(download, f"3.{minor}")

    few, all_of_them = (Client().get(download.get_absolute_url() + query).text for query in ("", "?all=1"))

    assert "3.6" in few
    assert "3.0<" not in few
    assert "3.0<" in all_of_them


def test_what_fits_comes_first_and_nothing_is_hidden():
    product = ProductFactory()
    other, own = published_file(), published_file(products=[product])
    person = OwnershipFactory(product=product, version=ProductVersionFactory(product=product, number="4.7.7")).user
    client = Client()
    client.force_login(person)

    page = client.get(reverse("downloads:index")).text
    mine, others = (file.release.download.get_absolute_url() for file in (own, other))

    assert page.index(mine) < page.index(others)
    assert "4.7.7" in client.get(mine).text
    assert others in Client().get(reverse("downloads:index")).text


def test_the_entry_of_the_navigation_appears_with_the_first_download():
    def is_there():
        return any(link.name == "downloads" for link in navigation.links_at(navigation.HEADER, is_authenticated=False))

    before = is_there()
    file = published_file()
    with_it = is_there()
    services.withdraw_release(release=file.release, by=UserFactory(superuser=True))

    assert (before, with_it, is_there()) == (False, True, False)


@pytest.mark.parametrize("is_known", [False, True])
def test_the_number_of_queries_does_not_grow(is_known):
    product = ProductFactory()
    client = Client()
    if is_known:
        client.force_login(OwnershipFactory(product=product).user)

    def queries():
        for fresh in range(2):  # the parts that all pages share are made by the first
            with CaptureQueriesContext(connection) as made:
                for path in (reverse("downloads:index"), first.get_absolute_url()):
                    assert client.get(f"{path}?fresh={len(counts)}{fresh}").status_code == 200
        return len(made)

    first, counts = DownloadFactory(products=[product]), []
    release_of(first, "1.0")
    counts.append(queries())
    for number in range(4):
        file_in(release_of(first, f"2.{number}"), f"more{number}.bin")
        release_of(DownloadFactory(products=[product, ProductFactory()]), "1.0")
    counts.append(queries())

    assert counts[0] == counts[1]


def test_a_changelog_is_safe_whoever_wrote_it():
    html = html_of("# New\n\n- [x](javascript:alert(1)) <script>alert(1)</script> **bold** ![p](https://e.example/x)")

    assert "<strong>bold</strong>" in html
    assert not any(bad in html for bad in ("<script", 'href="javascript', "<img", "<h1"))


def test_owners_and_followers_hear_of_a_release_once_and_security_cannot_be_muted():
    product = ProductFactory()
    download = DownloadFactory(products=[product])
    owner, muted, follower, stranger = (UserFactory() for _number in range(4))
    for person in (owner, muted):
        Ownership.objects.create(user=person, product=product)
    from portal.notifications import services as following

    following.mute(person_id=muted.pk, target=services.target_of(download.pk))
    services.follow(person=follower, download=download, is_wanted=True)
    services.follow(person=owner, download=download, is_wanted=True)

    def told(version, **fields):
        Notification.objects.all().delete()
        release_of(download, version, **fields)
        outbox.drain()
        return {row.person_id: row.kind for row in Notification.objects.all()}

    assert told("1.0") == {owner.pk: "downloads.release", follower.pk: "downloads.release"}
    assert told("1.1", is_security=True) == {
        owner.pk: "downloads.security_release",
        muted.pk: "downloads.security_release",
        follower.pk: "downloads.release",
    }
    assert told("2.0-rc1", channel="beta") == {owner.pk: "downloads.release", follower.pk: "downloads.release"}
    assert stranger.pk not in told("1.2")


def test_feeds_have_public_releases_only():
    seen, hidden = published_file(), published_file(audience="partner")

    feed = Client().get(reverse("downloads:feed"))

    assert feed["Content-Type"].startswith("application/atom+xml")
    assert seen.release.download.get_absolute_url() in feed.text
    assert hidden.release.download.slug not in feed.text


def test_search_engines_are_told_version_systems_and_place_of_what_everybody_sees():
    file = published_file()
    download = file.release.download
    services.add_file(release=file.release, file=ContentFile(b"x", "</script>.exe"), platform="windows")
    partners = published_file(audience="partner").release.download
    client = Client()
    client.force_login(UserFactory(partner=True))

    def told(page):
        return [json.loads(text) for text in re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)]

    app, crumbs = told(Client().get(download.get_absolute_url()).text)

    assert (app["@type"], app["softwareVersion"], app["operatingSystem"]) == ("SoftwareApplication", "1.0", "Windows")
    assert app["downloadUrl"].endswith(f"/d/{download.slug}/latest")
    assert [item["name"] for item in crumbs["itemListElement"]] == ["دانلودها", str(download)]
    assert told(client.get(partners.get_absolute_url()).text) == []
