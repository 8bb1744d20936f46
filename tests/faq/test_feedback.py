"""Feedback ("Did this solve it?"), from the form to the database."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import quote

import pytest
from django.urls import reverse

from faq.events import FeedbackGiven
from faq.exceptions import CommentTooLongError, UnknownRevisionError
from faq.models import Feedback, ShortLink
from faq.services import give_feedback
from portal.core.models import OutboxMessage, VisitSalt
from portal.core.visitors import forget_remembered_salts
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, help_site

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.models", "faq.services")]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
HTMX = {**SAME_ORIGIN, "HX-Request": "true"}


def address(article):
    return reverse("faq:article_feedback", args=[ShortLink.objects.get(translation_key=article.translation_key).pk])


def vote(client, article, solved="yes", headers=SAME_ORIGIN, **extra):
    data = {"solved": solved, "revision": article.live_revision_id or 0, "language": "fa", **extra}
    return client.post(address(article), data, headers=headers)


def test_yes_of_a_visitor_is_stored_about_the_revision_read(client):
    article = ArticlePageFactory()

    response = vote(client, article)

    feedback = Feedback.objects.get()
    assert (feedback.article, feedback.revision, feedback.solved) == (article, article.live_revision, True)
    assert feedback.user is None
    assert feedback.visitor
    assert response.status_code == 302
    assert response["Location"] == f"{article.url}?thanks=solved#feedback"


@pytest.mark.parametrize(
    ("solved", "thanks"),
    [("yes", "سپاس؛ خوشحالیم که مشکل حل شد."), ("no", "سپاس؛ این مستقیم به نویسنده می‌رسد.")],
)
def test_thanks_without_javascript_are_where_the_question_was_and_only_for_this_reader(client, solved, thanks):
    article = ArticlePageFactory()
    data = {"solved": solved, "details": "1", "revision": article.live_revision_id, "language": "fa"}

    response = client.post(address(article), data, headers=SAME_ORIGIN, follow=True)

    box = re.search(r'<section class="fb[^>]*id="feedback".*?</section>', response.text, re.DOTALL)[0]
    assert thanks in box
    assert f"{address(article)}?language=fa" in box
    assert ('href="#still-help"' in box) == (solved == "no")
    assert 'name="solved"' not in response.text
    assert 'name="solved" value="yes"' in client.get(article.url).text


def test_visitors_key_is_no_address_and_kept_in_a_cookie(client):
    response = vote(client, ArticlePageFactory())

    cookie = response.cookies["visitor"]
    assert re.fullmatch(r"[0-9a-f]{24}", cookie.value)
    assert cookie.value == Feedback.objects.get().visitor
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 60 * 60 * 24 * 180


def test_reading_sets_no_visitor_cookie(client):
    article = ArticlePageFactory()

    assert "visitor" not in client.get(article.url).cookies
    assert "visitor" not in client.get(address(article)).cookies


def test_no_without_javascript_leads_to_the_reasons(client):
    article = ArticlePageFactory()

    response = vote(client, article, "no")

    assert Feedback.objects.get().solved is False
    page = client.get(response["Location"])
    assert page.status_code == 200
    assert f'name="revision" value="{article.live_revision_id}"' in page.text
    assert [code for code in Feedback.Reason.values if f'value="{code}"' in page.text] == Feedback.Reason.values
    assert 'name="robots" content="noindex"' in page.text


def test_reason_and_comment_complete_the_no(client):
    article = ArticlePageFactory()
    vote(client, article, "no")

    response = vote(client, article, "no", details="1", reason="outdated", comment="  منوي مودم\x00 عوض\nشده  ")

    feedback = Feedback.objects.get()
    assert (feedback.reason, feedback.comment) == ("outdated", "منوی مودم عوض شده")
    assert response["Location"] == f"{article.url}?thanks=unsolved#feedback"


def test_htmx_gets_only_the_form_again(client):
    article = ArticlePageFactory()

    yes = vote(client, article, "yes", HTMX)
    no = vote(client, article, "no", HTMX)
    why = vote(client, article, "no", HTMX, details="1", reason="wrong")
    again = client.get(f"{address(article)}?language=fa", headers=HTMX)

    for response in (yes, no, why, again):
        assert response.status_code == 200
        assert "<html" not in response.text
        assert 'id="feedback"' in response.text
    assert "<form" not in yes.text
    assert 'name="reason"' in no.text
    assert "<form" not in why.text
    assert 'name="solved" value="yes"' in again.text


def test_answer_can_be_changed_and_stays_one(client):
    article = ArticlePageFactory()

    vote(client, article, "no", details="1", reason="wrong", comment="نادرست است")
    vote(client, article, "yes")

    feedback = Feedback.objects.get()
    assert (feedback.solved, feedback.reason, feedback.comment) == (True, "", "")


def test_changed_answer_waits_for_the_editor_again():
    article, editor = ArticlePageFactory(), UserFactory()
    given = {"article": article, "revision_id": article.live_revision_id, "user": UserFactory(), "solved": False}
    feedback = give_feedback(**given, reason="wrong")
    Feedback.objects.update(handled_at="2026-11-01T00:00Z", handled_by=editor)

    give_feedback(**given, reason="outdated")

    feedback.refresh_from_db()
    assert feedback.handled_at is None
    assert feedback.handled_by is None


def test_signed_in_reader_sees_the_answer_given(client):
    article, user = ArticlePageFactory(), UserFactory()
    client.force_login(user)
    assert 'name="solved" value="yes"' in client.get(article.url).text

    vote(client, article)

    assert Feedback.objects.get().user == user
    text = client.get(article.url).text
    assert 'name="solved" value="yes"' not in text
    assert f"{address(article)}?language=fa" in text


def test_new_revision_is_asked_about_again(client):
    article, user = ArticlePageFactory(), UserFactory()
    client.force_login(user)
    vote(client, article)

    article.save_revision().publish()
    article.refresh_from_db()

    assert 'name="solved" value="yes"' in client.get(article.url).text
    vote(client, article, "no")
    assert Feedback.objects.count() == 2


def test_stale_form_counts_for_the_revision_that_was_read(client):
    article = ArticlePageFactory()
    read = article.live_revision_id
    article.title = "تازه"
    article.save_revision().publish()
    article.refresh_from_db()

    response = vote(client, article, "no", revision=read)

    assert response.status_code == 302
    feedback = Feedback.objects.get()
    assert feedback.revision_read == read != article.live_revision_id
    assert f"revision={read}" in response["Location"]


@pytest.mark.parametrize("which", ["unknown", "another article's", "a draft nobody read"])
def test_revision_that_was_never_read_is_refused_and_the_text_kept(client, which):
    article = ArticlePageFactory()
    other = ArticlePageFactory()
    draft = article.save_revision()
    revision = {"unknown": 10**6, "another article's": other.live_revision_id, "a draft nobody read": draft.pk}[which]

    response = vote(client, article, "no", revision=revision, details="1", reason="wrong", comment="نوشتهٔ من")

    assert response.status_code == 422
    assert "data-error-summary" in response.text
    assert 'value="نوشتهٔ من"' in response.text
    assert not Feedback.objects.exists()


def test_too_long_a_comment_is_refused_with_its_length_and_kept(client):
    article = ArticlePageFactory()
    comment = "الف" * 200

    response = vote(client, article, "no", details="1", comment=comment)

    assert response.status_code == 422
    assert "500" in response.text or "۵۰۰" in response.text
    assert comment in response.text
    assert not Feedback.objects.exists()


def test_service_refuses_too_long_a_comment():
    article = ArticlePageFactory()

    with pytest.raises(CommentTooLongError):
        give_feedback(article=article, revision_id=None, solved=False, comment="x" * 501, visitor="a" * 32)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"solved": "maybe"}, "solved"),
        ({"solved": ""}, "solved"),
        ({"solved": "no", "reason": "boring"}, "reason"),
        ({"solved": "no", "revision": "abc"}, "revision"),
        ({"solved": "no", "revision": "9" * 40}, "revision"),
    ],
)
def test_nonsense_is_refused(client, data, field):
    article = ArticlePageFactory()

    response = client.post(address(article), {"language": "fa", **data}, headers=SAME_ORIGIN)

    assert response.status_code == 422
    assert not Feedback.objects.exists()


def test_one_of_user_and_visitor_gives_feedback():
    article = ArticlePageFactory()

    with pytest.raises(ValueError, match="Either"):
        give_feedback(article=article, revision_id=None, solved=True)
    with pytest.raises(ValueError, match="Either"):
        give_feedback(article=article, revision_id=None, solved=True, user=UserFactory(), visitor="a" * 32)


def test_replayed_post_counts_once(client):
    article = ArticlePageFactory()

    for _ in range(3):
        client.cookies.clear()
        vote(client, article)

    assert Feedback.objects.count() == 1


def test_other_browser_at_the_same_address_counts_for_itself(client):
    article = ArticlePageFactory()

    vote(client, article, headers={**SAME_ORIGIN, "User-Agent": "one"})
    client.cookies.clear()
    vote(client, article, headers={**SAME_ORIGIN, "User-Agent": "two"})

    assert Feedback.objects.count() == 2


def test_key_of_a_visitor_changes_with_the_day_s_salt(client):
    article = ArticlePageFactory()
    vote(client, article)
    VisitSalt.objects.all().delete()
    forget_remembered_salts()
    client.cookies.clear()

    vote(client, article)

    assert Feedback.objects.values("visitor").distinct().count() == 2


def test_forged_cookie_is_not_used(client):
    client.cookies["visitor"] = "'; drop table"

    vote(client, ArticlePageFactory())

    assert re.fullmatch(r"[0-9a-f]{24}", Feedback.objects.get().visitor)


def test_post_from_another_site_is_refused(client):
    article = ArticlePageFactory()

    response = vote(client, article, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403
    assert not Feedback.objects.exists()


def test_signed_in_reader_needs_the_token():
    from django.test import Client

    article = ArticlePageFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())

    assert vote(client, article).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(article.url).text)[1]
    assert vote(client, article, csrfmiddlewaretoken=token).status_code == 302
    assert Feedback.objects.count() == 1


def test_eleventh_answer_in_an_hour_has_to_wait(client):
    article = ArticlePageFactory()
    for number in range(10):
        assert vote(client, article, "yes" if number % 2 else "no").status_code == 302

    page = vote(client, article)
    fragment = vote(client, article, "no", HTMX, comment="نوشتهٔ من")

    assert page.status_code == fragment.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert 'value="نوشتهٔ من"' in fragment.text
    assert vote(client, ArticlePageFactory()).status_code == 302


def test_where_the_reader_came_from_is_stored_with_the_first_answer(client):
    article = ArticlePageFactory()

    vote(client, article, came_from="/fa/search/?q=مودم+قرمز")

    feedback = Feedback.objects.get()
    assert (feedback.came_from_search, feedback.came_from_page) == ("مودم قرمز", "/fa/search/")


@pytest.mark.parametrize(
    "came_from", ["https://evil.example/search/?q=x", "//evil.example/", "javascript:1", "http://[", "x" * 5000]
)
def test_strange_origins_are_ignored(client, came_from):
    vote(client, ArticlePageFactory(), came_from=came_from)

    feedback = Feedback.objects.get()
    assert (feedback.came_from_search, feedback.came_from_page) == ("", "")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("۰۹۱۲۱۲۳۴۵۶۷ زنگ بزنید", "[phone] زنگ بزنید"),
        ("my card 6037 9972 1846 5273", "my card [number]"),
        ("ali@example.com", "[e-mail]"),
        ("مودم ۴", "مودم ۴"),
    ],
)
def test_what_the_reader_typed_is_stored_without_what_names_a_person(client, typed, stored):
    vote(client, ArticlePageFactory(), "no", came_from=f"/fa/search/?q={quote(typed)}", comment=typed)

    feedback = Feedback.objects.get()
    assert (feedback.comment, feedback.came_from_search) == (stored, stored)


def test_a_page_before_that_names_a_person_is_stored_without(client):
    vote(client, ArticlePageFactory(), came_from=f"/fa/{quote('۰۹۱۲۱۲۳۴۵۶۷')}/")

    assert Feedback.objects.get().came_from_page == "/fa/[phone]/"


def test_a_number_at_the_end_of_the_column_is_redacted_before_it_is_cut(client):
    search = f"{'x' * 190} 6037 9972 1846 5273"

    vote(client, ArticlePageFactory(), came_from=f"/fa/search/?q={quote(search)}")

    assert Feedback.objects.get().came_from_search == f"{'x' * 190} [number]"


def test_a_comment_that_grows_by_redaction_still_fits(client):
    vote(client, ArticlePageFactory(), "no", comment=("a@b.co " * 71).strip())

    comment = Feedback.objects.get().comment
    assert comment.startswith("[e-mail] [e-mail]")
    assert len(comment) <= 500


def handlers_told() -> Counter[str]:
    """How often each handler is told of feedback."""
    return Counter(OutboxMessage.objects.filter(event=FeedbackGiven.name).values_list("handler", flat=True))


def test_the_same_answer_with_a_number_in_it_is_announced_once(after_commit):
    article = ArticlePageFactory()

    with after_commit():
        for _ in range(2):
            give_feedback(
                article=article, revision_id=article.live_revision_id, solved=False, comment="09121234567", visitor="v"
            )

    assert handlers_told() == {"faq.services.notify_owner_of_feedback": 1, "portal.points.award_feedback": 1}


def test_form_speaks_the_articles_language(client):
    english = ArticlePageFactory(parent=english_topic(), title="Red light", slug="red")

    response = client.get(f"{address(english)}?language=en")

    assert '<html lang="en"' in response.text
    assert response["Content-Language"] == "en"


def english_topic():
    from tests.factories.faq import TopicPageFactory

    return TopicPageFactory(parent=help_site()["en"], title="Internet", slug="internet")


@pytest.mark.parametrize("audience", ["signed-in", "staff", "partner"])
def test_article_one_may_not_see_takes_no_answer(client, audience):
    article = ArticlePageFactory(audience=audience)

    response = vote(client, article)

    assert response.status_code in {302, 404}
    assert "visitor" not in response.cookies
    assert not Feedback.objects.exists()


def test_unpublished_article_takes_no_answer(client):
    article = ArticlePageFactory()
    link = address(article)
    article.unpublish()

    client.post(link, {"solved": "yes", "language": "fa"}, headers=SAME_ORIGIN)

    assert not Feedback.objects.exists()


def test_page_without_revisions_can_be_answered_once(client):
    article = ArticlePageFactory(publish=False)

    vote(client, article)
    vote(client, article, "no")

    assert Feedback.objects.values_list("revision", "revision_read", "solved").get() == (None, 0, False)


def test_purged_revisions_leave_every_vote():
    article, user = ArticlePageFactory(), UserFactory()
    first = FeedbackFactory(article=article, user=user, visitor="")
    article.save_revision().publish()
    article.refresh_from_db()
    second = FeedbackFactory(article=article, user=user, visitor="")
    Feedback.objects.update(revision=None)  # as when revisions are deleted

    assert set(Feedback.objects.values_list("pk", flat=True)) == {first.pk, second.pk}


def test_same_answer_twice_is_announced_once():
    article = ArticlePageFactory()

    for _ in range(2):
        give_feedback(article=article, revision_id=article.live_revision_id, visitor="a" * 32, solved=True)

    assert handlers_told() == {"faq.services.notify_owner_of_feedback": 1, "portal.points.award_feedback": 1}


def test_unknown_revision_is_an_error_of_the_app():
    with pytest.raises(UnknownRevisionError):
        give_feedback(article=ArticlePageFactory(), revision_id=10**6, solved=True, visitor="a" * 32)
