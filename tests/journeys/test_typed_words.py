"""Readers type personal data into every field; then the whole database is searched for it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from community import services
from community.forms import started_now
from faq.models import Feedback, ShortLink
from loyalty.buckets import today_of
from loyalty.services import adjusting, claims
from portal.core import jobs, page_cache, privacy
from portal.core.outbox import drain
from portal.core.text import to_latin_digits
from portal.insight.recorder import recorder
from search.activity.tidying import tidy
from search.models import SearchGap
from tests.factories.accounts import UserFactory
from tests.factories.community import MemberFactory, MessageFactory, PostFactory, moderator, token
from tests.factories.faq import ArticlePageFactory
from tests.factories.loyalty import EarningFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EMAIL = "zahra.moradi@example.com"
PHONE = "0912 345 6789"
NUMBERS = {
    "card": "6037 9972 1846 5273",
    "Persian card": "۶۲۱۹-۸۶۱۹-۳۷۵۴-۱۲۸۶",
    "phone": PHONE,
    "Persian phone": "۰۹۳۵۷۱۸۲۶۴۹",
    "landline": "021-88419273",
    "national id": "0499370899",
    "IBAN": "IR58 2713 9846 5127 3948 6152 73",
}
#: So many consecutive digits are considered part of a phone number.
WINDOW = 8


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", to_latin_digits(text))


WINDOWS = {
    digits[start : start + WINDOW]
    for digits in map(digits_of, NUMBERS.values())
    for start in range(len(digits) - WINDOW + 1)
}


# Searching the database ---------------------------------------------------------------------------------------------


def readings(value: object) -> Iterator[str]:
    """The value as text, and decoded if it is encoded."""
    if value is None or isinstance(value, int | float):
        return
    if isinstance(value, bytes | memoryview):
        value = bytes(value).decode("latin-1")
    text = str(value)
    yield text
    if re.fullmatch(r"[A-Za-z0-9+/\n]{40,}={0,2}\n?", text):  # an entry of the cache
        with contextlib.suppress(binascii.Error):
            yield base64.b64decode(text).decode("utf-8", "replace")


def columns_with(is_in) -> set[str]:
    """`table.column` of every value in the database for which `is_in` is true; sessions are decoded."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - table names
            names = [column[0] for column in cursor.description]
            for row in cursor:
                found |= {
                    f"{table}.{name}"
                    for name, value in zip(names, row, strict=True)
                    if any(map(is_in, readings(value)))
                }
    if any(is_in(str(session.get_decoded())) for session in Session.objects.all()):
        found.add("django_session.session_data")
    return found


def holds_a_person(text: str) -> bool:
    if EMAIL.partition("@")[0] in text.lower():
        return True
    digits = digits_of(text)
    return any(digits[start : start + WINDOW] in WINDOWS for start in range(len(digits) - WINDOW + 1))


def holds_a_placeholder(text: str) -> bool:
    return any(placeholder in text for placeholder in privacy.PLACEHOLDERS)


# The day ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def like_an_installation(settings):
    """Settings with the cache in the database, and with single searches listed."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_entries"}
    }
    call_command("createcachetable", verbosity=0)
    settings.SEARCH_LISTED_FROM_VISITS = 1
    page_cache.store.clear()
    page_cache.answers.clear()
    recorder.forget()
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache_entries")


def sent(**more: str) -> dict[str, str]:
    return {"User-Agent": BROWSER, "Sec-Fetch-Site": "same-origin", **more}


def address(number: int) -> str:
    """An address in a network of its own: many answers from one network are refused."""
    return f"{number % 200 + 11}.{number}.113.9"


def search(client, text: str, number: int = 1) -> None:
    for language in ("fa", "en"):
        where = {"REMOTE_ADDR": address(number), "headers": sent()}
        assert client.get(f"/{language}/search/", {"q": text}, **where).status_code == 200
        assert client.get(f"/{language}/search/suggest/", {"q": text}, **where).status_code == 200


def choose(client, text: str, article) -> None:
    data = {"q": text, "hit": f"faq.article:{article.pk}", "place": "1", "source": "results", "page": ""}
    assert client.post(reverse("search:click"), data, headers=sent()).status_code == 204


def answer(client, article, came_from: str, comment: str, number: int = 1) -> None:
    link = ShortLink.objects.get(translation_key=article.translation_key)
    data = {
        "solved": "no",
        "details": "1",
        "revision": article.live_revision_id,
        "language": "fa",
        "reason": Feedback.Reason.values[0],
        "comment": comment,
        "came_from": came_from,
    }
    response = client.post(
        reverse("faq:article_feedback", args=[link.pk]),
        data,
        REMOTE_ADDR=address(number),
        headers=sent(**{"HX-Request": "true"}),
    )
    assert response.status_code == 200


def a_day(client, customer_client, article) -> None:
    for number, mark in enumerate([*NUMBERS.values(), EMAIL]):
        text = f"مودم {mark} قرمز"
        search(client, text, number)
        search(client, mark, number)
        search(client, f"{'بلند ' * 50}{mark}", number)  # at the length where it is truncated
        choose(client, text, article)
        answer(client, article, f"/fa/search/?q={quote(text)}", f"شمارهٔ من {mark} است", number)
        client.cookies.clear()
        answer(client, article, f"/fa/search/?q={quote('دراز ' * 38 + mark)}", "", 100 + number)
        client.cookies.clear()
        answer(client, article, f"/fa/{quote(mark)}/", "", 200 + number)
        client.cookies.clear()
        answer(customer_client, article, f"/fa/search/?q={quote(text)}", text, 50 + number)
        assert client.get(f"/fa/{quote(mark)}/", headers=sent()).status_code == 404
    assert client.post("/fa/accounts/login/", {"login": EMAIL, "password": PHONE}, headers=sent()).status_code != 302


def talk(customer, customer_client, marks) -> None:
    """Reply, report a post and ask for another look at one's own, with personal data in each."""
    staff = moderator()
    for mark in marks:
        post = PostFactory()
        reply = reverse("community:reply", args=[post.thread_id])
        data = {"body": f"با من تماس بگیرید: {mark}", "token": token(), "started": started_now(), "do": "post"}
        assert (
            "has_seen_warning" in customer_client.post(reply, data, headers=sent()).text
        )  # what will be masked is shown
        customer_client.post(reply, data | {"has_seen_warning": "1"}, headers=sent())
        flag = reverse("community:flag", args=[post.pk])
        customer_client.post(flag, {"reason": "other", "note": f"به {mark} زنگ بزنید"}, headers=sent())
        own = PostFactory(author=customer)
        services.hide_post(post=own, by=staff, reason="spam")
        appeal = reverse("community:appeal", args=[own.pk])
        customer_client.post(appeal, {"text": f"من {mark} هستم"}, headers=sent())
        other = MemberFactory()
        write = reverse("community:message_write", args=[other.handle])
        assert "has_seen_warning" in customer_client.post(write, data | {"token": token()}, headers=sent()).text
        customer_client.post(write, data | {"token": token(), "has_seen_warning": "1"}, headers=sent())
        received = MessageFactory(author=other, recipient=customer)
        report = reverse("community:message_report", args=[received.conversation_id, received.number])
        customer_client.post(report, {"reason": "other", "note": f"به {mark} زنگ بزنید"}, headers=sent())


def correct(customer, marks) -> None:
    """Give points by a form and by a file, with personal data in the notes."""
    staff = UserFactory(superuser=True)
    programme = EarningFactory().programme
    for points, mark in enumerate(marks, 1):
        how = {"programme": programme, "reason": "goodwill", "by": staff, "note": f"به {mark} زنگ زد"}
        adjusting.ask(member=customer, points=points, token=uuid.uuid4(), **how)
        adjusting.ask_by_file(f"member,points\n{customer.handle},{points}\n".encode(), **how)
        day = today_of(programme) - timedelta(days=points)
        claim = claims.send_claim(customer, programme, trigger="x", day=day, note=f"به {mark} زنگ بزنید")
        claims.answer(claim, state="right", by=staff)


def test_nothing_that_only_one_person_has_is_stored_of_what_readers_type(
    like_an_installation, client, client_of, settings
):
    customer = MemberFactory()
    article = ArticlePageFactory(title="چراغ قرمز مودم")
    drain()
    assert columns_with(holds_a_person) == set()

    a_day(client, client_of(customer), article)
    talk(customer, client_of(customer), [*NUMBERS.values(), EMAIL])
    correct(customer, [*NUMBERS.values(), EMAIL])
    recorder.flush()
    tidy()
    gap = SearchGap.objects.filter(text__contains="[").first()
    editor = UserFactory(is_staff=True, is_superuser=True)
    settings.STAFF_SECOND_FACTOR = False
    ignored = client_of(editor).post(reverse("search_report:ignore"), {"language": gap.language, "key": gap.key})
    assert ignored.status_code == 302
    drain()

    assert columns_with(holds_a_person) == set()
    assert columns_with(holds_a_placeholder) == {
        "community_flag.note",
        "community_message.body",
        "community_messagereport.note",
        "community_post.body",
        "community_post.html",
        "community_reviewitem.appeal",
        "faq_feedback.came_from_page",
        "faq_feedback.came_from_search",
        "faq_feedback.comment",
        "loyalty_adjustment.note",
        "loyalty_pointsclaim.note",
        "loyalty_pointsfile.note",
        "search_index_entry.body",  # of the replies
        "search_searchday.text",
        "search_searchgap.text",
        "search_searchlog.text",
    }


def test_such_a_search_would_find_it(like_an_installation, client, client_of, monkeypatch):
    """The same journey without redaction: the data reaches every registered column, so the search would find it."""
    monkeypatch.setattr("faq.services.redact_to", lambda text, max_length: text[:max_length])
    monkeypatch.setattr("search.asking.keys.redact", lambda text: text)
    monkeypatch.setattr("community.services.moderating.redact_to", lambda text, max_length: text[:max_length])
    monkeypatch.setattr("loyalty.services.adjusting.requests.redact_to", lambda text, max_length: text[:max_length])
    monkeypatch.setattr("loyalty.services.adjusting.files.redact_to", lambda text, max_length: text[:max_length])
    monkeypatch.setattr("loyalty.services.claims.redact_to", lambda text, max_length: text[:max_length])
    article, customer = ArticlePageFactory(title="چراغ قرمز مودم"), MemberFactory()

    a_day(client, client_of(customer), article)
    talk(customer, client_of(customer), [PHONE])
    correct(customer, [PHONE])
    recorder.flush()
    tidy()

    redacted = {
        f"{typed.model.replace('.', '_').lower()}.{typed.field}"
        for typed in privacy.typed_texts()
        if not typed.as_typed_because
    }
    found = columns_with(holds_a_person)
    popular = {"search_popularquestion.key", "search_popularquestion.text"}  # those without answers are not
    assert redacted - found <= popular
    assert found - redacted == set()


WORDS = "زرافهٔ بنفش"


def holds_the_words(text: str) -> bool:
    return "زراف" in text


def test_words_reach_registered_columns_only_and_are_gone_when_their_time_is_over(
    like_an_installation, client, client_of, settings, monkeypatch
):
    """Nobody could redact these: they identify nobody, but one person typed them."""
    settings.SEARCH_LISTED_FROM_VISITS = 5
    article = ArticlePageFactory(title="چراغ قرمز مودم")
    search(client, WORDS)
    choose(client, WORDS, article)
    answer(client, article, f"/fa/search/?q={quote(WORDS)}", f"شاید {WORDS}")
    recorder.flush()
    tidy()
    drain()
    stored = columns_with(holds_the_words)

    later = timezone.now() + timedelta(days=400)
    monkeypatch.setattr(timezone, "now", lambda: later)
    search(client, "چراغ")  # a day is counted when the next one has begun
    recorder.flush()
    for _ in range(2):
        for job in jobs.all_jobs():
            job.run()
    drain()

    registered = {f"{typed.model.replace('.', '_').lower()}.{typed.field}" for typed in privacy.typed_texts()}
    assert {"faq_feedback.comment", "faq_feedback.came_from_search", "search_searchlog.text"} <= stored <= registered
    assert columns_with(holds_the_words) == set()
    assert (Feedback.objects.get().solved, Feedback.objects.get().reason) == (False, Feedback.Reason.values[0])


def test_account_data_is_stored_as_it_was_typed_and_nowhere_else(like_an_installation, client_of):
    customer = UserFactory()

    response = client_of(customer).post(
        reverse("accounts:details"), {"handle": customer.handle, "name": "Zahra", "phone": PHONE}
    )
    drain()

    assert response.status_code == 302
    assert columns_with(holds_a_person) == {"accounts_user.phone"}


@pytest.fixture
def client_of():
    from django.test import Client

    def signed_in(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
