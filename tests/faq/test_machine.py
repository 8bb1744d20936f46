"""Articles for programs: what everybody may read, as Markdown."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from faq import machine
from faq.models import TranslationDebt
from faq.queries import markdown_path
from portal.core.localized import LocalizedText
from portal.core.models import MachineReading
from portal.core.scopes import content_changed
from tests.factories.downloads import DownloadFactory, release_of
from tests.factories.faq import ArticlePageFactory, TopicPageFactory
from tests.factories.troubleshooters import TroubleshooterFactory
from tests.faq.bodies import full_body

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site(site):
    return site


def test_an_article_has_its_text_beside_its_page(client):
    other = ArticlePageFactory(title="بازنشانی مودم")
    page = ArticlePageFactory(title="چراغ *قرمز*", short_answer="یعنی اینترنت\nنیست.", body=full_body(other=other))

    response = client.get(markdown_path(page))

    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response["Link"] == f'<http://localhost:8000{page.url}>; rel="canonical"'
    text = response.text
    assert text.startswith("# چراغ \\*قرمز\\*\n\n> یعنی اینترنت نیست.\n\n- نشانی: http://localhost:8000/fa/")
    assert "## معنی هر چراغ" in text
    assert f"[بازنشانی](http://localhost:8000{other.url})" in text
    assert "| سبز | وصل |" in text
    assert "![جلوی مودم](http://localhost:8000/media/" in text
    assert "**دکمهٔ RESET را نزنید**" in text
    assert "<" not in text.replace("<http", "")
    assert f'type="text/markdown" href="http://localhost:8000{markdown_path(page)}"' in client.get(page.url).text


@pytest.mark.parametrize("audience", ["signed-in", "partner", "staff"])
def test_what_is_not_public_is_nowhere(client, admin_user, audience):
    page = ArticlePageFactory(title="پنهان", short_answer="پنهان", audience=audience)
    ArticlePageFactory(title="آشکار")
    client.force_login(admin_user)  # who asks makes no difference

    assert client.get(markdown_path(page)).status_code == 404
    for name in ("faq:llms", "faq:llms_full"):
        assert "آشکار" in client.get(reverse(name)).text
        assert "پنهان" not in client.get(reverse(name)).text
    assert "text/markdown" not in client.get(page.url).text


def test_a_draft_and_a_topic_have_no_text(client):
    draft = ArticlePageFactory(draft=True)
    topic = TopicPageFactory()

    for page in (draft, topic):
        assert client.get(markdown_path(page)).status_code == 404


def test_the_switch_closes_all_addresses(client, django_assert_num_queries):
    page = ArticlePageFactory()
    addresses = [reverse("faq:llms"), reverse("faq:llms_full"), markdown_path(page)]
    assert [client.get(address).status_code for address in addresses] == [200, 200, 200]
    setting = MachineReading.objects.create(site=page.get_site(), is_open=False)

    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]
    assert "text/markdown" not in client.get(page.url).text

    setting.is_open = True
    setting.save()
    assert client.get(addresses[2]).status_code == 200


def test_the_list_names_languages_topics_and_what_each_article_answers(client):
    ArticlePageFactory(title="قبض [برق]", short_answer="در\nدو خط.")

    lines = client.get(reverse("faq:llms")).text.splitlines()

    assert lines[0] == "# نورا"
    assert lines[2].startswith("> ")
    assert any(line.startswith("## ") and line.endswith("(فارسی)") for line in lines)
    assert any(line.startswith("- [قبض \\[برق\\]](http://localhost:8000/fa/") for line in lines)
    assert any(line.endswith(".md): در دو خط.") for line in lines)


def test_the_list_names_what_else_everybody_may_see(client, django_assert_max_num_queries):
    def lines() -> list[str]:
        return client.get(reverse("faq:llms")).text.splitlines()

    hidden = {"audience": "signed-in"}
    shown = [
        DownloadFactory(name=LocalizedText(fa="دفترچه"), summary=LocalizedText(fa="همهٔ دکمه‌ها")),
        DownloadFactory(**hidden),
    ]
    for download in shown:
        release_of(download)
    assert f"- [دفترچه](http://localhost:8000/fa/downloads/{shown[0].slug}/): همهٔ دکمه‌ها" in lines()
    TroubleshooterFactory(slug="no-net", title=LocalizedText(fa="اینترنت ندارم"), intro=LocalizedText(fa="گام‌به‌گام"))
    TroubleshooterFactory(slug="for-members", **hidden)
    content_changed("troubleshooters")  # as their services say

    found = lines()

    assert "- [اینترنت ندارم](http://localhost:8000/fa/troubleshoot/no-net/): گام‌به‌گام" in found
    assert "## عیب‌یاب‌ها (فارسی)" in found
    assert not any("for-members" in line or shown[1].slug in line for line in found)


def test_the_list_ends_where_it_would_be_too_long(client, monkeypatch):
    monkeypatch.setattr(machine, "LISTED", 1)
    first, second = ArticlePageFactory(title="یکم"), ArticlePageFactory(title="دوم")

    text = client.get(reverse("faq:llms")).text

    assert markdown_path(first) in text
    assert markdown_path(second) not in text
    assert "همهٔ مقاله‌ها" in text


def test_the_list_costs_the_same_however_long(client, django_assert_max_num_queries):
    def queries() -> int:
        client.get(reverse("faq:llms"))
        with django_assert_max_num_queries(20) as counted:
            client.get(reverse("faq:llms"))
        return len(counted)

    ArticlePageFactory()
    few = queries()
    for _number in range(2):
        ArticlePageFactory()

    assert queries() == few


def test_no_query_makes_the_list_anew(client, monkeypatch):
    ArticlePageFactory()
    made = []
    monkeypatch.setattr(machine, "_articles_of", lambda *given: made.append(given) or [])

    for number in range(3):
        client.get(reverse("faq:llms"), {"x": number})

    assert len(made) == 2, "once for each language"


def test_a_late_translation_says_so_and_names_the_current_text(client):
    persian = ArticlePageFactory(title="تازه")
    late = ArticlePageFactory(title="کهنه")
    TranslationDebt.objects.create(article=late, source=persian, since=timezone.now())

    text = client.get(markdown_path(late)).text

    assert f"متن کنونی: http://localhost:8000{persian.url}" in text
    assert "متن کنونی" not in client.get(markdown_path(persian)).text


def test_all_texts_come_in_parts_that_lead_to_each_other(client, monkeypatch):
    monkeypatch.setattr(machine, "IN_A_PART", 2)
    titles = ["یکم", "دوم", "سوم"]
    for title in titles:
        ArticlePageFactory(title=title)

    first = client.get(reverse("faq:llms_full")).text
    following = first.splitlines()[-1].rpartition(" ")[2]
    second = client.get(following.removeprefix("http://localhost:8000")).text

    assert [title for title in titles if f"# {title}" in first] == titles[:2]
    assert [title for title in titles if f"# {title}" in second] == titles[2:]
    assert "?after=" not in second


def test_parts_are_limited(client, monkeypatch):
    monkeypatch.setattr(machine, "PARTS_PER_MINUTE", 0)
    ArticlePageFactory()

    response = client.get(reverse("faq:llms_full"), REMOTE_ADDR="192.0.2.77")

    assert response.status_code == 429
    assert response["Retry-After"]


def test_texts_that_look_like_markup_stay_texts():
    assert machine.html_as_markdown("<p>a * b * c <b>x</b></p><svg><path/></svg>") == "a \\* b \\* c **x**"


@override_settings(BASE_URL="https://help.example")
def test_addresses_are_those_of_the_portal_whatever_the_host_says(client):
    page = ArticlePageFactory()

    assert "https://help.example/fa/" in client.get(markdown_path(page), HTTP_HOST="localhost").text
