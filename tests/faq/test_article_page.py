"""The article page, as readers see it."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from faq.models import ArticlePage, ShortLink
from portal.catalog.models import Platform
from portal.core.localized import LocalizedText
from portal.core.models import SupportSettings
from portal.core.text import without_bidi_controls
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory, ProductVersionFactory
from tests.factories.community import AreaFactory
from tests.factories.faq import (
    ArticlePageFactory,
    FeedbackFactory,
    RelatedArticleFactory,
    TopicPageFactory,
    help_site,
)
from tests.faq.bodies import full_body

pytestmark = pytest.mark.django_db

NO_JSON = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


def json_ld(response):
    return {item["@type"]: item for item in map(json.loads, NO_JSON.findall(response.text))}


def part(text: str, start: str, end: str) -> str:
    return text[text.index(start) :].split(end, maxsplit=1)[0]


def test_article_shows_question_answer_and_where_it_stands(client):
    topic = TopicPageFactory(title="اینترنت و وای‌فای")
    article = ArticlePageFactory(parent=topic, title="چراغ قرمز است؛ چه کنم؟", reviewed_by="تیم شبکه")

    response = client.get(article.url)

    assert response.status_code == 200
    assert "<h1>چراغ قرمز است؛ چه کنم؟</h1>" in response.text
    assert article.short_answer in part(response.text, '<section class="answer"', "</section>")
    assert "تیم شبکه" in response.text
    crumbs = re.findall(r">([^<>]+)</a>", part(response.text, '<nav class="crumbs"', "</nav>"))
    assert crumbs == ["خانه", "راهنما", "اینترنت و وای‌فای"]


def test_every_block_is_rendered(client):
    article = ArticlePageFactory(body=json.dumps(full_body()))

    text = client.get(article.url).text

    body = re.sub(r">\s+<", "><", part(text, '<article class="doc">', "</article>"))
    assert [title for title in ("معنی هر چراغ", "رفع مشکل", "پرسش‌های نزدیک") if f">{title}</h2>" in body] == [
        "معنی هر چراغ",
        "رفع مشکل",
        "پرسش‌های نزدیک",
    ]
    for words in (
        'alt="جلوی مودم"', "<figcaption>چراغ سوم</figcaption>", '<th scope="row">سبز</th><td>وصل</td>',
        ">از برق بکشید</h3>", 'alt="دوشاخه"', "note--warn", "<b>دکمهٔ <bdi dir=\"ltr\">RESET</bdi> را نزنید</b>", "<audio controls aria-label=\"بوق",
        '<track kind="captions"', "بوق آزاد، بوق اشغال", "<summary>چرا شب‌ها؟</summary>", "data-tabs", "راهنمای چاپی",
        "متن مشترک", "بازنشانی مودم",
    ):  # fmt: skip
        assert words in body
    assert "None" not in body


def test_pictures_have_sizes_and_wait_below_the_fold(client):
    article = ArticlePageFactory(body=json.dumps(full_body()))

    pictures = re.findall(r"<img [^>]+>", client.get(article.url).text)

    assert len(pictures) == 2
    for picture in pictures:
        assert 'width="800"' in picture
        assert 'height="' in picture
        assert ".webp 800w" in picture
        assert 'loading="lazy"' in picture


def test_picture_at_the_top_does_not_wait(client):
    image = next(block for block in full_body() if block["type"] == "picture")
    article = ArticlePageFactory(body=json.dumps([image]))

    assert 'loading="eager"' in client.get(article.url).text


def test_contents_are_listed_from_three_headings_on(client):
    headings = [{"type": "heading", "value": title} for title in ("یک", "دو", "دو")]
    short, long = ArticlePageFactory(body=json.dumps(headings[:2])), ArticlePageFactory(body=json.dumps(headings))

    assert "data-toc" not in client.get(short.url).text
    links = re.findall(r'href="#([^"]+)"', part(client.get(long.url).text, "data-toc", "</nav>"))
    assert links == ["s-یک", "s-دو", "s-دو-2"]
    for anchor in links:
        assert f'<h2 id="{anchor}">' in client.get(long.url).text


def test_links_in_text_lead_to_the_page_in_the_language_read(client):
    topic = TopicPageFactory()
    target = ArticlePageFactory(parent=topic)
    english_topic = help_site()["en"].add_child(instance=topic_in_english(topic))
    translated = ArticlePageFactory(
        parent=english_topic, title="Reset", slug="reset", translation_key=target.translation_key
    )
    text = json.dumps([{"type": "paragraph", "value": f'<p><a linktype="page" id="{target.pk}">x</a></p>'}])
    english = ArticlePageFactory(parent=english_topic, title="Light", slug="light", body=text)

    assert f'href="{translated.url}"' in client.get(english.url).text


def topic_in_english(topic):
    return type(topic)(
        title="Internet",
        slug="internet",
        topic=topic.topic,
        locale=help_site()["en"].locale,
        translation_key=topic.translation_key,
    )


def test_links_to_pages_that_are_gone_leave_their_words(client):
    text = json.dumps([{"type": "paragraph", "value": '<p><a linktype="page" id="99999">برو</a></p>'}])
    article = ArticlePageFactory(body=text)

    assert "<p><a>برو</a></p>" in client.get(article.url).text


def test_chips_say_what_it_applies_to(client):
    product = ProductFactory(name=LocalizedText(fa="نورا X2", en="Noora X2"))
    version = ProductVersionFactory(product=product, number="4.12.0")
    article = ArticlePageFactory(products=[product], versions=[version], platforms=["android"])

    chips = part(client.get(article.url).text, 'class="row row--tight mt-3"', "</header>")

    assert re.findall(r"<bdi[^>]*>([^<]+)</bdi>", chips) == ["نورا X2", "4.12.0", str(Platform.ANDROID.label)]


def test_reader_with_another_device_is_told_so(client):
    article = ArticlePageFactory(products=[ProductFactory(name=LocalizedText(fa="نورا X2"))])
    own = ProductFactory(name=LocalizedText(fa="نورا X1"))
    user = UserFactory()
    OwnershipFactory(user=user, product=own)
    client.force_login(user)

    note = part(client.get(article.url).text, 'class="note note--warn"', "</div></div>")

    assert re.findall(r"<bdi>([^<]+)</bdi>", note) == ["نورا X2", "نورا X1"]


@pytest.mark.parametrize("case", ["same device", "no device", "article about a service", "visitor"])
def test_no_note_when_the_article_may_be_theirs(client, case):
    product = ProductFactory(service=case == "article about a service")
    article = ArticlePageFactory(products=[product])
    user = UserFactory()
    if case != "no device":
        OwnershipFactory(user=user, product=product if case == "same device" else ProductFactory())
    if case != "visitor":
        client.force_login(user)

    assert "note--warn" not in client.get(article.url).text


def test_chosen_related_articles_come_in_the_editors_order_and_language(client):
    topic = TopicPageFactory()
    article, first, second, unchosen = ArticlePageFactory.create_batch(4, parent=topic)
    RelatedArticleFactory(page=article, article=second, sort_order=0)
    RelatedArticleFactory(page=article, article=first, sort_order=1)

    aside = part(client.get(article.url).text, "<aside", "</aside>")

    assert re.findall(r">([^<>]+)</a>", aside) == [second.title, first.title, unchosen.title]


def test_computed_related_articles_share_the_product(client):
    topic, product = TopicPageFactory(), ProductFactory()
    article = ArticlePageFactory(parent=topic, products=[product])
    other = ArticlePageFactory(parent=topic)
    same = ArticlePageFactory(parent=topic, products=[product])

    aside = part(client.get(article.url).text, "<aside", "</aside>")

    assert re.findall(r">([^<>]+)</a>", aside) == [same.title, other.title]


def test_useful_count_comes_from_solved_votes(client):
    article = ArticlePageFactory()
    FeedbackFactory.create_batch(12, article=article)
    FeedbackFactory(article=article, unsolved=True)

    assert "۱۲" in part(client.get(article.url).text, '<div class="meta', "</div>")


def test_help_at_the_end_offers_only_what_there_is(client):
    article = ArticlePageFactory()
    ask = reverse("community:ask")
    before = part(client.get(article.url).text, 'aria-labelledby="still-help"', "</section>")
    assert ["tel:" in before, ask in before] == [False, False]

    AreaFactory()
    SupportSettings.objects.create(
        site=article.get_site(), support_phone="+98 21 9100 0000", support_hours=LocalizedText(fa="۸ تا ۲۰")
    )

    help_box = part(client.get(article.url).text, 'aria-labelledby="still-help"', "</section>")
    assert 'href="tel:+982191000000"' in help_box
    assert '<bdi class="ltr">+98 21 9100 0000</bdi>' in help_box
    assert "۸ تا ۲۰" in help_box
    assert f'href="{ask}"' in help_box


def test_canonical_and_translations_are_named(client):
    site = help_site()
    topic = TopicPageFactory()
    article = ArticlePageFactory(parent=topic)
    english_topic = site["en"].add_child(instance=topic_in_english(topic))
    english = ArticlePageFactory(parent=english_topic, slug="light", translation_key=article.translation_key)
    number = ShortLink.objects.get(translation_key=article.translation_key).pk

    head = client.get(english.url + "?x=1").text.split("</head>")[0]

    assert f'<link rel="canonical" href="http://testserver{english.url}">' in head
    assert sorted(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', head)) == [
        ("en", f"http://testserver{english.url}"),
        ("fa", f"http://testserver{article.url}"),
        ("x-default", f"http://testserver/a/{number}"),
    ]


def test_machines_read_question_answer_and_breadcrumbs(client):
    article = ArticlePageFactory(title="</script><b>چراغ</b> & قرمز")

    response = client.get(article.url)

    found = json_ld(response)
    assert found["FAQPage"]["mainEntity"][0]["name"] == article.title
    assert found["FAQPage"]["mainEntity"][0]["acceptedAnswer"]["text"] == article.short_answer
    assert found["BreadcrumbList"]["itemListElement"][-1]["name"] == article.title
    assert "</script><b>" not in response.text


def test_guide_is_an_article_for_machines(client):
    article = ArticlePageFactory(kind=ArticlePage.Kind.GUIDE)

    found = json_ld(client.get(article.url))

    assert found["Article"]["headline"] == article.title
    assert "FAQPage" not in found


def test_text_of_editors_is_escaped(client):
    article = ArticlePageFactory(title="<img src=x onerror=alert(1)>", short_answer='"><script>alert(1)</script>')

    text = client.get(article.url).text

    assert "<img src=x" not in text
    assert "<script>alert" not in text


def test_title_of_the_window_keeps_its_direction(client):
    article = ArticlePageFactory(title="چراغ Noora X2")

    title = part(client.get(article.url).text, "<title>", "</title>")

    assert without_bidi_controls(title).startswith("<title>چراغ Noora X2")


def test_anonymous_page_has_no_token_and_sets_no_cookie(client):
    response = client.get(ArticlePageFactory().url)

    assert "csrfmiddlewaretoken" not in response.text
    assert "X-CSRFToken" not in response.text
    assert not response.cookies


def test_page_has_nothing_the_strict_policy_blocks(client):
    text = client.get(ArticlePageFactory(body=json.dumps(full_body())).url).text

    assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*(src=|ld\+json))", text)


def _body_of(words):
    return json.dumps([{"type": "heading", "value": "عنوان"}, {"type": "paragraph", "value": f"<p>{words}</p>"}])


@pytest.mark.parametrize("signed_in", [False, True])
def test_article_costs_the_same_however_much_there_is(
    client, django_assert_max_num_queries, django_assert_num_queries, signed_in
):
    topic = TopicPageFactory()
    product = ProductFactory()
    article = ArticlePageFactory(parent=topic, products=[product], body=_body_of("متن"))
    user = UserFactory()
    OwnershipFactory(user=user)
    if signed_in:
        client.force_login(user)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from portal.core.memo import forget_all

    def cost():
        client.get(ArticlePageFactory(parent=topic).url)  # sites and settings are cached now
        from faq import queries

        queries._articles.forget()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(article.url).status_code == 200
        return len(captured)

    forget_all()
    client.get(article.url)
    few = cost()
    others = ArticlePageFactory.create_batch(20, parent=topic, products=[product])
    for other in others[:5]:
        RelatedArticleFactory(page=article, article=other)
    FeedbackFactory.create_batch(50, article=article)
    many = cost()

    assert few == many
    assert many <= (12 if signed_in else 8)


def test_known_article_costs_no_query(client, django_assert_num_queries):
    article = ArticlePageFactory(body=json.dumps(full_body()))
    client.get(article.url)

    with django_assert_num_queries(0):
        client.get(article.url)


def test_published_change_is_seen_at_once(client):
    article = ArticlePageFactory(body=_body_of("متن کهنه"))
    assert "متن کهنه" in client.get(article.url).text

    article.body = json.loads(_body_of("متن تازه"))
    article.save_revision().publish()

    assert "متن تازه" in client.get(article.url).text


def test_changed_shared_text_is_seen_at_once(client):
    body = full_body()
    article = ArticlePageFactory(body=json.dumps(body))
    assert "متن مشترک" in client.get(article.url).text
    shared = article.body.blocks_by_name("reusable")[0].value["content"]

    shared.body = [("paragraph", "<p>متن مشترک تازه</p>")]
    shared.save()

    assert "متن مشترک تازه" in client.get(article.url).text


def test_changed_captions_are_shown_at_once(client):
    article = ArticlePageFactory(body=json.dumps(full_body()))
    client.get(article.url)
    media = article.body.blocks_by_name("media")[0].value["media"]

    media.transcript = "رونوشت تازه"
    media.captions.save("new.vtt", ContentFile(b"WEBVTT"))

    assert "رونوشت تازه" in client.get(article.url).text


def test_draft_is_not_shown_to_readers(client):
    article = ArticlePageFactory(body=_body_of("متن"))
    article.body = json.loads(_body_of("پیش‌نویس"))
    article.save_revision()

    assert "پیش‌نویس" not in client.get(article.url).text


def test_preview_shows_what_is_not_stored_yet():
    article = ArticlePageFactory(title="پیش از این")
    product = ProductFactory(name=LocalizedText(fa="نورا X2"))
    article.title, article.products = "هنوز ذخیره نشده", [product]

    response = article.make_preview_request()

    assert response.status_code == 200
    assert "هنوز ذخیره نشده" in response.rendered_content if hasattr(response, "rendered_content") else response.text
    assert "نورا X2" in response.text


def test_page_of_an_unusual_length_of_time_ago_still_renders(client):
    article = ArticlePageFactory()
    ArticlePage.objects.filter(pk=article.pk).update(last_published_at=timezone.now() - dt.timedelta(days=4000))

    assert client.get(article.url).status_code == 200


@pytest.mark.parametrize("language", ["fa", "en"])
def test_page_exists_in_both_languages(client, language):
    index = help_site()[language]

    response = client.get(index.url)

    assert response.status_code == 200
    assert f'<html lang="{language}"' in response.text
