"""Private messages of the demo, in both languages: what customers of the demo find in their inbox."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

import yaml
from django.utils import timezone

from community import services, telling
from community.models import Message, Participant
from portal.accounts.models import User
from portal.demo.community import stored_tokens

_FILE: Final = Path(__file__).resolve().parent / "content" / "messages.yaml"


def load_messages() -> int:
    """Write the conversations that are missing; return how many messages. Safe to repeat."""
    made = 0
    with telling.quietly():  # it is said to have happened days ago
        for conversation in yaml.safe_load(_FILE.read_text(encoding="utf-8")):
            moment = timezone.now() - dt.timedelta(days=conversation["days"])
            for number, row in enumerate(conversation["messages"], start=1):
                moment += dt.timedelta(hours=row.get("after", 0))
                made += _write(row, token=f"demo:{conversation['id']}:{number}", at=moment)
    return made


def _write(row: dict[str, str], *, token: str, at: dt.datetime) -> bool:
    """Write one message as of a time; return whether it was missing."""
    author, recipient = (User.objects.get(handle=row[name]) for name in ("by", "to"))
    known = stored_tokens(token, services.message_draft(recipient.pk))
    if Message.objects.filter(author=author, token__in=known).exists():
        return False
    message = services.send_message(author=author, recipient=recipient, body=row["body"].strip(), token=token)
    Message.objects.filter(pk=message.pk).update(created_at=at)
    Participant.objects.filter(conversation=message.conversation_id).update(last_at=at)
    return True
