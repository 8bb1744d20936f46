"""What an event of points was about, for staff: the post that was voted for, the order that was paid."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community.models import Thread
from loyalty.models import VotingReview
from loyalty.services import earning
from loyalty.services.places import places_of
from tests.factories.accounts import UserFactory
from tests.factories.community import PostFactory, ThreadFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.test_adjusting_admin import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def programme():
    return EarningFactory().programme


def voted(post, number=1):
    """A vote for a post, as points know it."""
    happened = earning.Happened(
        trigger="community.vote", source_id=f"community.vote:{number}", subject=f"community.post:{post.pk}",
        user_id=post.author_id, occurred_at=timezone.now(),
    )  # fmt: skip
    return earning.record(happened)[0].event


def test_decisions_lead_to_what_they_are_about_for_those_who_see_it(client, programme):
    post = PostFactory(thread=ThreadFactory(title="چراغ قرمز مودم"))
    hidden = PostFactory(thread=ThreadFactory(title="گم‌شده"))
    Thread.objects.filter(pk=hidden.thread_id).update(state="deleted")
    for number, one in enumerate((post, hidden), 1):
        voted(one, number)
    signed_in(client, "view_decision")

    page = client.get(reverse("points_decisions:index")).text

    assert f'<a href="{post.get_absolute_url()}"><bdi>چراغ قرمز مودم</bdi></a>' in page
    assert "گم‌شده" not in page


def test_the_number_of_queries_does_not_depend_on_the_number_of_events(programme):
    reader = UserFactory()
    queries = []
    places_of([voted(PostFactory(), 99)], by=reader)  # what is known of the reader stays known
    for number in range(2):
        events = [voted(PostFactory(), 10 * number + each) for each in range(1, 4 + number)]
        with CaptureQueriesContext(connection) as asked:
            assert len(places_of(events, by=reader)) == len(events)
        queries.append(len(asked))
    assert queries[0] == queries[1]


def test_a_review_of_votes_leads_to_the_posts(client, programme):
    post = PostFactory(thread=ThreadFactory(title="چراغ قرمز مودم"))
    voted(post)
    review = VotingReview.objects.create(
        kind="mutual", fingerprint="f", sources=["community.vote:1"], last_vote_at=timezone.now()
    )
    signed_in(client, "view_votingreview")

    page = client.get(reverse("points_reviews:inspect", args=[review.pk])).text

    assert f'<a href="{post.get_absolute_url()}"><bdi>چراغ قرمز مودم</bdi></a>' in page
