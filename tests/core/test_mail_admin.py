"""The list of mails that could not be sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from portal.core import mail
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
    assert "SMTPDataError 550" in page
    assert "sent@example.com" not in page.replace("unsent", "")


def test_a_code_is_listed_without_its_mail_and_cannot_be_sent_again(administrator):
    code = given_up("kian@example.com", valid_for=timedelta(minutes=10))
    OutgoingMail.objects.update(content="")

    page = administrator.get(reverse("unsent_mails:index")).text

    assert "kian@example.com" not in page
    assert f'value="{code.pk}"' not in page


def test_the_chosen_ones_are_sent_again(administrator, mailoutbox):
    chosen, other = given_up("one@example.com"), given_up("two@example.com", State.UNCERTAIN)

    response = administrator.post(reverse("unsent_mails:send"), {"mail": [chosen.pk, "x", 10**30]}, follow=True)

    assert "1 mail is on its way again." in response.text
    assert [arrived.to for arrived in mailoutbox] == [["one@example.com"]]
    assert OutgoingMail.objects.get(pk=other.pk).state == State.UNCERTAIN


def test_the_list_speaks_persian(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True, language="fa"))
    given_up("one@example.com")

    page = client.get(reverse("unsent_mails:index"), headers={"Accept-Language": "fa"}).text

    assert "ایمیل‌هایی که فرستاده نشدند" in page
    assert "پذیرفته نشد" in page


@pytest.mark.parametrize("name", ["index", "results", "send"])
def test_other_staff_are_refused(client, name):
    client.force_login(UserFactory(staff=True))
    lost = given_up("one@example.com")
    address = reverse(f"unsent_mails:{name}")

    response = client.post(address, {"mail": [lost.pk]}) if name == "send" else client.get(address)

    assert response.status_code in {302, 403}
    assert "one@example.com" not in response.text
    assert OutgoingMail.objects.get().state == State.REFUSED
