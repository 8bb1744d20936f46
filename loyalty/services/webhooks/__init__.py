"""Other systems are told what happens to points: addresses, signed messages, what could not be delivered."""

from loyalty.services.webhooks.delivering import (
    GIVE_UP_AFTER,
    KEPT,
    deliver,
    forget_old,
    is_anything_old,
    replay,
    replay_all,
)
from loyalty.services.webhooks.queueing import announce, follow_decision, is_anybody_listening, send_test
from loyalty.services.webhooks.registering import (
    HANDLER,
    change_webhook,
    make_webhook,
    may_change_webhooks,
    new_secret,
    resume_webhook,
    stop_webhook,
)

__all__ = [
    "GIVE_UP_AFTER",
    "HANDLER",
    "KEPT",
    "announce",
    "change_webhook",
    "deliver",
    "follow_decision",
    "forget_old",
    "is_anybody_listening",
    "is_anything_old",
    "make_webhook",
    "may_change_webhooks",
    "new_secret",
    "replay",
    "replay_all",
    "resume_webhook",
    "send_test",
    "stop_webhook",
]
