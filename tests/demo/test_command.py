"""How ``manage.py load_demo`` decides whether to load the demo."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.demo.management.commands import load_demo
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def loads(monkeypatch):
    """Record calls of the loader, which is tested elsewhere."""
    calls = []

    class Report:
        feedback = 0

        class articles:  # noqa: N801 - used as an attribute
            rows = ()
            has_failures = False

    def load(**_kwargs):
        calls.append(1)
        return Report

    monkeypatch.setattr(load_demo, "load", load)
    return calls


def run(**options):
    out = StringIO()
    call_command("load_demo", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_an_empty_site_gets_the_demo_and_a_list_of_sign_ins(loads):
    output = run()

    assert len(loads) == 1
    assert "noora-demo" in output
    assert "sara@noora.example" in output


def test_the_launcher_lists_the_sign_ins_itself(loads):
    assert "noora-demo" not in run(if_empty=True)
    assert len(loads) == 1


def test_a_site_with_people_of_its_own_is_left_alone(loads):
    UserFactory()

    assert run(if_empty=True) == ""
    with pytest.raises(CommandError, match="--force"):
        run()
    assert loads == []


def test_a_site_with_people_of_its_own_can_be_forced(loads):
    UserFactory()

    run(force=True)

    assert len(loads) == 1
