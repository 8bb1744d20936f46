"""Threads that ask the same: helpers mark them, moderators merge them or keep them apart."""

from __future__ import annotations

import pytest
from django.urls import reverse

from community import services
from community.exceptions import CommunityError
from community.models import AuditEntry, DuplicateMark, Level, Thread
from tests.factories.community import AreaFactory, MemberFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.services.duplicates", "community.models.duplicate"),
]


#: The part of the desk that lists them.
MARKED = 'id="duplicates"'


@pytest.fixture
def pair():
    area = AreaFactory()
    return ThreadFactory(area=area, title="مودم قطع می‌شود"), ThreadFactory(area=area, title="مودم هر شب قطع است")


@pytest.fixture
def marked(pair):
    services.mark_duplicate(thread=pair[0], into=pair[1], by=MemberFactory(level=Level.HELPER, handle="یاور"))
    return pair


def send(client, thread, act, into):
    return client.post(reverse("community:manage", args=[thread.pk]), {"act": act, f"{act}-into": into})


def test_a_helper_marks_and_a_moderator_merges_from_the_desk(client, pair, settings):
    settings.STAFF_SECOND_FACTOR = False
    thread, into = pair
    client.force_login(MemberFactory(level=Level.HELPER))
    for _press in range(2):
        assert send(client, thread, "duplicate", into.pk).status_code == 302
    assert DuplicateMark.objects.count() == 1

    client.force_login(moderator())
    manage = reverse("community:manage", args=[thread.pk])
    desk = client.get(reverse("desk:index")).text
    assert MARKED in desk
    assert manage in desk
    assert into.title in desk
    page = client.get(manage).text
    assert 'name="apart-into"' in page
    assert "«" in send(client, thread, "merge", into.pk).text, "a merge is confirmed"
    client.post(manage, {"act": "merge", "merge-into": into.pk, "confirm": into.pk})

    assert Thread.objects.get(pk=thread.pk).merged_into == into
    assert DuplicateMark.objects.get().outcome == DuplicateMark.Outcome.MERGED
    assert MARKED not in client.get(reverse("desk:index")).text


def test_what_stays_apart_is_in_the_log_and_not_asked_again(client, marked, settings):
    settings.STAFF_SECOND_FACTOR = False
    thread, into = marked
    client.force_login(moderator())
    for _press in range(2):
        send(client, thread, "apart", into.pk)

    services.mark_duplicate(thread=thread, into=into, by=MemberFactory(level=Level.HELPER))

    assert DuplicateMark.objects.get().outcome == DuplicateMark.Outcome.APART
    assert AuditEntry.objects.get(action="thread.kept_apart").details == {"into": into.pk}
    assert 'name="apart-into"' not in client.get(reverse("community:manage", args=[thread.pk])).text
    assert into.title in client.get(reverse("desk:log")).text


def test_members_do_neither_and_moderators_merge_themselves(client, pair):
    thread, into = pair
    for person, acts in ((MemberFactory(), ("duplicate", "apart")), (moderator(), ("duplicate",))):
        client.force_login(person)
        assert [send(client, thread, act, into.pk).status_code for act in acts] == [403] * len(acts)
    assert not DuplicateMark.objects.exists()


def test_marks_follow_the_thread_they_name_when_it_is_merged(marked):
    thread, into = marked
    final = ThreadFactory(area=into.area, title="مودم شب‌ها قطع است")
    also = ThreadFactory(area=into.area, title="باز هم قطع")
    helper = MemberFactory(level=Level.HELPER)
    services.mark_duplicate(thread=final, into=into, by=helper)
    for target in (into, final):
        services.mark_duplicate(thread=also, into=target, by=helper)

    services.merge_threads(thread=into, into=final, by=moderator())

    open_marks = DuplicateMark.objects.filter(outcome="")
    assert set(open_marks.values_list("thread", "into")) == {(thread.pk, final.pk), (also.pk, final.pk)}


def test_a_thread_that_readers_of_the_other_must_not_see_is_no_duplicate(pair):
    thread, into = pair
    services.move_thread(thread=into, area=AreaFactory(audience="staff"), by=moderator())
    into.refresh_from_db()

    for other in (into, thread):
        with pytest.raises(CommunityError):
            services.mark_duplicate(thread=thread, into=other, by=MemberFactory(level=Level.HELPER))


def test_the_desk_shows_nothing_that_is_gone(client, marked, settings):
    settings.STAFF_SECOND_FACTOR = False
    services.hide_post(post=marked[1].posts.get(), by=moderator(), reason="spam")
    client.force_login(moderator())

    assert MARKED not in client.get(reverse("desk:index")).text
