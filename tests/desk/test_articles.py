"""Solved questions that could become articles, on the desk."""

from __future__ import annotations

import pytest
from django.urls import reverse

from community import services
from community.models import CapturedAnswer
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS
from portal.desk.queries import page_without_article
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db


def solved(**values):
    thread = ThreadFactory(**values)
    services.accept_solution(post=PostFactory(thread=thread), by=None)
    thread.refresh_from_db()
    return thread


def test_what_most_people_have_is_first_and_what_has_an_article_is_not_there(settings, client):
    settings.STAFF_SECOND_FACTOR = False
    few, many, done = solved(title="کم"), solved(title="بسیار"), solved(title="شده")
    ThreadFactory(title="حل‌نشده")
    services.hide_post(post=solved(title="پنهان").posts.get(number=1), by=moderator(), reason="spam")
    services.say_me_too(thread=many, user=MemberFactory())
    CapturedAnswer.objects.create(post=done.solution, kind="faq.article", family="0" * 32)

    assert [thread.pk for thread, _address in page_without_article(moderator()).entries] == [many.pk, few.pk]
    client.force_login(UserFactory(role=COMMUNITY_MANAGERS, in_group=CONTENT_EDITORS.name))
    page = client.get(reverse("desk:articles")).text
    assert f"source=community%3Athread%3A{many.pk}&amp;language=fa" in page
    client.force_login(moderator())
    page = client.get(reverse("desk:articles"), {"after": "x"}).text
    assert many.get_absolute_url() in page
    assert "source=" not in page


def test_more_than_a_page_goes_on(monkeypatch):
    monkeypatch.setattr("portal.desk.queries.ROWS", 1)
    threads = [solved(), solved()]

    first = page_without_article(moderator())
    second = page_without_article(moderator(), after=first.after)

    assert [thread.pk for page in (first, second) for thread, _address in page.entries] == [
        threads[1].pk,
        threads[0].pk,
    ]
    assert second.after == 0


def test_editors_find_what_to_write_about_and_nothing_else_of_the_desk(settings, client):
    settings.STAFF_SECOND_FACTOR = False
    thread = solved()
    client.force_login(UserFactory(role=CONTENT_EDITORS))

    page = client.get(reverse("desk:articles"))

    assert (page.status_code, f"source=community%3Athread%3A{thread.pk}" in page.text) == (200, True)
    assert reverse("desk:queue") not in page.text
    assert reverse("desk:articles") in client.get(reverse("wagtailadmin_home")).text
    assert [client.get(reverse(f"desk:{name}")).status_code for name in ("index", "queue", "log")] == [404] * 3
    client.force_login(UserFactory(staff=True))
    assert client.get(reverse("desk:articles")).status_code == 404
