"""A spam check that asks Akismet, or another server with the same interface (``comment-check``). Off without a key.

Sent are the text, its address and language: no name, no mail address, no account. The portal does not store from where
somebody writes, so that the address of the interface is a constant; Akismet then judges by the text alone.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from django.conf import settings

from community.screening import Verdict

if TYPE_CHECKING:
    from community.screening import Checked

NAME: Final = "akismet"
#: Of a text that is taken for spam, and of one the server calls blatant; see `community.screening.SCORES`.
SPAM_SCORE: Final = 300
BLATANT_SCORE: Final = 600
_SECONDS: Final = 5.0
_NO_ADDRESS: Final = "127.0.0.1"
_MOST_TEXT: Final = 20_000


class AkismetError(RuntimeError):
    """Raised when the server does not say yes or no: the key is wrong, or it has a problem."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is sent to the server that was configured, and to no other."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


_opener: Final = urllib.request.build_opener(_NoRedirect)


def ask(about: Checked) -> Verdict | None:
    """Return a verdict if the server takes a text for spam, else None.

    Raises `AkismetError`, and `OSError` when the server is away or silent.
    """
    fields = {
        "api_key": settings.AKISMET_KEY,
        "blog": settings.BASE_URL,
        "blog_lang": about.language,
        "blog_charset": "UTF-8",
        "user_ip": _NO_ADDRESS,
        "permalink": about.url,
        "comment_type": "reply" if about.is_reply else "forum-post",
        "comment_content": f"{about.title}\n\n{about.text}".strip()[:_MOST_TEXT],
        "comment_date_gmt": about.written_at.isoformat(timespec="seconds"),
    }
    request = urllib.request.Request(  # noqa: S310 - the setting admits http and https only
        f"{settings.AKISMET_URL}/1.1/comment-check",
        data=urlencode(fields).encode(),
        headers={"User-Agent": "Portal/1.0 | community/1.0"},
    )
    with _opener.open(request, timeout=_SECONDS) as response:
        answer = response.read(200).decode("utf-8", "replace").strip()
        is_blatant = response.headers.get("X-akismet-pro-tip", "") == "discard"
    if answer not in {"true", "false"}:
        raise AkismetError("The server says neither yes nor no. Is AKISMET_KEY right?")
    if answer == "false":
        return None
    return Verdict(score=BLATANT_SCORE if is_blatant else SPAM_SCORE, reason=NAME)
