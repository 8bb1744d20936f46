"""Every kind of news of the community: who hears of it, by which route, and in which words."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from community import services
from community.models import Post, ReviewItem
from community.notifications import KINDS
from portal.core import outbox
from portal.core.models import OutboxMessage
from portal.core.templatetags.ui import icon
from portal.notifications import mailing, queries
from portal.notifications.models import Notification
from portal.notifications.registry import Group, Mail, known_kinds
from portal.notifications.services import choose, follow, mute
from tests.community.notices import ANSWER, TITLE, listed, reply, target, told
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator, token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.notifications.posts", "portal.notifications.services"),
]

IN_TITLE = f"«\u2068{TITLE}\u2069»"


def digest(mailoutbox) -> str:
    """Send what waits for a digest and return its text."""
    Notification.objects.to_mail().update(mail_at="2026-01-01T00:00Z")
    before = len(mailoutbox)
    mailing.send_digests()
    return mailoutbox[-1].body if len(mailoutbox) > before else ""


def after_the_delay() -> None:
    """Have the worker tell everybody, and send the mails that wait in case a decision is taken back."""
    outbox.drain()
    Notification.objects.to_mail().filter(mail="now").update(mail_at=timezone.now())
    OutboxMessage.objects.filter(delivered_at=None).update(available_at=timezone.now())
    outbox.drain()


def test_every_kind_is_registered_and_has_an_icon():
    assert {kind.name for kind in KINDS} == {name for name in known_kinds() if name.startswith("community.")}
    assert all("<svg" in icon(kind.icon) for kind in KINDS)


# Mentions and quotes -------------------------------------------------------------------------------------------------


def test_a_mention_beats_a_quote_and_a_quote_beats_a_reply(question, mina, sara, reza):
    answer = reply(question, by=sara)
    other = reply(question, by=mina)
    Notification.objects.all().delete()
    follow(person_id=sara.pk, target=target(question))

    reply(question, by=reza, body=f"> [سارا](post:{answer.pk})\n\n@مینا این را ببینید", reply_to=other)

    assert told() == [("سارا", "quote"), ("مینا", "mention")]


def test_who_is_quoted_and_answered_hears_of_the_quote(question, sara, reza):
    answer = reply(question, by=sara)

    reply(question, by=reza, body=f"> [سارا](post:{answer.pk})\n\nدرست است.", reply_to=answer)

    assert [row for row in told() if row[0] == "سارا"] == [("سارا", "quote")]


def test_who_is_named_in_a_new_thread_hears_of_it(client, mina, sara, reza):
    ThreadFactory(author=sara, title=TITLE, body="@رضا شما هم این را دارید؟ چراغ مودم قرمز است.")
    outbox.drain()

    assert told() == [("رضا", "mention")]
    assert f"\u2068سارا\u2069 در {IN_TITLE} از شما نام برد" in listed(client, reza)


def test_who_is_named_by_an_edit_hears_of_it_once(question, sara, reza):
    post = reply(question, by=sara)
    Notification.objects.all().delete()

    for version, body in enumerate((f"{ANSWER} @رضا", f"{ANSWER} @رضا درست شد"), start=1):
        services.edit_post(post=post, editor=sara, body=body, version=version)
        outbox.drain()

    assert told() == [("رضا", "mention")]


def test_nobody_hears_of_being_named_or_quoted_by_themselves(question, mina):
    own = reply(question, by=mina)

    reply(question, by=mina, body=f"> [مینا](post:{own.pk})\n\n@مینا", reply_to=own)

    assert told() == []


def test_a_new_thread_is_told_to_who_follows_the_area_or_its_author_once(client, sara, reza):
    area = AreaFactory()
    for name in (f"community.area:{area.pk}", f"person:{sara.pk}"):
        follow(person_id=reza.pk, target=name)

    ThreadFactory(author=sara, area=area, title=TITLE)
    outbox.drain()

    assert told() == [("رضا", "thread")]
    assert f"\u2068سارا\u2069 گفت‌وگوی {IN_TITLE} را آغاز کرد" in listed(client, reza)


# Solutions -----------------------------------------------------------------------------------------------------------


def test_an_accepted_answer_is_told_to_its_author_and_to_followers(client, question, mina, sara, reza, mailoutbox):  # noqa: PLR0917 - people
    answer = reply(question, by=sara)
    for person in (reza, sara):
        follow(person_id=person.pk, target=target(question))
    Notification.objects.all().delete()

    for _number in range(2):
        services.accept_solution(post=answer, by=mina)
        outbox.drain()

    assert told() == [("رضا", "followed_solved"), ("سارا", "answer_accepted")]
    assert f"Your answer solved “\u2068{TITLE}\u2069”" in listed(client, sara)
    assert f"{IN_TITLE} راه‌حل دارد" in listed(client, reza)
    assert mailoutbox[-1].to == ["sara@example.com"]


def test_who_asked_hears_of_a_solution_somebody_else_accepted(client, question, mina, sara):
    answer = reply(question, by=sara)

    services.accept_solution(post=answer, by=moderator())
    outbox.drain()

    assert ("مینا", "question_solved") in told()
    assert f"پرسش شما {IN_TITLE} راه‌حل دارد" in listed(client, mina)


def test_a_revoked_solution_is_no_news(client, question, mina, sara):
    answer = reply(question, by=sara)
    services.accept_solution(post=answer, by=mina)
    outbox.drain()
    before = listed(client, sara)

    services.revoke_solution(post=answer, by=mina)

    assert "Your answer solved" in before
    assert "Your answer solved" not in listed(client, sara)


def test_a_solution_that_was_hidden_for_a_while_is_news_once(client, question, mina, sara, mailoutbox):
    answer, staff = reply(question, by=sara), moderator()
    services.accept_solution(post=answer, by=mina)
    outbox.drain()
    services.hide_post(post=answer, by=staff, reason="spam")
    services.restore_post(post=answer, by=staff)
    outbox.drain()

    assert told().count(("سارا", "answer_accepted")) == 1
    assert "Your answer solved" in listed(client, sara)
    assert sum("solved" in arrived.body for arrived in mailoutbox) == 1


# Votes ---------------------------------------------------------------------------------------------------------------


def test_votes_are_added_up_in_a_digest_and_never_mailed_at_once(client, question, mina, mailoutbox):
    first = question.posts.get(number=1)
    voters = MemberFactory.create_batch(3)
    for voter in voters:
        services.vote_helpful(post=first, user=voter)
    outbox.drain()
    services.withdraw_helpful(post=first, user=voters[0])

    assert len(mailoutbox) == 0
    assert "مفید دانسته شد" not in listed(client, mina)
    assert f"نوشتهٔ شما در {IN_TITLE} ۲ بار مفید دانسته شد" in digest(mailoutbox)
    assert all(voter.handle not in mailoutbox[0].body for voter in voters)


def test_thanks_cannot_be_chosen_to_be_mailed_at_once(client, mina):
    client.force_login(mina)

    page = client.get("/fa/account/notifications/").text
    chosen = client.post("/fa/account/notifications/", {"thanks-mail": "now"})

    assert "سپاس‌ها" in page
    assert chosen.status_code == 422
    assert queries.all_choices_of(mina.pk)[Group.THANKS].mail == Mail.WEEKLY


# Ideas ---------------------------------------------------------------------------------------------------------------


def test_who_had_voted_for_or_follows_an_idea_hears_what_becomes_of_it(client, mina, sara, reza):
    idea = ThreadFactory(idea=True, author=mina, title="حالت شب برای مودم")
    services.vote_idea(thread=idea, user=sara)
    follow(person_id=reza.pk, target=target(idea))
    staff = moderator()
    services.vote_idea(thread=idea, user=staff)

    services.set_idea_status(thread=idea, status="planned", by=staff, note="در پاییز می‌آید.")
    outbox.drain()

    assert told() == [("رضا", "idea_step"), ("سارا", "idea_step"), ("مینا", "idea_step")]
    page = listed(client, mina)
    assert "وضعیت تازهٔ ایدهٔ «\u2068حالت شب برای مودم\u2069»:" in page
    assert "در پاییز می‌آید." in page


def test_who_votes_afterwards_is_not_told(mina, sara):
    idea = ThreadFactory(idea=True, author=mina)
    services.set_idea_status(thread=idea, status="planned", by=moderator())
    services.vote_idea(thread=idea, user=sara)

    outbox.drain()

    assert told() == [("مینا", "idea_step")]


# Moderation ----------------------------------------------------------------------------------------------------------


def test_an_approved_post_is_told_to_its_author_without_naming_a_moderator(client, question, sara):
    post = PostFactory(thread=question, author=sara, held=True)
    staff = moderator()

    services.approve_post(post=post, by=staff)
    outbox.drain()

    assert ("سارا", "post_approved") in told()
    page = listed(client, sara)
    assert f"Others can see now what you wrote in “\u2068{TITLE}\u2069”" in page
    assert staff.handle not in page


def test_a_hidden_post_is_told_with_the_reason_each_time_even_if_the_thread_is_muted(client, question, sara, mina):
    post = reply(question, by=mina)
    mute(person_id=mina.pk, target=target(question))

    services.hide_post(post=post, by=moderator(), reason="off-topic", note="این‌جا دربارهٔ مودم است.")
    outbox.drain()
    page = listed(client, mina)
    services.restore_post(post=post, by=moderator())
    restored = listed(client, mina)
    services.hide_post(post=post, by=None, reason="spam")
    outbox.drain()

    assert f"نوشتهٔ شما در {IN_TITLE} پنهان شد" in page
    assert "این‌جا دربارهٔ مودم است." in page
    assert "پنهان شد" not in restored
    assert told().count(("مینا", "post_hidden")) == 2


@pytest.mark.parametrize(("agrees", "words"), [(True, "دیگر نشان داده نمی‌شود"), (False, "همان‌طور می‌ماند")])
def test_who_reported_a_post_learns_what_came_of_it(client, question, sara, reza, agrees, words):  # noqa: PLR0917 - people
    post = reply(question, by=sara)
    services.flag_post(post=post, user=reza, reason="spam")

    if agrees:
        services.hide_post(post=post, by=moderator(), reason="spam")
    else:
        services.approve_post(post=post, by=moderator())
    outbox.drain()

    assert ("رضا", "flag_judged") in told()
    assert words in listed(client, reza)


def test_a_report_of_what_is_gone_with_its_thread_names_no_title(client, question, reza):
    first = question.posts.get(number=1)
    services.flag_post(post=first, user=reza, reason="spam")

    services.hide_post(post=first, by=moderator(), reason="spam")
    outbox.drain()

    page = listed(client, reza)
    assert "گزارش شما بررسی شد" in page
    assert TITLE not in page


def test_a_moderator_who_judges_their_own_report_is_not_told(question, sara):
    staff = moderator()
    post = reply(question, by=sara)
    services.flag_post(post=post, user=staff, reason="spam")

    services.approve_post(post=post, by=staff)
    outbox.drain()

    assert "flag_judged" not in dict(told()).values()


@pytest.mark.parametrize(("is_back", "words"), [(True, "دوباره دیده می‌شود"), (False, "پنهان می‌ماند")])
def test_who_appealed_learns_what_came_of_it(client, question, mina, is_back, words):
    post = PostFactory(thread=question, author=mina, hidden=True)
    services.appeal(post=post, author=mina, text="این آگهی نبود.")

    if is_back:
        services.restore_post(post=post, by=moderator())
    else:
        services.settle_hidden(post=post, by=moderator())
    outbox.drain()

    assert ("مینا", "appeal_decided") in told()
    assert words in listed(client, mina)


def test_a_hidden_post_that_nobody_appealed_decides_no_appeal(question, mina, sara):
    post = reply(question, by=mina)
    services.flag_post(post=post, user=sara, reason="spam")

    services.hide_post(post=post, by=moderator(), reason="spam")
    outbox.drain()

    assert ReviewItem.objects.get(post=post).decision == "hidden"
    assert "appeal_decided" not in [kind for _handle, kind in told()]


@pytest.mark.parametrize("decision", ["hide", "approve", "flags", "appeal"])
def test_a_decision_is_mailed_only_when_it_is_not_taken_back(client, question, mina, sara, mailoutbox, decision):  # noqa: PLR0917 - people
    staff = moderator()
    post = PostFactory(
        thread=question, author=mina, held=decision == "approve", hidden=decision == "appeal", body="این هم آگهی فروش."
    )
    if decision == "appeal":
        services.appeal(post=post, author=mina, text="این آگهی نبود.")
    elif decision in {"flags", "hide"}:
        services.flag_post(post=post, user=sara, reason="spam")
    after_the_delay()
    Notification.objects.all().delete()
    before = len(mailoutbox)

    def decide() -> None:
        if decision == "approve":
            services.approve_post(post=post, by=staff)
        elif decision == "appeal":
            services.restore_post(post=post, by=staff)
        else:
            services.hide_post(post=post, by=staff, reason="spam")

    decide()
    outbox.drain()
    at_once = len(mailoutbox)
    services.undo_decision(item=ReviewItem.objects.get(), by=staff)
    after_the_delay()
    undone = len(mailoutbox)
    decide()
    after_the_delay()

    assert (at_once, undone) == (before, before)
    subjects = [each.subject for each in mailoutbox[before:]]
    assert len(subjects) == {"hide": 2, "flags": 2}.get(decision, 1)
    page = listed(client, sara if decision == "flags" else mina)
    assert page.count({"flags": "was looked at", "hide": "پنهان شد"}.get(decision, "نوشت")) >= 1


def test_what_was_said_about_a_report_changes_when_the_post_is_shown_again(client, question, sara, reza):
    post, staff = reply(question, by=sara), moderator()
    services.flag_post(post=post, user=reza, reason="spam")
    services.hide_post(post=post, by=staff, reason="spam")
    outbox.drain()
    hidden = listed(client, reza)
    services.restore_post(post=post, by=staff)
    restored = listed(client, reza)

    assert "دیگر نشان داده نمی‌شود" in hidden
    assert "دیگر نشان داده نمی‌شود" not in restored
    assert "باز نشان داده می‌شود" in restored


def test_a_report_that_is_judged_twice_after_an_undo_is_news_once(client, question, sara, reza):
    post, staff = reply(question, by=sara), moderator()
    services.flag_post(post=post, user=reza, reason="spam")
    services.hide_post(post=post, by=staff, reason="spam")
    outbox.drain()
    services.undo_decision(item=ReviewItem.objects.get(), by=staff)
    undone = listed(client, reza)
    services.approve_post(post=post, by=staff)
    outbox.drain()

    assert "گزارش شما" not in undone
    assert listed(client, reza).count("همان‌طور می‌ماند") == 1


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("warn", "یک ناظر به شما تذکر داد"),
        ("silence", "تا \u2068۱۰ دی ۱۴۱۸، ساعت ۰۹:۳۰\u2069 می‌توانید انجمن را بخوانید"),
        ("suspend", "تا \u2068۱۰ دی ۱۴۱۸، ساعت ۰۹:۳۰\u2069 نمی‌توانید در انجمن مشارکت کنید"),
        ("release", "دوباره می‌توانید مثل پیش در انجمن مشارکت کنید"),
    ],
)
def test_a_member_learns_what_moderators_decide_about_them(client, mina, mailoutbox, act, words):
    staff = moderator()
    how = {"until": dt.datetime(2039, 12, 31, 6, tzinfo=dt.UTC)} if act in {"silence", "suspend"} else {}

    getattr(services, f"{act}_member")(user=mina, by=staff, note="لطفاً محترمانه بنویسید.", **how)
    outbox.drain()

    assert told() == [("مینا", "restricted")]
    (arrived,) = mailoutbox
    for text in (listed(client, mina), arrived.body):
        assert words in text
        assert "لطفاً محترمانه بنویسید." in text
        assert staff.handle not in text


def test_a_newcomer_whom_flags_silence_learns_why(client, sara):
    services.silence_member(user=sara, by=moderator(), until=timezone.now() + dt.timedelta(days=2), reason="flags")
    outbox.drain()

    assert "Several people reported what you wrote" in listed(client, sara)


# Threads -------------------------------------------------------------------------------------------------------------


def test_followers_of_a_merged_thread_hear_of_it_and_follow_the_other(client, question, mina, sara, reza):
    other = ThreadFactory(author=sara, title="چراغ مودم سرخ شده")
    follow(person_id=sara.pk, target=target(other))
    follow(person_id=reza.pk, target=target(other))
    reply(other, by=mina)
    Notification.objects.filter(person=sara).delete()

    services.merge_threads(thread=other, into=question, by=moderator())
    outbox.drain()
    outbox.drain()

    assert [row for row in told() if row[1] == "thread_merged"] == [("رضا", "thread_merged"), ("سارا", "thread_merged")]
    assert queries.is_following(reza.pk, target(question))
    assert not queries.is_following(reza.pk, target(other))
    assert f"گفت‌وگویی که دنبال می‌کنید با {IN_TITLE} یکی شد" in listed(client, reza)
    client.get(question.get_absolute_url())
    assert queries.unread_count(reza) == 0  # what was said about the other is read, too


def test_followers_of_a_moved_thread_hear_where_it_is_unless_they_may_not_look_there(client, question, sara, reza):
    for person in (sara, reza):
        follow(person_id=person.pk, target=target(question))
    private = AreaFactory(audience="segment:fibre")
    there = AreaFactory()

    services.move_thread(thread=question, area=there, by=moderator())
    outbox.drain()
    open_page = listed(client, reza)
    services.move_thread(thread=question, area=private, by=moderator())
    outbox.drain()

    assert [row for row in told() if row[0] == "رضا"] == [("رضا", "thread_moved")]
    assert f"{IN_TITLE} اکنون در بخش" in open_page
    assert TITLE not in listed(client, reza)


# All kinds -----------------------------------------------------------------------------------------------------------


def everything_for(person, question) -> None:
    """Have one person told by many kinds, by several facts of each."""
    helper, staff = MemberFactory(), moderator()
    own = reply(question, by=person)
    for _number in range(2):
        post = reply(question, by=helper, body=f"@{person.handle} {ANSWER}")
        reply(question, by=helper, reply_to=own)
        services.flag_post(post=post, user=person, reason="spam")
        services.approve_post(post=post, by=staff)
        services.vote_helpful(post=own, user=MemberFactory())
        answer = reply(question, by=person)
        services.accept_solution(post=answer, by=staff)
        hidden = reply(question, by=person, body="این هم آگهی فروش مودم من است.")
        services.hide_post(post=hidden, by=staff, reason="spam")
    outbox.drain()


def test_the_bell_costs_the_same_however_much_was_told(question, reza):
    choose(person_id=reza.pk, choices={Group.THANKS: queries.Choice(web=True, mail=Mail.OFF)})
    client = Client()
    client.force_login(reza)

    def cost() -> int:
        with CaptureQueriesContext(connection) as counted:
            client.get("/fa/notifications/")
        return len(counted)

    everything_for(reza, question)
    cost()
    kinds = set(Notification.objects.filter(person=reza).values_list("kind", flat=True))
    once = cost()
    everything_for(reza, question)

    assert len(kinds) >= 6
    assert cost() == once


@pytest.mark.parametrize("language", ["fa", "en"])
def test_links_are_in_the_language_of_the_reader_whoever_wrote(question, sara, mailoutbox, language):
    question.author.language = language
    question.author.save()

    with override("en" if language == "fa" else "fa"):
        reply(question, by=sara)

    assert f"/{language}/community/t/{question.pk}/" in mailoutbox[0].body


def test_mails_of_a_thread_are_one_conversation_whatever_their_kind(question, mina, sara, mailoutbox, settings):
    settings.NOTIFICATIONS_MAIL_MINUTES = 0
    reply(question, by=sara)
    reply(question, by=sara, body="@مینا ببینید")
    services.accept_solution(post=Post.objects.filter(author=sara).first(), by=moderator())
    outbox.drain()
    own = [each for each in mailoutbox if each.to == ["mina@example.com"]]

    assert len(own) == 3
    assert len({each.subject for each in own}) == 1
    assert "سارا" not in own[0].subject
    headers = [each.extra_headers for each in own]
    assert len({each["Message-ID"] for each in headers}) == 3
    assert len({(each["In-Reply-To"], each["References"], each["List-Id"]) for each in headers}) == 1
    assert headers[0]["List-Id"].startswith(f"<{question.pk}.community.thread.")
    assert headers[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_is_shown_of_a_post_is_the_answer_in_its_own_direction(client, question, mina, sara):
    first = question.posts.get(number=1)
    body = f"> [مینا](post:{first.pk})\n>\n> از دیروز خاموش است\n\n@{sara.handle} **نسخهٔ** `firmware` چند است؟"

    reply(question, by=MemberFactory(handle="kaveh_net"), body=body.replace(sara.handle, "kaveh_net"))

    page = listed(client, mina)
    assert '<p dir="auto">\u200f\u2067@kaveh_net نسخهٔ firmware چند است؟\u2069</p>' in page
    # A sentence of ours begins with a Latin name, and is Persian all the same.
    assert re.search(r'<a class="cover" href="[^"]+">\u2068kaveh_net\u2069 در', page)


def test_what_is_only_a_quote_is_shown(client, question, mina, sara):
    reply(question, by=sara, body="> برای من درست شد")

    assert "برای من درست شد" in listed(client, mina)


def test_a_mail_about_a_hidden_post_belongs_to_the_conversation_and_offers_no_way_out(question, mina, mailoutbox):
    services.hide_post(post=reply(question, by=mina), by=moderator(), reason="spam")
    after_the_delay()

    headers = mailoutbox[0].extra_headers
    assert headers["References"].startswith(f"<community.thread.{question.pk}@")
    assert "List-Unsubscribe" not in headers


def test_reading_the_thread_reads_what_was_said_about_it(client, question, mina, sara):
    reply(question, by=sara)
    services.post_reply(author=sara, thread=question, body=f"@مینا {ANSWER}", token=token())
    outbox.drain()
    before = queries.unread_count(mina)
    client.force_login(mina)

    client.get(question.get_absolute_url())

    assert (before, queries.unread_count(mina)) == (2, 0)
