"""A question whose author follows it, and what people are told."""

from __future__ import annotations

import re

from community import services
from portal.core import outbox
from portal.notifications.models import Notification
from tests.factories.community import token

ANSWER = "مودم را یک دقیقه از برق بکشید؛ برای من درست شد."
TITLE = "چراغ سوم مودم قرمز است"


def target(thread) -> str:
    return f"community.thread:{thread.pk}"


def reply(thread, *, by, body=ANSWER, **how):
    """Post a reply, and have the worker tell everybody."""
    post = services.post_reply(author=by, thread=thread, body=body, token=token(), **how)
    outbox.drain()
    return post


def told() -> list[tuple[str, str]]:
    """Who was told by which kind, in the order of names."""
    rows = Notification.objects.order_by("person__handle", "pk").values_list("person__handle", "kind")
    return [(handle, kind.removeprefix("community.")) for handle, kind in rows]


def listed(client, person) -> str:
    """The page of the bell as the person reads it, without the elements that keep runs and names in order."""
    client.force_login(person)
    return re.sub("</?bdi[^>]*>", "", client.get(f"/{person.language or 'fa'}/notifications/").text)
