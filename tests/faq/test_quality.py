"""What an editor is told while writing: remarks on the text, and articles that say it already."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from faq.models import ArticlePage
from faq.quality import LONG_SENTENCE, remarks_on
from portal.core import outbox
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory
from tests.faq.bodies import full_body, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def remarks(*blocks, short_answer="کوتاه."):
    with override("en"):
        return [
            (remark.field, remark.text, remark.about)
            for remark in remarks_on(ArticlePage(short_answer=short_answer, body=list(blocks)))
        ]


def words(count, between=" "):
    return between.join(["نمی‌شود"] * count)


def test_an_article_without_faults_has_no_remarks():
    assert (
        remarks(("heading", "عنوان"), ("paragraph", "<h3>زیر</h3><p>نسخهٔ 4.12 را <a href='/x'>نصب کنید</a>.</p>")) == []
    )
    assert remarks_on(ArticlePage(short_answer="کوتاه.", body=full_body())) is not None


@pytest.mark.parametrize(
    "text", ["اینجا", "اينجا", "کلیک کنید!", "Click <b>here</b>", "read more", "https://example.com/a"]
)
def test_a_link_says_where_it_leads(text):
    ((field, _advice, about),) = remarks(
        ("note", {"kind": "tip", "title": "", "text": f'<p><a href="/x">{text}</a></p>'})
    )

    assert field == "body"
    assert about


def test_words_with_half_spaces_are_one_and_numbers_end_no_sentence():
    assert remarks(("paragraph", f"<p>{words(LONG_SENTENCE)}</p><p>{words(LONG_SENTENCE)}؟ {words(3)}</p>")) == []
    assert [field for field, *_rest in remarks(("paragraph", f"<p>{words(13)} 4.12 {words(13)}.</p>"))] == ["body"]
    assert [field for field, *_rest in remarks(short_answer=words(LONG_SENTENCE + 1))] == ["short_answer"]


def test_headings_go_down_one_step_at_a_time():
    assert "heading" in remarks(("paragraph", "<h3>زیر</h3><p>متن</p>"))[0][1]


def test_pictures_are_described_and_light():
    heavy = picture()
    heavy.file_size = 300 * 1024
    heavy.save()
    light = picture()
    light.file_size = 10
    light.save()

    found = remarks(
        ("picture", {"image": heavy, "alt": "IMG_2041.jpg", "caption": ""}),
        ("picture", {"image": light, "alt": "پشت مودم", "caption": "پشت مودم"}),
        ("steps", [{"title": "یک", "text": "", "image": light, "alt": ""}]),
    )

    assert [text.split()[0] for _field, text, _about in found] == ["Say", "The", "The", "Say"]
    assert "300" in found[1][1]


def test_many_remarks_of_one_kind_are_cut_short():
    assert len(remarks(*[("paragraph", '<p><a href="/x">اینجا</a></p>')] * 9)) == 5


def test_the_editor_sees_remarks_with_the_field_and_may_publish_all_the_same(client, editor):
    article = ArticlePageFactory(body=[("paragraph", '<p><a href="/x">اینجا</a></p>')])

    page = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text

    assert "در متن پیوند بگویید به کجا می‌رود." in page
    assert "data-remarks" in page
    assert "data-similar-url" in page


def test_whoever_types_a_title_sees_published_articles_like_it_but_not_the_article_itself(client, editor):
    article = ArticlePageFactory(title="تغییر رمز وای‌فای مودم")
    outbox.drain()
    url = reverse("articles_like_title")
    about = {"language": "fa", "title": "رمز وای‌فای را چطور عوض کنم"}

    found = client.get(url, about)
    own = client.get(url, {**about, "family": article.translation_key})
    nonsense = client.get(url, {"language": "fa", "title": "رمز", "family": "x"})
    wrong = client.get(url, {"language": "xx", "title": "رمز وای‌فای"})
    client.force_login(UserFactory())

    assert reverse("wagtailadmin_pages:edit", args=[article.pk]) in found.text
    assert own.text.strip() == nonsense.text.strip() == ""
    assert wrong.status_code != 200
    assert client.get(url, about).status_code in {302, 403}


@pytest.mark.parametrize(
    ("spoken", "remarks"),
    [
        ("مودم را خاموش و روشن کنید.", 0),
        ("به www.noora.example بروید.", 1),
        ("به https://noora.example/a نگاه کنید.", 1),
        ("برای help@noora.example بنویسید.", 1),
        ("واژه " * 100, 0),
        ("واژه " * 101, 1),
    ],
)
def test_a_spoken_answer_is_short_and_has_no_address(spoken, remarks):
    article = ArticlePage(short_answer="کوتاه.", spoken_answer=spoken)

    assert [remark.field for remark in remarks_on(article)] == ["spoken_answer"] * remarks
