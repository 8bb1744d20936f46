"""The bell, its page, the settings."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from portal.notifications import queries, services
from portal.notifications.models import Notification, NotificationSetting
from portal.notifications.registry import GROUPS, Group, Mail
from tests.factories.accounts import UserFactory
from tests.factories.notifications import NotificationFactory
from tests.notifications import kinds

pytestmark = pytest.mark.django_db
LIST = "/fa/notifications/"
FORUM = {"kind": "forum.reply", "group": "replies", "subject": "forum.thread:42"}


@pytest.fixture
def reader(client, mina):
    client.force_login(mina)
    return mina


def bell(html: str) -> tuple[str, str]:
    """The name of the bell for screen readers, and its number."""
    link = re.search(r'data-notifications-link\s+aria-label="([^"]*)".*?data-badge[^>]*>([^<]*)<', html, re.DOTALL)
    return link[1], link[2]


# The bell ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "name", "number"), [("fa", "اعلان‌ها: ۲ تازه", "۲"), ("en", "Notifications: 2 new", "2")]
)
def test_the_bell_on_every_page_tells_how_many_are_unread(client, reader, language, name, number):
    NotificationFactory.create_batch(2, person=reader)
    NotificationFactory(person=reader, read_at=timezone.now())
    NotificationFactory(person=reader, web=False)
    NotificationFactory()

    assert bell(client.get(f"/{language}/account/").text) == (name, number)


def test_visitors_have_no_bell_and_their_pages_stay_cacheable(client):
    page = client.get("/fa/search/")

    assert "data-notifications-link" not in page.text
    assert "bell.js" not in page.text
    assert not page.cookies


def test_what_became_private_is_neither_counted_nor_listed(client, reader, forum):
    NotificationFactory(person=reader, **FORUM)
    NotificationFactory(person=reader, **FORUM | {"kind": "gone.kind"})
    before = bell(client.get(LIST).text)[1], forum["42"] in client.get(LIST).text

    forum_title = forum.pop("42")

    after = client.get(LIST).text
    assert before == ("۱", True)
    assert bell(after)[1] == ""
    assert forum_title not in after
    assert forum_title not in client.get(f"{LIST}recent/").text
    assert client.get(f"{LIST}{Notification.objects.filter(kind='forum.reply').get().pk}/").status_code == 404


@pytest.mark.parametrize("method", ["visible_to", "render"])
@pytest.mark.usefixtures("forum")
def test_a_kind_that_fails_takes_no_page_down(client, reader, monkeypatch, caplog, method):
    NotificationFactory(person=reader, **FORUM)
    NotificationFactory(person=reader)
    monkeypatch.setattr(kinds.Reply, method, lambda *_arguments: {}["چیزی محرمانه"])

    html = client.get(LIST).text

    assert "دستگاهی تازه به حساب" in html
    assert "به شما پاسخ داد" not in html
    assert "forum.reply cannot be shown: builtins.KeyError" in caplog.text
    assert "محرمانه" not in caplog.text


def test_more_than_99_are_not_counted(client, reader):
    Notification.objects.bulk_create(NotificationFactory.build_batch(101, person=reader))

    assert bell(client.get("/fa/account/").text)[1] == "۹۹+"


def test_the_count_is_304_while_it_stays_the_same(client, reader):
    NotificationFactory(person=reader)

    first = client.get(f"{LIST}count/")
    same = client.get(f"{LIST}count/", headers={"If-None-Match": first["ETag"]})
    services.mark_all_read(person_id=reader.pk)
    other = client.get(f"{LIST}count/", headers={"If-None-Match": first["ETag"]})

    assert first.json() == {"count": 1, "shown": "۱", "label": "اعلان‌ها: ۱ تازه"}
    assert (same.status_code, same.content) == (304, b"")
    assert first["Cache-Control"] == same["Cache-Control"] == "private, no-cache"
    assert other.json() == {"count": 0, "shown": "", "label": "اعلان‌ها"}


# The page ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("page", [LIST, f"{LIST}recent/"])
def test_lists_cost_the_same_whatever_their_length(client, forum, mina, django_assert_max_num_queries, page, count):  # noqa: PLR0917 - fixtures
    client.force_login(mina)
    for number in range(count):
        forum[str(number)] = f"پرسش {number}"
        NotificationFactory(person=mina, **FORUM | {"subject": f"forum.thread:{number}"}, actor=UserFactory())
    client.get(page)

    with django_assert_max_num_queries(5):  # session, user, unread, private messages, list
        html = client.get(page).text

    assert html.count("به شما پاسخ داد") == count


def test_several_of_one_thread_are_one_entry(client, reader, forum):
    NotificationFactory.create_batch(3, person=reader, **FORUM)
    NotificationFactory(person=reader, **FORUM | {"kind": "forum.mention", "group": "mentions"})
    NotificationFactory.create_batch(2, person=reader)  # security is never folded

    html = client.get(LIST).text

    assert html.count("is-new") == 4
    assert "۳ پاسخ در" in html
    assert html.count("با دستگاهی تازه به حساب شما وارد شدند") == 2


def test_the_bells_list_has_eight_and_the_page_goes_on_from_the_last_row(client, reader):
    Notification.objects.bulk_create(NotificationFactory.build_batch(90, person=reader))

    first = client.get(LIST).text
    seen = re.findall(r"/fa/notifications/(\d+)/", first)
    while more := re.search(r'href="(\?before=\d+)"', first):
        NotificationFactory(person=reader)  # what arrives meanwhile shifts nothing
        first = client.get(f"{LIST}{more[1]}").text
        seen += re.findall(r"/fa/notifications/(\d+)/", first)

    assert client.get(f"{LIST}recent/").text.count("<li") == 8
    assert len(seen) == len(set(seen)) == 90


@pytest.mark.parametrize("before", ["x", "٣", "9" * 40, "-1", ""])
def test_an_invented_page_is_the_first(client, reader, before):
    NotificationFactory(person=reader)

    assert client.get(LIST, {"before": before, "group": "nothing"}).text.count("<li") >= 1


def test_the_filter_shows_one_group(client, reader, forum):
    NotificationFactory(person=reader, **FORUM)
    NotificationFactory(person=reader)

    html = client.get(LIST, {"group": "replies"}).text

    assert "به شما پاسخ داد" in html
    assert "دستگاهی تازه به حساب" not in html


def test_visiting_marks_what_was_said_about_the_subject_and_prefetching_does_not(client, reader, forum):
    rows = NotificationFactory.create_batch(2, person=reader, **FORUM)
    other = NotificationFactory(person=reader)

    client.get(f"{LIST}{rows[1].pk}/", headers={"Sec-Purpose": "prefetch"})
    prefetched = Notification.objects.unread().count()
    response = client.get(f"{LIST}{rows[1].pk}/")

    assert prefetched == 3
    assert response["Location"] == "/fa/t/42/"
    assert list(Notification.objects.unread()) == [other]


def test_nobody_opens_or_reads_for_somebody_else(client, reader):
    other = NotificationFactory()

    assert client.get(f"{LIST}{other.pk}/").status_code == 404
    client.post(f"{LIST}read/")
    assert Notification.objects.unread().get() == other


def test_all_read_marks_what_was_there_when_the_page_was_made(client, reader):
    NotificationFactory(person=reader)
    page = client.get(LIST).text
    late = NotificationFactory(person=reader)

    client.post(f"{LIST}read/", {"up_to": re.search(r'name="up_to" value="(\d+)"', page)[1]})

    assert Notification.objects.unread().get() == late
    assert client.get(f"{LIST}read/").status_code == 405


def test_an_empty_list_says_so(client, reader):
    assert "هنوز خبری نیست" in client.get(LIST).text
    assert "هنوز خبری نیست" in client.get(f"{LIST}recent/").text


# Settings ------------------------------------------------------------------------------------------------------------

SETTINGS = "/fa/account/notifications/"


def test_the_settings_have_a_row_for_each_group_in_use_only(client, reader, forum):
    html = client.get(SETTINGS).text

    rows = re.findall(r'<th scope="row">(.*?)<small>', html)
    in_use = [str(GROUPS[group].label) for group in Group if group is not Group.OFFERS]
    assert rows == in_use
    assert rows[0] == "پاسخ به شما"


def test_a_choice_is_kept_and_ends_mails_that_wait(client, reader, forum):
    waiting = NotificationFactory(person=reader, kind="forum.followed", group="followed", mail="daily")
    data = {"replies-mail": "weekly", "mentions-web": "on", "mentions-mail": "now", "followed-web": "on",
            "followed-mail": "off", "messages-mail": "now", "solution-mail": "now", "thanks-mail": "off", "moderation-mail": "now",
            "reminders-mail": "now", "points-mail": "now", "rewards-mail": "now", "security-web": "on", "security-mail": "now"}  # fmt: skip

    response = client.post(SETTINGS, data)

    choices = queries.all_choices_of(reader.pk)
    waiting.refresh_from_db()
    assert response["Location"] == SETTINGS
    assert choices[Group.REPLIES] == queries.Choice(web=False, mail=Mail.WEEKLY)
    assert choices[Group.FOLLOWED] == queries.Choice(web=True, mail=Mail.OFF)
    assert waiting.mail_at is None
    client.post(SETTINGS, data | {"replies-mail": "now"})
    assert queries.all_choices_of(reader.pk)[Group.REPLIES].mail is Mail.NOW
    assert NotificationSetting.objects.filter(person=reader, group="replies").count() == 1


def test_an_unknown_choice_is_refused(client, reader):
    response = client.post(SETTINGS, {"security-mail": "daily"})

    assert response.status_code == 422
    assert not NotificationSetting.objects.exists()


def test_without_a_confirmed_address_the_settings_say_that_no_mail_comes(client):
    client.force_login(UserFactory(confirmed=False))

    assert "ایمیلی نمی‌فرستیم" in client.get(SETTINGS).text


def test_dates_follow_the_readers_calendar_and_digits(client, reader):
    NotificationFactory(person=reader, occurred_at=dt.datetime(2026, 3, 21, 8, 30, tzinfo=dt.UTC))

    reader.time_zone = "Asia/Tehran"
    reader.save()

    assert "۱ فروردین ۱۴۰۵، ساعت ۱۲:۰۰" in client.get(LIST).text
