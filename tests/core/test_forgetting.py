"""What readers typed ends when the register says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from faq.models import Feedback
from portal.core import forgetting
from tests.factories.faq import FeedbackFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.forgetting")]


def given(days_ago: int, **values: object) -> Feedback:
    feedback = FeedbackFactory(unsolved=True, **values)
    Feedback.objects.filter(pk=feedback.pk).update(updated_at=timezone.now() - timedelta(days=days_ago))
    return feedback


def test_words_end_and_votes_stay(monkeypatch):
    monkeypatch.setattr(forgetting, "_BATCH", 2)
    article = FeedbackFactory().article
    old = [given(366, article=article, came_from_search="مودم") for _ in range(3)]
    fresh = given(364, article=article)

    assert forgetting.has_any()
    assert forgetting.forget_typed_texts() == 3
    assert not forgetting.has_any()

    rows = Feedback.objects.filter(pk__in=[each.pk for each in old])
    assert set(rows.values_list("solved", "reason", "comment", "came_from_search")) == {
        (False, Feedback.Reason.OUTDATED, "", "")
    }
    assert Feedback.objects.get(pk=fresh.pk).comment == fresh.comment != ""


def test_one_text_left_is_enough():
    given(366, comment="", came_from_page="/fa/")

    assert forgetting.forget_typed_texts() == 1
