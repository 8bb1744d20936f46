"""How codes of the community are said to moderators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from community.models import Flag
from portal.core.text import isolate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

_REASONS: Final[Mapping[str, str | _StrPromise]] = {
    "first-post": _("First post of a new member"),
    "panic": _("Everything by new accounts is held"),
    "watched-word": _("Contains a watched word"),
    "links": _("Many links"),
    "duplicate": _("Nearly the same text as another"),
    "too-fast": _("Sent faster than anybody types"),
    "honeypot": _("Filled in a field that people do not see"),
    "file": _("Suspicious file"),
    "appeal": _("The author asks for another look"),
    "flags": _("Flagged by several people"),
    "author": _("By its author"),
}

ACTIONS: Final[Mapping[str, str | _StrPromise]] = {
    "post.approved": pgettext_lazy("audit log", "Post approved"),
    "post.hidden": pgettext_lazy("audit log", "Post hidden"),
    "post.deleted": pgettext_lazy("audit log", "Post deleted"),
    "post.restored": pgettext_lazy("audit log", "Post shown again"),
    "review.undone": pgettext_lazy("audit log", "Decision undone"),
    "message.read": pgettext_lazy("audit log", "Reported private message read"),
    "message.approved": pgettext_lazy("audit log", "Report of a private message dismissed"),
    "message.hidden": pgettext_lazy("audit log", "Private message hidden"),
    "member.warned": pgettext_lazy("audit log", "Member warned"),
    "member.silenced": pgettext_lazy("audit log", "Member silenced"),
    "member.suspended": pgettext_lazy("audit log", "Member suspended"),
    "member.advocate": pgettext_lazy("audit log", "Member invited as an advocate"),
    "member.no_advocate": pgettext_lazy("audit log", "Member no longer an advocate"),
    "member.released": pgettext_lazy("audit log", "Silence or suspension ended"),
    "thread.merged": pgettext_lazy("audit log", "Threads merged"),
    "thread.kept_apart": pgettext_lazy("audit log", "Threads kept apart"),
    "thread.moved": pgettext_lazy("audit log", "Thread moved"),
    "thread.split": pgettext_lazy("audit log", "Thread split"),
    "thread.locked": pgettext_lazy("audit log", "Thread closed"),
    "thread.unlocked": pgettext_lazy("audit log", "Thread opened again"),
    "thread.pinned": pgettext_lazy("audit log", "Thread pinned"),
    "thread.unpinned": pgettext_lazy("audit log", "Thread unpinned"),
    "thread.retitled": pgettext_lazy("audit log", "Title changed"),
    "thread.tagged": pgettext_lazy("audit log", "Tags changed"),
    "thread.products": pgettext_lazy("audit log", "Devices changed"),
    "helper.asked": pgettext_lazy("audit log", "Member asked for help"),
    "policy.changed": pgettext_lazy("audit log", "Limits changed"),
}


def reason_in_words(code: str) -> str:
    """Return a reason of the queue, of a hidden post or of a flag in the active language; the code if it is unknown."""
    kind, _colon, rest = code.partition(":")
    if kind == "watched-word" and rest:
        return gettext("Contains the watched word “%(word)s”") % {"word": isolate(rest)}
    if kind == "spam-check" and rest:
        return gettext("Spam check: %(name)s") % {"name": isolate(rest)}
    kind, _colon, of_flag = code.rpartition(":")
    if of_flag in Flag.Reason.values:
        label = Flag.Reason(of_flag).label
        return str(_("Flag: %(reason)s") % {"reason": label}) if kind else str(label)
    return str(_REASONS.get(code, code))


def action_in_words(action: str) -> str:
    """Return what was done, as the audit log says it."""
    return str(ACTIONS.get(action, action))
