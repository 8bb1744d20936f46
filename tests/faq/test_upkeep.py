"""Keeping articles true: what was published, translations that lag behind, and reviews."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.models import PageLogEntry, Revision
from wagtail.test.utils.form_data import inline_formset, nested_form_data, streamfield
from wagtail_localize.models import StringTranslation, Translation, TranslationSource
from wagtail_localize.operations import translate_object

from faq import upkeep
from faq.models import ArticlePage, Publication, TranslationDebt
from faq.queries import helpful_score
from portal.core import outbox
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory, help_site, locale

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.queries", "faq.reports", "faq.upkeep")]


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def pair():
    """An article in Persian and its translation, each published once."""
    persian = TopicPageFactory(title="مودم")
    english = TopicPageFactory(
        parent=help_site()["en"], title="Routers", topic=persian.topic, translation_key=persian.translation_key
    )
    first = ArticlePageFactory(parent=persian, title="چراغ قرمز")
    second = ArticlePageFactory(
        parent=english, title="Red light", slug="red-light", translation_key=first.translation_key, locale=locale("en")
    )
    return first, second


def publish(article, significance="", note="", user=None):
    draft = ArticlePage.objects.get(pk=article.pk)
    draft.change_significance, draft.change_note = significance, note
    draft.save_revision(user=user).publish()
    return ArticlePage.objects.get(pk=article.pk)


def due(article, days=3):
    ArticlePage.objects.filter(pk=article.pk).update(next_review_on=timezone.localdate() - dt.timedelta(days=days))
    return article


def owes(article):
    return TranslationDebt.objects.filter(article=article).exists()


def form_of(article, **changes):
    return nested_form_data(
        {
            "title": article.title,
            "slug": article.slug,
            "short_answer": article.short_answer,
            "spoken_answer": "",
            "body": streamfield([]),
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


# What was published ---------------------------------------------------------------------------------------------------


def test_what_changed_is_recorded_once_and_told_to_readers(client):
    article = ArticlePageFactory()
    editor = UserFactory(editor=True)

    changed = publish(article, "medium", "گام سوم افزوده شد.", user=editor)
    Revision.objects.get(pk=changed.live_revision_id).publish()
    publish(article, "typo", "غلط تایپی.")
    publish(article)

    rows = list(Publication.objects.filter(article=article).values_list("significance", "by")[:3])
    assert rows == [("", None), ("typo", None), ("medium", editor.pk)]
    stored = ArticlePage.objects.get(pk=article.pk)
    assert (stored.change_significance, stored.change_note) == ("", "")
    page = client.get(stored.url).text
    assert "گام سوم افزوده شد." in page
    assert "غلط تایپی." not in page


def test_what_was_published_is_never_changed():
    publication = Publication.objects.filter(article=ArticlePageFactory()).get()

    with pytest.raises(TypeError):
        publication.save()


def test_what_the_editor_says_about_a_draft_is_asked_anew_for_the_next_one(client, editor):
    article = ArticlePageFactory()
    url = reverse("wagtailadmin_pages:edit", args=[article.pk])

    client.post(url, form_of(article, change_significance="major", change_note="مدل تازه"))
    draft = client.get(url).context["form"]
    client.post(url, form_of(article, change_significance="major", change_note="مدل تازه", **{"action-publish": "1"}))
    after = client.get(url).context["form"]

    assert (draft["change_significance"].value(), draft["change_note"].value()) == ("major", "مدل تازه")
    assert (after["change_significance"].value(), after["change_note"].value()) == ("medium", "")
    assert Publication.objects.filter(article=article, significance="major", by=editor).count() == 1


def test_owner_and_review_are_stored_with_a_draft_and_no_older_version_takes_them_back(client, editor):
    article = publish(ArticlePageFactory(owner=editor), "medium")
    old = article.live_revision
    colleague, customer = UserFactory(editor=True), UserFactory()
    url = reverse("wagtailadmin_pages:edit", args=[article.pk])
    review = {"confidence": "validated", "review_every": "3", "next_review_on": "2030-01-01"}

    client.post(url, form_of(article, owner=colleague.pk, **review))
    client.post(url, form_of(article))  # sends none of them: nothing is taken away
    old.publish()
    stored = ArticlePage.objects.get(pk=article.pk)
    refused = client.post(url, form_of(article, owner=customer.pk, **review))

    assert stored.owner == colleague
    assert (stored.confidence, stored.review_every) == ("validated", 3)
    assert stored.next_review_on == dt.date(2030, 1, 1)
    assert "owner" in refused.context["form"].errors


def test_an_interval_of_months_ends_within_the_month(settings):
    article = ArticlePage(review_every=1)

    assert article.review_date_after(dt.date(2027, 1, 31)) == dt.date(2027, 2, 28)
    assert ArticlePage(review_every=14).review_date_after(dt.date(2026, 11, 5)) == dt.date(2028, 1, 5)
    assert ArticlePage(review_every=0).review_date_after(dt.date(2026, 11, 5)) is None


# Translations ---------------------------------------------------------------------------------------------------------


def test_a_major_change_in_either_language_marks_the_other_until_it_is_published(pair):
    persian, english = pair

    publish(persian, "medium")
    assert not owes(english)
    publish(persian, "major")
    assert owes(english)
    publish(english, "typo")
    assert owes(english)
    publish(english, "major")  # catches up: no news for the Persian
    assert not owes(english)
    assert not owes(persian)
    publish(english, "major")
    assert owes(persian)


def test_readers_of_a_translation_are_told_and_led_to_the_current_text(client, pair):
    persian, english = pair
    client.get(english.url)  # kept in memory

    publish(persian, "major")
    told = client.get(english.url).text
    publish(english, "medium")

    assert "This translation is out of date" in told
    assert f'href="{persian.url}" hreflang="fa" lang="fa" dir="rtl">{persian.title}' in re.sub("</?bdi[^>]*>", "", told)
    assert "out of date" not in client.get(english.url).text


def test_a_current_text_that_is_not_for_the_reader_is_not_named(client, pair):
    persian, english = pair
    publish(persian, "major")
    ArticlePage.objects.filter(pk=persian.pk).update(effective_audience="partner")

    assert persian.title not in client.get(english.url).text


def test_with_the_translation_tool_only_what_was_made_of_the_changed_text_counts(after_commit):
    article = ArticlePageFactory()

    def translate(**texts):
        source = TranslationSource.objects.get_for_instance(article)
        for segment in source.stringsegment_set.select_related("string", "context"):
            StringTranslation.objects.update_or_create(
                translation_of=segment.string,
                locale=locale("en"),
                context=segment.context,
                defaults={"data": texts.get(segment.context.path, f"x{segment.pk}")},
            )
        with after_commit():
            Translation.objects.get(source=source).save_target(publish=True)

    translate_object(article, [locale("en")])
    translate(title="Red light", slug="red-light")
    english = ArticlePage.objects.get(translation_key=article.translation_key, locale=locale("en"))
    assert english.live
    changed = ArticlePage.objects.get(pk=article.pk)
    changed.short_answer, changed.change_significance = "دکمهٔ کنار کابل را فشار دهید.", "major"
    changed.save_revision().publish()

    translate(title="Red light", slug="red-light")
    assert owes(english)  # made of the text before the change
    TranslationSource.objects.get_for_instance(article).update_from_db()
    with after_commit():
        Translation.objects.get(target_locale=locale("en")).save_target(publish=True)
    assert owes(english)  # not all of it is translated
    translate(title="Red light", slug="red-light")
    assert not owes(english)


def test_translators_see_what_is_out_of_date_by_language_and_may_say_that_it_is_right(client, editor, pair):
    persian, english = pair
    publish(persian, "major")
    url = reverse("translation_debt:index")

    page = client.get(url)
    other = client.get(url, {"locale": locale("fa").pk})
    home = client.get(reverse("wagtailadmin_home")).text
    client.post(reverse("translation_debt:confirm"), {"article": [english.pk]})

    assert "Red light" in page.text
    assert "Red light" not in other.text
    assert f"{url}?locale={locale('en').pk}" in home
    assert not owes(english)
    assert PageLogEntry.objects.filter(page=english.pk, action=upkeep.CONFIRMED, user=editor).exists()
    assert ArticlePage.objects.get(pk=english.pk).has_unpublished_changes is False


# Reviews --------------------------------------------------------------------------------------------------------------


def test_a_late_translation_is_marked_where_it_is_edited_and_listed(client, editor, pair):
    persian, english = pair
    publish(persian, "major")

    def marked(name, page, text) -> bool:
        return text in client.get(reverse(name, args=[page.pk])).text

    assert [marked("wagtailadmin_pages:edit", page, "این ترجمه کهنه است:") for page in pair] == [
        False,
        True,
    ]
    parents = [page.get_parent() for page in pair]
    assert [marked("wagtailadmin_explore", page, ">کهنه<") for page in parents] == [False, True]
    publish(english, "medium")
    assert not marked("wagtailadmin_pages:edit", english, "این ترجمه کهنه است:")
    assert not marked("wagtailadmin_explore", parents[1], ">کهنه<")


def test_the_screen_of_the_translation_tool_marks_a_late_translation(client, editor):
    article = ArticlePageFactory()
    translate_object(article, [locale("en")])
    publish(article, "major")
    english = ArticlePage.objects.get(translation_key=article.translation_key, locale=locale("en"))

    page = client.get(reverse("wagtailadmin_pages:edit", args=[english.pk])).text

    assert "js-translation-editor" in page
    assert "این ترجمه کهنه است:" in page


def test_a_published_article_is_due_after_its_interval_and_again_after_more_than_a_small_change():
    article = ArticlePageFactory(review_every=2)
    assert article.next_review_on == article.review_date_after(timezone.localdate())

    due(article)
    assert publish(article, "typo").next_review_on < timezone.localdate()
    assert publish(article, "medium").next_review_on > timezone.localdate()


def test_what_is_still_correct_is_confirmed_in_bulk_and_taken_back(client, editor):
    first, second = due(ArticlePageFactory(owner=editor)), due(ArticlePageFactory(), days=9)
    later = ArticlePageFactory()
    report = reverse("review_report:index")

    before = client.get(report)
    client.get(reverse("review_report:confirm"))  # a link does nothing
    client.post(reverse("review_report:confirm"), {"article": [first.pk, second.pk, later.pk, "x"]})
    after = client.get(report)
    assert upkeep.due_for_review().count() == 0
    client.post(reverse("review_report:undo"), {"next": "https://example.com"})

    assert [row.pk for row in before.context["object_list"]] == [second.pk, first.pk]
    assert after.context["undo_count"] == 2
    assert list(upkeep.due_for_review().order_by("next_review_on")) == [second, first]
    stored = ArticlePage.objects.get(pk=first.pk)
    assert (stored.live, stored.has_unpublished_changes) == (True, False)
    assert PageLogEntry.objects.filter(action=upkeep.CONFIRMED, user=editor).count() == 2


def test_the_report_is_filtered_by_owner_topic_language_and_time(client, editor, pair):
    persian, english = pair
    due(persian)
    due(english)
    ArticlePage.objects.filter(pk=persian.pk).update(owner=editor)
    soon = due(ArticlePageFactory(), days=-9)

    def found(**query):
        return {row.pk for row in client.get(reverse("review_report:index"), query).context["object_list"]}

    assert found() == {persian.pk, english.pk}
    assert found(owner=editor.pk) == {persian.pk}
    assert found(locale=locale("en").pk) == {english.pk}
    assert found(topic=soon.topic_id) == set()
    assert found(when="month") == {persian.pk, english.pk, soon.pk}


def test_the_reports_take_as_many_queries_for_many_articles_as_for_few(client, editor):
    topic = TopicPageFactory()

    def queries(name):
        client.get(reverse(name))
        with CaptureQueriesContext(connection) as made:
            assert client.get(reverse(name)).status_code == 200
        return len(made)

    def more(count):
        for article in ArticlePageFactory.create_batch(count, parent=topic, owner=UserFactory(editor=True)):
            due(article)
            TranslationDebt.objects.create(article=article, source=article, since=timezone.now())

    more(1)
    few = [queries("review_report:index"), queries("translation_debt:index")]
    more(4)

    assert [queries("review_report:index"), queries("translation_debt:index")] == few


def test_customers_confirm_nothing(client):
    article = due(ArticlePageFactory())
    client.force_login(UserFactory())

    for name in ("review_report:confirm", "translation_debt:confirm"):
        assert client.post(reverse(name), {"article": [article.pk]}).status_code in {302, 403}

    assert upkeep.due_for_review().count() == 1


def test_each_owner_hears_once_a_week_what_is_due_in_their_language(client, editor):
    owner = UserFactory(editor=True, language="en")
    due(ArticlePageFactory(owner=owner, title="چراغ قرمز"))
    due(ArticlePageFactory(owner=editor))
    due(ArticlePageFactory(owner=UserFactory()))
    ArticlePageFactory(owner=UserFactory(editor=True))

    assert upkeep.has_owners_to_mail(None)
    assert not upkeep.has_owners_to_mail(timezone.now())
    assert upkeep.mail_owners() == 2
    assert upkeep.mail_owners() == 0
    outbox.drain()

    sent = {message.to[0]: message for message in mail.outbox}
    assert set(sent) == {owner.email, editor.email}
    assert "1 of your articles is due for review" in sent[owner.email].subject
    assert "چراغ قرمز" in sent[owner.email].body
    assert "بازبینی" in sent[editor.email].subject
    home = client.get(reverse("wagtailadmin_home")).text
    assert f"{reverse('review_report:index')}?owner={editor.pk}" in home


def test_helpfulness_is_reported_by_what_is_sure_and_says_what_it_means(client, editor):
    good, poor, few = ArticlePageFactory.create_batch(3)
    for article, yes, no in ((good, 9, 1), (poor, 1, 4), (few, 1, 0)):
        FeedbackFactory.create_batch(yes, article=article)
        FeedbackFactory.create_batch(no, article=article, solved=False, reason="wrong")

    page = client.get(reverse("helpfulness_report:index"))
    rows = list(page.context["object_list"])
    export = client.get(reverse("helpfulness_report:index"), {"export": "csv"})

    assert [(row.article.pk, row.yes, row.votes) for row in rows] == [(poor.pk, 1, 5), (few.pk, 1, 1), (good.pk, 9, 10)]
    assert [row.at_least for row in rows] == [round(100 * helpful_score(row.yes, row.votes), 1) for row in rows]
    assert rows[0].reason
    assert rows[1].reason == ""
    assert "ویلسون" in page.text
    assert export.status_code == 200
    assert good.title in b"".join(export.streaming_content).decode()


def test_notes_for_colleagues_stay_theirs_when_an_article_becomes_public(client, after_commit):
    article = ArticlePageFactory(parent=TopicPageFactory(), audience="staff")
    with after_commit():
        article = publish(article, "medium", "رازِ همکاران")
        article.audience = "public"
        article.change_significance, article.change_note = "medium", "برای همه"
        article.save_revision().publish()
    article = ArticlePage.objects.get(pk=article.pk)
    with after_commit():
        article = publish(article, "medium", "پس از آن")

    page = client.get(article.url).text

    assert "رازِ همکاران" not in page
    assert "پس از آن" in page
