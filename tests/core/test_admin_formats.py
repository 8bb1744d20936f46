"""Numbers, dates, words and directions on Wagtail's own screens."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import wagtail.admin
import wagtail_localize
from babel.messages.pofile import read_po
from django.template import Context, Template
from django.utils import timezone
from django.utils.translation import override
from django.utils.translation.trans_real import DjangoTranslation
from wagtail.admin.paginator import WagtailPaginator
from wagtail.utils.timestamps import render_timestamp

from faq.models import ArticlePage
from portal.core.preferences import Preferences, preferences_in_use
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory

_PERSIAN = re.compile("[\u0600-\u06ff]")


def test_numbers_and_moments_are_in_the_digits_and_calendar_of_the_reader() -> None:
    moment = timezone.now() - timedelta(minutes=25)
    template = Template("{% load wagtailadmin_tags %}{{ count|intcomma }} {% human_readable_date moment %}")
    with override("fa"):
        shown = template.render(Context({"count": 1234, "moment": moment}))
        assert "۱٬۲۳۴" in shown
        assert "۲۵ دقیقه پیش" in shown
        assert "۱۴۰" in render_timestamp(moment)
        with preferences_in_use(Preferences(digits="latin", calendar="gregorian")):
            assert "1,234" in template.render(Context({"count": 1234, "moment": moment}))
            assert "20" in render_timestamp(moment)


@pytest.mark.django_db
def test_a_noun_after_a_number_is_singular_in_persian() -> None:
    pages = WagtailPaginator(ArticlePage.objects.none(), 10)
    with override("fa"):
        assert pages.items_count_label == "۰ مقاله"
    with override("en"):
        assert pages.items_count_label == "0 articles"


def test_the_words_of_scripts_have_persian() -> None:
    packages = (wagtail.admin, wagtail_localize)
    folders = [Path(package.__file__).parent / "locale" for package in packages]
    shown = DjangoTranslation("fa", domain="djangojs", localedirs=list(map(str, folders)))
    missing = []
    for folder in folders:
        with (folder / "en/LC_MESSAGES/djangojs.po").open("rb") as file:
            sources = [
                message.id if isinstance(message.id, str) else message.id[0] for message in read_po(file) if message.id
            ]
        missing += [
            text
            for text in sources
            if re.search("[A-Za-z]{3} [A-Za-z]{2}", text) and not _PERSIAN.search(shown.gettext(text))
        ]
    assert [text for text in missing if shown.ngettext(text, text, 1) == text] == []


@pytest.mark.django_db
def test_titles_in_the_other_script_have_their_own_direction_in_the_admin(client, settings) -> None:
    ArticlePageFactory(title="How do I reset it?")
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="fa"))
    page = client.get("/admin/pages/search/?q=reset").text
    assert '<bdi dir="ltr">How do I reset it?</bdi>' in page
    assert page.startswith(("<!doctype html>", "\n<!doctype html>"))


@pytest.mark.django_db
def test_words_that_wagtail_writes_in_english_in_every_language_are_persian(client, settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    page = ArticlePageFactory()
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="fa"))
    screens = ["/admin/", f"/admin/pages/{page.pk}/edit/", "/admin/snippets/"]
    shown = "".join(client.get(path).text for path in screens)
    dialog = client.get("/admin/choose-page/", headers={"X-Requested-With": "XMLHttpRequest"}).json()["html"]

    assert re.findall(r'value="Search"|aria-label="Actions"|>\s*True\s*<', shown + dialog) == []
    assert 'aria-label="کارها"' in shown
