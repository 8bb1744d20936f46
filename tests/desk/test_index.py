"""The first page of the desk: what waits, questions without a reply with who may know the answer, figures."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from community import services, waiting
from community.exceptions import AskedOftenError, CommunityError, NotAllowedError, NotVisibleError
from community.figures import Share, count_figures
from community.models import AuditEntry, CallForHelp, CommunityProfile, Flag, Level, Policy, Post, Thread
from community.models.policy import policy
from portal.accounts.models import AudienceMembership
from portal.core import outbox
from portal.desk.health import rows_of
from portal.notifications.models import Notification
from tests.factories.accounts import UserFactory
from tests.factories.catalog import ProductFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, TagFactory, ThreadFactory, moderator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.figures",
        "community.waiting",
        "community.models.calling",
        "community.services.calling",
        "portal.desk.queries",
    ),
]

NOW = timezone.now()


@pytest.fixture
def desk(client, settings):
    """A client signed in as a moderator; `desk.moderator` is the person."""
    settings.STAFF_SECOND_FACTOR = False
    client.moderator = moderator()
    client.force_login(client.moderator)
    return client


def ago(**time: float) -> dt.datetime:
    return NOW - dt.timedelta(**time)


def question(*, when: dt.datetime | None = None, **values) -> Thread:
    """A question asked at that time."""
    thread = ThreadFactory(**values)
    if when is not None:
        Thread.objects.filter(pk=thread.pk).update(created_at=when, last_post_at=when)
        Post.objects.filter(thread=thread).update(created_at=when, published_at=when)
    return Thread.objects.get(pk=thread.pk)


def answer(thread: Thread, *, by=None, after: dt.timedelta = dt.timedelta(hours=1), accepted: bool = False) -> Post:
    """A reply so long after the question."""
    post = PostFactory(thread=thread, author=by or MemberFactory())
    when = thread.created_at + after
    Post.objects.filter(pk=post.pk).update(created_at=when, published_at=when)
    if accepted:
        solution = services.accept_solution(post=post, by=thread.author)
        type(solution).objects.filter(pk=solution.pk).update(accepted_at=when)
        Thread.objects.filter(pk=thread.pk).update(solved_at=when)
    return post


def helper(*, area=None, tags=(), products=(), answers: int = 1, seen: dt.date | None = None, **values):
    """A member with accepted answers about something, who was here lately."""
    person = MemberFactory(**values)
    for _each in range(answers):
        thread = ThreadFactory(**({"area": area} if area else {}), tags=tags, products=products)
        services.accept_solution(post=PostFactory(thread=thread, author=person), by=thread.author)
    CommunityProfile.objects.filter(pk=person.pk).update(last_seen_on=seen or timezone.localdate())
    return person


def waiting_for(thread: Thread, user=None) -> waiting.Waiting:
    (found,) = (each for each in waiting.questions_waiting(user or moderator()).questions if each.thread == thread)
    return found


# Who may see it ------------------------------------------------------------------------------------------------------


def test_only_moderators_with_a_second_factor_find_it(client, settings):
    url = reverse("desk:index")
    assert client.get(url).url.partition("?")[0] == reverse("account_login")

    client.force_login(MemberFactory(level=Level.ADVOCATE))
    assert client.get(url).status_code == 404
    assert client.post(reverse("desk:call", args=[ThreadFactory().pk]), {"helper": "1"}).status_code == 404

    client.force_login(moderator())
    settings.STAFF_SECOND_FACTOR = True
    assert client.get(url).url == reverse("accounts:second_factor")


@pytest.mark.parametrize("count", [1, 4])
def test_it_costs_the_same_however_much_there_is(desk, count, django_assert_max_num_queries):
    area, tag, product = AreaFactory(), TagFactory(), ProductFactory()
    for _each in range(count):
        helper(area=area, tags=[tag], products=[product])
        question(area=area, tags=[tag], products=[product])
        PostFactory(held=True)
    desk.get(reverse("desk:index"))

    with django_assert_max_num_queries(24):
        page = desk.get(reverse("desk:index")).text

    assert page.count('name="helper"') >= count


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=1_", "?after=99999999999999999_1", "?area=no&product=no&language=no"]
)
def test_invented_addresses_show_the_page(desk, query):
    assert desk.get(reverse("desk:index") + query).status_code == 200


# What waits ----------------------------------------------------------------------------------------------------------


def test_what_waits_is_counted_by_reason_first_posts_first(desk):
    newcomer = MemberFactory(level=Level.NEW)
    services.start_thread(author=newcomer, area=AreaFactory(), title="سلام به همه", body="تازه آمده‌ام", token="a")
    PostFactory(held=True, author=question().author)  # has written before
    for post in PostFactory.create_batch(2):
        services.flag_post(post=post, user=MemberFactory(), reason="spam")
    services.appeal(post=(hidden := PostFactory(hidden=True)), author=hidden.author, text="نه")

    page = desk.get(reverse("desk:index")).text

    heaps = re.findall(r'reason=(\w+)">([^<]+)</a>.*?desk__number">([^<]+)<', page, re.DOTALL)
    assert [(reason, count) for reason, _label, count in heaps] == [
        ("first", "۱"), ("held", "۲"), ("flags", "۲"), ("appeals", "۱"),
    ]  # fmt: skip
    first = desk.get(reverse("desk:queue"), {"reason": "first"}).text
    assert first.count("data-queue-item") == 1
    assert "سلام به همه" in first


def test_nothing_is_counted_of_what_the_reader_may_not_see(desk):
    PostFactory(held=True, thread=question(area=AreaFactory(audience="partner")))
    assert "reason=held" in desk.get(reverse("desk:index")).text  # staff see everything

    assert waiting.questions_waiting(UserFactory()).questions == []
    assert waiting.count_late(UserFactory()) == (0, 0)


# Questions without a reply -------------------------------------------------------------------------------------------


def test_who_waits_longest_comes_first_and_too_long_is_marked(desk):
    Policy(first_reply_hours=5).save()
    late, fresh = question(when=ago(hours=6)), question(when=ago(hours=4))
    answered = question(when=ago(hours=9))
    answer(answered)

    found = waiting.questions_waiting(desk.moderator).questions

    assert policy().first_reply_hours == 5
    assert [(each.thread, each.is_late) for each in found] == [(late, True), (fresh, False)]
    assert waiting.count_late(desk.moderator) == (2, 1)
    page = desk.get(reverse("desk:index")).text
    assert page.count("زیادی منتظر مانده") == 1


def test_questions_are_filtered_by_area_product_and_language(desk):
    area, product = AreaFactory(), ProductFactory()
    question(title="پرسش نخست", area=area)
    question(title="پرسش دوم", products=[product])
    question(title="The third question", body="The light of my router is red since yesterday. What can I do?")

    def titles(**query):
        page = desk.get(reverse("desk:index"), query).text
        return {title for title in ("پرسش نخست", "پرسش دوم", "The third question") if title in page}

    assert titles(area=area.slug) == {"پرسش نخست"}
    assert titles(product=product.code) == {"پرسش دوم"}
    assert titles(language="en") == {"The third question"}
    assert len(titles()) == 3
    assert "از آنچه برگزیدید" in desk.get(reverse("desk:index"), {"area": area.slug, "language": "en"}).text


def test_the_list_continues_where_its_first_page_ends(desk, monkeypatch):
    monkeypatch.setattr("community.waiting.ROWS", 2)
    asked = [question(when=ago(hours=9 - each // 2)) for each in range(5)]  # two of them at once
    seen, url = [], reverse("desk:index")
    while url:
        page = desk.get(url).text
        seen += [int(pk) for pk in re.findall(r'href="[^"]*/t/(\d+)/[^"]*"\s+dir', page)]
        found = re.search(r'rel="next" href="([^"#]+)', page)
        url = reverse("desk:index") + found[1] if found else ""

    assert seen == [thread.pk for thread in asked]


# Who may know --------------------------------------------------------------------------------------------------------


def test_those_are_suggested_who_answered_about_the_same_and_it_is_said_why():
    area, tag, product = AreaFactory(), TagFactory(name="مودم"), ProductFactory()
    by_area, by_tag, by_product = helper(area=area), helper(tags=[tag]), helper(products=[product], answers=2)
    helper(area=AreaFactory())
    thread = question(area=area, tags=[tag], products=[product])

    helpers = waiting_for(thread).helpers

    assert [each.user_id for each in helpers] == [by_product.pk, by_tag.pk, by_area.pk]
    assert [each.because for each in helpers][:2] == [
        f"۲ پاسخ پذیرفته: \u2068{product}\u2069",
        "۱ پاسخ پذیرفته: \u2068مودم\u2069",
    ]


@pytest.mark.parametrize(
    "why", ["asks", "away", "silenced", "suspended", "gone", "staff", "revoked", "other language", "may not see it"]
)
def test_nobody_is_suggested_who_cannot_help(why):
    area = AreaFactory(audience="partner" if why == "may not see it" else "public")
    person = helper(area=area, seen=timezone.localdate() - dt.timedelta(days=15) if why == "away" else None)
    profile = CommunityProfile.objects.filter(pk=person.pk)
    thread = question(area=area, **({"author": person} if why == "asks" else {}))
    if why in {"silenced", "suspended"}:
        profile.update(**{f"{why}_until": timezone.now() + dt.timedelta(days=1)})
    elif why == "gone":
        type(person).objects.filter(pk=person.pk).update(is_active=False)
    elif why == "staff":
        type(person).objects.filter(pk=person.pk).update(is_staff=True)
    elif why == "revoked":
        services.revoke_solution(post=person.posts.get(number=2), by=moderator())
    elif why == "other language":
        Thread.objects.filter(pk=thread.pk).update(language="en")

    assert waiting_for(thread).helpers == []


def test_partners_are_suggested_for_questions_of_partners():
    area = AreaFactory(audience="partner")
    person = helper(area=area)
    AudienceMembership.objects.create(user=person, key="partner")

    assert [each.user_id for each in waiting_for(question(area=area)).helpers] == [person.pk]


def test_questions_of_a_page_are_shared_between_those_who_fit_as_well():
    area = AreaFactory()
    people = {helper(area=area).pk for _each in range(6)}
    first, second = question(area=area, when=ago(hours=2)), question(area=area, when=ago(hours=1))

    suggested = [[each.user_id for each in waiting_for(thread).helpers] for thread in (first, second)]

    assert set(suggested[0]) | set(suggested[1]) == people


def test_who_was_asked_least_comes_first_and_nobody_is_asked_more_than_twice_a_week():
    area, by = AreaFactory(), moderator()
    often, once, never = (helper(area=area, answers=3 - each) for each in range(3))
    for _each in range(2):
        services.call_for_help(thread=question(area=area), helper=often, by=by)
    services.call_for_help(thread=question(area=area), helper=once, by=by)
    thread = question(area=area, when=ago(days=9))

    assert [each.user_id for each in waiting_for(thread).helpers] == [never.pk, once.pk]
    with pytest.raises(AskedOftenError):
        services.call_for_help(thread=thread, helper=often, by=by)

    CallForHelp.objects.filter(helper=often).update(asked_at=ago(days=8))
    assert services.call_for_help(thread=thread, helper=often, by=by).helper == often


# Asking them ---------------------------------------------------------------------------------------------------------


def test_a_member_is_asked_told_and_it_is_recorded(desk):
    area = AreaFactory()
    person, thread = helper(area=area, handle="دانا"), question(area=area, title="چراغ قرمز است")
    url = reverse("desk:call", args=[thread.pk])
    outbox.drain()
    Notification.objects.all().delete()

    for _twice in range(2):
        response = desk.post(url, {"helper": person.pk, "shown": f"area={area.slug}&evil=1"}, follow=True)
        outbox.drain()

    assert "\u2068دانا\u2069 خواسته شد" in response.text
    assert response.redirect_chain[0][0] == f"{reverse('desk:index')}?area={area.slug}#waiting"
    assert "خواسته شده از:" in response.text
    assert 'name="helper"' not in response.text
    (told,) = Notification.objects.all()
    assert (told.person, told.kind) == (person, "community.asked_for_help")
    entry = AuditEntry.objects.get(action="helper.asked")
    assert (entry.actor, entry.member, entry.thread) == (desk.moderator, person, thread)
    assert "درخواست یاری از عضو" in desk.get(reverse("desk:log")).text
    desk.force_login(person)
    news = desk.get(reverse("notifications:list")).text
    assert "می‌توانید به «\u2068چراغ قرمز است\u2069» پاسخ دهید؟" in news
    assert [kind for kind, _values in services.export_of(person)].count("call for help") == 1


def test_nobody_is_told_of_what_was_answered_by_then(client):
    area = AreaFactory()
    person, thread = helper(area=area), question(area=area)
    services.call_for_help(thread=thread, helper=person, by=moderator())
    outbox.drain()
    client.force_login(person)
    assert "می‌توانید به" in client.get(reverse("notifications:list")).text

    answer(thread)

    assert "می‌توانید به" not in client.get(reverse("notifications:list")).text


@pytest.mark.parametrize(
    ("why", "error"),
    [
        ("hidden", NotVisibleError),
        ("private", NotVisibleError),
        ("solved", NotAllowedError),
        ("locked", NotAllowedError),
        ("answered", NotAllowedError),
        ("own", NotAllowedError),
        ("no answers", NotAllowedError),
        ("silenced", NotAllowedError),
        ("idea", NotAllowedError),
    ],
)
def test_what_rules_out_asking(why, error):
    by, person = moderator(), MemberFactory() if why == "no answers" else helper()
    thread = question(
        **({"author": person} if why == "own" else {}),
        area=AreaFactory(audience="partner" if why == "private" else "public", ideas=why == "idea"),
    )
    if why == "hidden":
        services.hide_post(post=thread.posts.get(number=1), by=by, reason="spam")
    elif why == "solved":
        answer(thread, accepted=True)
    elif why == "answered":
        answer(thread)
    elif why == "locked":
        services.lock(thread=thread, by=by)
    elif why == "silenced":
        services.silence_member(user=person, by=by, until=timezone.now() + dt.timedelta(days=1), note="x")

    with pytest.raises(error):
        services.call_for_help(thread=thread, helper=person, by=by)
    assert not CallForHelp.objects.exists()
    assert issubclass(error, CommunityError)


@pytest.mark.parametrize("typed", ["", "x", "0", str(2**70)])
def test_invented_helpers_are_not_found(desk, typed):
    assert desk.post(reverse("desk:call", args=[question().pk]), {"helper": typed}).status_code == 404


# Figures -------------------------------------------------------------------------------------------------------------


def test_questions_are_measured_once_they_have_had_the_time():
    fresh = question(when=ago(hours=2))
    quick, slow, never = (question(when=ago(days=10)) for _each in range(3))
    answer(quick, after=dt.timedelta(hours=3), accepted=True)
    answer(slow, after=dt.timedelta(days=3))
    services.post_reply(author=never.author, thread=never, body="کسی نیست؟", token="own")
    question(when=ago(days=45))
    question(when=ago(days=10), hidden=True)

    found = count_figures(moderator(), NOW)

    assert fresh.reply_count == 0
    assert (found.now.questions, found.before.questions) == (4, 1)
    assert found.now.answered_in_a_day == Share(1, 3)
    assert found.now.solved == Share(1, 3)
    assert found.now.never_answered == Share(1, 3)
    assert (found.before.solved, found.before.never_answered) == (Share(0, 1), Share(1, 1))


def test_questions_nobody_answered_count_in_the_median():
    for hours in (1, 2, 3, 4, 5, 6):
        answer(question(when=ago(days=5)), after=dt.timedelta(hours=hours))
    for _each in range(5):
        question(when=ago(days=5))

    assert count_figures(moderator(), NOW).now.median_first_reply == dt.timedelta(hours=6)
    question(when=ago(days=5))
    question(when=ago(days=5))
    assert count_figures(moderator(), NOW).now.median_first_reply is None


def test_new_people_count_once_and_come_back_on_another_day():
    old, back, gone = MemberFactory(), MemberFactory(), MemberFactory()
    question(author=old, when=ago(days=200))
    for person, days in ((old, 20), (back, 20), (back, 17), (gone, 20), (gone, 20)):
        question(author=person, when=ago(days=days))
    question(author=MemberFactory(), when=ago(days=3))

    found = count_figures(moderator(), NOW).now

    assert (found.new_people, found.came_back) == (3, Share(1, 2))


def test_helpers_are_people_who_replied_to_questions_of_others():
    kind, asker = MemberFactory(), MemberFactory()
    for _each in range(2):
        answer(question(author=asker, when=ago(days=4)), by=kind)
    answer(question(author=asker, when=ago(days=4)), by=asker)
    answer(question(author=kind, when=ago(days=40)), by=asker)

    found = count_figures(moderator(), NOW)

    assert (found.now.helpers, found.before.helpers) == (1, 1)


def test_who_asked_and_then_helped_is_counted_within_90_days():
    soon, late, never = MemberFactory(), MemberFactory(), MemberFactory()
    for person in (soon, late, never):
        question(author=person, when=ago(days=110))
        question(author=person, when=ago(days=105))
    answer(question(when=ago(days=50)), by=soon, accepted=True)
    answer(question(when=ago(days=5)), by=late, accepted=True)
    answer(question(when=ago(days=50)), by=never)

    assert count_figures(moderator(), NOW).now.paid_forward == Share(1, 3)


def test_flags_are_counted_when_they_are_judged():
    for outcome, count in ((Flag.Outcome.AGREED, 3), (Flag.Outcome.DISAGREED, 1), (Flag.Outcome.IGNORED, 2)):
        for _each in range(count):
            flag = services.flag_post(post=PostFactory(), user=MemberFactory(), reason="spam")
            Flag.objects.filter(pk=flag.pk).update(outcome=outcome, judged_at=ago(days=40))

    found = count_figures(moderator(), NOW)

    assert (found.now.flags_agreed, found.before.flags_agreed) == (Share(0, 0), Share(3, 4))


@pytest.mark.parametrize("count", [1, 3])
def test_figures_cost_the_same_however_much_there_is(count, django_assert_num_queries):
    for _each in range(count):
        answer(question(when=ago(days=110)), accepted=True)
        answer(question(when=ago(days=4)), accepted=True)
    reader = moderator()
    count_figures(reader, NOW)  # what is known of the reader is kept

    with django_assert_num_queries(5):
        count_figures(reader, NOW)


def test_figures_are_about_what_the_reader_may_see():
    answer(question(when=ago(days=4), area=AreaFactory(audience="partner")))

    assert count_figures(moderator(), NOW).now.helpers == 1
    outside = count_figures(MemberFactory(), NOW).now
    assert (outside.questions, outside.helpers, outside.new_people) == (0, 0, 0)


def test_few_are_no_share_and_names_are_not_told(desk):
    person = MemberFactory(handle="بی‌نام‌ونشان")
    for _each in range(9):
        answer(question(when=ago(days=10)), by=person)
    page = desk.get(reverse("desk:index")).text
    assert page.count("کمتر از آن که چیزی بگوید") >= 6
    assert person.handle not in page

    answer(question(when=ago(days=10)), by=person)
    rows = {row.label: row for row in rows_of(count_figures(desk.moderator, NOW))}
    row = rows["پاسخ در ۲۴ ساعت"]
    assert (row.now, row.part, row.before, row.trend) == ("۱۰۰٪", "۱۰ از ۱۰", "کمتر از آن که چیزی بگوید", "")
    assert rows["زمان تا نخستین پاسخ"].now == "۶۰ دقیقه"


def test_what_reads_the_same_is_neither_better_nor_worse():
    for days, extra in ((10, 0), (45, 20)):
        for _each in range(10):
            answer(question(when=ago(days=days)), after=dt.timedelta(hours=3, minutes=extra))

    rows = {row.label: row for row in rows_of(count_figures(moderator(), NOW))}

    row = rows["زمان تا نخستین پاسخ"]
    assert (row.now, row.before, row.trend) == ("۳ ساعت", "۳ ساعت", "")
