"""Managing threads and hiding posts: who may, what becomes of the thread, what is refused."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from community import services
from community.models import AuditEntry, CommunityProfile, Level, Post, Thread, WatchedWord
from tests.factories.catalog import ProductFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, TagFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db

MODERATORS_ACTS = ("lock", "pin", "move", "merge", "split")


@pytest.fixture
def thread():
    return ThreadFactory(title="مودم وصل نمی‌شود")


@pytest.fixture
def staff(client):
    person = moderator()
    client.force_login(person)
    return person


def manage(client, thread, act, **values):
    fields = {f"{act}-{name}": value for name, value in values.items()}
    return client.post(reverse("community:manage", args=[thread.pk]), {"act": act, **fields})


def test_the_page_shows_each_person_what_they_may_do(client, thread):
    author, other, helper = thread.author, MemberFactory(), MemberFactory()
    CommunityProfile.objects.filter(pk=helper.pk).update(level=Level.HELPER)
    PostFactory(thread=thread)
    url = reverse("community:manage", args=[thread.pk])
    seen = {}
    for name, person in {"author": author, "other": other, "helper": helper, "moderator": moderator()}.items():
        client.force_login(person)
        page = client.get(url)
        acts = ("title", "description", *MODERATORS_ACTS)
        seen[name] = [act for act in acts if f'value="{act}"' in page.text] if page.status_code == 200 else []

    assert seen == {
        "author": ["title", "description"],
        "other": [],
        "helper": ["title", "description"],
        "moderator": ["title", "description", *MODERATORS_ACTS],
    }


@pytest.mark.parametrize("act", [*MODERATORS_ACTS, "nonsense", ""])
def test_nobody_else_does_what_moderators_do(client, thread, act):
    client.force_login(thread.author)

    assert manage(client, thread, act, length="1").status_code == 403
    assert not AuditEntry.objects.exists()


def test_a_visitor_is_asked_to_sign_in_and_a_hidden_thread_is_not_found(client, thread):
    url = reverse("community:manage", args=[thread.pk])
    assert client.get(url).status_code == 302
    services.hide_post(post=thread.posts.get(), by=moderator(), reason="spam")
    client.force_login(MemberFactory())

    assert client.get(url).status_code == 404


def test_title_tags_and_devices(client, thread, staff):
    product, tag = ProductFactory(), TagFactory(name="قطعی")

    manage(client, thread, "title", title="مودم X2 وصل نمی‌شود")
    manage(client, thread, "description", tags="قطعی، مودم", products=[product.pk])

    thread = Thread.objects.get()
    assert thread.title == "مودم X2 وصل نمی‌شود"
    assert {str(each) for each in thread.tags.all()} == {"قطعی", "مودم"}
    assert list(thread.products.all()) == [product]
    assert tag in thread.tags.all()
    shown = client.get(reverse("community:manage", args=[thread.pk]), headers={"Accept-Language": "fa"}).text
    assert "قطعی، مودم" in shown
    with override("en"):
        assert 'value="قطعی, مودم"' in client.get(reverse("community:manage", args=[thread.pk])).text


def test_an_error_is_said_beside_its_form_and_keeps_what_was_typed(client, thread, staff):
    page = manage(client, thread, "title", title="x" * 201)

    assert page.status_code == 422
    assert "x" * 201 in page.text
    assert "۲۰۱" in page.text


def test_close_and_open_again(client, thread, staff):
    for _moderator in range(2):  # the second one had the page open before
        manage(client, thread, "lock", note="دعوا", closes="True")
    assert Thread.objects.get().is_locked
    assert AuditEntry.objects.get(action="thread.locked").note == "دعوا"

    manage(client, thread, "lock", closes="False")
    assert not Thread.objects.get().is_locked


@pytest.mark.parametrize("locked", [True, False])
def test_the_form_says_what_is_wanted(client, thread, staff, locked):
    Thread.objects.update(is_locked=locked)

    page = client.get(reverse("community:manage", args=[thread.pk])).text

    assert f'name="lock-closes" value="{not locked}"' in page


@pytest.mark.parametrize(
    ("act", "values"),
    [("title", {"title": "دیگر"}), ("lock", {"closes": "True"}), ("pin", {"length": "1"}), ("description", {})],
)
def test_a_page_that_was_open_before_a_merge_changes_nothing(client, thread, staff, act, values):
    other = ThreadFactory(area=thread.area, title="می‌ماند")
    services.merge_threads(thread=thread, into=other, by=staff)
    before = Thread.objects.values().get(pk=other.pk)

    response = manage(client, thread, act, **values)

    assert response.headers["Location"] == reverse("community:manage", args=[other.pk])
    assert Thread.objects.values().get(pk=other.pk) == before
    assert "یکی شده" in client.get(response.headers["Location"]).text


@pytest.mark.parametrize("wrong", ["9" * 30, "-1", "x", "0"])
def test_devices_that_no_database_has_are_refused(client, thread, staff, wrong):
    assert manage(client, thread, "description", tags="", products=[wrong]).status_code == 422


def test_members_leave_closed_threads_and_news_alone(client, thread):
    active = MemberFactory()
    CommunityProfile.objects.filter(pk=active.pk).update(level=Level.ACTIVE)
    client.force_login(active)
    news = ThreadFactory(area=AreaFactory(kind="announcements"))
    services.lock(thread=thread, by=moderator())

    for each in (thread, news):
        assert manage(client, each, "description", tags="قطعی").status_code == 403


def test_a_tag_with_a_watched_word_is_not_made(client, thread, staff):
    WatchedWord.objects.create(phrase="کلاهبردار", action=WatchedWord.Action.HOLD)

    manage(client, thread, "description", tags="کلاه‌بـــردار، C++، C", products=[])

    assert sorted(str(tag) for tag in thread.tags.all()) == ["C", "C++"]
    assert len({tag.slug for tag in thread.tags.all()}) == 2


def test_devices_are_logged(client, thread, staff):
    product = ProductFactory()

    manage(client, thread, "description", tags="", products=[product.pk])

    assert AuditEntry.objects.get(action="thread.products").details == {"before": [], "after": [product.pk]}


@pytest.mark.parametrize(("length", "days"), [("1", 1), ("30", 30), ("always", None)])
def test_pin_for_a_time_and_unpin(client, thread, staff, length, days):
    manage(client, thread, "pin", length=length)
    thread.refresh_from_db()
    assert thread.is_pinned
    if days is None:
        assert thread.pinned_until is None
    else:
        assert abs(thread.pinned_until - timezone.now() - dt.timedelta(days=days)) < dt.timedelta(minutes=1)

    manage(client, thread, "pin", length="0")
    thread.refresh_from_db()
    assert not thread.is_pinned


def test_move_to_another_area(client, thread, staff):
    private = AreaFactory(audience="partner")

    assert manage(client, thread, "move", area=private.pk).status_code == 302
    client.logout()

    assert client.get(thread.get_absolute_url()).status_code == 404


def test_no_area_is_chosen_for_the_moderator(client, thread, staff):
    AreaFactory()

    page = client.get(reverse("community:manage", args=[thread.pk]))

    assert '<option value="" selected>بخش را انتخاب کنید</option>' in page.text
    assert manage(client, thread, "move", area="").status_code == 422


@pytest.mark.parametrize("form", ["{pk}", "https://testserver/fa/community/t/{pk}/some-name/#post-2", "/t/{pk}"])
def test_merge_by_number_or_address(client, thread, staff, form):
    other = ThreadFactory(area=thread.area)

    asked = manage(client, thread, "merge", into=form.format(pk=other.pk))
    answer = {"act": "merge", "merge-into": other.pk, "confirm": other.pk}
    response = client.post(reverse("community:manage", args=[thread.pk]), answer)

    assert (asked.status_code, f'name="confirm" value="{other.pk}"' in asked.text) == (200, True)
    assert response.headers["Location"] == other.get_absolute_url()
    assert Post.objects.filter(thread=other).count() == 2
    assert client.get(thread.get_absolute_url()).status_code == 301


@pytest.mark.parametrize("confirmed", ["", "1", "another"])
def test_a_merge_names_its_target_before_and_after(client, thread, staff, confirmed):
    other, third = (ThreadFactory(area=thread.area, title=title) for title in ("چراغ قرمز است", "تلویزیون"))
    PostFactory.create_batch(2, thread=other)
    url = reverse("community:manage", args=[thread.pk])
    confirmed = third.pk if confirmed == "another" else confirmed

    asked = client.post(url, {"act": "merge", "merge-into": other.pk, "confirm": confirmed}).text

    assert "چراغ قرمز است" in asked
    assert "۲ پاسخ" in asked
    assert Post.objects.filter(thread=thread).count() == 1
    done = client.post(url, {"act": "merge", "merge-into": other.pk, "confirm": other.pk}, follow=True).text
    assert "اکنون همه‌چیز در «\u2068چراغ قرمز است\u2069» است" in done


@pytest.mark.parametrize("into", ["", "x", "999999", "9" * 40, "/t/0/", "itself", "private"])
def test_what_cannot_be_merged_is_refused_with_a_reason(client, thread, staff, into):
    other = ThreadFactory(area=AreaFactory(audience="partner"))
    address = {"itself": thread.pk, "private": other.pk}.get(into, into)

    page = manage(client, thread, "merge", into=address)

    assert page.status_code == 422
    assert 'id="merge-into-field-error"' in page.text or "field--err" in page.text
    assert Post.objects.filter(thread=thread).count() == 1


def test_split_replies_off(client, thread, staff):
    stays, goes = PostFactory.create_batch(2, thread=thread)

    response = manage(client, thread, "split", posts=[goes.pk], title="سؤالی دیگر")

    new = Thread.objects.get(title="سؤالی دیگر")
    assert response.headers["Location"] == new.get_absolute_url()
    goes.refresh_from_db()
    stays.refresh_from_db()
    assert (goes.thread, stays.thread) == (new, thread)


def test_the_solution_is_split_off_only_after_it_was_taken_back(client, thread, staff):
    answer, other = PostFactory.create_batch(2, thread=thread)
    services.accept_solution(post=answer, by=thread.author)

    refused = manage(client, thread, "split", posts=[answer.pk, other.pk], title="سؤالی دیگر")

    assert refused.status_code == 422
    assert "یکی از این پاسخ‌ها راه‌حل است" in refused.text
    thread.refresh_from_db()
    assert thread.is_solved
    assert set(Post.objects.filter(pk__in=[answer.pk, other.pk]).values_list("thread", flat=True)) == {thread.pk}
    services.revoke_solution(post=answer, by=staff)
    assert manage(client, thread, "split", posts=[answer.pk, other.pk], title="سؤالی دیگر").status_code == 302


def test_replies_to_split_off_are_cut_between_words(client, thread, staff):
    PostFactory(thread=thread, body="مودم " * 40)

    text = client.get(reverse("community:manage", args=[thread.pk])).text

    assert "مودم…" in text


def test_posts_of_another_thread_are_not_split_off(client, thread, staff):
    PostFactory(thread=thread)
    foreign = PostFactory()

    assert manage(client, thread, "split", posts=[foreign.pk], title="x").status_code == 422
    foreign.refresh_from_db()
    assert foreign.thread != thread


def test_the_number_of_queries_does_not_depend_on_that_of_replies(client, thread, staff):
    url = reverse("community:manage", args=[thread.pk])
    counts = []
    for replies in (1, 2):
        PostFactory.create_batch(replies, thread=thread)
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# Hiding --------------------------------------------------------------------------------------------------------------


def test_a_moderator_hides_a_post_with_a_reason(client, thread, staff):
    post = PostFactory(thread=thread)
    url = reverse("community:hide", args=[post.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {}).status_code == 422

    client.post(url, {"reason": "abuse", "note": "لطفاً محترمانه بنویسید."})

    post.refresh_from_db()
    assert (post.state, post.state_reason, post.state_note) == ("hidden", "abuse", "لطفاً محترمانه بنویسید.")
    client.logout()
    assert post.body not in client.get(thread.get_absolute_url()).text


def test_others_do_not_hide_posts(client, thread):
    post = PostFactory(thread=thread)
    client.force_login(MemberFactory())

    assert client.post(reverse("community:hide", args=[post.pk]), {"reason": "spam"}).status_code == 403
    post.refresh_from_db()
    assert post.state == "visible"


# What somebody else changed meanwhile -----------------------------------------------------------------------------------


def hidden(page, name):
    return re.findall(rf'name="{name}-seen" value="([^"]*)"', page)[0]


def test_a_title_changed_meanwhile_is_not_replaced_unseen(client):
    thread, who = ThreadFactory(title="چراغ قرمز"), moderator()
    client.force_login(who)
    address = reverse("community:manage", args=[thread.pk])
    data = {"act": "title", "title-title": "چراغ سوم", "title-seen": hidden(client.get(address).text, "title")}
    services.retitle(thread=thread, title="چراغ زرد", by=moderator())

    refused = client.post(address, data)
    thread.refresh_from_db()
    assert (refused.status_code, thread.title) == (422, "چراغ زرد")
    assert ["چراغ زرد" in refused.text, "چراغ سوم" in refused.text] == [True, True]
    client.post(address, {**data, "title-seen": hidden(refused.text, "title")})

    thread.refresh_from_db()
    assert thread.title == "چراغ سوم"


def test_tags_given_meanwhile_are_not_taken_away_unseen(client):
    thread = ThreadFactory()
    mine, theirs = TagFactory(name="مودم"), TagFactory(name="چراغ")
    client.force_login(moderator())
    address = reverse("community:manage", args=[thread.pk])
    seen = hidden(client.get(address).text, "description")
    data = {"act": "description", "description-tags": str(mine), "description-seen": seen}
    services.set_tags(thread=thread, tags=[theirs], by=moderator())

    refused = client.post(address, data)
    assert (refused.status_code, list(thread.tags.all())) == (422, [theirs])
    assert str(theirs) in refused.text
    client.post(address, {**data, "description-seen": hidden(refused.text, "description")})

    assert list(thread.tags.all()) == [mine]


def test_words_that_are_no_tag_are_named(client):
    author = MemberFactory(level=Level.MEMBER)
    thread, known = ThreadFactory(author=author), TagFactory()
    client.force_login(author)
    address = reverse("community:manage", args=[thread.pk])
    typed = f"{known}, ناشناخته"

    said = client.post(address, {"act": "description", "description-tags": typed}, follow=True)

    assert "ناشناخته" in said.text
    assert list(thread.tags.all()) == [known]
