"""From a solved thread to an article: a draft with the answer, whom it thanks, and the way back."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.images import get_image_model

from community import services
from community.events import AnswerBecameArticle
from community.models import CapturedAnswer, Thread
from community.see_also import surroundings_of
from faq.models import ArticlePage
from portal.accounts import own_data
from portal.core import article_sources, outbox, page_cache
from portal.core.audience import CHOICES
from portal.core.events import subscribed
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from portal.notifications.models import Notification
from tests.community.notices import listed, told
from tests.community.test_uploads import picture
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, TagFactory, ThreadFactory, moderator
from tests.factories.faq import TopicPageFactory
from tests.faq.test_admin import post_data
from tests.faq.test_translation import translate

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.models.loops", "community.services.articles", "faq.capturing"),
]

TITLE = "چراغ سوم مودم قرمز است؛ چه کنم؟"
#: What the editor reads when an article is for more people than its thread.
WIDER = "این مقاله برای افراد بیشتری است"
ANSWER = "مودم را **یک دقیقه** از برق بکشید.\n\n- کابل را محکم کنید\n- روشن کنید"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def writer(db):
    """A content editor who speaks Persian."""
    return UserFactory(role=CONTENT_EDITORS, language="fa", handle="editor")


@pytest.fixture
def helper(db):
    return MemberFactory(handle="سارا", language="fa")


def solved(by, *, body=ANSWER, **values) -> Thread:
    thread = ThreadFactory(**{"title": TITLE, **values})
    services.accept_solution(post=PostFactory(thread=thread, author=by, body=body), by=None)
    outbox.drain()
    thread.refresh_from_db()
    return thread


def reference(thread):
    return f"community:thread:{thread.pk}"


def make(client, thread, topic):
    """Press the button and choose the topic."""
    return client.post(reverse("article_for_question"), {"source": reference(thread), "topic": topic.pk})


def captured(client, writer, thread, *, audience="public") -> ArticlePage:
    """The published article of a thread."""
    client.force_login(writer)
    make(client, thread, TopicPageFactory())
    article = ArticlePage.objects.get(source=reference(thread), locale__language_code="fa")
    article.audience = audience
    article.save_revision(user=writer).publish(user=writer)
    outbox.drain()
    client.logout()
    article.refresh_from_db()
    return article


def page_of(client, thread) -> str:
    page_cache.store.clear()
    return client.get(thread.get_absolute_url()).text


# The draft -----------------------------------------------------------------------------------------------------------


def test_a_solved_thread_becomes_a_draft_with_all_it_has(client, writer, helper):
    product, tag = ProductFactory(), TagFactory(name="چراغ")
    thread = solved(helper, products=[product], tags=[tag])
    topic = TopicPageFactory()
    client.force_login(writer)

    offered = client.get(reverse("article_for_question"), {"source": reference(thread)}).text
    response = make(client, thread, topic)

    article = ArticlePage.objects.get()
    assert topic.title in offered
    assert response.headers["Location"] == reverse("wagtailadmin_pages:edit", args=[article.pk])
    assert (article.live, article.title, article.owner) == (False, TITLE, writer)
    assert article.get_parent().pk == topic.pk
    assert article.locale.language_code == "fa"
    assert article.short_answer == "مودم را یک دقیقه از برق بکشید. کابل را محکم کنید روشن کنید"
    assert [(block.block_type, block.value.source) for block in article.body] == [
        (
            "paragraph",
            "<p>مودم را <b>یک دقیقه</b> از برق بکشید.</p><ul><li>کابل را محکم کنید</li><li>روشن کنید</li></ul>",
        )
    ]
    latest = article.get_latest_revision_as_object()
    assert ([each.pk for each in latest.products.all()], article.keywords) == ([product.pk], "چراغ")
    assert latest.source == article.source == reference(thread)
    assert client.get(article.get_url() or "/fa/x/").status_code == 404  # nothing is published
    assert not CapturedAnswer.objects.exists()


def test_the_editor_sees_where_a_draft_comes_from_and_saving_keeps_it(client, writer, helper):
    thread = solved(helper)
    client.force_login(writer)
    make(client, thread, TopicPageFactory())
    article = ArticlePage.objects.get()

    page = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text

    assert thread.get_absolute_url() in page
    assert "سارا" in page
    article.title = "چراغ قرمز"
    article.save_revision(user=writer)
    assert article.get_latest_revision_as_object().source_parts == [thread.solution_id]


def test_a_second_press_leads_to_the_draft(client, writer, helper):
    thread, topic = solved(helper), TopicPageFactory()
    client.force_login(writer)

    places = [make(client, thread, topic), make(client, thread, topic)]
    places.append(client.get(reverse("article_for_question"), {"source": reference(thread)}))

    assert len({place.headers["Location"] for place in places}) == 1
    assert ArticlePage.objects.count() == 1


def test_pictures_are_copied_and_others_quotes_and_names_are_not(client, writer, helper):
    asker = MemberFactory(handle="مینا")
    thread = ThreadFactory(title=TITLE, author=asker)
    first = thread.posts.get(number=1)
    upload = services.accept_picture(owner=helper, file=SimpleUploadedFile("چراغ.png", picture("PNG")))
    body = f"> [مینا](post:{first.pk}) نوشت:\n> راز\n\n@مینا این را ببینید\n\n![چراغ قرمز](upload:{upload.pk})"
    answer = PostFactory(thread=thread, author=helper, body=body)
    services.accept_solution(post=answer, by=None)
    client.force_login(writer)

    make(client, thread, TopicPageFactory())

    article = ArticlePage.objects.get()
    image = get_image_model().objects.get()
    text, shown = article.body
    assert text.value.source == "<p>این را ببینید</p>"
    assert (shown.block_type, shown.value["image"].pk, shown.value["alt"]) == ("picture", image.pk, "چراغ قرمز")
    assert image.file.name != upload.file.name
    assert "مینا" not in article.short_answer


def test_all_accepted_answers_are_in_it(client, writer, helper):
    thread = solved(helper)
    other = MemberFactory(handle="رضا")
    services.accept_solution(post=PostFactory(thread=thread, author=other, body="کابل را عوض کنید."), by=None)

    article = captured(client, writer, thread)

    assert "کابل را عوض کنید" in article.body_text()
    page = client.get(article.get_url()).text
    assert "سارا" in page
    assert "رضا" in page


# Who may -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["thread", "manage"])
def test_only_who_may_write_articles_is_offered_it(client, helper, place):
    thread = solved(helper)
    url = thread.get_absolute_url() if place == "thread" else reverse("community:manage", args=[thread.pk])
    people = {
        "manager": moderator(),
        "both": UserFactory(role=COMMUNITY_MANAGERS, in_group=CONTENT_EDITORS.name),
        "author": thread.author,
    }
    offered = {}
    for name, person in people.items():
        client.force_login(person)
        offered[name] = reverse("article_for_question") in client.get(url).text

    assert offered == {"manager": False, "both": True, "author": False}
    client.logout()
    assert reverse("article_for_question") not in page_of(client, thread)


def test_a_question_without_a_solution_and_what_is_hidden_are_no_source(client, writer, helper):
    unsolved, hidden = ThreadFactory(), solved(helper)
    services.hide_post(post=hidden.posts.get(number=1), by=moderator(), reason="spam")
    secret = solved(helper, area=AreaFactory(audience="segment:fibre"), author=MemberFactory(segments=["fibre"]))
    client.force_login(writer)
    url = reverse("article_for_question")

    asked = [reference(unsolved), reference(hidden), "community:thread:0", "community:thread:x", "x:1", "", "\x00"]
    assert {client.get(url, {"source": each}, follow=True).status_code for each in asked} == {404}
    assert {client.post(url, {"source": each, "topic": 1}, follow=True).status_code for each in asked} == {404}
    assert article_sources.material_for(MemberFactory(), reference(secret)) is None


def test_who_may_add_nothing_is_refused(client, helper):
    thread, topic = solved(helper), TopicPageFactory()
    client.force_login(moderator())
    assert make(client, thread, topic).status_code in {302, 403}
    client.force_login(helper)
    assert make(client, thread, topic).status_code in {302, 403}

    assert not ArticlePage.objects.exists()


def test_a_topic_of_another_language_or_none_is_refused(client, writer, helper):
    thread = solved(helper)
    client.force_login(writer)
    for topic in ("0", "x", ""):
        asked = {"source": reference(thread), "topic": topic}
        answer = client.post(reverse("article_for_question"), asked, follow=True)
        assert answer.status_code == 404

    assert not ArticlePage.objects.exists()


# Private threads -----------------------------------------------------------------------------------------------------


def test_a_draft_is_for_nobody_who_may_not_read_the_thread_and_the_editor_is_told(client, writer, helper):
    thread = solved(helper, area=AreaFactory(audience="partner"))
    client.force_login(writer)

    told_before = client.get(reverse("article_for_question"), {"source": reference(thread)}).text
    make(client, thread, TopicPageFactory())
    article = ArticlePage.objects.get()
    told_after = client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text

    assert article.audience == article.effective_audience == "partner"
    partners = str(dict(CHOICES)["partner"])
    assert partners in told_before
    assert partners in told_after
    assert WIDER not in told_after
    article.audience = "public"
    article.save_revision()
    assert WIDER in client.get(reverse("wagtailadmin_pages:edit", args=[article.pk])).text


def test_who_publishes_what_became_private_meanwhile_is_asked_first(client, writer, helper):
    thread = solved(helper)
    client.force_login(writer)
    make(client, thread, TopicPageFactory())
    article = ArticlePage.objects.get()
    thread = services.move_thread(thread=thread, area=AreaFactory(audience="partner"), by=moderator())
    address = reverse("wagtailadmin_pages:edit", args=[article.pk])

    def publish() -> bool:
        client.post(address, {**post_data(title=TITLE, slug=article.slug), "action-publish": "1"})
        article.refresh_from_db()
        return article.live

    assert publish() is False
    assert str(dict(CHOICES)["partner"]) in client.get(address).text
    assert publish() is True


def test_a_public_article_says_nothing_of_a_private_thread(client, writer, helper):
    thread = solved(helper, area=AreaFactory(audience="partner"))
    article = captured(client, writer, thread)

    page = client.get(article.get_url()).text
    client.force_login(UserFactory(partner=True))
    for_partner = client.get(article.get_url()).text

    assert "سارا" not in page
    assert thread.get_absolute_url() not in page
    assert "سارا" in for_partner
    assert thread.get_absolute_url() in for_partner


# Both link to each other ---------------------------------------------------------------------------------------------


def test_article_and_thread_link_to_each_other_once_it_is_published(client, writer, helper):
    thread = solved(helper)
    before = page_of(client, thread)

    article = captured(client, writer, thread)

    assert article.get_url() not in before
    assert article.get_url() in page_of(client, thread)
    page = client.get(article.get_url()).text
    assert thread.get_absolute_url() in page
    assert reverse("community:person", args=["سارا"]) in page


def test_it_is_linked_in_all_languages_it_is_translated_into(client, writer, helper):
    thread = solved(helper)
    article = captured(client, writer, thread)

    english = translate(article, title="The light is red", slug="red", short_answer="Unplug it.")
    english.save_revision().publish()
    outbox.drain()

    assert english.source == article.source
    assert [each.language for each in surroundings_of(None, thread).became] == ["fa", "en"]
    assert "سارا" in client.get(english.get_url()).text


def withdrawn(article):
    article.unpublish()


def for_staff(article):
    article.audience = "staff"
    article.save_revision().publish()


def deleted(article):
    article.delete()


@pytest.mark.parametrize("becomes", [withdrawn, for_staff, deleted])
def test_the_link_goes_with_the_article_at_once(client, writer, helper, after_commit, becomes):
    thread = solved(helper)
    article = captured(client, writer, thread)
    url = article.get_url()
    assert url in page_of(client, thread)

    with after_commit():
        becomes(article)

    assert url not in client.get(thread.get_absolute_url()).text


def kept(thread):
    """The page of the thread that is kept for visitors."""
    path = unquote(thread.get_absolute_url())
    return next(page for key, page in page_cache.store._pages.items() if key[2] == path)


def test_publishing_it_again_makes_the_page_of_that_thread_fresh_and_of_no_other(client, writer, helper, after_commit):
    """A page that is new makes all pages fresh, since the navigation may lead there; this one is in its place."""
    thread, other = solved(helper), ThreadFactory(title="صورت‌حساب من دو بار آمد")
    article = captured(client, writer, thread)
    kept_others = []
    for number in range(3):  # whatever else is announced meanwhile may touch all pages once, and not each time
        page_cache.store.clear()
        for each in (thread, other):
            client.get(each.get_absolute_url())
        of_thread, of_other = kept(thread), kept(other)
        with after_commit():
            article.title = f"چراغ سوم قرمز است {number}"
            article.save_revision().publish()
            outbox.drain()
        assert not of_thread.stamp.is_current_for_others()
        kept_others.append(of_other.stamp.is_current_for_others())

    assert any(kept_others)
    assert article.title in client.get(thread.get_absolute_url()).text


def test_a_reader_is_led_to_it_as_soon_as_it_is_published(client, writer, helper, after_commit):
    thread = solved(helper)
    client.force_login(writer)
    make(client, thread, TopicPageFactory())
    client.logout()
    page_of(client, thread)
    article = ArticlePage.objects.get()

    with after_commit():
        article.save_revision().publish()
        outbox.drain()

    assert article.get_url() in client.get(thread.get_absolute_url()).text


def test_an_article_follows_its_thread_at_once(client, writer, helper, after_commit):
    thread = solved(helper)
    article = captured(client, writer, thread)
    assert thread.get_absolute_url() in client.get(article.get_url()).text

    with after_commit():
        services.move_thread(thread=thread, area=AreaFactory(audience="staff"), by=moderator())

    page = client.get(article.get_url()).text
    assert thread.get_absolute_url() not in page
    assert "سارا" not in page


def test_a_merge_takes_the_article_along(client, writer, helper):
    thread, into = solved(helper), ThreadFactory(title="چراغ قرمز مودم")
    article = captured(client, writer, thread)

    services.merge_threads(thread=thread, into=into, by=moderator())

    assert article.get_url() in page_of(client, into)
    assert into.get_absolute_url() in client.get(article.get_url()).text


def test_a_hidden_answer_thanks_nobody(client, writer, helper):
    thread = solved(helper)
    article = captured(client, writer, thread)

    services.hide_post(post=thread.solution, by=moderator(), reason="spam")

    assert "سارا" not in client.get(article.get_url()).text


def test_who_leaves_is_named_no_more_and_had_it_in_the_copy(client, writer, helper, after_commit):
    thread = solved(helper)
    article = captured(client, writer, thread)
    assert "سارا" in client.get(article.get_url()).text
    copied = [values for kind, values in services.export_of(helper) if kind == "answer in an article"]
    assert [each["post_id"] for each in copied] == [thread.solution_id]

    helper.is_active = False
    helper.save()
    with after_commit():
        own_data.erase(helper)

    page = client.get(article.get_url()).text
    assert "سارا" not in page
    assert thread.get_absolute_url() in page


def test_pages_cost_the_same_with_one_and_with_several_articles(client, writer, helper):
    def queries(thread):
        page_of(client, thread)
        page_cache.store.clear()
        with CaptureQueriesContext(connection) as caught:
            client.get(thread.get_absolute_url())
        return len(caught)

    thread = solved(helper)
    article = captured(client, writer, thread)
    one = queries(thread)
    translate(article, title="The light is red", slug="red", short_answer="Unplug it.").save_revision().publish()
    copy = article.copy(update_attrs={"slug": "copy", "title": "رونوشت"})
    copy.save_revision().publish()
    outbox.drain()

    assert len(surroundings_of(None, thread).became) == 3
    assert queries(thread) == one


# Telling -------------------------------------------------------------------------------------------------------------


def test_the_author_is_told_once_and_an_event_says_so_once(client, writer, helper):
    heard = []

    def hear(event: AnswerBecameArticle) -> None:
        heard.append(event)

    with subscribed(AnswerBecameArticle, hear):
        thread = solved(helper)
        Notification.objects.all().delete()
        article = captured(client, writer, thread)
        for _time in range(2):
            article.unpublish()
            article.save_revision(user=writer).publish(user=writer)
            outbox.drain()

    assert told() == [("سارا", "became_article")]
    (event,) = heard
    assert (event.post_id, event.author_id, event.published_by_id) == (thread.solution_id, helper.pk, writer.pk)
    page = listed(client, helper)
    assert "مقاله شد" in page
    assert article.title in page


def test_there_is_no_news_of_an_article_that_was_withdrawn(client, writer, helper):
    thread = solved(helper)
    article = captured(client, writer, thread)
    article.unpublish()

    assert "مقاله شد" not in listed(client, helper)


def test_whose_own_answer_it_is_who_publishes_it_hears_nothing(client, writer):
    thread = solved(writer)
    Notification.objects.all().delete()

    captured(client, writer, thread)

    assert told() == []
    assert re.search(r"community:person|/u/editor/", client.get(ArticlePage.objects.get().get_url()).text)
