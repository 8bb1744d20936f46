"""The ladder that members see on their own page."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from community.ladder import ladder_of
from community.models import CommunityProfile, Level
from tests.factories.community import MemberFactory

pytestmark = pytest.mark.django_db


def page_of(client, member):
    return client.get(reverse("community:person", args=[member.handle])).text


def at(member, level, **figures):
    CommunityProfile.objects.filter(pk=member.pk).update(level=level, **figures)
    return CommunityProfile.objects.get(pk=member.pk)


def test_a_member_sees_what_the_next_level_takes_and_others_do_not(client):
    member = MemberFactory()
    at(member, Level.MEMBER, days_seen=2, helpful_count=1)
    assert "سطح شما" not in page_of(client, member)
    client.force_login(member)

    text = page_of(client, member)

    assert "برای «عضو فعال»" in text
    assert "۲ از ۳" in text
    assert "۱ از ۲" in text


@pytest.mark.parametrize(
    ("level", "following", "needed"),
    [
        (Level.NEW, "عضو", 1),
        (Level.MEMBER, "عضو فعال", 2),
        (Level.ACTIVE, "یاریگر", 2),
        (Level.HELPER, "یاریگر", 2),
    ],
)
def test_each_level_names_the_next(level, following, needed):
    from django.utils.translation import override

    with override("fa"):
        ladder = ladder_of(at(MemberFactory(), level))

    assert ladder.following == following
    assert len(ladder.steps) >= needed


def test_an_advocate_has_nothing_more_to_earn(client):
    member = MemberFactory()
    at(member, Level.ADVOCATE)
    client.force_login(member)

    assert "به این سطح دعوت شده‌اید" in page_of(client, member)


def test_what_is_there_is_marked_and_never_more_than_needed():
    ladder = ladder_of(at(MemberFactory(), Level.MEMBER, days_seen=50, helpful_count=1))

    days, acts = ladder.steps
    assert (days.is_done, days.shown) == (True, days.need)
    assert not acts.is_done


def test_the_figures_cost_a_bounded_number_of_queries():
    profile = at(MemberFactory(), Level.ACTIVE, helpful_count=3)
    ladder_of(profile)

    with CaptureQueriesContext(connection) as queries:
        ladder_of(profile)

    assert len(queries) <= 6


def test_what_a_level_takes_is_said_as_the_least_and_with_the_signs_of_the_language(client):
    member = MemberFactory()
    at(member, Level.ACTIVE)
    client.force_login(member)

    text = page_of(client, member)

    assert re.search("دست‌کم [۰-۹]+٪ گزارش‌هایتان", text)
    assert re.search("دست‌کم [۰-۹]+ پاسخ پذیرفته", text)
