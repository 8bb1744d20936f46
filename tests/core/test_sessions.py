"""The store of sessions: who has a session, and what else people send as one."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.core.sessions import SessionStore
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.sessions")]
LIST = "/fa/notifications/"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "short",
        "unknownkeyofnobody",
        '"\\000\\000aaaaaaaaaaaa"',
        "a" * 5000,
        ("کلید" * 9).encode().decode("latin-1"),
    ],
)
def test_what_is_no_session_is_a_visitor(client, key):
    """Also a NUL, which a quoted cookie can hold and PostgreSQL refuses."""
    client.cookies["sessionid"] = key
    client.cookies["sessionid"].set("sessionid", key, key)

    assert client.get(LIST).status_code == 302
    assert client.get("/fa/").status_code in {200, 404}


def test_a_session_counts_until_its_end_and_for_those_who_may_sign_in(client):
    person = UserFactory()
    client.force_login(person)
    assert client.get(LIST).status_code == 200

    type(person).objects.filter(pk=person.pk).update(is_active=False)
    assert client.get(LIST).status_code == 302
    type(person).objects.filter(pk=person.pk).update(is_active=True)
    assert client.get(LIST).status_code == 200
    Session.objects.update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    assert client.get(LIST).status_code == 302


def test_a_store_of_a_key_that_is_gone_forgets_the_key():
    store = SessionStore("abcdefghijklmnop")

    assert dict(store.items()) == {}
    assert store.session_key is None
