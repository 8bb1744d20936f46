from __future__ import annotations

import logging

import pytest
from django.urls import reverse

from tests.factories.community import MemberFactory, ThreadFactory


@pytest.mark.django_db
def test_a_refusal_is_one_line_in_the_log(client, caplog):
    thread = ThreadFactory()
    client.force_login(MemberFactory())

    assert client.get(reverse("community:manage", args=[thread.pk])).status_code == 403

    [record] = [each for each in caplog.records if each.name == "django.request"]
    assert "Forbidden" in record.getMessage()
    assert record.exc_info is None


def test_an_error_keeps_its_traceback(caplog):
    try:
        raise OSError("full")  # noqa: TRY301
    except OSError:
        logging.getLogger("django.request").exception("Internal Server Error: /")

    assert caplog.records[0].exc_info is not None
