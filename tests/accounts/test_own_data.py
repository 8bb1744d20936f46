"""“My data”: the copy, deleting the account, coming back, and that nothing of the person is left."""

from __future__ import annotations

import datetime as dt
import json
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import CharField, JSONField, TextField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community import services
from community.models import (
    AreaRead,
    AuditEntry,
    CommunityProfile,
    Draft,
    Message,
    Post,
    PostRevision,
    Tag,
    Thread,
    ThreadRead,
    Upload,
)
from community.reconcile import find_drift
from community.services import members
from faq.models import Feedback
from loyalty.services.ledger import check, earn
from loyalty.services.members import wallet_for
from portal.accounts import own_data
from portal.accounts.models import ErasureRequest, User
from portal.core.mail import queue
from portal.core.models import OutgoingMail
from portal.core.outbox import drain
from portal.notifications.events import MailWanted
from portal.notifications.mailing import send_waiting
from portal.notifications.models import Notification
from portal.notifications.services import follow
from search.index.embedded.forgetting import forget_unused_words
from search.models import IndexedEntry
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.catalog import OwnershipFactory
from tests.factories.community import MemberFactory, MessageFactory, PostFactory, ThreadFactory, moderator
from tests.factories.faq import FeedbackFactory, help_site
from tests.factories.loyalty import ProgrammeFactory
from tests.factories.notifications import NotificationFactory
from tests.journeys.test_typed_words import columns_with

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.accounts.own_data", "community.services.members"),
]

DATA = "/fa/account/data/"
DOWNLOAD = "/fa/account/data/download/"
DELETE = "/fa/account/data/delete/"
TRACES = ("zaryab.quill", "زریاب", "qalamdan", "morakkab", "09121110099", "+989121110099", "sn-77-zaryab")


#: Columns of the community in which nobody names a member: staff decide what is in them, the portal writes them, or
#: they are words to sort and search by.
WITHOUT_NAMES = {
    *("Area.title", "Area.description", "Area.slug", "Area.icon", "Area.audience", "Area.effective_audience"),
    *("AuditEntry.action", "AuditEntry.reason", "Draft.place", "ImportSource.name", "ImportedRow.external_id"),
    "CapturedAnswer.kind",
    "CommunityProfile.languages",
    *("Message.state_reason", "Message.token"),
    *("Post.language", "Post.state_reason", "Post.token", "ReviewItem.reasons", "Solution.revoked_because"),
    *("SolvedIt.network", "SolvedIt.visitor", "SparedQuestion.kind", "SparedQuestion.others", "Tag.key", "Tag.name"),
    *("Tag.slug", "TagSynonym.key", "TagSynonym.word"),
    *("Thread.audience", "Thread.language", "Thread.state_reason", "ThreadLoops.articles", "ThreadView.visitor"),
    *("ThreadLoops.similar_threads", "Upload.content_type", "Upload.name", "Upload.sha256"),
    *("WatchedWord.key", "WatchedWord.phrase"),
}


def give_points(person: User) -> None:
    wallet = wallet_for(user=person, programme=ProgrammeFactory())
    earn(wallet=wallet, amount=30, key=f"test:{person.pk}", source="test")


def busy_person() -> User:
    """Somebody who left traces in all apps, and whom others named."""
    person = MemberFactory(
        handle="Morakkab", email="zaryab.quill@example.com", name="زریاب قلمدان‌ساز", phone="+989121110099"
    )
    mine = ThreadFactory(author=person, title="مودم من خاموش است")
    PostFactory(thread=mine, body="آفرین @morakkab، که نامش بعداً عوض شد")
    person.handle = "Qalamdan"
    person.save()
    answer = PostFactory(author=person, body="یک دقیقه از برق بکشید و دوباره روشن کنید.")
    services.accept_solution(post=answer, by=answer.thread.author)
    services.vote_helpful(post=PostFactory(), user=person)
    services.save_draft(user=person, place="new", body="پیش‌نویس qalamdan")
    friend = MemberFactory()
    MessageFactory(author=person, recipient=friend, body="سلام، مودم شما درست شد؟")
    MessageFactory(author=friend, recipient=person, body="بله @qalamdan، سپاس", report="abuse")
    services.block_person(user=person, whom=MemberFactory())
    services.bookmark(user=person, post=PostFactory(), note="به qalamdan نشان بده")
    PostFactory(thread=mine, body="سپاس @qalamdan، و سلام @Qalamdan.")
    edited = PostFactory(thread=mine, body="دیروز @Qalamdan گفت که باید روشن شود")
    services.edit_post(post=edited, editor=moderator(), body="دیروز گفت که باید روشن شود", version=1)
    ThreadFactory(title="پاسخ @Qalamdan کار می‌کند", body="سلام @qalamdan، چه خوب که گفتی")
    many = " ".join(f"@somebody{number}" for number in range(12))
    PostFactory(thread=mine, body=f"{many} و @Qalamdan و `@qalamdan` در کد")
    titled = ThreadFactory(title="@qalamdan کجاست؟")
    services.retitle(thread=titled, title="کجاست؟", by=moderator())
    services.warn_member(user=person, by=moderator(), note="@qalamdan مؤدب باشید")
    other = MemberFactory()
    services.save_draft(user=other, place="new", body="می‌خواهم از @Qalamdan بپرسم")
    follow(person_id=other.pk, target=f"person:{person.pk}")
    NotificationFactory(person=person)
    NotificationFactory(person=other, actor=person)
    FeedbackFactory(user=person, visitor="", unsolved=True)
    OwnershipFactory(user=person, serial_number="SN-77-zaryab")
    give_points(person)
    drain()
    return person


def is_trace(text: str) -> bool:
    lower = text.lower()
    return any(trace in lower for trace in TRACES)


# The copy -----------------------------------------------------------------------------------------------------------


def test_copy_has_what_all_apps_store_and_is_a_file(just_signed_in, person):
    ThreadFactory(author=person, title="پرسش من")
    PostFactory(body="از دیگری")
    OwnershipFactory(user=person, serial_number="SN-1")
    NotificationFactory(person=person)
    FeedbackFactory(user=person, visitor="")
    give_points(person)

    response = just_signed_in.post(DOWNLOAD)

    assert response["Content-Disposition"].startswith('attachment; filename="my-data-')
    assert "no-store" in response["Cache-Control"]
    text = b"".join(response.streaming_content).decode()
    copy = json.loads(text)
    assert {part.name for part in own_data.parts()} <= copy.keys()
    assert copy["account"][0] | {"email": person.email, "handle": person.handle} == copy["account"][0]
    assert [row["title"] for row in copy["community"] if row["kind"] == "thread"] == ["پرسش من"]
    assert [row["serial_number"] for row in copy["devices"]] == ["SN-1"]
    assert copy["points"]
    assert copy["guides"]
    assert [row["kind"] for row in copy["notifications"]].count("notifications") == 1
    assert "از دیگری" not in text
    assert PASSWORD not in text
    assert User.objects.get(pk=person.pk).password not in text


def test_copy_is_made_a_few_rows_at_a_time(django_assert_max_num_queries):
    taken = []

    class Counting:
        def write(self, text):
            taken.append(text)

    def many(_person):
        for number in range(2000):
            assert len(taken) >= number - 2, "Rows are written as they come."
            yield "row", {"number": number}

    own_data.register("many", export_of=many, erase=lambda _person: None)
    try:
        own_data.write_copy(UserFactory(), Counting())
    finally:
        own_data.forget("many")

    assert len(json.loads("".join(taken))["many"]) == 2000


@pytest.mark.parametrize("address", [DOWNLOAD, DELETE])
def test_nothing_happens_before_the_person_has_shown_who_they_are(signed_in, person, address):
    response = signed_in.post(address)

    back = DATA if address == DOWNLOAD else DELETE
    assert response.status_code == 302
    assert response.url == f"/fa/accounts/reauthenticate/?next={back.replace('/', '%2F')}"
    assert not ErasureRequest.objects.exists()


def test_somebody_without_a_password_signs_in_once_more(client, person):
    person.set_unusable_password()
    person.save()
    client.force_login(person)

    response = client.post(DELETE)

    assert response.url == f"/fa/accounts/login/?next={DELETE.replace('/', '%2F')}"
    assert "_auth_user_id" not in client.session
    assert not ErasureRequest.objects.exists()


def test_a_copy_is_made_on_post_only_and_not_all_day_long(just_signed_in):
    assert just_signed_in.get(DOWNLOAD).status_code == 405
    answers = [just_signed_in.post(DOWNLOAD).status_code for _time in range(6)]

    assert answers == [200] * 5 + [429]


def test_the_copy_says_how_far_one_has_read_and_where_files_are(settings):
    settings.BASE_URL = "https://portal.example"
    person, thread = MemberFactory(), ThreadFactory()
    ThreadRead.objects.create(user=person, thread=thread, last_read_number=3)
    AreaRead.objects.create(user=person, area=thread.area, read_until=timezone.now())
    upload = Upload.objects.create(owner=person, kind="picture", name="مودم.png", size=1)

    rows = list(members.export_of(person))

    kinds = dict(rows)
    assert kinds["thread read"] == {"thread_id": thread.pk, "last_read_number": 3}
    assert kinds["area read"]["area_id"] == thread.area_id
    assert kinds["file"]["address"] == f"https://portal.example/f/{upload.pk}/%D9%85%D9%88%D8%AF%D9%85.png"
    once = [kind for kind, _values in rows if kind not in {"thread", "post"}]
    assert len(once) == len(set(once))


# Leaving and coming back --------------------------------------------------------------------------------------------


def test_the_page_says_what_stays(just_signed_in):
    page = just_signed_in.get(DELETE).text

    assert all(str(part.remains) in page for part in own_data.parts())


def test_who_leaves_is_signed_out_everywhere_and_told_by_mail(just_signed_in, person, client_class, mailoutbox):
    elsewhere = client_class()
    elsewhere.post("/fa/accounts/login/", {"login": person.email, "password": PASSWORD})
    before = len(mailoutbox)

    just_signed_in.post(DELETE)
    own_data.ask_to_erase(person)

    assert [mail.to for mail in mailoutbox][before:] == [[person.email]]
    assert "حساب شما حذف می‌شود" in mailoutbox[-1].subject
    for browser in (just_signed_in, elsewhere):
        assert browser.get(DATA).status_code == 302
    wish = ErasureRequest.objects.get()
    assert (wish.due_at - wish.asked_at).days == own_data.DAYS_TO_RETURN
    assert not own_data.is_anybody_leaving()
    assert own_data.erase_who_left() == 0


def test_signing_in_keeps_the_account(just_signed_in, person):
    help_site()
    just_signed_in.post(DELETE)

    response = just_signed_in.post("/fa/accounts/login/", {"login": person.email, "password": PASSWORD}, follow=True)

    assert not ErasureRequest.objects.exists()
    assert "حساب شما حذف نمی‌شود" in response.text


def test_nobody_comes_back_to_an_account_that_is_being_erased():
    person = UserFactory()
    own_data.ask_to_erase(person)
    ErasureRequest.objects.update(due_at=timezone.now())

    def fail(_person):
        raise RuntimeError

    own_data.register("zzz", export_of=lambda _person: (), erase=fail)
    try:
        assert own_data.erase_who_left() == 0
    finally:
        own_data.forget("zzz")

    person.refresh_from_db()
    assert not person.is_active
    assert not own_data.come_back(person)
    assert own_data.erase_who_left() == 1
    assert not User.objects.filter(pk=person.pk).exists()


def test_staff_hand_over_first(client):
    person = UserFactory(staff=True)
    client.force_login(person)
    client.post("/fa/accounts/reauthenticate/", {"password": PASSWORD})

    assert client.post(DELETE).status_code == 403
    assert not ErasureRequest.objects.exists()


# Nothing is left ----------------------------------------------------------------------------------------------------


def test_nothing_in_the_database_names_a_person_who_left():
    person = busy_person()
    assert {"accounts_user.email", "community_post.body", "community_postrevision.body"} <= columns_with(is_trace)
    posts, threads = Post.objects.count(), Thread.objects.count()
    own_data.ask_to_erase(person)
    ErasureRequest.objects.update(due_at=timezone.now() - dt.timedelta(days=1))
    drain()

    assert own_data.erase_who_left() == 1
    drain()
    forget_unused_words()

    assert columns_with(is_trace) == set()
    assert (Post.objects.count(), Thread.objects.count()) == (posts, threads)
    assert Thread.objects.get(title="مودم من خاموش است").author is None
    messages = Message.objects.order_by("number")
    assert [each.body for each in messages] == ["سلام، مودم شما درست شد؟", "بله […]، سپاس"]
    assert [each.author is None for each in messages] == [True, False]
    assert Post.objects.filter(body="سپاس […]، و سلام […].").count() == 1
    assert not User.objects.filter(pk=person.pk).exists()
    assert not EmailAddress.objects.filter(user=person.pk).exists()
    assert not Feedback.objects.filter(user=person.pk).exists()
    assert Notification.objects.filter(actor=None).exists()
    assert AuditEntry.objects.filter(action="thread.retitled").exists()
    assert PostRevision.objects.exists()
    assert IndexedEntry.objects.filter(kind="community.thread").exists()
    assert list(find_drift()) == []
    assert list(check()) == []


def test_nothing_is_mailed_to_a_person_who_left_and_no_mail_is_kept():
    person = UserFactory(email="leaving@example.com")
    row = NotificationFactory(person=person)
    send_waiting(MailWanted(person_id=person.pk, subject=row.subject))
    refused = queue(EmailMessage("s", "t", to=["leaving@example.com"]))
    OutgoingMail.objects.filter(pk=refused).update(state="refused", ended_at=timezone.now())
    assert OutgoingMail.objects.filter(key__startswith=f"notifications:{person.pk}:", state="waiting").exists()

    own_data.erase(person)
    drain()

    assert set(OutgoingMail.objects.values_list("state", "content")) == {("replaced", ""), ("refused", "")}
    assert not OutgoingMail.objects.filter(key__startswith="notifications:").exists()


PLACES = [
    "@{0} گفت",
    "[او](/u/{0}/)",
    "https://portal.example/fa/u/{0}/ را ببینید",
    "/u/{1}/ هم",
]


@pytest.mark.parametrize("handle", ["Qalamdan", "قلمدان", "Élodie"])
def test_a_name_is_found_wherever_others_wrote_it(handle):
    person, other = MemberFactory(handle=handle), MemberFactory()
    text = "\n".join(PLACES).format(handle, quote(handle))
    body = f"{text}\n@{handle}xx /u/{handle}xx/ و {handle}"
    post = PostFactory(body=body)
    draft = services.save_draft(user=other, place="new", body="متن", extra={"poll": [f"یا\n@{handle}"], "area": 7})
    CommunityProfile.objects.filter(user=other).update(silenced_reason=text, suspended_reason=text)
    services.retitle(thread=ThreadFactory(title=f"کو @{handle}"), title="کجاست؟", by=moderator())
    tag = Tag.objects.create(name=handle, slug="t")

    own_data.erase(person)

    clean = "[…] گفت\n[او](/u/-/)\nhttps://portal.example/fa/u/-/ را ببینید\n/u/-/ هم"
    assert Post.objects.get(pk=post.pk).body == f"{clean}\n@{handle}xx /u/{handle}xx/ و {handle}"
    assert Draft.objects.get(pk=draft.pk).extra == {"poll": ["یا\n[…]"], "area": 7}
    profile = CommunityProfile.objects.get(user=other)
    assert (profile.silenced_reason, profile.suspended_reason) == (clean, clean)
    assert f"@{handle}" not in str(AuditEntry.objects.values_list("details", flat=True))
    assert "[…]" in str(AuditEntry.objects.values_list("details", flat=True))
    assert Tag.objects.filter(pk=tag.pk, name=handle).exists()


def test_every_text_of_the_community_is_searched_for_a_name_or_known_to_have_none():
    searched = {(model, column) for model, *columns in members._NAMED_ELSEWHERE for column in columns}
    searched |= {(Thread, "title"), (Thread, "excerpt"), (Thread, "state_note"), (Thread, "slug")}
    searched |= {(Post, "body"), (Post, "html"), (Post, "state_note")}
    searched |= {(PostRevision, "title"), (PostRevision, "body"), (AuditEntry, "note"), (AuditEntry, "details")}
    texts = {
        (model, field.name)
        for model in apps.get_app_config("community").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, CharField | TextField | JSONField) and not field.choices
    }

    assert {f"{model.__name__}.{name}" for model, name in texts - searched} == WITHOUT_NAMES


def queries_of_erasing(posts: int, threads: int) -> int:
    person = MemberFactory()
    for _number in range(threads):
        thread = ThreadFactory()
        for _post in range(posts):
            PostFactory(thread=thread, body=f"سپاس @{person.handle}")
    with CaptureQueriesContext(connection) as made:
        assert members.erase_member(user=person) == posts * threads
    assert not Post.objects.filter(body__contains=person.handle).exists()
    return len(made)


def test_forgetting_a_name_costs_little_for_each_post_and_announces_each_thread_once(monkeypatch):
    announced = []
    monkeypatch.setattr(members, "show_changed", lambda thread: announced.append(thread.pk))

    few, many = queries_of_erasing(2, 1), queries_of_erasing(12, 1)

    assert len(announced) == 2
    assert many - few <= 10 * 10


def test_erasing_twice_changes_nothing_more():
    person = busy_person()
    for part in own_data.parts():
        part.erase(person)
    before = [list(model.objects.order_by("pk").values_list()) for model in (Post, Thread, PostRevision)]

    for part in own_data.parts():
        part.erase(person)

    assert before == [list(model.objects.order_by("pk").values_list()) for model in (Post, Thread, PostRevision)]
