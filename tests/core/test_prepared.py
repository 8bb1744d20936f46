"""Queries that are compiled once."""

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.exceptions import FieldError
from django.db.models import Q
from django.utils import timezone

from portal.core.prepared import Prepared
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.prepared")]
User = get_user_model()


def test_instances_are_those_of_the_queryset(django_assert_num_queries):
    """With dates, texts and booleans as Python has them, and fields that can be saved again."""
    person = UserFactory(handle="نگار", calendar="gregorian")
    prepared = Prepared(lambda pk: User.objects.filter(pk=pk), int)
    prepared.rows(0)

    with django_assert_num_queries(1):
        (found,) = prepared.rows(person.pk)

    expected = User.objects.get(pk=person.pk)
    assert found == expected
    assert {field.attname: getattr(found, field.attname) for field in User._meta.concrete_fields} == {
        field.attname: getattr(expected, field.attname) for field in User._meta.concrete_fields
    }
    assert not found._state.adding
    found.save()


def test_tuples_are_those_of_values_list():
    people = [UserFactory(is_staff=is_staff) for is_staff in (True, False)]
    prepared = Prepared(
        lambda first, second: (
            User.objects.filter(Q(pk=second) | Q(pk=first)).order_by("pk").values_list("is_staff", "pk")
        ),
        int,
        int,
    )

    for pair in (people, people[::-1]):  # each value is where it belongs, again and again
        assert prepared.rows(*(person.pk for person in pair)) == [(True, people[0].pk), (False, people[1].pk)]
    assert prepared.rows(people[1].pk, 0) == [(False, people[1].pk)]


def test_texts_and_times_are_parameters():
    now = timezone.now()
    Session.objects.create(session_key="الف'\"%s", session_data="", expire_date=now)
    prepared = Prepared(
        lambda key, at: Session.objects.filter(session_key=key, expire_date__gt=at).values_list("expire_date"),
        str,
        dt.datetime,
    )

    assert prepared.rows("الف'\"%s", now - dt.timedelta(microseconds=1)) == [(now,)]
    assert prepared.rows("الف'\"%s", now) == []
    assert prepared.rows("الف", now - dt.timedelta(days=1)) == []


@pytest.mark.parametrize("arguments", [(), (1, 2), ("1",), (None,)])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(TypeError, match="This query takes"):
        Prepared(lambda pk: User.objects.filter(pk=pk), int).rows(*arguments)


def test_a_parameter_that_is_changed_on_its_way_cannot_be_prepared():
    """A database function or a prefix would otherwise be left out of later executions."""
    with pytest.raises(ValueError, match="cannot be prepared"):
        Prepared(lambda text: User.objects.filter(handle__startswith=text), str).rows("ن")


def test_a_mistake_in_the_query_is_seen_when_it_is_first_used():
    with pytest.raises(FieldError):
        Prepared(lambda pk: User.objects.filter(nothing=pk), int).rows(1)
