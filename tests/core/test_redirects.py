"""Redirects that editors make, and those of pages that moved."""

from __future__ import annotations

import pytest
from wagtail.contrib.redirects.models import Redirect


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "target", "reached"),
    [
        ("/old/?utm=mail&q=%D9%85", "/en/help/new/", "/en/help/new/?utm=mail&q=%D9%85"),
        ("/old/?q=1", "/en/help/new/#part", "/en/help/new/?q=1#part"),
        ("/old/?q=1", "/en/search/?q=2", "/en/search/?q=2"),
        ("/old/", "/en/help/new/", "/en/help/new/"),
    ],
)
def test_a_redirect_takes_the_query_along(client, asked, target, reached):
    Redirect.objects.create(old_path="/old", redirect_link=target)

    assert client.get(asked)["Location"] == reached
