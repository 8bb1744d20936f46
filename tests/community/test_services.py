"""Services: what each changes, counts and announces, and what it refuses."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community import events, services
from community.exceptions import (
    AreaLockedError,
    BlockedTextError,
    EditConflictError,
    EditedMeanwhileError,
    EmptyTextError,
    NotAllowedError,
    NotVisibleError,
    NoVotesLeftError,
    OwnPostError,
    PollClosedError,
    SilencedError,
    TextTooLongError,
    ThreadLockedError,
    TooManyTagsError,
    WrongChoiceError,
)
from community.models import (
    AppendOnlyError,
    AuditEntry,
    CommunityProfile,
    Draft,
    Flag,
    Level,
    Policy,
    Post,
    ReviewItem,
    Solution,
    Tag,
    TagSynonym,
    Thread,
    ThreadRead,
    WatchedWord,
)
from community.reconcile import find_drift, mend
from community.services.texts import people_named
from portal.accounts.models import User
from portal.core.scopes import stamp
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.community import (
    ANSWER,
    BODY,
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
    token,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.models.area",
        "community.models.member",
        "community.models.moderation",
        "community.models.policy",
        "community.models.poll",
        "community.models.post",
        "community.models.tag",
        "community.models.taking_part",
        "community.models.thread",
        "community.reconcile",
        "community.screening",
        "community.services.counting",
        "community.services.helping",
        "community.services.ideas",
        "community.services.moderating",
        "community.services.reading",
        "community.services.solutions",
        "community.services.states",
        "community.services.texts",
        "community.services.threads",
        "community.services.writing",
        "community.trust",
    ),
]


@pytest.fixture
def heard(monkeypatch):
    """Events emitted, in order; `heard.of(SomeEvent)` are those of a class."""

    class Heard(list):
        def of(self, kind):
            return [event for event in self if isinstance(event, kind)]

    found = Heard()

    def hear(event) -> None:
        if not isinstance(event, events.SeeAlsoWanted):  # an errand of the community itself; see test_see_also.py
            found.append(event)

    for module in ("writing", "states", "solutions", "helping", "ideas", "moderating", "threads"):
        monkeypatch.setattr(f"community.services.{module}.emit", hear)
    monkeypatch.setattr("community.trust.emit", hear)
    return found


@pytest.fixture(autouse=True)
def _nothing_drifts():
    yield
    assert list(find_drift()) == []


def start(author=None, area=None, **fields):
    fields = {"title": "مودم وصل نمی‌شود", "body": BODY, "token": token(), **fields}
    return services.start_thread(author=author or MemberFactory(), area=area or AreaFactory(), **fields)


def reply(thread, author=None, **fields):
    fields = {"body": ANSWER, "token": token(), **fields}
    return services.post_reply(author=author or MemberFactory(), thread=thread, **fields)


def profile(user):
    return CommunityProfile.objects.get(pk=user.pk)


# Writing -------------------------------------------------------------------------------------------------------------


def test_thread_begins_with_post_one_and_is_counted(heard):
    area, author, product = AreaFactory(audience="signed-in"), MemberFactory(), ProductFactory()
    tag = TagFactory()

    thread = start(author, area, title="  مودم\u202e وصل   نمی‌شود ", products=[product], tags=[tag])

    thread.refresh_from_db()
    post = thread.posts.get()
    assert (post.number, post.author, thread.highest_number) == (1, author, 1)
    assert thread.title == "مودم وصل نمی‌شود"
    assert (thread.audience, thread.kind, thread.status, thread.language) == ("signed-in", "questions", "open", "fa")
    assert thread.excerpt.startswith("از دیروز چراغ سوم")
    assert 'dir="auto"' in post.html
    area.refresh_from_db()
    tag.refresh_from_db()
    assert (area.thread_count, tag.thread_count, profile(author).thread_count) == (1, 1, 1)
    [event] = heard
    assert event == events.ThreadStarted(
        thread_id=thread.pk, post_id=post.pk, area_id=area.pk, kind="questions", author_id=author.pk
    )


def test_form_sent_twice_makes_one_thread_and_one_reply(heard):
    author, area, once = MemberFactory(), AreaFactory(), token()

    first, second = start(author, area, token=once), start(author, AreaFactory(), token=once)
    again = token()
    one, other = reply(first, author, token=again), reply(first, author, token=again)

    assert first == second
    assert one == other
    assert (Thread.objects.count(), Post.objects.count()) == (1, 2)
    assert len(heard) == 2


def test_the_token_of_another_form_makes_something_of_its_own():
    author, once = MemberFactory(), token()

    first, second = start(author, token=once), start(author, token=token())
    replies = [reply(thread, author, token=once) for thread in (first, second, first)]

    assert [each.thread for each in replies] == [first, second, first]
    assert replies[0] == replies[2]


def test_only_so_many_drafts_are_kept(monkeypatch):
    monkeypatch.setattr("community.services.writing.MOST_DRAFTS", 2)
    author, other = MemberFactory(), MemberFactory()
    services.save_draft(user=other, place="new", body="از دیگری")

    for place in ("thread:1", "thread:2", "thread:3", "thread:2"):
        services.save_draft(user=author, place=place, body="نیمه‌کاره")

    assert sorted(Draft.objects.values_list("place", flat=True)) == ["new", "thread:2", "thread:3"]


def test_same_token_of_another_person_is_another_form():
    once = token()
    thread = start(token=once)

    assert reply(thread, MemberFactory(), token=once).number == 2


def test_reply_gets_the_next_number_and_makes_its_thread_recent(heard):
    asker = MemberFactory()
    thread = start(asker)
    helper = MemberFactory(handle="Mina")
    before = Thread.objects.get(pk=thread.pk)

    post = reply(thread, helper, body="سلام @mina و @nobody")

    thread.refresh_from_db()
    assert (post.number, thread.reply_count, thread.last_author) == (2, 1, helper)
    assert thread.last_post_at == post.created_at
    assert thread.hot > before.hot
    assert profile(helper).reply_count == 1
    assert 'href="/u/Mina/"' in Post.objects.get(pk=post.pk).html
    [posted] = heard.of(events.ReplyPosted)
    assert (posted.number, posted.starter_id, posted.mentioned_ids) == (2, asker.pk, [helper.pk])
    assert ThreadRead.objects.get(user=helper).last_read_number == 2


def test_reply_tells_whom_it_answers_and_quotes(heard):
    thread = start()
    one, two = reply(thread), reply(thread)
    elsewhere = PostFactory()

    reply(thread, reply_to=one, body=f"> [@x](post:{two.pk}):\n> متن\n\nبله [این](post:{elsewhere.pk})")

    posted = heard.of(events.ReplyPosted)[-1]
    assert posted.reply_to_author_id == one.author_id
    assert posted.quoted_author_ids == [two.author_id]


def test_first_reply_to_a_newcomers_first_thread_is_a_welcome(heard):
    newcomer = MemberFactory(level=Level.MEMBER)
    thread = start(newcomer)

    reply(thread, newcomer)
    assert heard.of(events.WelcomeReplyPosted) == []
    other = start(MemberFactory())
    helper = MemberFactory()
    reply(other, helper)
    reply(other)

    [welcome] = heard.of(events.WelcomeReplyPosted)
    assert (welcome.author_id, welcome.welcomed_id) == (helper.pk, other.author_id)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"body": " \n "}, EmptyTextError),
        ({"title": "؟!"}, EmptyTextError),
        ({"title": "الف" * 70}, Exception),
        ({"body": "الف" * 11_000}, TextTooLongError),
    ],
)
def test_text_that_is_no_text_is_refused(fields, error):
    with pytest.raises(error):
        start(**fields)

    assert not Thread.objects.exists()


def test_locked_places_take_nothing_but_from_moderators():
    area = AreaFactory(is_locked=True)
    with pytest.raises(AreaLockedError):
        start(area=area)
    by = moderator()
    thread = start(by, area)
    services.lock(thread=thread, by=by)
    services.lock(thread=thread, by=by)

    with pytest.raises(ThreadLockedError):
        reply(thread)
    assert reply(thread, by).number == 2
    services.unlock(thread=thread, by=by)
    assert reply(thread).number == 3
    assert AuditEntry.objects.filter(action="thread.locked").count() == 1


def test_nothing_is_added_to_a_thread_that_was_taken_away():
    for state in ("hidden", "deleted", "held"):
        thread = ThreadFactory(state=state)
        with pytest.raises(NotVisibleError):
            reply(thread, thread.author)


def test_personal_data_is_masked_unless_the_author_insists():
    body = "کد ملی من ۰۰۸۴۵۷۵۹۴۸ و کارتم ۶۰۳۷-۹۹۷۱-۱۲۳۴-۵۶۷۸ و شماره‌ام ۰۹۱۲۳۴۵۶۷۸۹ است؛ mina@example.com"

    masked, kept = start(body=body), start(body=body, keeps_personal_data=True)

    text = masked.posts.get().body
    assert "[phone]" in text
    assert not any(part in text for part in ("۰۹۱۲", "۶۰۳۷", "۰۰۸۴", "mina@"))
    assert "۰۹۱۲۳۴۵۶۷۸۹" in kept.posts.get().body


def test_name_of_a_member_is_no_mail_address():
    MemberFactory(handle="mina.k")
    MemberFactory(handle="sara")

    body = start(body="سلام @mina.k و @sara. بعد به sara@example.com بنویسید").posts.get().body

    assert body == "سلام @mina.k و @sara. بعد به [e-mail] بنویسید"


# Editing -------------------------------------------------------------------------------------------------------------


def test_author_edits_silently_at_first_and_later_with_history(heard):
    thread = start()
    post = thread.posts.get()

    services.edit_post(post=post, editor=thread.author, body="متن تازه", title="عنوان تازه", version=1)

    post.refresh_from_db()
    thread.refresh_from_db()
    assert (post.body, post.version, post.edited_at) == ("متن تازه", 2, None)
    assert (thread.title, thread.slug, thread.excerpt) == ("عنوان تازه", "عنوان-تازه", "متن تازه")
    assert not post.revisions.exists()
    earlier = timezone.now() - dt.timedelta(minutes=31)
    Post.objects.filter(pk=post.pk).update(created_at=earlier)
    Thread.objects.filter(pk=thread.pk).update(last_post_at=earlier)

    services.edit_post(post=post, editor=thread.author, body="متن سوم", title="عنوان تازه", version=2)

    post.refresh_from_db()
    [revision] = post.revisions.all()
    assert (revision.version, revision.body, revision.title) == (2, "متن تازه", "عنوان تازه")
    assert post.edited_at is not None
    assert len(heard.of(events.PostEdited)) == 2


@pytest.mark.parametrize("reaction", ["reply", "flag", "dismissed flag", "vote", "solution", "held", "hidden"])
def test_no_edit_is_silent_after_somebody_reacted(reaction):
    post = PostFactory(held=reaction == "held", hidden=reaction == "hidden")
    if reaction == "reply":
        PostFactory(thread=post.thread)
    elif "flag" in reaction:
        services.flag_post(post=post, user=MemberFactory(), reason="spam")
        if reaction == "dismissed flag":
            services.approve_post(post=post, by=moderator())
    elif reaction == "vote":
        services.vote_helpful(post=post, user=MemberFactory())
    elif reaction == "solution":
        services.accept_solution(post=post, by=None)

    services.edit_post(post=post, editor=post.author, body="متن بی‌آزار", version=1)

    assert list(post.revisions.values_list("body", "version")) == [(ANSWER, 1)]


def test_ones_own_reply_is_no_reaction():
    thread = ThreadFactory()
    PostFactory(thread=thread, author=thread.author)

    services.edit_post(post=thread.posts.get(number=1), editor=thread.author, body="متن تازه", version=1)

    assert thread.posts.get(number=1).revisions.count() == 0


@pytest.mark.parametrize("kind", ["held", "appealed"])
def test_what_an_edit_brings_in_is_said_to_who_decides(kind):
    WatchedWord.objects.create(phrase="خرید", action="hold")
    post = PostFactory(held=kind == "held", hidden=kind == "appealed")
    if kind == "appealed":
        services.appeal(post=post, author=post.author, text="بی‌دلیل بود")

    services.edit_post(post=post, editor=post.author, body="برای خرید تماس بگیرید", version=1)

    assert "watched-word:خرید" in dict(ReviewItem.objects.get().reasons)


def test_edit_by_a_moderator_always_leaves_history():
    thread = start()

    services.edit_post(post=thread.posts.get(), editor=moderator(), body="متن مدیر", version=1)

    assert thread.posts.get().revisions.get().body == BODY


def test_second_of_two_editors_gets_both_texts_and_nothing_is_lost():
    thread = start()
    post = thread.posts.get()
    services.edit_post(post=post, editor=thread.author, body="متن نویسنده", version=1)

    with pytest.raises(EditConflictError) as error:
        services.edit_post(post=post, editor=moderator(), body="متن مدیر", title="عنوان مدیر", version=1)

    assert (error.value.body, error.value.title) == ("متن مدیر", "عنوان مدیر")
    assert (error.value.stored_body, error.value.stored_version) == ("متن نویسنده", 2)
    assert thread.posts.get().body == "متن نویسنده"


def test_same_edit_sent_twice_is_no_conflict(heard):
    post = start().posts.get()

    for _ in range(2):
        services.edit_post(post=post, editor=post.author, body="یک متن", version=1)

    assert len(heard.of(events.PostEdited)) == 1


@pytest.mark.parametrize("handle", ["Élodie", "élodie", "ÉLODIE", "Żółw", "سارا", "Sara"])
def test_a_name_is_found_however_its_letters_are_written(handle):
    person = MemberFactory(handle=handle)
    alike = f"{handle[:3]}.{handle[3:]}"

    for typed in (handle, handle.lower(), handle.upper()):
        assert people_named([typed, "nobody\0"]) == {handle.lower(): person}
    assert people_named([alike]) == {}


def test_edit_tells_only_those_mentioned_for_the_first_time(heard):
    one, two = MemberFactory(handle="one1"), MemberFactory(handle="two2")
    post = start(body="سلام @one1").posts.get()

    services.edit_post(post=post, editor=post.author, body="سلام @one1 و @two2", version=1)

    assert heard.of(events.PostEdited)[0].mentioned_ids == [two.pk]
    assert set(post.mentions.values_list("user", flat=True)) == {one.pk, two.pk}


def test_draft_is_kept_until_it_is_posted():
    author, thread = MemberFactory(), start()
    services.save_draft(user=author, place=f"thread:{thread.pk}", body="نیمه‌کاره")
    services.save_draft(user=author, place=f"thread:{thread.pk}", body="نیمه‌کاره‌تر")
    assert Draft.objects.get().body == "نیمه‌کاره‌تر"

    reply(thread, author)

    assert not Draft.objects.exists()


def test_empty_draft_is_none():
    author = MemberFactory()
    services.save_draft(user=author, place="new", title="عنوان")

    assert services.save_draft(user=author, place="new", title=" ") is None
    assert not Draft.objects.exists()


# Screening -----------------------------------------------------------------------------------------------------------


def newcomer(**fields):
    return MemberFactory(level=Level.NEW, **fields)


def test_first_post_of_a_newcomer_is_held_and_shown_when_approved(heard):
    author = newcomer()
    thread = start(author)

    assert (thread.state, thread.posts.get().state) == ("held", "held")
    assert [type(event) for event in heard] == [events.PostHeld]
    assert heard[0].reasons == ["first-post"]
    item = ReviewItem.objects.get()
    assert (item.post, item.decision) == (thread.posts.get(), "")
    assert profile(author).thread_count == 0
    by = moderator()
    heard.clear()

    services.approve_post(post=item.post, by=by)
    services.approve_post(post=item.post, by=by)

    thread.refresh_from_db()
    assert thread.state == "visible"
    assert profile(author).thread_count == 1
    assert [type(event) for event in heard] == [events.ThreadStarted, events.PostApproved]
    assert heard[0].was_held
    item.refresh_from_db()
    assert (item.decision, item.decided_by) == ("approved", by)
    assert AuditEntry.objects.filter(action="post.approved").count() == 1
    assert start(author).state == "visible"


def test_held_reply_is_announced_and_counted_when_approved(heard):
    thread = start()
    author = newcomer(handle="Tazeh")
    post = reply(thread, author, body="سلام @tazeh")
    thread.refresh_from_db()
    assert (post.state, thread.reply_count, thread.highest_number) == ("held", 0, 2)
    assert heard.of(events.ReplyPosted) == []

    services.approve_post(post=post, by=moderator())

    thread.refresh_from_db()
    assert thread.reply_count == 1
    [posted] = heard.of(events.ReplyPosted)
    assert (posted.was_held, posted.mentioned_ids) == (True, [author.pk])


def test_verified_customer_is_no_newcomer(heard):
    author = newcomer()
    OwnershipFactory(user=author)

    thread = start(author)

    assert thread.state == "visible"
    assert profile(author).level == Level.MEMBER
    assert heard.of(events.MemberLevelChanged) == [events.MemberLevelChanged(user_id=author.pk, before=0, after=1)]


def test_newcomer_with_many_links_is_held_and_member_is_not():
    policy = Policy(first_posts_held=0)
    policy.save()
    links = " ".join(f"https://example.com/{n}" for n in range(3))

    assert start(newcomer(), body=f"ببینید {links}").state == "held"
    assert start(newcomer(), body="ببینید https://example.com/1").state == "visible"
    assert start(body=f"ببینید {links}").state == "visible"


def test_panic_switch_holds_newcomers_and_nobody_else():
    Policy(first_posts_held=0, holds_newcomers=True).save()

    assert start(newcomer()).state == "held"
    assert start(MemberFactory()).state == "visible"
    assert start(moderator()).state == "visible"


def test_nearly_the_same_text_from_another_account_is_held():
    Policy(first_posts_held=0).save()
    text = "بهترین فیلترشکن دنیا را همین امروز با هفتاد درصد تخفیف از فروشگاه ما بخرید و راحت شوید"

    assert start(newcomer(), body=text).state == "visible"
    assert start(newcomer(), body=text.replace("هفتاد", "هشتاد").replace("ی", "ي")).state == "held"
    assert (
        start(newcomer(), body="یک متن کاملاً متفاوت دربارهٔ مودم و تنظیم‌های شبکهٔ بی‌سیم خانه و دفتر کار").state
        == "visible"
    )


def watch(phrase, action, **fields):
    return WatchedWord.objects.create(phrase=phrase, action=action, **fields)


@pytest.mark.parametrize(
    "text",
    [
        "فیلترشکن بخرید",
        "فیلتر شکن بخرید",
        "فیلتر\u200cشکن",
        "فـــیلترشکن",
        "فییییلترشکن",
        "ف.ی.ل.ت.ر.ش.ک.ن",
        "فيلترشكن",
    ],
)
def test_watched_word_is_found_however_it_is_written(text):
    watch("فیلترشکن", WatchedWord.Action.BLOCK)

    with pytest.raises(BlockedTextError) as error:
        start(body=text)

    assert "فیلتر" not in str(error.value)


def test_watched_word_is_not_found_inside_another():
    watch("کس", WatchedWord.Action.BLOCK)

    assert start(body="عکس مودم را ببینید").state == "visible"


def test_watched_word_holds_masks_and_tags():
    tag = TagFactory(name="فروش")
    watch("خرید", WatchedWord.Action.HOLD)
    watch("احمق", WatchedWord.Action.MASK)
    watch("تخفیف", WatchedWord.Action.TAG, tag=tag)

    assert start(body="برای خرید تماس بگیرید").state == "held"
    assert start(title="احمق کیست", body="تو احمـق هستی").title == "**** کیست"
    assert Post.objects.filter(body="تو ***** هستی").exists()
    assert list(start(body="تخفیف دارید؟").tags.all()) == [tag]
    assert start(moderator(), body="برای خرید").state == "visible"


def test_edit_cannot_bring_in_what_would_have_been_held():
    watch("خرید", WatchedWord.Action.HOLD)
    thread = start()

    services.edit_post(post=thread.posts.get(), editor=thread.author, body="برای خرید تماس بگیرید", version=1)

    thread.refresh_from_db()
    assert thread.state == "held"
    assert ReviewItem.objects.get().reasons == [["watched-word:خرید", 300]]


# States --------------------------------------------------------------------------------------------------------------


def test_hidden_reply_counts_for_nothing_until_it_is_restored(heard):
    thread = start()
    helper, by = MemberFactory(), moderator()
    first, post = reply(thread), reply(thread, helper)
    services.vote_helpful(post=post, user=thread.author)

    services.hide_post(post=post, by=by, reason="spam", note="تبلیغ است")
    services.hide_post(post=post, by=by, reason="spam")

    thread.refresh_from_db()
    assert (thread.reply_count, thread.helpful_count, thread.last_post_at) == (1, 0, first.created_at)
    assert (profile(helper).reply_count, profile(helper).helpful_count) == (0, 0)
    assert profile(helper).penalised_at is not None
    post.refresh_from_db()
    assert (post.state, post.state_reason, post.state_note) == ("hidden", "spam", "تبلیغ است")
    [hidden] = heard.of(events.PostHidden)
    assert (hidden.is_first, hidden.was_published, hidden.moderator_id) == (False, True, by.pk)

    services.restore_post(post=post, by=by)

    thread.refresh_from_db()
    assert (thread.reply_count, thread.helpful_count, thread.highest_number) == (2, 1, 3)
    assert profile(helper).helpful_count == 1
    assert len(heard.of(events.PostRestored)) == 1


def test_thread_goes_and_comes_with_its_first_post():
    tag = TagFactory()
    thread = start(tags=[tag])
    reply(thread)
    first = thread.posts.get(number=1)

    services.delete_post(post=first, by=thread.author)

    thread.refresh_from_db()
    tag.refresh_from_db()
    assert (thread.state, thread.area.thread_count, tag.thread_count) == ("deleted", 0, 0)
    services.restore_post(post=first, by=thread.author)
    thread.refresh_from_db()
    thread.area.refresh_from_db()
    assert (thread.state, thread.area.thread_count, thread.reply_count) == ("visible", 1, 1)


@pytest.mark.parametrize("kind", ["visible", "flagged", "held", "held edit", "hidden", "hidden by flags"])
def test_an_author_who_takes_back_a_deletion_evades_nobody(kind):
    post = PostFactory(held=kind == "held")
    if kind == "flagged":
        services.flag_post(post=post, user=MemberFactory(), reason="spam")
    elif kind == "held edit":
        WatchedWord.objects.create(phrase="خرید", action="hold")
        services.edit_post(post=post, editor=post.author, body="برای خرید تماس بگیرید", version=1)
    elif kind == "hidden":
        services.hide_post(post=post, by=moderator(), reason="spam", note="تبلیغ است")
    elif kind == "hidden by flags":
        for _flag in range(2):
            services.flag_post(post=post, user=UserFactory(staff=True), reason="spam")
    seen = ("state", "state_reason", "state_note")
    before = Post.objects.values(*seen).get(pk=post.pk)
    waiting = ReviewItem.objects.filter(decision="").count(), Flag.objects.filter(outcome="").count()

    services.delete_post(post=post, by=post.author)
    assert not ReviewItem.objects.filter(decision="").exists()
    services.restore_post(post=post, by=post.author)

    assert Post.objects.values(*seen).get(pk=post.pk) == before
    assert (ReviewItem.objects.filter(decision="").count(), Flag.objects.filter(outcome="").count()) == waiting


@pytest.mark.parametrize("state", ["held", "hidden", "deleted"])
def test_an_author_brings_back_nothing_but_their_own_deletion(state):
    post = PostFactory(**{state: True})

    with pytest.raises(NotAllowedError):
        services.restore_post(post=post, by=post.author)

    assert Post.objects.get(pk=post.pk).state == state


@pytest.mark.parametrize("how", ["restored", "undone", "appealed", "deleted", "taken back", "held"])
def test_a_solution_is_none_while_hidden_and_one_again_afterwards(heard, how):
    thread, by = start(), moderator()
    helper = MemberFactory()
    post = reply(thread, helper)
    accepted = services.accept_solution(post=post, by=thread.author)
    seen = ("status", "solution", "solved_at")
    before = Thread.objects.values(*seen).get(pk=thread.pk)

    if how == "held":
        watch("خرید", WatchedWord.Action.HOLD)
        services.edit_post(post=post, editor=helper, body="برای خرید تماس بگیرید", version=1)
    elif how == "undone":
        services.flag_post(post=post, user=MemberFactory(), reason="spam")
        services.hide_post(post=post, by=by, reason="spam")
    elif how in {"deleted", "taken back"}:
        services.delete_post(post=post, by=helper if how == "taken back" else by)
    else:
        services.hide_post(post=post, by=by, reason="spam")

    thread.refresh_from_db()
    assert (thread.solution, thread.status, profile(helper).solution_count) == (None, "open", 0)
    assert len(heard.of(events.SolutionRevoked)) == 1

    if how == "undone":
        services.undo_decision(item=ReviewItem.objects.get(), by=by)
    elif how == "held":
        services.approve_post(post=post, by=by)
    else:
        if how == "appealed":
            services.appeal(post=post, author=helper, text="این آگهی نبود.")
        services.restore_post(post=post, by=helper if how == "taken back" else by)

    assert Thread.objects.values(*seen).get(pk=thread.pk) == before
    now = Solution.objects.get(revoked_at=None)
    assert (now.accepted_by, now.accepted_at) == (thread.author, accepted.accepted_at)
    assert profile(helper).solution_count == 1
    assert [event.solution_id for event in heard.of(events.SolutionAccepted)] == [accepted.pk, now.pk]
    assert list(find_drift()) == []


def test_a_solution_that_was_revoked_before_it_was_hidden_stays_revoked():
    thread, by = start(), moderator()
    post = reply(thread)
    services.accept_solution(post=post, by=thread.author)
    services.revoke_solution(post=post, by=thread.author)

    services.hide_post(post=post, by=by, reason="spam")
    services.restore_post(post=post, by=by)

    assert not Solution.objects.filter(revoked_at=None).exists()


def test_a_question_that_found_another_solution_meanwhile_has_both():
    thread, by = start(), moderator()
    one, two = reply(thread), reply(thread)
    services.accept_solution(post=one, by=thread.author)
    services.hide_post(post=one, by=by, reason="spam")
    services.accept_solution(post=two, by=thread.author)

    services.restore_post(post=one, by=by)

    assert set(Solution.objects.filter(revoked_at=None).values_list("post", flat=True)) == {one.pk, two.pk}
    assert Thread.objects.get(pk=thread.pk).solution == one
    assert list(find_drift()) == []


def test_rejected_newcomer_was_never_seen(heard):
    thread = start(newcomer())
    post = thread.posts.get()

    services.hide_post(post=post, by=moderator(), reason="spam")

    assert not heard.of(events.PostHidden)[0].was_published
    assert ReviewItem.objects.get().decision == "hidden"
    services.restore_post(post=post, by=moderator())
    assert [type(event) for event in heard[-2:]] == [events.ThreadStarted, events.PostApproved]


# Help ----------------------------------------------------------------------------------------------------------------


def test_accepted_answer_solves_the_question_once(heard):
    thread = start()
    helper = MemberFactory()
    post = reply(thread, helper)

    solution = services.accept_solution(post=post, by=thread.author)
    assert services.accept_solution(post=post, by=moderator()) == solution

    thread.refresh_from_db()
    post.refresh_from_db()
    assert (thread.solution, thread.status, post.is_solution) == (post, "solved", True)
    assert profile(helper).solution_count == 1
    [accepted] = heard.of(events.SolutionAccepted)
    assert (accepted.author_id, accepted.asker_id, accepted.accepted_by_id) == (
        helper.pk, thread.author_id, thread.author_id,
    )  # fmt: skip
    [first_help] = heard.of(events.FirstHelpGiven)
    assert (first_help.helper_id, first_help.helped_id) == (helper.pk, thread.author_id)


def test_revoked_solution_leaves_history_and_the_other_one(heard):
    thread = start()
    one, two = reply(thread), reply(thread)
    services.accept_solution(post=one, by=thread.author)
    services.accept_solution(post=two, by=thread.author)

    assert services.revoke_solution(post=one, by=thread.author)
    assert not services.revoke_solution(post=one, by=thread.author)

    thread.refresh_from_db()
    assert (thread.solution, thread.is_solved) == (two, True)
    assert Solution.objects.filter(post=one, revoked_at__isnull=False).count() == 1
    services.accept_solution(post=one, by=thread.author)
    assert Solution.objects.filter(post=one).count() == 2
    assert len(heard.of(events.SolutionRevoked)) == 1


def test_own_answer_is_a_solution_but_helps_nobody_else(heard):
    thread = start()
    post = reply(thread, thread.author)

    services.accept_solution(post=post, by=thread.author)

    assert profile(thread.author).solution_count == 0
    assert heard.of(events.FirstHelpGiven) == []


def test_what_cannot_be_a_solution():
    question, idea = start(), start(area=AreaFactory(ideas=True))
    hidden = PostFactory(thread=question, hidden=True)

    for post, error in [
        (question.posts.get(number=1), NotAllowedError),
        (reply(idea), NotAllowedError),
        (hidden, NotVisibleError),
    ]:
        with pytest.raises(error):
            services.accept_solution(post=post, by=question.author)


def test_helpful_vote_counts_once_and_can_be_withdrawn(heard):
    post, voter = reply(start()), MemberFactory()

    assert services.vote_helpful(post=post, user=voter)
    assert not services.vote_helpful(post=post, user=voter)

    post.refresh_from_db()
    assert (post.helpful_count, post.thread.helpful_count, profile(post.author).helpful_count) == (1, 1, 1)
    assert services.withdraw_helpful(post=post, user=voter)
    assert not services.withdraw_helpful(post=post, user=voter)
    post.refresh_from_db()
    assert (post.helpful_count, profile(post.author).helpful_count) == (0, 0)
    assert len(heard.of(events.HelpfulVoteGiven)) == len(heard.of(events.HelpfulVoteWithdrawn)) == 1
    services.vote_helpful(post=post, user=voter)
    assert len(heard.of(events.FirstHelpGiven)) == 1


def test_nobody_votes_for_themselves_or_for_what_is_gone():
    post = reply(start())
    with pytest.raises(OwnPostError):
        services.vote_helpful(post=post, user=post.author)
    services.hide_post(post=post, by=moderator(), reason="spam")
    with pytest.raises(NotVisibleError):
        services.vote_helpful(post=post, user=MemberFactory())


def test_me_too_counts_once(heard):
    thread, other = start(), MemberFactory()

    assert services.say_me_too(thread=thread, user=other)
    assert not services.say_me_too(thread=thread, user=other)
    with pytest.raises(OwnPostError):
        services.say_me_too(thread=thread, user=thread.author)

    thread.refresh_from_db()
    assert thread.me_too_count == 1
    assert len(heard.of(events.MeTooSaid)) == 1
    assert services.withdraw_me_too(thread=thread, user=other)
    thread.refresh_from_db()
    assert thread.me_too_count == 0


# Ideas and polls -----------------------------------------------------------------------------------------------------


def test_votes_for_ideas_are_limited_and_come_back(heard):
    Policy(idea_votes=2).save()
    voter, by = MemberFactory(), moderator()
    ideas = [ThreadFactory(idea=True) for _ in range(3)]
    services.vote_idea(thread=ideas[0], user=voter)
    assert not services.vote_idea(thread=ideas[0], user=voter)
    services.vote_idea(thread=ideas[1], user=voter)
    with pytest.raises(NoVotesLeftError):
        services.vote_idea(thread=ideas[2], user=voter)

    services.set_idea_status(thread=ideas[0], status="done", by=by, note="در نسخهٔ ۴ آمد")

    assert services.votes_left(user=voter) == 1
    assert services.vote_idea(thread=ideas[2], user=voter)
    with pytest.raises(NotAllowedError):
        services.withdraw_idea_vote(thread=ideas[0], user=voter)
    assert services.withdraw_idea_vote(thread=ideas[1], user=voter)
    assert Thread.objects.get(pk=ideas[0].pk).vote_count == 1
    assert len(heard.of(events.IdeaVoted)) == 3


def test_idea_is_accepted_once(heard):
    idea, by = ThreadFactory(idea=True), moderator()

    for status in ("under-review", "planned", "planned", "done"):
        services.set_idea_status(thread=idea, status=status, by=by)

    assert [event.after for event in heard.of(events.IdeaStatusChanged)] == ["under-review", "planned", "done"]
    assert len(heard.of(events.IdeaAccepted)) == 1
    assert [change.status for change in idea.status_changes.all()] == ["under-review", "planned", "done"]
    with pytest.raises(NotAllowedError):
        services.set_idea_status(thread=idea, status="solved", by=by)


def poll_thread(**fields):
    poll = services.NewPoll(question="کدام رنگ؟", options=["سبز", "آبی", "سبز", "قرمز"], **fields)
    return start(area=AreaFactory(discussions=True), poll=poll)


def test_vote_in_a_poll_can_be_changed_and_counts_once():
    poll = poll_thread().poll
    green, blue, red = poll.options.all()
    voter = MemberFactory()

    assert services.vote_in_poll(poll=poll, user=voter, option_ids=[green.pk])
    assert not services.vote_in_poll(poll=poll, user=voter, option_ids=[green.pk])
    assert services.vote_in_poll(poll=poll, user=voter, option_ids=[blue.pk])

    assert [option.vote_count for option in poll.options.all()] == [0, 1, 0]
    poll.refresh_from_db()
    assert poll.voter_count == 1
    for wrong in ([], [green.pk, red.pk], [10**6]):
        with pytest.raises(WrongChoiceError):
            services.vote_in_poll(poll=poll, user=voter, option_ids=wrong)


def test_poll_with_several_choices_and_a_closed_one():
    poll = poll_thread(is_multiple=True).poll
    green, _blue, red = poll.options.all()
    assert services.vote_in_poll(poll=poll, user=MemberFactory(), option_ids=[green.pk, red.pk])
    assert [option.vote_count for option in poll.options.all()] == [1, 0, 1]

    closed = poll_thread(closes_at=timezone.now() - dt.timedelta(seconds=1)).poll
    with pytest.raises(PollClosedError):
        services.vote_in_poll(poll=closed, user=MemberFactory(), option_ids=[closed.options.first().pk])


# Threads -------------------------------------------------------------------------------------------------------------


def test_tags_are_found_by_any_spelling_and_by_synonyms():
    tag = TagFactory(name="بی‌سیم")
    TagSynonym.objects.create(tag=tag, word="وای‌فای")

    assert services.tags_named(["#بی سیم", "بيسيم", "وایفای", "ناشناس", " "]) == [tag]
    [made] = services.tags_named(["فیبر نوری"], may_create=True)
    assert (made.name, made.slug) == ("فیبر نوری", "فیبر-نوری")
    assert services.tags_named(["فیبرنوری"], may_create=True) == [made]


def test_tags_are_counted_and_limited():
    Policy(max_tags=2).save()
    one, two, three = TagFactory.create_batch(3)
    thread = start(tags=[one])

    services.set_tags(thread=thread, tags=[two, three], by=moderator())

    assert [Tag.objects.get(pk=tag.pk).thread_count for tag in (one, two, three)] == [0, 1, 1]
    assert AuditEntry.objects.get().action == "thread.tagged"
    with pytest.raises(TooManyTagsError):
        services.set_tags(thread=thread, tags=[one, two, three], by=thread.author)


def test_moved_thread_takes_the_kind_of_its_new_area(heard):
    thread, ideas, by = start(), AreaFactory(ideas=True), moderator()
    old = thread.area

    services.move_thread(thread=thread, area=ideas, by=by)
    services.move_thread(thread=thread, area=ideas, by=by)

    thread.refresh_from_db()
    old.refresh_from_db()
    ideas.refresh_from_db()
    assert (thread.area, thread.kind, thread.status) == (ideas, "ideas", "new")
    assert (old.thread_count, ideas.thread_count) == (0, 1)
    assert [replace(event, at=None) for event in heard.of(events.ThreadMoved)] == [
        events.ThreadMoved(thread_id=thread.pk, from_area_id=old.pk, to_area_id=ideas.pk, moved_by_id=by.pk)
    ]


def test_merge_brings_posts_votes_and_solutions_along(heard):
    one, two, by = start(), start(), moderator()
    both, only = MemberFactory(), MemberFactory()
    reply(two)
    answer = reply(one)
    services.accept_solution(post=answer, by=one.author)
    services.vote_helpful(post=answer, user=both)
    for thread, user in [(one, both), (two, both), (one, only), (one, two.author)]:
        services.say_me_too(thread=thread, user=user)

    services.merge_threads(thread=one, into=two, by=by)
    services.merge_threads(thread=one, into=two, by=by)

    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, one.merged_into, one.reply_count) == ("merged", two, 0)
    assert [post.number for post in two.posts.order_by("number")] == [1, 2, 3, 4]
    assert (two.highest_number, two.reply_count, two.helpful_count) == (4, 3, 1)
    assert two.me_too_count == 2, "both once, only; the asker does not have it too"
    assert (two.solution, two.status) == (answer, "solved")
    assert two.area.threads.filter(state="visible").count() == 1
    merged = events.ThreadMerged(thread_id=one.pk, into_id=two.pk, merged_by_id=by.pk)
    assert [replace(event, at=None) for event in heard.of(events.ThreadMerged)] == [merged]
    assert reply(two).number == 5


def test_a_merge_does_not_make_a_thread_older():
    old, fresh = start(), start()
    Post.objects.filter(thread=old.pk).update(created_at=timezone.now() - dt.timedelta(days=90))
    newest = reply(fresh)

    services.merge_threads(thread=Thread.objects.get(pk=old.pk), into=fresh, by=moderator())

    fresh.refresh_from_db()
    assert (fresh.last_post_at, fresh.last_author) == (newest.created_at, newest.author)


def test_a_merge_neither_publishes_nor_hides():
    private, public = start(area=AreaFactory(audience="partner"), author=moderator()), start()

    for one, other in ((private, public), (public, private)):
        with pytest.raises(NotAllowedError):
            services.merge_threads(thread=one, into=other, by=moderator())


def test_merged_ideas_have_the_votes_of_both_once():
    one, two = ThreadFactory(idea=True), ThreadFactory(idea=True)
    both, only = MemberFactory(), MemberFactory()
    for thread, user in [(one, both), (two, both), (one, only)]:
        services.vote_idea(thread=thread, user=user)

    services.merge_threads(thread=one, into=two, by=moderator())

    assert Thread.objects.get(pk=two.pk).vote_count == 2
    assert services.votes_left(user=both) == 9


def test_thread_is_not_merged_into_itself_or_into_what_is_gone():
    thread = start()
    for into, error in [(thread, NotAllowedError), (ThreadFactory(hidden=True), NotVisibleError)]:
        with pytest.raises(error):
            services.merge_threads(thread=thread, into=into, by=moderator())


def test_split_makes_a_thread_of_replies_and_old_links_lead_there(heard):
    from community.queries import place_of_post

    thread, by = start(), moderator()
    posts = [reply(thread) for _ in range(4)]

    new = services.split_thread(thread=thread, post_ids=[posts[1].pk, posts[3].pk], title="پرسش دیگر", by=by)

    thread.refresh_from_db()
    new.refresh_from_db()
    assert [post.number for post in new.posts.order_by("number")] == [1, 2]
    assert [post.number for post in thread.posts.order_by("number")] == [1, 2, 4]
    assert (new.author, new.title, new.reply_count) == (posts[1].author, "پرسش دیگر", 1)
    assert thread.reply_count == 2
    assert place_of_post(thread.pk, 5) == (new.pk, 2)
    assert len(heard.of(events.ThreadSplit)) == 1
    with pytest.raises(NotAllowedError):
        services.split_thread(thread=thread, post_ids=[thread.posts.get(number=1).pk], title="نه", by=by)


def test_a_split_thread_is_in_the_language_of_its_title_and_text():
    thread = start()
    moved = reply(thread, body="ping 10.0.0.1 timeout: مودم")
    Post.objects.filter(pk=moved.pk).update(language="fa")

    new = services.split_thread(
        thread=thread, post_ids=[moved.pk], title="مودم پس از به‌روزرسانی کند شده است", by=moderator()
    )

    assert new.language == "fa"
    assert Post.objects.get(pk=moved.pk).language == "en"


def test_a_split_costs_the_same_whatever_the_number_of_replies():
    thread, by = start(), moderator()
    few, many = [reply(thread) for _ in range(2)], [reply(thread) for _ in range(12)]
    costs = []

    for posts in (few, many):
        with CaptureQueriesContext(connection) as queries:
            services.split_thread(thread=thread, post_ids=[post.pk for post in posts], title="پرسش دیگر", by=by)
        costs.append(len(queries))

    assert costs[1] == costs[0]


def test_pinned_thread_is_first_in_its_area_until_its_time_is_over():
    from community.services.threads import has_pins_to_end, unpin_due

    area, by = AreaFactory(), moderator()
    old = start(area=area)
    start(area=area)
    services.pin_until(thread=old, by=by, until=timezone.now() + dt.timedelta(days=1))

    assert Thread.objects.filter(area=area).recent_first_in_area()[0] == old
    assert not has_pins_to_end()
    Thread.objects.filter(pk=old.pk).update(pinned_until=timezone.now())
    assert has_pins_to_end()
    assert unpin_due() == 1
    assert unpin_due() == 0
    assert Thread.objects.filter(area=area).recent_first_in_area()[0] != old


def test_an_authors_new_title_is_screened_and_leaves_history():
    WatchedWord.objects.create(phrase="خرید", action="hold")
    thread = ThreadFactory()
    PostFactory(thread=thread)
    before = thread.title

    services.retitle(thread=thread, title="خرید ارزان", by=thread.author)

    first = thread.posts.get(number=1)
    assert (first.state, Thread.objects.get(pk=thread.pk).title) == ("held", "خرید ارزان")
    assert list(first.revisions.values_list("title", flat=True)) == [before]
    assert "watched-word:خرید" in dict(ReviewItem.objects.get().reasons)


def test_nobody_approves_a_title_that_was_changed_meanwhile():
    thread = ThreadFactory(held=True)
    post, helper = thread.posts.get(), MemberFactory(level=Level.HELPER)

    for number, by in enumerate([thread.author, helper]):
        read = Post.objects.get(pk=post.pk).version
        services.retitle(thread=thread, title=f"عنوان {number}", by=by)
        with pytest.raises(EditedMeanwhileError):
            services.approve_post(post=post, by=moderator(), version=read)


def test_retitled_thread_is_logged():
    thread, by = start(), moderator()

    services.retitle(thread=thread, title="عنوان بهتر", by=by)

    thread.refresh_from_db()
    assert (thread.title, thread.slug) == ("عنوان بهتر", "عنوان-بهتر")
    assert AuditEntry.objects.get().details == {"before": "مودم وصل نمی‌شود", "after": "عنوان بهتر"}


# Reading -------------------------------------------------------------------------------------------------------------


def test_reading_never_goes_back():
    thread, reader = start(), MemberFactory()

    for number in (3, 7, 5):
        services.mark_read(user=reader, thread=thread, number=number)

    assert ThreadRead.objects.get(user=reader).last_read_number == 7


def test_marks_of_areas_and_everything_never_go_back():
    area, reader = AreaFactory(), MemberFactory()
    now = timezone.now()

    for until in (now, now - dt.timedelta(days=1)):
        services.mark_area_read(user=reader, area=area, until=until)
        services.mark_all_read(user=reader, until=until + dt.timedelta(days=2))

    from community.models import AreaRead

    assert AreaRead.objects.get().read_until == now
    assert profile(reader).read_floor == now + dt.timedelta(days=2)


def test_bookmark_is_one_and_can_be_changed():
    post, reader = reply(start()), MemberFactory()

    services.bookmark(user=reader, post=post)
    row = services.bookmark(user=reader, post=post, note="بعداً", remind_at=timezone.now())

    assert row.note == "بعداً"
    assert services.remove_bookmark(user=reader, post=post)
    assert not services.remove_bookmark(user=reader, post=post)


def test_day_is_counted_once():
    user = MemberFactory(level=Level.NEW)
    today = timezone.localdate()

    seen = [services.note_visit(user=user, today=today + dt.timedelta(days=day)) for day in (0, 0, 1, 0)]

    assert seen == [True, False, True, False]
    assert profile(user).days_seen == 2


def test_who_comes_back_on_the_same_day_to_what_they_have_read_writes_nothing():
    user, thread = MemberFactory(), start()
    written = []

    for _visit in range(2):
        reader = User.objects.get(pk=user.pk)  # of another request
        with CaptureQueriesContext(connection) as queries:
            services.mark_read(user=reader, thread=thread, number=1)
            services.note_visit(user=reader)
        written.append([query["sql"] for query in queries if not query["sql"].startswith("SELECT")])

    assert written[0] != []
    assert written[1] == []


# Moderation ----------------------------------------------------------------------------------------------------------


def test_flags_add_up_hide_the_post_and_are_judged(heard):
    post = reply(start())
    staff = moderator()
    members = [MemberFactory(level=Level.ACTIVE) for _ in range(2)]
    for user in members:
        services.flag_post(post=post, user=user, reason="spam")
        services.flag_post(post=post, user=user, reason="abuse")
    post.refresh_from_db()
    item = ReviewItem.objects.get()
    assert (post.state, item.reasons, item.score) == ("visible", [["flag:spam", 600]], 600)

    services.flag_post(post=post, user=staff, reason="abuse")

    post.refresh_from_db()
    assert (post.state, post.state_reason) == ("hidden", "abuse")
    assert heard.of(events.PostHidden)[0].moderator_id is None
    assert ReviewItem.objects.get().decision == "", "a person decides in the end"
    services.restore_post(post=post, by=moderator())
    assert {flag.outcome for flag in Flag.objects.all()} == {"disagreed"}
    assert profile(members[0]).flags_judged == 1
    assert len(heard.of(events.FlagJudged)) == 3


def test_cleared_post_can_be_flagged_again():
    post, user = reply(start()), MemberFactory()
    services.flag_post(post=post, user=user, reason="spam")
    services.approve_post(post=post, by=moderator())

    services.flag_post(post=post, user=user, reason="abuse")

    assert Flag.objects.count() == 2
    assert ReviewItem.objects.filter(decision="").count() == 1


def test_newcomer_flagged_by_several_is_silenced(heard):
    Policy(first_posts_held=0).save()
    spammer = newcomer()
    post = reply(start(), spammer)
    for _ in range(3):
        services.flag_post(post=post, user=MemberFactory(level=Level.NEW), reason="spam")

    assert profile(spammer).is_silenced()
    assert heard.of(events.MemberRestricted)[0].action == "silenced"
    with pytest.raises(SilencedError):
        start(spammer)
    services.release_member(user=spammer, by=moderator())
    assert start(spammer).pk


def test_member_of_some_standing_is_not_silenced_by_flags():
    post = reply(start(), MemberFactory(level=Level.MEMBER))
    for _ in range(3):
        services.flag_post(post=post, user=MemberFactory(level=Level.NEW), reason="spam")

    assert not profile(post.author).is_silenced()


def test_flags_of_those_who_were_right_weigh_more():
    from community.rules import flag_weight

    user = MemberFactory(level=Level.ACTIVE)

    assert flag_weight(user, CommunityProfile(level=Level.ACTIVE, flags_judged=5, flags_agreed=5)) == 300
    assert flag_weight(user, CommunityProfile(level=Level.ACTIVE, flags_judged=10, flags_agreed=9)) == 390
    assert flag_weight(moderator(), CommunityProfile()) == 500


def test_author_appeals_and_the_post_is_in_the_queue_again(heard):
    post = reply(start())
    services.hide_post(post=post, by=moderator(), reason="off-topic")

    item = services.appeal(post=post, author=post.author, text="این پاسخ دربارهٔ همین مودم است")

    assert (item.decision, item.reasons) == ("", [["appeal", 100]])
    with pytest.raises(NotAllowedError):
        services.appeal(post=post, author=MemberFactory(), text="نه")
    assert len(heard.of(events.PostAppealed)) == 1


def test_item_is_claimed_by_one_until_the_claim_is_old():
    thread = start(newcomer())
    item = ReviewItem.objects.get(post__thread=thread)
    one, two = moderator(), moderator()

    assert services.claim(item=item, by=one)
    assert services.claim(item=item, by=one)
    assert not services.claim(item=item, by=two)
    ReviewItem.objects.update(claimed_at=timezone.now() - dt.timedelta(minutes=16))
    assert services.claim(item=item, by=two)
    services.release(item=item, by=two)
    assert services.claim(item=item, by=one)


def test_suspended_member_reads_only_and_is_told_why():
    user, by = MemberFactory(), moderator()

    services.warn_member(user=user, by=by, note="آرام‌تر")
    services.suspend_member(user=user, by=by, until=timezone.now() + dt.timedelta(days=3), note="توهین")

    from community import rules

    assert profile(user).suspended_reason == "توهین"
    assert not rules.can_take_part(user)
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["member.warned", "member.suspended"]


def test_log_is_written_once_and_never_changed():
    thread, by = start(), moderator()
    services.lock(thread=thread, by=by)
    entry = AuditEntry.objects.get()

    for change in (
        entry.save, entry.delete, AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(note="x"),
    ):  # fmt: skip
        with pytest.raises(AppendOnlyError):
            change()
    by.delete()
    assert AuditEntry.objects.get().actor is None


# What others are told, and what stays ------------------------------------------------------------------------------


def test_reply_makes_its_thread_and_area_stale_and_nothing_else():
    thread, other = start(), start()
    fresh = {name: stamp(name) for name in (*thread.scopes, *other.scopes, "articles", "community")}

    reply(thread)

    stale = {name for name, one in fresh.items() if not one.is_current()}
    assert stale == {*thread.scopes, "community"}


def test_votes_stay_exact_when_a_voter_leaves():
    thread = start()
    post, voter = reply(thread), MemberFactory()
    services.vote_helpful(post=post, user=voter)
    services.say_me_too(thread=thread, user=voter)

    voter.delete()

    post.refresh_from_db()
    assert post.helpful_count == 1
    assert post.votes.count() == 1


def test_posts_stay_and_the_name_goes_when_an_author_leaves():
    thread = start()
    post = reply(thread)

    post.author.delete()

    post.refresh_from_db()
    thread.refresh_from_db()
    assert (post.author, post.body, thread.reply_count, thread.last_author) == (None, ANSWER, 1, None)


def test_drift_is_found_and_mended():
    thread = start()
    post = reply(thread)
    Thread.objects.filter(pk=thread.pk).update(reply_count=7, me_too_count=3)
    Post.objects.filter(pk=post.pk).update(helpful_count=2)
    CommunityProfile.objects.filter(pk=post.author_id).update(reply_count=0)

    drifts = {(drift.model, drift.field) for drift in find_drift()}
    mend()

    assert {("Thread", "reply_count"), ("Thread", "me_too_count"), ("Post", "helpful_count")} <= drifts
    assert ("CommunityProfile", "reply_count") in drifts
    assert list(find_drift()) == []
