"""The screens of help pages in the admin."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Page
from wagtail.test.utils.form_data import inline_formset, nested_form_data, streamfield
from wagtail.users.models import UserProfile
from wagtail_factories import ImageFactory

from faq.blocks import ArticleBody
from faq.models import ArticlePage, Feedback, HelpMedia, TranslationDebt
from faq.upkeep import language_states
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.faq import (
    ArticlePageFactory,
    FeedbackFactory,
    ReusableContentFactory,
    TopicPageFactory,
    help_site,
    locale,
)
from tests.faq.bodies import full_body

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def post_data(**changes):
    return nested_form_data(
        {
            "title": "چراغ قرمز",
            "slug": "چراغ-قرمز",
            "short_answer": "مودم را خاموش و روشن کنید.",
            "spoken_answer": "",
            "body": streamfield([("heading", "عنوان")]),
            "kind": "faq",
            "keywords": "",
            "reviewed_by": "",
            "external_id": "",
            "audience": "public",
            "related_articles": inline_formset([]),
            "comments": inline_formset([]),
            "seo_title": "",
            "search_description": "",
            "go_live_at": "",
            "expire_at": "",
            **changes,
        }
    )


def test_editor_writes_and_publishes_an_article(client, editor):
    topic = TopicPageFactory()
    product = ProductFactory()
    url = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])
    assert client.get(url).status_code == 200

    client.post(url, {**post_data(), "products": [product.pk], "platforms": ["ios"], "action-publish": "1"})

    article = ArticlePage.objects.get(slug="چراغ-قرمز")
    assert article.live
    assert article.owner == editor
    assert article.topic == topic.topic
    assert list(article.products.all()) == [product]
    assert article.platforms == ["ios"]
    assert article.live_revision is not None


def test_article_without_a_short_answer_is_not_published(client, editor):
    topic = TopicPageFactory()
    url = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])

    response = client.post(url, {**post_data(short_answer=""), "action-publish": "1"})

    assert response.status_code == 200
    assert not ArticlePage.objects.filter(live=True).exists()


@pytest.mark.parametrize("kind", ["picture", "steps", "media"])
def test_a_draft_keeps_what_only_publishing_needs(kind):
    """Saving by itself, too: nobody loses a picture because nobody has said yet what it shows."""
    picture = ImageFactory()
    value = {
        "picture": {"image": picture, "alt": ""},
        "steps": [{"title": "", "text": "", "image": picture, "alt": "", "more": []}],
        "media": {"media": HelpMedia(title="بدون زیرنویس"), "caption": ""},
    }[kind]
    block = ArticleBody()
    body = block.to_python([])
    body.append((kind, block.child_blocks[kind].normalize(value)))

    assert len(block.clean_deferred(body)) == 1
    with pytest.raises(ValidationError):
        block.clean(body)


def test_the_list_of_articles_says_what_there_is_in_each_language(client, editor, django_assert_num_queries):
    alone, translated = ArticlePageFactory(), ArticlePageFactory()
    late = translated.copy_for_translation(locale("en"), copy_parents=True)
    late.save_revision().publish()
    TranslationDebt.objects.create(article=late, source=translated, since=timezone.now())

    with django_assert_num_queries(1):
        states = language_states([alone.translation_key, translated.translation_key])

    assert [state.article_id for state in states[translated.translation_key]] == [translated.pk, late.pk]
    assert [state.is_late for state in states[translated.translation_key]] == [False, True]
    assert [state.article_id for state in states[alone.translation_key]] == [alone.pk, None]
    page = client.get(reverse("articles:index")).text
    assert page.count('class="language-states"') == 3
    assert page.count("w-status--primary") >= 2


def test_draft_needs_only_a_title(client, editor):
    topic = TopicPageFactory()
    url = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])

    client.post(url, post_data(short_answer=""))

    assert ArticlePage.objects.get(slug="چراغ-قرمز").live is False


def test_editor_sees_every_tab_of_an_article_with_every_block(client, editor):
    article = ArticlePageFactory(body=json.dumps(full_body()))
    FeedbackFactory(article=article, unsolved=True, comment="منو عوض شده")
    FeedbackFactory.create_batch(3, article=article)

    response = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk]))

    assert response.status_code == 200
    assert "منو عوض شده" in response.text
    assert "۷۵" in response.text or "75" in response.text
    assert f"/admin/help/feedback/?article={article.pk}" in response.text


def test_audiences_offered_hold_the_segments_people_are_in(client, editor):
    UserFactory(segments=["fibre"])
    article = ArticlePageFactory()

    text = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text

    for audience in ("public", "signed-in", "partner", "staff", "segment:fibre"):
        assert f'<option value="{audience}"' in text


def test_editor_may_not_choose_an_audience_that_is_not_offered(client, editor):
    topic = TopicPageFactory()
    url = reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])

    client.post(url, {**post_data(audience="segment:invented"), "action-publish": "1"})

    assert not ArticlePage.objects.filter(slug="چراغ-قرمز").exists()


@pytest.mark.parametrize("lists", ["articles:index", "feedback_report:index",
    "wagtailsnippets_faq_reusablecontent:list", "wagtailmedia:index", "wagtailadmin_home"])  # fmt: skip
def test_lists_of_the_help_menu_open(client, editor, lists):
    ArticlePageFactory(body=json.dumps(full_body()))
    FeedbackFactory(unsolved=True)

    response = client.get(reverse(lists))

    assert response.status_code == 200


def test_unknown_icon_is_refused(client, editor):
    response = client.post(
        reverse("wagtailsnippets_catalog_topic:add"),
        {"code": "x9", "name_fa": "نورا", "name_en": "", "icon": "no-such-icon", "order": "1", "tone": ""},
    )

    assert response.status_code == 200
    assert "icon" in response.context["form"].errors


def test_feedback_report_filters_by_article_reason_and_state(client, editor):
    article = ArticlePageFactory()
    wanted = FeedbackFactory(article=article, unsolved=True, comment="همین")
    FeedbackFactory(article=article, unsolved=True, reason="wrong", comment="دلیل دیگر")
    FeedbackFactory(unsolved=True, comment="مقالهٔ دیگر")
    FeedbackFactory(article=article, unsolved=True, comment="رسیدگی شده", handled_at="2026-11-01T00:00Z")
    FeedbackFactory(article=article)

    response = client.get(
        reverse("feedback_report:index"),
        {"article": article.pk, "reason": "outdated", "handled": "True", "solved": "False"},
    )

    assert list(response.context["object_list"]) == [wanted]


@pytest.mark.parametrize(("language", "shown"), [("fa", "[شماره تلفن]"), ("en", "[phone]")])
def test_feedback_report_names_what_was_redacted_in_the_editors_language(client, editor, language, shown):
    FeedbackFactory(unsolved=True, comment="[phone] <b>زنگ بزنید", came_from_search="قبض [phone]")
    UserProfile.objects.update_or_create(user=editor, defaults={"preferred_language": language})

    page = client.get(reverse("feedback_report:index")).text

    assert f"{shown} &lt;b&gt;زنگ بزنید" in page
    assert f"قبض {shown}" in page


@pytest.mark.parametrize("count", [1, 3])
def test_feedback_report_costs_the_same_for_any_length(client, editor, count):
    from django.test.utils import CaptureQueriesContext

    FeedbackFactory.create_batch(count, unsolved=True)
    client.get(reverse("feedback_report:results"))

    with CaptureQueriesContext(connection) as captured:
        client.get(reverse("feedback_report:results"))

    reads = [query for query in captured.captured_queries if "faq_feedback" in query["sql"]]
    assert len(reads) == 2  # one for the count, one for the rows


def test_feedback_is_exported_as_csv(client, editor):
    feedback = FeedbackFactory(unsolved=True, comment="منو، عوض شده")

    response = client.get(reverse("feedback_report:index"), {"export": "csv"})

    content = b"".join(response.streaming_content).decode()
    rows = list(csv.reader(io.StringIO(content)))
    assert len(rows) == 2
    assert rows[1][0] == feedback.article.title
    assert "منو، عوض شده" in rows[1]


def test_chosen_answers_are_handled_together_and_taken_back(client, editor):
    first, second, third = FeedbackFactory.create_batch(3, unsolved=True)

    response = client.post(reverse("feedback_report:handle"), {"feedback": [first.pk, second.pk]}, follow=True)

    assert set(Feedback.objects.waiting()) == {third}
    assert reverse("feedback_report:undo") in response.text
    client.post(reverse("feedback_report:undo"))
    assert Feedback.objects.waiting().count() == 3


def test_handling_goes_back_only_to_the_report(client, editor):
    response = client.post(reverse("feedback_report:handle"), {"next": "https://evil.example/"})

    assert response["Location"] == reverse("feedback_report:index")


@pytest.mark.parametrize(
    "url", ["feedback_report:index", "feedback_report:results", "feedback_report:handle", "feedback_report:undo"]
)
@pytest.mark.parametrize("who", ["visitor", "customer", "staff without the permission"])
def test_feedback_is_not_for_everyone(client, url, who):
    feedback = FeedbackFactory(unsolved=True, comment="خصوصی")
    if who != "visitor":
        user = UserFactory(staff=who != "customer")
        if who != "customer":
            from django.contrib.auth.models import Permission

            user.user_permissions.add(Permission.objects.get(codename="access_admin"))
        client.force_login(user)

    for method in [client.get, client.post] if url.endswith(("handle", "undo")) else [client.get]:
        response = method(reverse(url), {"feedback": feedback.pk})

        assert response.status_code in {302, 403}, "the right is asked for before the method"
        assert "خصوصی" not in response.text
    assert Feedback.objects.waiting().exists()


def test_admin_home_says_what_waits(client, editor):
    FeedbackFactory(unsolved=True, comment="منو عوض شده")
    draft = ArticlePageFactory(owner=editor)
    draft.title = "پیش‌نویس من"
    draft.save_revision()

    text = client.get(reverse("wagtailadmin_home")).text

    assert "منو عوض شده" in text
    assert "پیش‌نویس من" in text


def test_menu_has_one_help_and_it_is_ours(client, editor):
    from wagtail.admin.menu import admin_menu

    request = client.get(reverse("wagtailadmin_home")).wsgi_request

    names = [item.name for item in admin_menu.menu_items_for_request(request)]

    assert "help-pages" in names
    assert "help" not in names
    assert "media" in names


def test_editors_see_no_customers(client, editor):
    for name in ("wagtailusers_users:index", "wagtailusers_groups:index"):
        assert client.get(reverse(name)).status_code in {302, 403}
    assert not editor.has_perm("accounts.view_user")


def test_preview_of_a_draft_works(client, editor):
    article = ArticlePageFactory()
    url = reverse("wagtailadmin_pages:preview_on_edit", args=[article.pk])

    client.post(url, post_data(title="پیش‌نمایش تازه"))
    response = client.get(url)

    assert response.status_code == 200
    assert "پیش‌نمایش تازه" in response.text


@pytest.mark.parametrize(
    ("audience", "mode", "is_shown"),
    [
        ("public", "visitor", True),
        ("signed-in", "visitor", False),
        ("signed-in", "customer", True),
        ("partner", "customer", False),
        ("partner", "partner", True),
        ("partner", "", True),
        ("partner", "dark", True),
    ],
)
def test_a_draft_is_seen_as_others_see_it(client, editor, audience, mode, is_shown):
    url = reverse("wagtailadmin_pages:preview_on_edit", args=[ArticlePageFactory().pk])
    client.post(url, post_data(title="پیش‌نمایش تازه", audience=audience))

    page = client.get(url, {"mode": mode}).text

    assert ("پیش‌نمایش تازه" in page) is is_shown
    assert ('data-theme="dark"' in page) is (mode == "dark")


def test_shared_text_is_edited_once_for_all(client, editor):
    shared = ReusableContentFactory()

    response = client.get(reverse("wagtailsnippets_faq_reusablecontent:edit", args=[shared.pk]))

    assert response.status_code == 200


@pytest.mark.parametrize("page", ["help index", "topic", "home"])
def test_other_pages_can_be_edited(client, editor, page):
    pages = {"help index": help_site()["fa"], "topic": TopicPageFactory(), "home": help_site()["fa"].get_parent()}

    assert client.get(reverse("wagtailadmin_pages:edit", args=[pages[page].pk])).status_code == 200


def test_second_editor_is_warned_and_both_versions_are_kept(client, editor):
    article = ArticlePageFactory()
    url = reverse("wagtailadmin_pages:edit", args=[article.pk])
    loaded = {"loaded_revision_id": article.latest_revision.pk}

    client.post(url, {**post_data(title="از من", slug=article.slug), **loaded, "action-publish": "1"})
    saved_by_itself = client.post(
        url, {**post_data(title="خودکار", slug=article.slug), **loaded}, headers={"Accept": "application/json"}
    )
    client.post(url, {**post_data(title="از دیگری", slug=article.slug), **loaded, "action-publish": "1"})

    titles = [revision.as_object().title for revision in article.revisions.order_by("pk")]
    assert saved_by_itself.status_code == 400
    assert saved_by_itself.json()["error_code"] == "invalid_revision"
    assert titles[1:] == ["از من", "از دیگری"]
    assert Page.objects.get(pk=article.pk).title == "از دیگری"
