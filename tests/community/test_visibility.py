"""`visible_to` is the whole truth: every role × every state of threads and posts × audiences."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from community import services
from community.models import Area, Post, Thread, Upload
from community.queries import Tombstone, place_of_post, posts_of_page, thread_at
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator, token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.models.area", "community.models.thread", "community.models.post"),
]

STATES = ("visible", "held", "hidden", "deleted")


@pytest.fixture
def people():
    return {
        "visitor": None,
        "anonymous": AnonymousUser(),
        "member": MemberFactory(),
        "author": MemberFactory(),
        "partner": UserFactory(partner=True),
        "staff": UserFactory(staff=True),
        "moderator": moderator(),
        "superuser": UserFactory(superuser=True),
    }


#: Who sees a thread or post by state, in an area for everyone. Staff who do not moderate see what members see.
EVERYBODY = {"visitor", "anonymous", "member", "author", "partner", "staff", "moderator", "superuser"}
MODERATORS = {"moderator", "superuser"}
SEEN_BY = {
    "visible": EVERYBODY,
    "held": {"author"} | MODERATORS,
    "hidden": {"author"} | MODERATORS,
    "deleted": MODERATORS,
}


@pytest.mark.parametrize("state", STATES)
def test_thread_is_seen_by_whom_its_state_admits(people, state):
    thread = ThreadFactory(author=people["author"], state=state)

    seen = {name for name, user in people.items() if Thread.objects.visible_to(user).filter(pk=thread.pk).exists()}
    read = {name for name, user in people.items() if Post.objects.visible_to(user).filter(thread=thread).exists()}

    assert seen == SEEN_BY[state]
    assert read == SEEN_BY[state]


@pytest.mark.parametrize("state", STATES)
def test_reply_is_seen_by_whom_its_state_admits(people, state):
    post = PostFactory(author=people["author"], state=state)

    seen = {name for name, user in people.items() if Post.objects.visible_to(user).filter(pk=post.pk).exists()}

    assert seen == SEEN_BY[state]


@pytest.mark.parametrize("state", STATES)
def test_reply_goes_with_the_state_of_its_thread(people, state):
    """The author of a reply does not see it in somebody else's thread that was taken away."""
    thread = ThreadFactory()
    post = PostFactory(thread=thread, author=people["author"])
    first = thread.posts.get(number=1)
    if state == "hidden":
        services.hide_post(post=first, by=people["moderator"], reason="spam")
    elif state == "deleted":
        services.delete_post(post=first, by=people["moderator"])
    elif state == "held":
        Thread.objects.filter(pk=thread.pk).update(state="held")

    seen = {name for name, user in people.items() if Post.objects.visible_to(user).filter(pk=post.pk).exists()}

    assert seen == (EVERYBODY if state == "visible" else MODERATORS)


@pytest.mark.parametrize(
    ("audience", "admitted"),
    [
        ("public", EVERYBODY),
        ("signed-in", EVERYBODY - {"visitor", "anonymous"}),
        ("partner", {"partner", "staff", "moderator", "superuser"}),
        ("staff", {"staff", "moderator", "superuser"}),
    ],
)
def test_area_threads_and_posts_are_for_the_audience(people, audience, admitted):
    area = AreaFactory(audience=audience)
    thread = ThreadFactory(area=area)

    def seen_in(rows):
        people_ = {**people}
        for user in people_.values():
            user.__dict__.pop("_audiences", None) if user else None
        return {name for name, user in people_.items() if rows.visible_to(user).exists()}

    assert seen_in(Area.objects.filter(pk=area.pk)) == admitted
    assert seen_in(Thread.objects.filter(pk=thread.pk)) == admitted
    assert seen_in(Post.objects.filter(thread=thread)) == admitted


def test_area_inside_another_admits_only_who_may_see_both():
    parent = AreaFactory(audience="partner")
    child = AreaFactory(parent=parent, audience="signed-in")
    thread = ThreadFactory(area=child)

    assert child.effective_audience == "partner&signed-in"
    assert not Thread.objects.visible_to(MemberFactory()).filter(pk=thread.pk).exists()
    assert Thread.objects.visible_to(UserFactory(partner=True)).filter(pk=thread.pk).exists()


def test_area_that_becomes_private_takes_its_threads_along():
    parent = AreaFactory()
    child = AreaFactory(parent=parent)
    threads = [ThreadFactory(area=parent), ThreadFactory(area=child)]

    parent.audience = "staff"
    parent.save()

    assert not Thread.objects.visible_to(MemberFactory()).exists()
    assert not Post.objects.visible_to(None).exists()
    assert set(Thread.objects.values_list("audience", flat=True)) == {"staff"}
    child.refresh_from_db()
    assert child.effective_audience == "public&staff".replace("public&", "")
    assert Thread.objects.visible_to(UserFactory(staff=True)).count() == len(threads)


def test_thread_moved_to_a_private_area_is_gone_at_once():
    thread = ThreadFactory()
    private = AreaFactory(audience="staff")

    services.move_thread(thread=thread, area=private, by=moderator())

    assert not Thread.objects.visible_to(thread.author).filter(pk=thread.pk).exists()
    assert not Post.objects.visible_to(thread.author).exists()


def test_address_of_a_merged_thread_leads_to_where_it_went():
    source, target, final = ThreadFactory(), ThreadFactory(), ThreadFactory()
    post = PostFactory(thread=source)
    by = moderator()
    shift = target.highest_number
    services.merge_threads(thread=source, into=target, by=by)
    services.merge_threads(thread=target, into=final, by=by)

    found = thread_at(None, source.pk)

    assert found == final
    assert not Thread.objects.visible_to(MemberFactory()).filter(pk=source.pk).exists()
    moved = Post.objects.get(pk=post.pk)
    assert place_of_post(source.pk, 2) == (final.pk, moved.number)
    assert shift == 1
    assert moved.number == 1 + 1 + 2


def test_merge_into_a_private_thread_leads_strangers_nowhere():
    source, target = ThreadFactory(), ThreadFactory(area=AreaFactory(audience="staff"))
    services.move_thread(thread=source, area=target.area, by=moderator())

    services.merge_threads(thread=source, into=target, by=moderator())

    assert thread_at(MemberFactory(), source.pk) is None
    assert thread_at(UserFactory(staff=True), source.pk) == target


def test_page_of_a_thread_shows_tombstones_and_no_trace_of_what_is_held(people):
    thread = ThreadFactory()
    PostFactory(thread=thread)
    PostFactory(thread=thread, author=people["author"], hidden=True)
    PostFactory(thread=thread, author=people["author"], held=True)
    PostFactory(thread=thread, author=people["author"], deleted=True)

    def shown_to(name):
        return [
            (row.number, row.reason if isinstance(row, Tombstone) else row.state)
            for row in posts_of_page(people[name], thread, 1)
        ]

    assert shown_to("visitor") == [(1, "visible"), (2, "visible"), (3, "spam"), (5, "spam")]
    assert shown_to("author") == [(1, "visible"), (2, "visible"), (3, "hidden"), (4, "held"), (5, "spam")]
    assert [number for number, _state in shown_to("moderator")] == [1, 2, 3, 4, 5]


def test_page_of_a_thread_takes_as_many_queries_for_one_post_as_for_twenty(django_assert_num_queries):
    thread = ThreadFactory()
    reader = MemberFactory()
    list(Thread.objects.visible_to(reader))
    with django_assert_num_queries(2):
        posts_of_page(reader, thread, 1)
    author = MemberFactory()
    for _ in range(19):
        PostFactory(thread=thread, author=author)

    with django_assert_num_queries(2):
        rows = posts_of_page(reader, thread, 1)
        assert len([row.author.handle for row in rows]) == 20


def test_file_is_seen_with_its_post_and_by_its_owner_before():
    owner = MemberFactory()
    waiting = Upload.objects.create(owner=owner, kind="picture", name="الف.webp", size=1, content_type="image/webp")
    attached = Upload.objects.create(owner=owner, kind="picture", name="ب.webp", size=1, content_type="image/webp")
    thread = ThreadFactory(
        author=owner, body=f"عکس: ![چراغ](upload:{attached.pk})", area=AreaFactory(audience="signed-in")
    )

    assert set(Upload.objects.visible_to(owner)) == {waiting, attached}
    assert set(Upload.objects.visible_to(MemberFactory())) == {attached}
    assert set(Upload.objects.visible_to(None)) == set()
    assert f'src="/f/{attached.pk}/' in thread.posts.get(number=1).html


def test_nobody_attaches_the_file_of_another():
    waiting = Upload.objects.create(
        owner=MemberFactory(), kind="picture", name="الف.webp", size=1, content_type="image/webp"
    )

    thread = services.start_thread(
        author=MemberFactory(), area=AreaFactory(), title="عکس دیگری", body=f"![x](upload:{waiting.pk})", token=token()
    )

    waiting.refresh_from_db()
    assert waiting.post is None
    assert "upload" not in thread.posts.get(number=1).html
    assert "<img" not in thread.posts.get(number=1).html
