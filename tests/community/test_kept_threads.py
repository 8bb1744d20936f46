"""Pages of threads for signed-in readers: made of HTML that many share, and of what is each reader's own."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import services
from community.acts import Acts, Pattern, pattern_of
from community.models import CommunityProfile, Level, Post, ThreadRead
from community.people import person_of
from community.queries import OwnState, own_state_of
from community.showing import ThreadPage
from community.trust import set_advocate
from portal.core import fragments
from portal.core.memo import forget_all
from portal.core.scopes import content_changed
from portal.notifications.services import follow
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.queries", "community.showing")]


@pytest.fixture(autouse=True)
def _nothing_is_kept():
    forget_all()


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def acts_of(text: str, number: int) -> str:
    """The buttons under a post."""
    return re.search(rf'id="post-{number}"(.*?)</article>', text, re.DOTALL)[1]


# Queries -------------------------------------------------------------------------------------------------------------


def test_a_page_of_a_thread_asks_eight_questions_once_it_is_kept():
    thread = ThreadFactory()
    for _reply in range(3):
        PostFactory(thread=thread)
    first, second = signed_in(MemberFactory()), signed_in(MemberFactory())
    for client in (first, second, second):  # the first makes the page; the reader's own marks are written
        client.get(thread.get_absolute_url())

    with CaptureQueriesContext(connection) as queries:
        text = second.get(thread.get_absolute_url()).text

    assert 'id="post-4"' in text
    assert len(queries) <= 8, [query["sql"][:100] for query in queries]
    assert not any("community_post" in query["sql"] and "html" in query["sql"] for query in queries)


def test_what_somebody_did_in_a_thread_is_one_question(django_assert_num_queries):
    person, thread, other = MemberFactory(), ThreadFactory(), ThreadFactory()
    posts = [PostFactory(thread=thread) for _post in range(3)]
    own = PostFactory(thread=thread, author=person)
    services.vote_helpful(post=posts[0], user=person)
    services.vote_helpful(post=posts[2], user=person)
    services.bookmark(post=posts[1], user=person)
    services.say_me_too(thread=thread, user=person)
    services.accept_solution(post=posts[1], by=None)
    services.say_solved_it(thread=thread, user=person)
    follow(person_id=person.pk, target=f"community.thread:{thread.pk}")
    services.hide_post(post=own, by=moderator(), reason="spam", note="")
    ThreadRead.objects.filter(user=person, thread=thread).update(last_read_number=4)
    services.save_draft(user=person, place=f"thread:{thread.pk}", body="نیمه‌کاره")

    with django_assert_num_queries(1):
        found = own_state_of(person.pk, thread.pk, first=1, last=20)

    assert found == OwnState(
        votes=frozenset({posts[0].pk, posts[2].pk}),
        bookmarks=frozenset({posts[1].pk}),
        has_unseen_post=True,
        has_me_too=True,
        solved_by=frozenset({posts[1].pk}),
        is_following=True,
        has_news=found.has_news,
        read_to=4,
        has_draft=True,
    )
    some = own_state_of(person.pk, thread.pk, first=2, last=3)
    assert (some.votes, some.bookmarks, some.has_unseen_post) == ({posts[0].pk}, {posts[1].pk}, False)
    assert own_state_of(MemberFactory().pk, thread.pk, first=1, last=20) == OwnState()
    assert own_state_of(person.pk, other.pk, first=1, last=20).votes == frozenset()


# What is one's own ---------------------------------------------------------------------------------------------------


def test_each_reader_finds_their_own_marks_in_the_page_that_all_share():
    thread = ThreadFactory()
    posts = [PostFactory(thread=thread) for _post in range(2)]
    people = [MemberFactory() for _person in range(3)]
    services.vote_helpful(post=posts[0], user=people[0])
    services.bookmark(post=posts[1], user=people[1])
    services.say_me_too(thread=thread, user=people[1])

    texts = [signed_in(person).get(thread.get_absolute_url()).text for person in people]

    pressed = [[acts_of(text, number).count('aria-pressed="true"') for number in (2, 3)] for text in texts]
    assert pressed == [[1, 0], [0, 1], [0, 0]]
    assert ['/me-too/"' in text and 'value="0"' in text.split("/me-too/")[1][:600] for text in texts] == [
        False,
        True,
        False,
    ]
    assert len([key for key, _kept in fragments.contents.kept() if key[0] == "thread"]) == 1


def test_the_buttons_are_those_of_the_author_the_asker_and_others():
    asker, author = MemberFactory(), MemberFactory()
    thread = ThreadFactory(author=asker)
    PostFactory(thread=thread, author=author)
    urls = {name: f"/{name}/" for name in ("accept", "edit", "flag", "hide")}

    found = {}
    for name, person in {"asker": asker, "author": author, "other": MemberFactory(), "moderator": moderator()}.items():
        text = acts_of(signed_in(person).get(thread.get_absolute_url()).text, 2)
        found[name] = {act for act, url in urls.items() if url in text}

    assert found == {
        "asker": {"accept", "flag"},
        "author": {"edit"},
        "other": {"flag"},
        "moderator": {"accept", "edit", "flag", "hide"},
    }


def test_a_hidden_post_is_seen_by_its_author_and_moderators_only_whoever_looked_before(after_commit):
    author, others = MemberFactory(), [MemberFactory(), UserFactory(partner=True)]
    thread = ThreadFactory()
    own = PostFactory(thread=thread, author=author, body="زمردنشان که پنهان می‌شود")
    with after_commit():
        services.hide_post(post=own, by=moderator(), reason="spam", note="یادداشت زمردنشان")
    order = [others[0], author, others[1], moderator(), others[0]]

    seen = ["زمردنشان" in signed_in(person).get(thread.get_absolute_url()).text for person in order]

    assert seen == [False, True, False, True, False]
    assert "زمردنشان" not in repr(fragments.contents.kept())


def test_a_deleted_reply_can_be_restored_by_its_author_only():
    author, thread = MemberFactory(), ThreadFactory()
    own = PostFactory(thread=thread, author=author)
    services.delete_post(post=own, by=author)
    restore = reverse("community:restore", args=[own.pk])

    seen = [restore in signed_in(person).get(thread.get_absolute_url()).text for person in (MemberFactory(), author)]

    assert seen == [False, True]


def test_nobody_sees_a_thread_through_the_page_that_others_keep():
    thread = ThreadFactory(area=AreaFactory(audience="partner"))
    partner, member = signed_in(UserFactory(partner=True)), signed_in(MemberFactory())

    statuses = [client.get(thread.get_absolute_url()).status_code for client in (partner, member, partner)]

    assert statuses == [200, 404, 200]


def test_dates_are_in_the_calendar_and_digits_of_each_reader():
    thread = ThreadFactory()
    for _reply in range(2):
        PostFactory(thread=thread)
    people = [MemberFactory(digits=digits) for digits in ("latin", "persian", "latin")]

    texts = [signed_in(person).get(thread.get_absolute_url()).text for person in people]

    assert [("2 پاسخ" in text, "۲ پاسخ" in text) for text in texts] == [(True, False), (False, True), (True, False)]


# Freshness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["vote", "solution", "hide", "rename", "reply", "edit", "close", "me_too"])
def test_what_changes_a_thread_changes_the_page_for_members_at_once(change, after_commit):
    author, boss = MemberFactory(), moderator()
    thread = ThreadFactory(author=author, title="عنوان نخست")
    reply = PostFactory(thread=thread, body="پاسخی که دیده می‌شود")
    reader = signed_in(MemberFactory())
    url = thread.get_absolute_url()
    with after_commit():  # a process that reads the log of changes for the first time trusts nothing it kept
        content_changed("nothing")
    before = [reader.get(url).text for _time in range(2)][1]
    mark = {
        "vote": "<b>۱</b>",
        "solution": "post--solution",
        "hide": "post__gone",
        "rename": "عنوان دوم",
        "reply": 'id="post-3"',
        "edit": "متن تازهٔ پاسخ",
        "close": "بسته",
        "me_too": "· ۱",
    }[change]

    with after_commit():
        match change:
            case "vote":
                services.vote_helpful(post=reply, user=MemberFactory())
            case "solution":
                services.accept_solution(post=reply, by=author)
            case "hide":
                services.hide_post(post=reply, by=boss, reason="spam", note="")
            case "rename":
                services.retitle(thread=thread, title="عنوان دوم", by=author)
            case "reply":
                PostFactory(thread=thread)
            case "edit":
                services.edit_post(post=reply, editor=reply.author, body="متن تازهٔ پاسخ است", version=reply.version)
            case "close":
                services.lock(thread=thread, by=boss)
            case "me_too":
                services.say_me_too(thread=thread, user=MemberFactory())

    assert mark not in acts_or_all(before, change)
    assert mark in acts_or_all(reader.get(url, follow=True).text, change)


def acts_or_all(text: str, change: str) -> str:
    return acts_of(text, 2) if change == "vote" else text


@pytest.mark.parametrize(("minutes", "seconds"), [(5, 60), (59, 60), (61, 300)])
def test_a_page_that_says_how_many_minutes_ago_is_made_again_each_minute(minutes, seconds):
    thread = ThreadFactory()
    thread.last_post_at = timezone.now() - dt.timedelta(minutes=minutes)

    assert ThreadPage(None, thread).seconds == seconds


# Buttons -------------------------------------------------------------------------------------------------------------


def test_a_pattern_takes_the_values_of_each_post_and_looks_at_none_of_them():
    pattern = Pattern('<a href="/p/8999999999999999971/">\x02address\x03</a>\x02token\x03')
    values = {"thread_id": 5, "version": 1, "token": ""}

    first = pattern.for_post(post_id=7, address="/a?x=1&y", **values)
    second = pattern.for_post(post_id=8, address="\x02token\x03<", **{**values, "token": "T"})

    assert first == '<a href="/p/7/">/a?x=1&amp;y</a>'
    assert second == '<a href="/p/8/">\x02token\x03&lt;</a>T'


def test_buttons_put_together_are_those_that_the_template_writes(rf):
    from django.template import RequestContext
    from django.template.loader import get_template

    acts = Acts(
        may={"vote": True, "reply": True, "restore": True, "bookmark": True, "accept": True},
        has_voted=True,
        is_bookmarked=False,
        is_solution=False,
        helpful_count=3,
        post_id=17,
        thread_id=4,
        version="2",
        address="/fa/community/t/4/x/#post-2",
    )
    request = rf.get("/fa/")
    request.user = MemberFactory()
    context = RequestContext(request, {"acts": acts})
    template = get_template("community/_post_acts.html").template

    with context.bind_template(template):
        written = template.render(context)
        put = pattern_of(acts, context).for_post(
            post_id=17, thread_id=4, version=2, address="/fa/community/t/4/x/#post-2", token=""
        )

    assert put == written
    assert "/17/" in put
    assert "89999" not in put


def test_visitors_pages_hold_no_token(client):
    thread = ThreadFactory()
    PostFactory(thread=thread)
    CommunityProfile.objects.update(level=2)

    text = client.get(thread.get_absolute_url()).text

    assert Post.objects.count() == 2
    assert "csrfmiddlewaretoken" not in text


@pytest.mark.parametrize("change", ["handle", "level", "closed"])
def test_a_name_and_a_level_are_shown_as_they_are_now_and_other_threads_stay_kept(change, after_commit):
    author, other = MemberFactory(handle="nasim"), ThreadFactory()
    thread = PostFactory(author=author).thread
    reader = signed_in(MemberFactory())
    content_changed("nothing")
    for each in (thread, other):
        reader.get(each.get_absolute_url())

    with after_commit():
        if change == "handle":
            author.handle = "parastoo"
            author.save()
        elif change == "closed":
            author.is_active = False
            author.save(update_fields=["is_active"])
        else:
            set_advocate(user_id=author.pk, is_advocate=True)

    with CaptureQueriesContext(connection) as queries:
        assert reader.get(other.get_absolute_url()).status_code == 200
    assert not any("community_post" in query["sql"] and "html" in query["sql"] for query in queries)
    shown = acts_of(reader.get(thread.get_absolute_url()).text, 2)
    wanted = {
        "handle": ">parastoo<",
        "level": str(Level.ADVOCATE.label),
        "closed": ">" + str(person_of(None).name) + "<",
    }
    assert wanted[change] in shown


def test_a_list_that_is_kept_is_as_each_reader_has_read_it_and_shows_names_as_they_are(after_commit):
    area, author = AreaFactory(), MemberFactory(handle="nasim")
    thread = ThreadFactory(area=area, author=author)
    people = [MemberFactory() for _person in range(2)]
    CommunityProfile.objects.filter(pk=people[1].pk).update(read_floor=timezone.now() + dt.timedelta(hours=1))
    CommunityProfile.objects.filter(pk=people[0].pk).update(read_floor=timezone.now() - dt.timedelta(hours=1))
    addresses = (reverse("community:index"), area.get_absolute_url())

    texts = [[signed_in(person).get(address).text for person in people] for address in addresses]
    with after_commit():
        author.handle = "parastoo"
        author.save()
    named = [signed_in(people[0]).get(address).text for address in addresses]

    assert [["is-unread" in text for text in each] for each in texts] == [[True, False], [True, False]]
    assert all(thread.title in text and ">parastoo<" in text and ">nasim<" not in text for text in named)
