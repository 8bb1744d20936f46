"""The list of mails that could not be sent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from portal.core import mail
from portal.core.mail_words import kind_in_words
from portal.core.models import OutgoingMail
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

State = OutgoingMail.State


def given_up(address: str, state: State = State.REFUSED, **options) -> OutgoingMail:
    pk = mail.queue(EmailMessage("a", "b", to=[address]), kind="faq/email/feedback", **options)
    OutgoingMail.objects.filter(pk=pk).update(state=state, note="SMTPDataError 550", ended_at=timezone.now())
    return OutgoingMail.objects.get(pk=pk)


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def administrator(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="en"))
    return client


@pytest.mark.parametrize("count", [1, 3])
def test_an_administrator_sees_what_could_not_be_sent_in_a_fixed_number_of_queries(
    administrator, count, django_assert_max_num_queries
):
    administrator.get(reverse("unsent_mails:index"))
    for number in range(count):
        given_up(f"lost-{number}@example.com")
    given_up("sent@example.com", State.SENT)

    with django_assert_max_num_queries(22):
        page = administrator.get(reverse("unsent_mails:index")).text

    assert [f"lost-{number}@example.com" in page for number in range(3)] == [number < count for number in range(3)]
    assert page.count("The mail server refused the mail (550)") == count
    assert "sent@example.com" not in page.replace("unsent", "")


def test_a_code_is_listed_without_its_mail_and_cannot_be_sent_again(administrator):
    code = given_up("kian@example.com", valid_for=timedelta(minutes=10))
    OutgoingMail.objects.update(content="")

    page = administrator.get(reverse("unsent_mails:index")).text

    assert "kian@example.com" not in page
    assert f'value="{code.pk}"' not in page
    assert reverse("unsent_mails:send") in page
    assert "Send the chosen ones again" not in page


@pytest.mark.parametrize(("mails", "text"), [([], "Choose mails in the list first."), ([1], "no longer in this list")])
def test_sending_nothing_again_is_no_success(administrator, mails, text):
    given_up("one@example.com")
    OutgoingMail.objects.filter(pk__in=mails).delete()

    page = administrator.post(reverse("unsent_mails:send"), {"mail": mails}, follow=True).text

    assert text in page
    assert "way again" not in page
    assert 'class="warning"' in page


def test_the_chosen_ones_are_sent_again(administrator, mailoutbox):
    chosen, other = given_up("one@example.com"), given_up("two@example.com", State.UNCERTAIN)

    response = administrator.post(reverse("unsent_mails:send"), {"mail": [chosen.pk, "x", 10**30]}, follow=True)

    assert "1 mail is on its way again." in response.text
    assert [arrived.to for arrived in mailoutbox] == [["one@example.com"]]
    assert OutgoingMail.objects.get(pk=other.pk).state == State.UNCERTAIN


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ("SMTPRecipientsRefused 550", "سرور ایمیل گیرنده را نپذیرفت (550)"),
        ("SMTPSenderRefused 553", "سرور ایمیل نشانی خود درگاه را نپذیرفت (553)"),
        ("SMTPDataError 554", "سرور ایمیل این ایمیل را نپذیرفت (554)"),
        ("SMTPSenderRefused 530", "سرور ایمیل نام کاربری و گذرواژهٔ درگاه را نمی‌پذیرد (530)"),
        ("SMTPAuthenticationError", "سرور ایمیل نام کاربری و گذرواژهٔ درگاه را نمی‌پذیرد"),
        ("ConnectionRefusedError", "سرور ایمیل در دسترس نبود"),
        ("no answer (TimeoutError)", "سرور ایمیل به‌موقع پاسخ نداد"),
        ("OddError", "OddError"),
    ],
)
def test_the_list_speaks_persian(client, note, reason):
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="fa"))
    given_up("one@example.com")
    OutgoingMail.objects.update(note=note)

    page = client.get(reverse("unsent_mails:index"), headers={"Accept-Language": "fa"}).text

    assert "ایمیل‌های فرستاده‌نشده" in page
    assert "پذیرفته نشد" in page
    assert f'<bdi title="{note}">{reason}</bdi>' in page
    assert '<bdi title="faq/email/feedback">پاسخ خواننده برای نویسنده</bdi>' in page


def test_an_empty_list_says_so(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="fa"))

    page = client.get(reverse("unsent_mails:index"), headers={"Accept-Language": "fa"}).text

    assert "هیچ ایمیلی بی‌نتیجه نمانده است." in page


def test_every_kind_of_mail_has_a_name():
    templates = Path(settings.BASE_DIR, "templates")
    subjects = templates.glob("*/email/*_subject.txt")
    kinds = [path.relative_to(templates).as_posix().removesuffix("_subject.txt") for path in subjects]

    assert "account/email/login_code" in kinds
    assert [kind for kind in kinds if kind_in_words(kind) == kind] == []


@pytest.mark.parametrize("name", ["index", "results", "send"])
def test_other_staff_are_refused(client, name):
    client.force_login(UserFactory(staff=True))
    lost = given_up("one@example.com")
    address = reverse(f"unsent_mails:{name}")

    response = client.post(address, {"mail": [lost.pk]}) if name == "send" else client.get(address)

    assert response.status_code in {302, 403}
    assert "one@example.com" not in response.text
    assert OutgoingMail.objects.get().state == State.REFUSED
