"""What happens after feedback: the mail to the owner, marking it as handled, evidence for search."""

from __future__ import annotations

import pytest

from faq.events import FeedbackGiven
from faq.models import Feedback, VoteEvidence
from faq.services import (
    give_feedback,
    has_votes_to_weigh,
    mark_handled,
    mark_unhandled,
    notify_owner_of_feedback,
    weigh_votes,
)
from portal.core.models import OutboxMessage
from portal.core.scopes import stamp
from portal.core.visitors import Origin
from search.events import EntriesChanged
from search.models import IndexedEntry
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, FeedbackFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.services")]


def event_of(feedback):
    return FeedbackGiven(feedback_id=feedback.pk, article_id=feedback.article_id, solved=feedback.solved)


def article_of(language="fa"):
    return ArticlePageFactory(owner=UserFactory(language=language, name="مینا"), title="چراغ Noora X2 قرمز است")


def test_owner_is_told_of_a_no_with_a_comment_in_persian(mailoutbox):
    article = article_of()
    feedback = FeedbackFactory(article=article, unsolved=True, comment="گام سوم <b>نیست</b>")

    notify_owner_of_feedback(event_of(feedback))

    (message,) = mailoutbox
    html = message.alternatives[0].content
    assert message.to == [article.owner.email]
    assert "\u2068چراغ Noora X2 قرمز است\u2069" in message.subject
    assert "\n" not in message.subject
    assert "گام سوم <b>نیست</b>" in message.body
    assert "گام سوم &lt;b&gt;نیست&lt;/b&gt;" in html
    assert '<html lang="fa" dir="rtl">' in html
    for text in (message.body, html):
        assert f"/admin/help/feedback/?article={article.pk}" in text
        assert f"/admin/pages/{article.pk}/edit/" in text


def test_owner_is_written_to_in_their_language(mailoutbox):
    notify_owner_of_feedback(event_of(FeedbackFactory(article=article_of("en"), unsolved=True)))

    assert '<html lang="en" dir="ltr">' in mailoutbox[0].alternatives[0].content
    assert "did not solve" in mailoutbox[0].body


def test_event_delivered_twice_sends_one_mail(mailoutbox):
    feedback = FeedbackFactory(article=article_of(), unsolved=True)

    for _ in range(2):
        notify_owner_of_feedback(event_of(feedback))

    assert len(mailoutbox) == 1


def test_changed_comment_is_told_again(after_commit, mailoutbox):
    article, user = article_of(), UserFactory()
    given = {"article": article, "revision_id": article.live_revision_id, "user": user, "solved": False}

    for comment in ("نخست", "نخست", "سپس"):
        with after_commit():
            give_feedback(**given, comment=comment)

    assert ["نخست" in mailoutbox[0].body, "سپس" in mailoutbox[1].body, len(mailoutbox)] == [True, True, 2]


@pytest.mark.parametrize("case", ["solved", "no comment", "no owner", "owner left", "feedback gone"])
def test_nobody_is_told_when_there_is_nothing_to_tell(case, mailoutbox):
    owner = None if case == "no owner" else UserFactory(is_active=case != "owner left")
    article = ArticlePageFactory(owner=owner)
    feedback = FeedbackFactory(article=article, solved=case == "solved", comment="" if case == "no comment" else "سلام")
    event = event_of(feedback)
    if case == "feedback gone":
        feedback.delete()

    notify_owner_of_feedback(event)

    assert mailoutbox == []


def test_handled_is_marked_once_and_can_be_taken_back():
    editor, other = UserFactory(), UserFactory()
    first, second = FeedbackFactory(unsolved=True), FeedbackFactory(unsolved=True)
    mark_handled(feedback_ids=[second.pk], by=other)

    done = mark_handled(feedback_ids=[first.pk, second.pk], by=editor)
    taken_back = mark_unhandled(feedback_ids=[first.pk, second.pk], by=editor)

    assert done == [first.pk]
    assert taken_back == 1
    assert Feedback.objects.filter(handled_at=None).get() == first


# Votes as evidence ---------------------------------------------------------------------------------------------------


def popularity_of(article) -> int:
    return IndexedEntry.objects.values_list("popularity", flat=True).get(kind="faq.article", object_id=article.pk)


def test_a_vote_leaves_the_index_and_everything_that_is_kept_alone(after_commit):
    article = ArticlePageFactory()
    everything = stamp()
    announced = OutboxMessage.objects.filter(event=EntriesChanged.name)
    before = announced.count()

    with after_commit():
        give_feedback(article=article, revision_id=article.live_revision_id, visitor="a" * 32, solved=True)

    assert everything.is_current_for_others()
    assert announced.count() == before


def test_votes_count_in_the_index_when_they_are_weighed(after_commit):
    with after_commit():
        article, other = ArticlePageFactory(), ArticlePageFactory()
    with after_commit():
        for sector, visitor in enumerate("abcde"):
            origin = Origin(network=visitor, sector=sector)
            give_feedback(
                article=article, revision_id=article.live_revision_id, visitor=visitor * 32, origin=origin, solved=True
            )
    assert popularity_of(article) == 0

    with after_commit():
        assert weigh_votes() == [article.pk]

    assert popularity_of(article) == 57  # the lower confidence bound of five out of five
    assert popularity_of(other) == 0


def test_only_articles_whose_weight_changed_are_indexed_again(after_commit):
    voted, left, new = (ArticlePageFactory() for _ in range(3))
    FeedbackFactory.create_batch(5, article=voted)
    FeedbackFactory.create_batch(5, article=left)
    weigh_votes()
    FeedbackFactory.create_batch(5, article=new)
    FeedbackFactory(article=voted, unsolved=True)

    assert has_votes_to_weigh()
    assert weigh_votes() == sorted([voted.pk, new.pk])
    assert not has_votes_to_weigh()
    assert weigh_votes() == []


def test_votes_that_are_gone_count_no_more():
    article = ArticlePageFactory()
    FeedbackFactory.create_batch(5, article=article)
    weigh_votes()
    Feedback.objects.all().delete()

    assert weigh_votes() == [article.pk]
    assert not VoteEvidence.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_weighing_costs_the_same_for_any_number_of_articles(count, django_assert_num_queries):
    for article in ArticlePageFactory.create_batch(count):
        FeedbackFactory.create_batch(5, article=article)
    weigh_votes()

    with django_assert_num_queries(7):  # the votes of two periods by day and sector, the stored weights, a savepoint
        weigh_votes()
