"""Many people at once, with real threads and commits, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from community import services
from community.events import SolutionAccepted
from community.exceptions import CommunityError, EditConflictError, NoVotesLeftError
from community.models import (
    Area,
    CommunityProfile,
    Draft,
    MeToo,
    Policy,
    Post,
    Solution,
    Thread,
    ThreadRead,
    Vote,
)
from community.reconcile import find_drift
from portal.accounts.models import User
from portal.core.events import handler_name, subscribed
from portal.core.models import OutboxMessage
from portal.notifications.models import Follow
from portal.notifications.services import follow
from tests.community.notices import target
from tests.community.storm import acts_on
from tests.factories.community import (
    ANSWER,
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
    token,
)
from tests.processes import start_module

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.both_databases(
        "community.services.counting",
        "community.services.helping",
        "community.services.ideas",
        "community.services.moderating",
        "community.services.reading",
        "community.services.solutions",
        "community.services.threads",
        "community.services.writing",
    ),
]

WORKERS = 16


def at_once(tasks, workers=WORKERS):
    """Run the tasks in threads that start together; return the errors they raised."""
    tasks = list(tasks)
    start = threading.Barrier(min(workers, len(tasks)))

    def run(some):
        errors = []
        start.wait()
        for task in some:
            try:
                task()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                errors.append(error)
        connections.close_all()
        return errors

    count = min(workers, len(tasks))
    with ThreadPoolExecutor(count) as pool:
        return [error for errors in pool.map(run, [tasks[one::count] for one in range(count)]) for error in errors]


def members(count):
    """Many members, made cheaply."""
    known = User.objects.count()
    users = User.objects.bulk_create(
        [
            User(email=f"m{known + n}@example.com", handle=f"m{known + n}", handle_key=f"m{known + n}")
            for n in range(count)
        ]
    )
    CommunityProfile.objects.bulk_create([CommunityProfile(user=user, level=1, days_seen=1) for user in users])
    return users


def nothing_given(_event):
    """A handler that is never called here."""


@pytest.mark.slow
def test_two_hundred_votes_me_toos_and_follows_at_once_are_exact():
    post = PostFactory()
    thread = post.thread
    people = members(200)
    tasks = [lambda user=user: services.vote_helpful(post=post, user=user) for user in people]
    tasks += [lambda user=user: services.say_me_too(thread=thread, user=user) for user in people]
    tasks += [lambda user=user: follow(person_id=user.pk, target=target(thread)) for user in people]

    errors = at_once([*tasks, *tasks[::5]])  # some of them twice

    assert errors == []
    post.refresh_from_db()
    thread.refresh_from_db()
    assert (post.helpful_count, thread.helpful_count, thread.me_too_count) == (200, 200, 200)
    assert (Vote.objects.count(), MeToo.objects.count()) == (200, 200)
    assert set(Follow.objects.filter(target=target(thread)).values_list("person", flat=True)) >= {
        person.pk for person in people
    }
    assert CommunityProfile.objects.get(pk=post.author_id).helpful_count == 200
    assert list(find_drift()) == []


def test_two_hundred_acceptances_of_one_answer_at_once_are_one():
    post = PostFactory()

    with subscribed(SolutionAccepted, nothing_given):
        errors = at_once([lambda: services.accept_solution(post=post, by=post.thread.author)] * 200)

    assert errors == []
    assert Solution.objects.count() == 1
    assert OutboxMessage.objects.filter(handler=handler_name(nothing_given)).count() == 1
    assert CommunityProfile.objects.get(pk=post.author_id).solution_count == 1


def test_form_sent_many_times_at_once_makes_one_post():
    author, thread, area = MemberFactory(), ThreadFactory(), AreaFactory()
    once, again = token(), token()
    made = []

    def reply():
        made.append(("post", services.post_reply(author=author, thread=thread, body=ANSWER, token=once).pk))

    def start(area):
        thread = services.start_thread(author=author, area=area, title="یک پرسش", body=ANSWER, token=again)
        made.append(("thread", thread.pk))

    elsewhere = AreaFactory()
    errors = at_once([*[reply] * 10, *[lambda: start(area), lambda: start(elsewhere)] * 6])

    assert errors == []
    assert len(made) == 22
    assert len(set(made)) == 2
    assert Post.objects.filter(author=author).count() == 2
    assert sum(Area.objects.values_list("thread_count", flat=True)) == 2
    assert list(find_drift()) == []


def test_numbers_of_replies_at_once_have_no_gaps():
    thread, people = ThreadFactory(), members(16)

    errors = at_once(
        lambda user=user: services.post_reply(author=user, thread=thread, body=ANSWER, token=token())
        for user in people * 4
    )

    assert errors == []
    thread.refresh_from_db()
    assert list(thread.posts.order_by("number").values_list("number", flat=True)) == list(range(1, 66))
    assert (thread.highest_number, thread.reply_count) == (65, 64)


def test_one_of_two_editors_at_once_gets_both_texts():
    post, by = PostFactory(), moderator()
    author = post.author

    errors = at_once(
        [
            lambda: services.edit_post(post=post, editor=author, body="متن نویسنده", version=1),
            lambda: services.edit_post(post=post, editor=by, body="متن مدیر", version=1),
        ]
    )

    [error] = errors
    assert isinstance(error, EditConflictError)
    assert {error.body, error.stored_body} == {"متن نویسنده", "متن مدیر"}
    post.refresh_from_db()
    assert (post.body, post.version) == (error.stored_body, 2)


def test_what_one_person_does_many_times_at_once_is_done_once():
    """One test for ideas, polls, reading and drafts: on PostgreSQL emptying the tables takes longer than the test."""
    Policy(idea_votes=3).save()
    person = MemberFactory()
    ideas = ThreadFactory.create_batch(6, area=AreaFactory(ideas=True))
    poll = services.NewPoll(question="کدام؟", options=["یک", "دو", "سه"])
    thread = services.start_thread(
        author=MemberFactory(), area=AreaFactory(discussions=True), title="رأی", body="کدام؟", token=token(), poll=poll
    )
    options = list(thread.poll.options.all())
    tasks = [lambda idea=idea: services.vote_idea(thread=idea, user=person) for idea in ideas]
    tasks += [
        lambda option=option: services.vote_in_poll(poll=thread.poll, user=person, option_ids=[option.pk])
        for option in options * 3
    ]
    tasks += [
        lambda number=number: services.mark_read(user=person, thread=thread, number=number)
        for number in (7, 3, 20, 11, 19, 2, 20, 5)
    ]
    tasks += [lambda: services.save_draft(user=person, place="new", body="متن")] * 6

    errors = at_once(tasks)

    assert [type(error) for error in errors] == [NoVotesLeftError] * 3
    assert services.votes_left(user=person) == 0
    assert sum(option.vote_count for option in thread.poll.options.all()) == 1
    assert ThreadRead.objects.get(user=person).last_read_number == 20
    assert Draft.objects.count() == 1
    assert list(find_drift()) == []


def test_thread_started_while_its_area_closes_is_closed_too():
    area, people = AreaFactory(), members(8)

    def close():
        row = Area.objects.get(pk=area.pk)
        row.audience = "staff"
        row.save()

    errors = at_once(
        [
            close,
            *[
                lambda user=user: services.start_thread(
                    author=user, area=area, title="پرسش تازه", body=ANSWER, token=token()
                )
                for user in people
            ],
        ]
    )

    assert errors == []
    assert set(Thread.objects.values_list("audience", flat=True)) == {"staff"}


class KilledError(Exception):
    pass


def dying(act):
    """Do something and die before it is committed."""
    with transaction.atomic():
        act()
        raise KilledError


def village():
    """Few rows that many act on: a moderator, members, areas, a tag and threads with a reply each."""
    by, people, areas, tag = moderator(), members(12), AreaFactory.create_batch(2), TagFactory()
    threads = [ThreadFactory(area=areas[n % 2], tags=[tag]) for n in range(4)]
    for thread in threads:
        services.post_reply(author=people[0], thread=thread, body=ANSWER, token=token())
    return by, people, areas, tag, threads


@pytest.mark.slow
def test_after_a_storm_nothing_drifts_and_nothing_waits_for_ever():
    """Everything at once on few rows; a third of the acts are undone after they changed rows."""
    by, people, areas, tag, threads = village()
    seed = random.randrange(10**6)  # noqa: S311 - no secret
    done = []

    def storm(number):
        chance = random.Random(seed + number)  # noqa: S311 - no secret
        for _ in range(14):
            thread = chance.choice(threads)
            post = chance.choice(list(Post.objects.filter(thread=thread)) or list(Post.objects.all()))
            act = chance.choice(
                acts_on(chance, thread=thread, post=post, user=chance.choice(people), by=by, areas=areas, tag=tag)
            )
            try:
                if chance.random() < 0.3:
                    dying(act)
                act()
                done.append(act)
            except (CommunityError, KilledError):
                pass

    errors = at_once([lambda number=number: storm(number) for number in range(8)], workers=8)
    errors += at_once(
        [
            lambda: services.merge_threads(thread=threads[0], into=threads[1], by=by),
            lambda: services.merge_threads(thread=threads[1], into=threads[0], by=by),
        ]
    )

    assert [error for error in errors if not isinstance(error, CommunityError)] == [], f"seed {seed}"
    assert len(done) > 20
    assert list(find_drift()) == [], f"seed {seed}"


@pytest.mark.slow
def test_nothing_drifts_when_processes_are_killed_in_the_middle_of_what_they_do():
    """SIGKILL, not an exception: nothing of the process has a chance to tidy up."""
    village()
    before = Post.objects.count()
    seed = random.randrange(10**6)  # noqa: S311 - no secret
    process = start_module("tests.community.storm", seed, 15)

    out, err = process.communicate(timeout=120)

    assert (process.returncode, err) == (0, ""), f"seed {seed}: {out}"
    assert int(out) >= 15 * 4
    assert Post.objects.count() > before
    assert list(find_drift()) == [], f"seed {seed}"
