"""Odd texts in every form that the public can send: no server errors.

A few of them each time; ``FUZZ=2000 pytest tests/test_odd_texts.py`` sends so many to every form.
"""

from __future__ import annotations

import os
import random
from typing import Final

import pytest
from django.core.cache import cache
from django.test import Client

from faq.models import ShortLink
from tests.factories.accounts import UserFactory
from tests.factories.community import ThreadFactory
from tests.factories.faq import ArticlePageFactory

pytestmark = pytest.mark.django_db

COUNT: Final = int(os.environ.get("FUZZ") or 6)
#: What headers, host names, file names, slugs and databases stumble over, and what people really paste.
PIECES: Final = (
    *(
        "\u200c",
        "\u200f",
        "\u202e",
        "\u2066",
        "\u2069",
        "\u00ad",
        "\ufeff",
        "\u0640",
        "\u034f",
        "\u2028",
        "\u3002",
        "\uff20",
        "\uff0e",
    ),
    *("\x00", "\x1b", "\x7f", "\r\nBcc: a@b.c", "\t", "\ud800", "\udfff", "\U000e0041", "\U0010ffff", "\ufffe"),
    *("مودم", "كي", "۱۲۳", "٤٥٦", "é", "e\u0301" * 30, "ß", "ſ", "K", "İ", "ﷺ", "👩‍👩‍👧", "漢", "𐍈", "ｆ"),
    *(
        "xn--",
        "xn--zca",
        "..",
        "/",
        "\\",
        "%00",
        "%",
        "@",
        "'",
        '"',
        "<",
        "{{",
        "${",
        "&",
        "#",
        "+",
        "-",
        "_",
        ";",
        ",",
    ),
    *(
        "9" * 400,
        "-1",
        "NaN",
        "1e999",
        "[",
        "{",
        "null",
        "a" * 3000,
        "a." * 130,
        " " * 50,
        "CON",
        "a@b.c",
        "http://[::1",
    ),
)
#: Texts that once ended in a server error; sent every time.
FOUND: Final = ("http://[::1",)
#: Address, method, and the fields that take texts; with a person, or without.
VISITORS: Final = {
    "/fa/accounts/signup/": ("post", "email name password1"),
    "/fa/accounts/signup/passkey/": ("post", "email"),
    "/fa/accounts/login/": ("post", "login password next"),
    "/fa/accounts/login/code/": ("post", "email next"),
    "/fa/accounts/password/reset/": ("post", "email"),
    "/fa/search/": ("get", "q kind topic product updated sort page language"),
    "/fa/search/suggest/": ("get", "q"),
    "/fa/community/": ("get", "page after language tag"),
    "/a/{article}/feedback/": ("post", "solved reason comment came_from revision language details"),
}
MEMBERS: Final = {
    "/fa/account/details/": ("post", "name handle phone"),
    "/fa/account/preferences/": ("post", "language calendar digits theme time_zone"),
    "/fa/account/devices/": ("get", "q page product"),
    "/fa/accounts/email/": ("post", "email action_add action_primary"),
    "/fa/accounts/password/change/": ("post", "oldpassword password1 password2"),
    "/fa/community/ask/": ("post", "title body area tags product do language"),
    "/fa/community/preview/": ("post", "body"),
    "/fa/community/similar/": ("get", "title area"),
    "/fa/community/t/{thread}/reply/": ("post", "body do to quote"),
}


def odd_texts(seed: int) -> list[str]:
    """Some texts made of pieces; some of them are addresses of mail."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    texts = list(FOUND)
    for number in range(COUNT):
        text = "".join(dice.choices(PIECES, k=dice.randint(1, 5)))
        texts.append((text, f"{text}@example.com", f"mina@{text}.example", f"mina@{text}")[number % 4])
    return [text.encode("utf-8", "replace").decode() for text in texts]


@pytest.mark.parametrize("kind", ["visitor", "member"])
def test_odd_texts_are_no_server_error(kind):
    places = {
        "article": ShortLink.objects.get(translation_key=ArticlePageFactory().translation_key).pk,
        "thread": ThreadFactory().pk,
    }
    forms = VISITORS if kind == "visitor" else MEMBERS
    person, wrong, missing = UserFactory(), [], []
    for seed, (path, (method, names)) in enumerate(forms.items()):
        address = path.format(**places)
        for text in odd_texts(seed):
            cache.clear()  # limits would answer instead
            client = Client(raise_request_exception=False)
            if kind == "member":
                client.force_login(person)
            status = getattr(client, method)(address, dict.fromkeys(names.split(), text)).status_code
            if status >= 500:
                wrong.append(f"{method} {path} {text[:60]!r}: {status}")
            if status == 404:
                missing.append(path)

    assert wrong == []
    assert missing == [], "These addresses are gone."
