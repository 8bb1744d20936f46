"""Members whom an article did not help hear that it was changed."""

from __future__ import annotations

import pytest

from faq.models import Feedback
from portal.core import outbox
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory

pytestmark = pytest.mark.django_db


def change(article, *, by=None) -> None:
    article.short_answer = f"{article.short_answer} تازه"
    article.save_revision(user=by).publish()
    outbox.drain()


def test_whom_it_did_not_help_hears_once_whatever_is_changed_later(client):
    article = ArticlePageFactory(title="چراغ قرمز مودم")
    mina = UserFactory(language="fa")
    FeedbackFactory(article=article, unsolved=True, user=mina, visitor="")
    FeedbackFactory(article=article, user=UserFactory(), visitor="")  # solved
    FeedbackFactory(article=article, unsolved=True)  # a visitor
    FeedbackFactory(article=article, unsolved=True, reason=Feedback.Reason.POLICY, signed_in=True)
    client.force_login(mina)

    change(article)
    change(article)

    told = Notification.objects.get()
    assert told.person == mina
    assert "\u2068چراغ قرمز مودم\u2069 تغییر کرد" in client.get("/fa/notifications/").text
    assert client.get(f"/fa/notifications/{told.pk}/")["Location"] == article.url


def test_an_editor_does_not_hear_of_their_own_change():
    article = ArticlePageFactory()
    editor = UserFactory(editor=True)
    FeedbackFactory(article=article, unsolved=True, user=editor, visitor="")

    change(article, by=editor)

    assert not Notification.objects.exists()


def test_an_article_that_is_no_longer_for_everybody_is_not_named(client):
    article = ArticlePageFactory(title="ویژهٔ فیبر")
    mina = UserFactory()
    FeedbackFactory(article=article, unsolved=True, user=mina, visitor="")
    change(article)
    client.force_login(mina)
    before = client.get("/fa/notifications/").text

    article.audience = "segment:fibre"
    article.save_revision().publish()

    assert "ویژهٔ فیبر" in before
    assert "ویژهٔ فیبر" not in client.get("/fa/notifications/").text


def test_publishing_what_helped_everybody_announces_nothing():
    article = ArticlePageFactory()
    FeedbackFactory(article=article, signed_in=True)
    from portal.core.models import OutboxMessage

    change(article)

    assert not OutboxMessage.objects.filter(event="faq.article_changed").exists()
