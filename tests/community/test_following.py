"""Following areas, tags and members: the buttons, who may, and who hears of a new thread."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from community import services
from portal.core.outbox import drain
from portal.notifications.models import Notification
from portal.notifications.queries import is_following
from tests.factories.catalog import ProductFactory
from tests.factories.community import (
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
    token,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    person = MemberFactory()
    client.force_login(person)
    return person


def follow(client, kind, key, on="1"):
    return client.post(reverse("community:follow_place", args=[kind, key]), {"on": on})


@pytest.mark.parametrize("kind", ["area", "tag", "product", "person"])
def test_the_page_offers_to_follow_and_to_stop(client, reader, kind):
    author = MemberFactory(handle="مریم_گیلان")
    thread = ThreadFactory(author=author)
    tag = TagFactory(name="قطعی")
    thread.tags.add(tag)
    product = ProductFactory(code="x2")
    thread.products.add(product)
    key, target, page = {
        "area": (thread.area.slug, f"community.area:{thread.area_id}", thread.area.get_absolute_url()),
        "tag": (tag.slug, f"community.tag:{tag.pk}", reverse("community:tag", args=[tag.slug])),
        "product": ("x2", f"community.product:{product.pk}", reverse("community:product", args=["x2"])),
        "person": (author.handle, f"person:{author.pk}", reverse("community:person", args=[author.handle])),
    }[kind]
    address = reverse("community:follow_place", args=[kind, key])
    assert address in client.get(page).text

    assert follow(client, kind, key).headers["Location"] == page
    assert is_following(reader.pk, target)
    assert 'aria-pressed="true"' in client.get(page).text
    follow(client, kind, key, on="0")

    assert not is_following(reader.pk, target)
    client.logout()
    assert address not in client.get(page).text


def test_what_one_may_not_see_or_is_oneself_cannot_be_followed(client, reader):
    private = AreaFactory(audience="partner")

    assert follow(client, "area", private.slug).status_code == 404
    assert follow(client, "person", reader.handle).status_code == 404
    assert follow(client, "person", "nobody").status_code == 404
    assert follow(client, "tag", "nothing").status_code == 404
    assert follow(client, "product", "x2").status_code == 404


def test_a_visitor_signs_in_and_comes_to_the_page(client):
    area = AreaFactory()
    address = reverse("community:follow_place", args=["area", area.slug])
    assert client.get(address).headers["Location"].startswith("/fa/accounts/login/")
    client.force_login(MemberFactory())

    assert client.get(address).headers["Location"] == area.get_absolute_url()


def test_a_suspended_member_cannot_follow(client, reader):
    area = AreaFactory()
    services.suspend_member(user=reader, by=moderator(), until=timezone.now() + dt.timedelta(days=1))

    assert follow(client, "area", area.slug).status_code == 403
    assert reverse("community:follow_place", args=["area", area.slug]) not in client.get(area.get_absolute_url()).text


@pytest.mark.parametrize(
    "kinds", [("tag",), ("area",), ("product",), ("person",), ("tag", "area", "product", "person")]
)
def test_who_follows_hears_of_a_new_thread_once(client, reader, kinds, after_commit):
    author, area, tag = MemberFactory(handle="nima"), AreaFactory(), TagFactory(name="قطعی")
    product = ProductFactory(code="x2")
    PostFactory(author=author)
    keys = {"tag": tag.slug, "area": area.slug, "product": product.code, "person": author.handle}
    for kind in kinds:
        follow(client, kind, keys[kind])

    with after_commit():
        services.start_thread(
            author=author,
            area=area,
            title="اینترنت قطع شد",
            body="از صبح قطع است.",
            token=token(),
            tags=[tag],
            products=[product],
        )
    drain()

    assert Notification.objects.filter(person=reader).count() == 1


def test_news_of_a_private_area_do_not_reach_who_may_not_read_it(client, reader, after_commit):
    tag, private, product = TagFactory(name="قطعی"), AreaFactory(audience="partner"), ProductFactory(code="x2")
    follow(client, "tag", tag.slug)
    follow(client, "product", product.code)

    with after_commit():
        services.start_thread(
            author=moderator(),
            area=private,
            title="فقط همکاران",
            body="متن پنهان",
            token=token(),
            tags=[tag],
            products=[product],
        )
    drain()

    assert "فقط همکاران" not in client.get(reverse("notifications:list")).text


def test_who_is_named_and_follows_the_product_hears_of_the_mention_only(client, reader, after_commit):
    product = ProductFactory(code="x2")
    follow(client, "product", product.code)

    with after_commit():
        services.start_thread(
            author=MemberFactory(),
            area=AreaFactory(),
            title="اینترنت قطع شد",
            body=f"@{reader.handle} این را دیده‌اید؟",
            token=token(),
            products=[product],
        )
    drain()

    assert list(Notification.objects.filter(person=reader).values_list("kind", flat=True)) == ["community.mention"]


def test_the_page_of_a_product_lists_its_threads_that_the_reader_may_see(client):
    product = ProductFactory(code="x2")
    for title, area in (("همگانی", AreaFactory()), ("زمردنشان", AreaFactory(audience="partner"))):
        ThreadFactory(title=title, area=area).products.add(product)
    ThreadFactory(title="چیز دیگر")
    url = reverse("community:product", args=["x2"])

    text = client.get(url).text

    assert [title in text for title in ("همگانی", "زمردنشان", "چیز دیگر")] == [True, False, False]
    assert client.get(reverse("community:product", args=["none"])).status_code == 404
    assert "noindex" in client.get(reverse("community:product", args=[ProductFactory(code="x3").code])).text


def test_the_chip_of_a_product_leads_to_its_threads(client):
    thread = ThreadFactory()
    thread.products.add(ProductFactory(code="x2"))

    assert f'href="{reverse("community:product", args=["x2"])}"' in client.get(thread.get_absolute_url()).text
