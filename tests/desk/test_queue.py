"""The review queue, the audit log and the members' pages of the desk."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from community import services
from community.models import AuditEntry, CommunityProfile, Flag, Level, Policy, Post, ReviewItem, Thread, WatchedWord
from community.notifications.moderation import AppealDecided
from community.services.moderating import UNDO
from portal.core.roles import CONTENT_EDITORS
from portal.desk.words import reason_in_words
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def desk(client):
    """A client signed in as a moderator; `desk.moderator` is the person."""
    client.moderator = moderator()
    client.force_login(client.moderator)
    return client


def item_of(post: Post) -> ReviewItem:
    return ReviewItem.objects.get(post=post, decision="")


def decide(client, item, act, **more):
    typed = {"act": act, "version": item.post.version, "reason": "other", **more}
    return client.post(reverse("desk:decide", args=[item.pk]), typed, follow=True)


def state_of(post: Post) -> str:
    return Post.objects.values_list("state", flat=True).get(pk=post.pk)


def test_moderators_see_links_as_readers_do(desk):
    other = ThreadFactory(title="چراغ سوم خاموش است")
    address = f"{settings.BASE_URL}{other.get_absolute_url()}"
    before = PostFactory(body=f"اینجاست:\n\n{address}")
    PostFactory(thread=before.thread, held=True, body=f"و اینجا:\n\n{address}")

    page = desk.get(reverse("desk:queue")).text

    assert page.count("چراغ سوم خاموش است") == 2


PAGES = ["index", "queue", "articles", "log", "settings"]


@pytest.mark.parametrize("name", PAGES)
def test_visitors_are_asked_to_sign_in_and_customers_find_no_desk(client, name):
    url = reverse(f"desk:{name}")
    assert client.get(url).url.partition("?")[0] == reverse("account_login")

    client.force_login(UserFactory())
    assert client.get(url).status_code == 404

    client.force_login(UserFactory(role=CONTENT_EDITORS))
    assert client.get(url).status_code == (200 if name == "articles" else 404)


@pytest.mark.parametrize("name", PAGES)
def test_moderators_need_a_second_factor(desk, settings, name):
    settings.STAFF_SECOND_FACTOR = True

    assert desk.get(reverse(f"desk:{name}")).url == reverse("accounts:second_factor")


def test_others_cannot_decide(client):
    post = PostFactory(held=True)
    client.force_login(MemberFactory(level=Level.ADVOCATE))

    answers = [
        client.post(reverse(f"desk:{name}", args=[item_of(post).pk]), {"act": "approve"}).status_code
        for name in ("decide", "claim", "undo")
    ]

    assert (answers, state_of(post)) == ([404, 404, 404], "held")


@pytest.mark.parametrize("count", [1, 3])
def test_the_queue_costs_the_same_whatever_its_length(desk, count, django_assert_max_num_queries):
    posts = PostFactory.create_batch(count, held=True)
    desk.get(reverse("desk:queue"))

    with django_assert_max_num_queries(12):
        page = desk.get(reverse("desk:queue")).text

    assert page.count("data-queue-item") == count == len(posts)


def test_an_item_says_why_it_waits_and_shows_the_post_before_it(desk):
    thread = ThreadFactory(body="چراغ قرمز مودم می‌خواهد چه بگوید؟")
    post = PostFactory(thread=thread, held=True, body="روی **بازنشانی** بزنید")
    services.flag_post(post=thread.posts.get(number=1), user=MemberFactory(), reason="spam", note="تبلیغ است")

    page = desk.get(reverse("desk:queue")).text

    assert "<strong>بازنشانی</strong>" in page
    assert "سریع‌تر از آنکه کسی بتواند تایپ کند فرستاده شده" in page
    assert "گزارش: هرزنامه" in page
    assert "تبلیغ است" in page
    assert page.count("چراغ قرمز مودم می‌خواهد چه بگوید؟") >= 2
    assert post.author.handle in page


def test_held_posts_are_approved_and_shown(desk):
    post = PostFactory(held=True)

    page = decide(desk, item_of(post), "approve").text

    assert state_of(post) == "visible"
    assert "تأیید شد" in page
    assert AuditEntry.objects.values_list("action", "actor").get() == ("post.approved", desk.moderator.pk)


@pytest.mark.parametrize("handle", ["Élodie", "سارا", "sara"])
def test_a_member_is_found_by_their_name(desk, handle):
    person = MemberFactory(handle=handle)

    for typed in (handle, handle.upper()):
        assert person.handle in desk.get(reverse("desk:member", args=[typed])).text
        assert desk.get(reverse("community:person", args=[typed]), follow=True).status_code == 200
    assert desk.get(reverse("desk:member", args=["nobody-here"])).status_code == 404


@pytest.mark.parametrize("kind", ["held", "flagged", "appealed"])
def test_only_the_text_that_was_read_is_approved(desk, kind):
    post = PostFactory(held=kind == "held", hidden=kind == "appealed")
    if kind == "flagged":
        services.flag_post(post=post, user=MemberFactory(), reason="abuse")
    elif kind == "appealed":
        services.appeal(post=post, author=post.author, text="این تبلیغ نبود")
    before, item = state_of(post), item_of(post)
    page = desk.get(reverse("desk:queue")).text
    read = re.search(r'name="version" value="(\d+)"', page)[1]
    services.edit_post(post=post, editor=post.author, body="چیزی دیگر که کسی نخوانده است", version=post.version)

    page = decide(desk, item, "approve", version=read).text

    assert "هنگامی که آن را می‌خواندید، متن تغییر کرد" in page
    assert (state_of(post), ReviewItem.objects.filter(pk=item.pk, decision="").exists()) == (before, True)
    decide(desk, item, "approve", version=int(read) + 1)
    assert (state_of(post), ReviewItem.objects.filter(decision="").exists()) == ("visible", False)


def test_a_decision_names_the_text_it_is_about(desk):
    post = PostFactory(held=True)

    desk.post(reverse("desk:decide", args=[item_of(post).pk]), {"act": "approve"})

    assert state_of(post) == "held"


def test_flagged_posts_are_hidden_and_the_author_told_why(desk):
    post = PostFactory()
    services.flag_post(post=post, user=MemberFactory(), reason="abuse")

    decide(desk, item_of(post), "hide", reason="abuse", note="لطفاً محترمانه بنویسید")

    post.refresh_from_db()
    assert (post.state, post.state_reason, post.state_note) == ("hidden", "abuse", "لطفاً محترمانه بنویسید")
    assert Flag.objects.get().outcome == "agreed"


def test_an_appeal_in_vain_leaves_the_queue(desk):
    post = PostFactory(hidden=True)
    services.appeal(post=post, author=post.author, text="این تبلیغ نبود")

    assert "این تبلیغ نبود" in desk.get(reverse("desk:queue")).text
    decide(desk, item_of(post), "hide", reason="spam")

    assert (state_of(post), ReviewItem.objects.filter(decision="").count()) == ("hidden", 0)


def test_an_appeal_that_is_right_shows_the_post_again(desk):
    post = PostFactory(hidden=True)
    services.appeal(post=post, author=post.author, text="این تبلیغ نبود")

    decide(desk, item_of(post), "approve")

    assert state_of(post) == "visible"


@pytest.mark.parametrize("act", ["approve", "hide"])
@pytest.mark.parametrize("kind", ["held", "flagged", "appealed"])
def test_undo_brings_back_exactly_what_was(desk, act, kind):
    post = PostFactory(held=kind == "held", hidden=kind == "appealed")
    flagger = MemberFactory()
    if kind == "flagged":
        services.flag_post(post=post, user=flagger, reason="spam")
    elif kind == "appealed":
        services.appeal(post=post, author=post.author, text="نه")

    def everything():
        return (
            Post.objects.values("state", "state_reason", "state_note").get(pk=post.pk),
            ReviewItem.objects.filter(decision="").values("post", "score", "reasons", "appeal").get(),
            list(Flag.objects.values("outcome", "judged_by")),
            CommunityProfile.objects.values("penalised_at", "reply_count").get(pk=post.author_id),
            CommunityProfile.objects.filter(pk=flagger.pk).values_list("flags_judged", "flags_agreed").first(),
            Thread.objects.values("reply_count", "last_post_at").get(pk=post.thread_id),
        )

    before = everything()
    item = item_of(post)
    page = decide(desk, item, act).text
    assert "data-done" in page
    assert ReviewItem.objects.get(pk=item.pk).decision

    desk.post(reverse("desk:undo", args=[item.pk]))

    assert everything() == before


def test_undo_is_only_for_who_decided_and_only_for_a_while(desk, client):
    post = PostFactory(held=True)
    item = item_of(post)
    decide(desk, item, "approve")
    other = moderator()
    desk.force_login(other)
    assert desk.post(reverse("desk:undo", args=[item.pk])).status_code == 404

    desk.force_login(desk.moderator)
    ReviewItem.objects.filter(pk=item.pk).update(decided_at=timezone.now() - UNDO)
    page = desk.post(reverse("desk:undo", args=[item.pk]), follow=True).text

    assert "برای برگرداندن دیر شده است" in page
    assert state_of(post) == "visible"


def test_two_moderators_decide_once(desk, client):
    post = PostFactory(held=True)
    item = item_of(post)
    assert services.claim(item=item, by=moderator())

    page = decide(desk, item, "approve").text
    assert "همین حالا ناظر دیگری این را بررسی می‌کند" in page
    assert state_of(post) == "held"

    ReviewItem.objects.filter(pk=item.pk).update(claimed_by=None, claimed_at=None)
    decide(desk, item, "approve")
    page = decide(desk, item, "hide").text

    assert "کس دیگری پیش‌تر دربارهٔ این تصمیم گرفته است" in page
    assert (state_of(post), AuditEntry.objects.count()) == ("visible", 1)


def test_a_broken_item_does_not_take_the_page(desk):
    broken, fine = PostFactory(held=True, body="متن خراب"), PostFactory(held=True, body="متن سالم")
    ReviewItem.objects.filter(post=broken).update(reasons=["not a pair"])

    page = desk.get(reverse("desk:queue")).text

    assert "متن خراب" in page
    assert "متن سالم" in page
    assert fine.author.handle in page


def test_the_queue_continues_where_its_first_page_ends(desk, monkeypatch):
    monkeypatch.setattr("portal.desk.queries.ROWS", 2)
    PostFactory.create_batch(5, held=True)
    seen, url = [], reverse("desk:queue")
    while url:
        page = desk.get(url).text
        seen += re.findall(r'aria-labelledby="q(\d+)"', page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        url = reverse("desk:queue") + found[1] if found else ""

    assert (len(seen), len(set(seen))) == (5, 5)


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=1_", "?after=99999999999999999999999999_1", "?reason=no", "?done=x"]
)
def test_invented_addresses_show_the_queue(desk, query):
    assert desk.get(reverse("desk:queue") + query).status_code == 200


@pytest.mark.both_databases("portal.desk.views")
def test_a_member_is_silenced_with_a_reason_and_released(desk):
    person = MemberFactory()
    url = reverse("desk:member", args=[person.handle])

    assert desk.post(url, {"act": "silence", "days": "7"}).status_code == 422
    desk.post(url, {"act": "silence", "days": "7", "note": "چند بار تذکر داده شد"})
    profile = CommunityProfile.objects.get(pk=person.pk)
    assert (profile.is_silenced(), profile.silenced_reason) == (True, "چند بار تذکر داده شد")
    assert "چند بار تذکر داده شد" in desk.get(url).text

    desk.post(url, {"act": "release"})
    assert not CommunityProfile.objects.get(pk=person.pk).is_silenced()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["member.released", "member.silenced"]


def test_colleagues_cannot_be_silenced(desk):
    colleague = moderator()

    desk.post(reverse("desk:member", args=[colleague.handle]), {"act": "suspend", "days": "7", "note": "نه"})

    assert not CommunityProfile.objects.filter(pk=colleague.pk, suspended_until__isnull=False).exists()


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_costs_the_same_whatever_its_length(desk, count, django_assert_max_num_queries):
    for post in PostFactory.create_batch(count, held=True):
        services.approve_post(post=post, by=desk.moderator)

    desk.get(reverse("desk:log"))

    with django_assert_max_num_queries(12):
        page = desk.get(reverse("desk:log")).text

    assert page.count("نوشته تأیید شد") == count


def test_the_panic_switch_holds_what_newcomers_write_and_is_in_the_log(desk):
    values = {field: getattr(Policy(), field) for field in _numbers()}

    desk.post(reverse("desk:settings"), {**values, "holds_newcomers": "on"})

    newcomer = MemberFactory(level=Level.NEW)
    CommunityProfile.objects.filter(pk=newcomer.pk).update(reply_count=9)
    thread = ThreadFactory()
    post = services.post_reply(author=newcomer, thread=thread, body="سلام، من هم همین مشکل را دارم", token="a")
    assert post.state == "held"
    assert AuditEntry.objects.get(action="policy.changed").details == {"holds_newcomers": True}


def test_limits_are_in_sections_and_in_the_digits_of_the_reader(desk):
    Policy(posts_per_hour=1234, max_tags=7).save()
    address = reverse("desk:settings")
    page = desk.get(address)
    form = page.context["form"]

    assert page.text.count("<section") == len(form.SECTIONS)
    assert sorted(name for _title, _text, names in form.SECTIONS for name in names) == sorted(form.fields)
    assert ("۷" in str(form["max_tags"]), 'type="number"' in page.text) == (True, False)
    typed = re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    values = {name: value for name, value in typed if name in form.fields} | {"max_tags": "۱۲"}
    desk.post(address, values)

    stored = Policy.objects.get()
    assert (stored.max_tags, stored.posts_per_hour) == (12, 1234)
    assert set(AuditEntry.objects.get(action="policy.changed").details) == {"max_tags"}
    assert desk.post(address, {**values, "max_tags": "۹۹۹۹۹۹"}).status_code == 422


@pytest.mark.parametrize(("value", "words"), [("hide", "Hide"), ("approve", "Approve")])
def test_enter_in_a_field_does_only_the_act_of_its_form(desk, value, words):
    PostFactory(held=True)

    page = desk.get(reverse("desk:queue").replace("/fa/", "/en/")).text

    (form,) = (
        each for each in re.findall(r"<form.*?</form>", page, re.DOTALL) if f'name="act" value="{value}"' in each
    )
    (button,) = re.findall(r"<button.*?</button>", form, re.DOTALL)
    assert words in button
    assert 'name="act"' not in button
    assert ('name="note"' in form) == (value == "hide")


@pytest.mark.parametrize(
    ("flags", "likely"),
    [([], ""), (["abuse"], "abuse"), (["spam", "off-topic", "off-topic"], "off-topic")],
)
def test_the_reason_most_people_gave_is_chosen_and_none_without_flags(desk, settings, flags, likely):
    post = PostFactory(held=not flags)
    for reason in flags:
        services.flag_post(post=post, user=MemberFactory(), reason=reason)

    page = desk.get(reverse("desk:queue")).text

    (choice,) = re.findall(r'<select[^>]*name="reason" required>(.*?)</select>', page, re.DOTALL)
    assert re.findall(r'value="([\w-]*)" selected', choice) == ([likely] if likely else [])
    assert ('value=""' in choice) == (not likely)


def test_nothing_is_hidden_without_a_reason(desk):
    post = PostFactory(held=True)

    page = decide(desk, item_of(post), "hide", reason="").text

    assert "دلیل پنهان کردن را برگزینید" in page
    assert state_of(post) == "held"


@pytest.mark.parametrize("act", ["approve", "hide"])
@pytest.mark.parametrize(("place", "then"), [(0, 1), (1, 2), (2, 1)])
def test_one_goes_on_with_the_item_after_the_decided_one_and_with_what_was_undone(desk, act, place, then):
    items = [item_of(post) for post in PostFactory.create_batch(3, held=True)]

    def here(page) -> list[int]:
        return [int(pk) for pk in re.findall(r'data-queue-here aria-labelledby="q(\d+)"', page)]

    assert here(desk.get(reverse("desk:queue")).text) == []
    assert here(decide(desk, items[place], act).text) == [items[then].pk]
    undone = desk.post(reverse("desk:undo", args=[items[place].pk]), follow=True).text
    assert here(undone) == [items[place].pk]


def test_one_stays_on_the_page_of_the_queue(desk, monkeypatch):
    monkeypatch.setattr("portal.desk.queries.ROWS", 2)
    items = [item_of(post) for post in PostFactory.create_batch(5, held=True)]
    after = f"{items[1].score}_{items[1].pk}"

    page = decide(desk, items[2], "approve", show_after=after).text

    assert re.findall(r'aria-labelledby="q(\d+)"', page) == [str(items[3].pk), str(items[4].pk)]


@pytest.mark.parametrize("phrase", ["خرید ارزان", "spam"])
def test_an_item_names_the_watched_word(desk, phrase):
    WatchedWord.objects.create(phrase=phrase, action="hold")
    PostFactory(body=f"برای {phrase} تماس بگیرید")

    assert f"واژهٔ زیر نظر «\u2068{phrase}\u2069» در آن است" in desk.get(reverse("desk:queue")).text


@pytest.mark.parametrize("act", ["lock", "merge", "hide"])
def test_the_log_names_threads_and_leads_to_them(desk, act):
    thread, into = ThreadFactory(title="چراغ قرمز است"), ThreadFactory(title="مودم وصل نیست")
    if act == "lock":
        services.lock(thread=thread, by=desk.moderator)
    elif act == "merge":
        services.merge_threads(thread=thread, into=into, by=desk.moderator)
    else:
        services.hide_post(post=PostFactory(thread=thread), by=desk.moderator, reason="spam")

    page = desk.get(reverse("desk:log")).text

    (address, title), *others = re.findall(r'<a href="([^"]+)"><bdi>([^<]+)</bdi></a>', page.partition("<main")[2])
    assert title == "چراغ قرمز است"
    assert f"/t/{thread.pk}/" in address
    assert ("post-2" in address) == (act == "hide")
    assert (into.get_absolute_url(), into.title) in others or act != "merge"


@pytest.mark.parametrize("path", ["/fa/community/", "/fa/account/"])
def test_only_moderators_find_the_way_to_the_desk(client, path):
    url = reverse("desk:index")
    seen = {}
    for name, person in {
        "member": MemberFactory(),
        "editor": UserFactory(role=CONTENT_EDITORS),
        "moderator": moderator(),
    }.items():
        client.force_login(person)
        seen[name] = f'href="{url}"' in client.get(path).text
    client.logout()

    assert seen == {"member": False, "editor": False, "moderator": True}
    assert f'href="{url}"' not in client.get(path, follow=True).text


def test_another_look_has_one_name_wherever_it_is_asked_for_or_decided():
    for language, term in {"fa": "بازبینی", "en": "another look"}.items():
        with override(language):
            texts = [
                gettext("Ask for another look"),
                gettext("For another look"),
                gettext("Flags, held posts and requests for another look appear here."),
                reason_in_words("appeal"),
                str(AppealDecided.label),
            ]
            assert [text for text in texts if term not in text] == []


def _numbers():
    return [field.name for field in Policy._meta.get_fields() if field.name not in {"id", "holds_newcomers"}]


@pytest.mark.parametrize("act", ["approve", "hide"])
def test_the_title_in_what_was_done_keeps_its_direction(desk, act):
    post = PostFactory(held=True, thread__title="Noora X2 does not connect")

    assert "«<bdi>Noora X2 does not connect</bdi>»" in decide(desk, item_of(post), act).text


def test_the_log_is_a_table_in_the_readers_language(desk, monkeypatch):
    monkeypatch.setattr("portal.desk.queries.ROWS", 2)
    thread = ThreadFactory(title="=1+1 خطر")
    for number in range(3):
        services.hide_post(post=PostFactory(thread=thread), by=desk.moderator, reason="spam", note=f"یادداشت {number}")

    response = desk.get("/fa/desk/log/", {"format": "csv"})

    rows = list(csv.reader(io.StringIO(b"".join(response).decode("utf-8-sig"))))
    assert rows[0] == ["زمان", "چه کسی", "چه شد", "دلیل", "عضو", "گفت‌وگو", "یادداشت"]
    assert [row[6] for row in rows[1:]] == ["یادداشت 2", "یادداشت 1", "یادداشت 0"]
    assert {(row[2], row[5]) for row in rows[1:]} == {("نوشته پنهان شد", "'=1+1 خطر")}
    desk.force_login(MemberFactory())
    assert desk.get("/fa/desk/log/", {"format": "csv"}).status_code == 404
