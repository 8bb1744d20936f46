"""“What I follow”: everything is listed, only what one may see has a name, and stopping can be taken back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from community import services
from portal.notifications.models import Follow
from portal.notifications.queries import is_following
from portal.notifications.services import follow, mute
from tests.factories.catalog import ProductFactory
from tests.factories.community import AreaFactory, MemberFactory, TagFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db

PAGE = "/fa/community/follows/"


@pytest.fixture
def reader(client):
    person = MemberFactory()
    client.force_login(person)
    return person


def everything() -> dict[str, tuple[str, str]]:
    """Return target and name of something of each kind."""
    thread, product = ThreadFactory(title="چراغ آلبالویی"), ProductFactory(code="x2")
    area, tag, person = AreaFactory(), TagFactory(name="قطعی"), MemberFactory(handle="مریم_گیلان")
    return {
        "thread": (f"community.thread:{thread.pk}", thread.title),
        "area": (f"community.area:{area.pk}", str(area.title)),
        "tag": (f"community.tag:{tag.pk}", tag.name),
        "product": (f"community.product:{product.pk}", str(product)),
        "person": (f"person:{person.pk}", person.handle),
    }


def named(text, name) -> bool:
    return f"<bdi>{name}</bdi></a>" in text


def test_all_kinds_are_listed_and_each_can_be_chosen(client, reader):
    places = everything()
    for target, _name in places.values():
        follow(person_id=reader.pk, target=target)

    assert all(named(client.get(PAGE).text, name) for _target, name in places.values())
    for kind in places:
        text = client.get(PAGE, {"kind": kind}).text
        assert [other for other, (_target, name) in places.items() if named(text, name)] == [kind]


def test_a_row_names_its_kind(client, reader):
    target, _name = everything()["thread"]
    follow(person_id=reader.pk, target=target)

    assert "<p>گفت‌وگو ·" in client.get(PAGE).text


@pytest.mark.parametrize("kind", ["thread", "area", "tag", "product", "person"])
def test_one_stops_and_takes_it_back(client, reader, kind):
    target, name = everything()[kind]
    follow(person_id=reader.pk, target=target)

    stopped = client.post(PAGE, {"target": target, "on": "0", "kind": kind})
    text = client.get(stopped.headers["Location"]).text
    assert not is_following(reader.pk, target)
    assert f"«<bdi>{name}</bdi>» را دنبال نمی‌کنید" in text
    client.post(PAGE, {"target": target, "on": "1", "kind": kind})

    assert is_following(reader.pk, target)
    assert "را دنبال نمی‌کنید" not in client.get(stopped.headers["Location"]).text


def test_nothing_yet_says_what_to_do(client, reader):
    text = client.get(PAGE).text

    assert reverse("community:index") in text
    assert "یک عضو را دنبال کنید" in text


def test_what_one_may_not_see_has_no_name_and_can_be_stopped(client, reader):
    thread = ThreadFactory(title="زمردنشان")
    target = f"community.thread:{thread.pk}"
    follow(person_id=reader.pk, target=target)
    services.move_thread(thread=thread, area=AreaFactory(audience="partner"), by=moderator())

    text = client.get(PAGE).text
    assert ("زمردنشان" in text, target in text) == (False, True)
    stopped = client.post(PAGE, {"target": target, "on": "0"})

    assert "زمردنشان" not in client.get(stopped.headers["Location"]).text
    assert client.post(PAGE, {"target": target, "on": "1"}).status_code == 404
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    "target", ["", "thread:1", "community.thread:x", "community.thread:01", "community.thread:٣", "person:0"]
)
def test_a_made_up_target_is_refused(client, reader, target):
    assert client.post(PAGE, {"target": target, "on": "1"}).status_code == 404
    assert client.get(PAGE, {"gone": target, "kind": "nothing", "before": "x"}).status_code == 200
    assert not Follow.objects.exists()


def test_nobody_follows_themselves_or_changes_what_others_follow(client, reader):
    other = MemberFactory()
    target = f"community.area:{AreaFactory().pk}"
    follow(person_id=other.pk, target=target)

    client.post(PAGE, {"target": target, "on": "0"})

    assert is_following(other.pk, target)
    assert client.post(PAGE, {"target": f"person:{reader.pk}", "on": "1"}).status_code == 404
    client.logout()
    assert client.post(PAGE, {"target": target, "on": "0"}).headers["Location"].startswith("/fa/accounts/login/")


def test_what_is_muted_is_not_followed(client, reader):
    thread = ThreadFactory(title="زمردنشان")
    mute(person_id=reader.pk, target=f"community.thread:{thread.pk}")

    assert "زمردنشان" not in client.get(PAGE).text


def test_older_ones_are_on_the_next_page_at_the_same_cost(client, reader):
    counts = []
    for number in (1, 24):
        for _each in range(number):
            follow(person_id=reader.pk, target=f"community.thread:{ThreadFactory().pk}")
        client.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            text = client.get(PAGE, {"kind": "thread"}).text
        counts.append(len(queries))
    oldest = Follow.objects.order_by("-pk")[19].pk

    assert counts[0] == counts[1]
    assert f"?kind=thread&amp;before={oldest}" in text
    assert client.get(PAGE, {"kind": "thread", "before": oldest}).text.count('name="target"') == 5


def test_settings_and_account_lead_there(client, reader):
    assert PAGE in client.get(reverse("notifications:preferences")).text
    assert PAGE in client.get(reverse("accounts:overview")).text
