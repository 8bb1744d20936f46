"""What moderators do, and what leads to it: flags, appeals, hiding, silencing. Everything is in the audit log."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from community import trust
from community.events import (
    FlagJudged,
    MemberRestricted,
    PostAppealed,
    PostApproved,
    PostDeleted,
    PostFlagged,
    PostHidden,
    PostRestored,
)
from community.exceptions import EditedMeanwhileError, NotAllowedError, NotVisibleError, OwnPostError, SilencedError
from community.models import (
    AuditEntry,
    CommunityProfile,
    Flag,
    Level,
    Policy,
    Post,
    ReviewItem,
    State,
    Thread,
    policy,
)
from community.models.access import is_moderator
from community.rules import flag_weight
from community.screening import SCORES
from community.services import states, texts
from community.services.counting import count_for, lock_post, lock_profile
from community.services.writing import announce_reply, announce_start
from portal.core.events import emit
from portal.core.privacy import redact_to
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from portal.accounts.models import User

#: How long a claim of an item of the queue keeps others from it.
CLAIM: Final = dt.timedelta(minutes=15)
#: How long a new member is silenced when flags do it; a moderator decides before that.
FLAGGED_SILENCE: Final = dt.timedelta(days=2)
#: How long a decision can be taken back. The page offers it for ten seconds; slow lines have more.
UNDO: Final = dt.timedelta(minutes=2)
_UNDOABLE: Final = frozenset({"post.approved", "post.hidden", "post.restored"})
_Decision = ReviewItem.Decision
_Outcome = Flag.Outcome


def log(
    action: str,
    *,
    by: User | None,
    thread: Thread | None = None,
    post: Post | None = None,
    member_id: int | None = None,
    reason: str = "",
    note: str = "",
    **details: Any,
) -> AuditEntry:
    """Add an entry to the audit log; `by` None is the portal itself."""
    return AuditEntry.objects.create(
        actor=by,
        action=action,
        thread=thread,
        area_id=thread.area_id if thread else None,
        post=post,
        member_id=member_id,
        reason=reason,
        note=note,
        details=details,
    )


# Posts --------------------------------------------------------------------------------------------------------------


def _demand_version(post: Post, version: int | None) -> None:
    """Raise `EditedMeanwhileError` unless the text of the locked post is the one that was read."""
    if version is not None and version != post.version:
        raise EditedMeanwhileError


@transaction.atomic
def approve_post(*, post: Post, by: User, version: int | None = None) -> Post:
    """Show a held post; for a visible one that was flagged, dismiss the flags. Safe to repeat.

    `version` is that of the text the moderator read: of another one, nothing is approved. Raises `CommunityError`.
    """
    thread, post = lock_post(post)
    if post.is_visible and not ReviewItem.objects.filter(post=post, decision="").exists():
        return post
    _demand_version(post, version)
    before = _before(post)
    if post.state == State.HELD:
        states.change(thread, post, State.VISIBLE, by=by)
        if post.published_at is None:
            text = texts.prepare(post.body)
            if post.is_first:
                announce_start(thread, post, mentioned_ids=text.mentioned_ids, was_held=True)
            else:
                announce_reply(thread, post, text=text, was_held=True)
        emit(PostApproved(thread_id=thread.pk, post_id=post.pk, author_id=post.author_id, moderator_id=by.pk))
    elif not post.is_visible:
        raise NotVisibleError
    log("post.approved", by=by, thread=thread, post=post, member_id=post.author_id, **before)
    _judge(post, _Outcome.DISAGREED, by=by)
    states.settle(post, _Decision.APPROVED, by=by)
    return post


@transaction.atomic
def hide_post(*, post: Post, by: User | None, reason: str, note: str = "") -> Post:
    """Take a post away from everybody but its author, who is told why, and moderators. Safe to repeat.

    `reason` is a code, such as those of `Flag.Reason`; `by` is None when flags did it.
    """
    thread, post = lock_post(post)
    if post.state in {State.HIDDEN, State.DELETED}:
        return post
    note = normalise_input(note).strip()
    before = _before(post)
    states.change(thread, post, State.HIDDEN, by=by, reason=reason, note=note)
    log(
        "post.hidden",
        by=by,
        thread=thread,
        post=post,
        member_id=post.author_id,
        reason=reason,
        note=note,
        **before,
    )
    if by is not None:
        _judge(post, _Outcome.AGREED, by=by)
        states.settle(post, _Decision.HIDDEN, by=by)
        penalise(post.author_id)
    emit(
        PostHidden(
            thread_id=thread.pk,
            post_id=post.pk,
            is_first=post.is_first,
            author_id=post.author_id,
            moderator_id=by.pk if by else None,
            reason=reason,
            was_published=post.published_at is not None,
        )
    )
    return post


@transaction.atomic
def delete_post(*, post: Post, by: User, reason: str = "", note: str = "") -> Post:
    """Delete a post; its place in the thread stays. By its author, or by a moderator with a reason. Safe to repeat."""
    thread, post = lock_post(post)
    if post.state == State.DELETED:
        return post
    is_own = by.pk == post.author_id
    before = _before(post)
    states.change(thread, post, State.DELETED, by=by, reason=reason or ("author" if is_own else ""), note=note)
    if is_own:
        _judge(post, _Outcome.IGNORED, by=None)
        states.settle(post, _Decision.OBSOLETE, by=None)
    else:
        _judge(post, _Outcome.AGREED, by=by)
        states.settle(post, _Decision.DELETED, by=by)
        penalise(post.author_id)
    log("post.deleted", by=by, thread=thread, post=post, member_id=post.author_id, reason=reason, note=note, **before)
    emit(
        PostDeleted(
            thread_id=thread.pk,
            post_id=post.pk,
            is_first=post.is_first,
            author_id=post.author_id,
            deleted_by_id=by.pk,
            reason=post.state_reason,
            was_published=post.published_at is not None,
        )
    )
    return post


@transaction.atomic
def restore_post(*, post: Post, by: User, version: int | None = None) -> Post:
    """Show a hidden or deleted post again. One that nobody had seen is approved by that. Safe to repeat.

    Authors take back their own deletion only: the post is what it was before, held and hidden ones included. `version`
    as for `approve_post`. Raises `CommunityError`.
    """
    thread, post = lock_post(post)
    if post.is_visible:
        return post
    if by.pk == post.author_id and not is_moderator(by):
        return _take_back_deletion(thread, post, by=by)
    _demand_version(post, version)
    if post.published_at is None:
        if post.state != State.HELD:
            states.change(thread, post, State.HELD, by=by)
        return approve_post(post=post, by=by)
    before = _before(post)
    states.change(thread, post, State.VISIBLE, by=by)
    states.settle(post, _Decision.APPROVED, by=by)
    _judge(post, _Outcome.DISAGREED, by=by)
    log("post.restored", by=by, thread=thread, post=post, member_id=post.author_id, **before)
    emit(
        PostRestored(
            thread_id=thread.pk,
            post_id=post.pk,
            is_first=post.is_first,
            author_id=post.author_id,
            restored_by_id=by.pk,
        )
    )
    return post


def _take_back_deletion(thread: Thread, post: Post, *, by: User) -> Post:
    """Bring a post that its author deleted back to what it was, and what waited for a moderator into the queue."""
    if post.state != State.DELETED or post.state_reason != "author":
        raise NotAllowedError
    deletion = AuditEntry.objects.filter(post=post, action="post.deleted").order_by("-pk").first()
    before = deletion.details if deletion is not None else {}
    state = State(before.get("state_before", State.HELD))  # a moderator looks if it is not known
    deleted_at = post.state_changed_at
    states.change(
        thread, post, state, by=by, reason=before.get("reason_before", ""), note=before.get("note_before", "")
    )
    if deleted_at is not None:
        undecided = Flag.objects.filter(post=post, outcome=_Outcome.IGNORED, judged_by=None, judged_at__gte=deleted_at)
        undecided.update(outcome="", judged_at=None)
        closed = ReviewItem.objects.filter(post=post, decision=_Decision.OBSOLETE, decided_at__gte=deleted_at)
        closed.update(decision="", decided_at=None)
    if post.state == State.HELD:
        states.enqueue(post, [])
    log("post.restored", by=by, thread=thread, post=post, member_id=post.author_id)
    if post.is_visible:
        emit(
            PostRestored(
                thread_id=thread.pk,
                post_id=post.pk,
                is_first=post.is_first,
                author_id=post.author_id,
                restored_by_id=by.pk,
            )
        )
    return post


# Flags --------------------------------------------------------------------------------------------------------------


def values_of_report(user: User, *, author_id: int | None, reason: str, note: str) -> dict[str, Any]:
    """Return what is stored of a report of a text by `author_id`. Raises `OwnPostError` and `SilencedError`."""
    if author_id == user.pk:
        raise OwnPostError
    profile = CommunityProfile.objects.filter(pk=user.pk).first() or CommunityProfile(user=user)
    if profile.is_suspended():
        raise SilencedError
    return {
        "reason": Flag.Reason(reason),
        "note": redact_to(" ".join(normalise_input(note).split()), 500),
        "weight": flag_weight(user, profile),
    }


@transaction.atomic
def flag_post(*, post: Post, user: User, reason: str, note: str = "") -> Flag:
    """Ask moderators to look at a post. Once for each person until it is judged; then again.

    Enough weight hides the post at once; enough people silence a new member. Raises `CommunityError`.
    """
    thread, post = lock_post(post)
    if not post.is_visible:
        raise NotVisibleError
    values = values_of_report(user, author_id=post.author_id, reason=reason, note=note)
    flag, created = Flag.objects.get_or_create(post=post, user=user, outcome="", defaults=values)
    if not created:
        return flag
    states.enqueue(post, [(f"flag:{flag.reason}", flag.weight)])
    emit(
        PostFlagged(
            thread_id=thread.pk,
            post_id=post.pk,
            author_id=post.author_id,
            flagged_by_id=user.pk,
            reason=flag.reason,
        )
    )
    weight = Flag.objects.filter(post=post, outcome="").aggregate(total=Sum("weight"))["total"] or 0
    if weight >= policy().hide_score:
        hide_post(post=post, by=None, reason=flag.reason)
    _silence_if_flagged(post.author_id)
    return flag


def _silence_if_flagged(author_id: int | None) -> None:
    """Silence a new member whom several people flagged, until a moderator has looked."""
    if author_id is None:
        return
    rules = policy()
    about = Flag.objects.filter(post__author=author_id, outcome="", post__author__is_staff=False)
    seen = about.aggregate(weight=Sum("weight"), people=Count("user", distinct=True))
    if (seen["weight"] or 0) < rules.silence_score or seen["people"] < rules.silence_people:
        return
    profile = lock_profile(author_id)
    if profile.level == Level.NEW and not profile.is_silenced():
        _silence(profile, until=timezone.now() + FLAGGED_SILENCE, by=None, reason="flags", note="")


def _judge(post: Post, outcome: Flag.Outcome, *, by: User | None) -> None:
    """Decide about the open flags of a post, and tell those who flagged."""
    flags = list(Flag.objects.filter(post=post, outcome=""))
    Flag.objects.filter(pk__in=[flag.pk for flag in flags]).update(
        outcome=outcome, judged_by=by, judged_at=timezone.now()
    )
    for flag in sorted(flags, key=lambda one: one.user_id or 0):
        if flag.user_id is None:
            continue
        if outcome != _Outcome.IGNORED:
            count_for(flag.user_id, flags_judged=1, flags_agreed=int(outcome == _Outcome.AGREED))
        emit(FlagJudged(flag_id=flag.pk, post_id=post.pk, flagged_by_id=flag.user_id, outcome=outcome.value))


@transaction.atomic
def appeal(*, post: Post, author: User, text: str) -> ReviewItem:
    """Have moderators look again at a post that was hidden. Raises `CommunityError`."""
    thread, post = lock_post(post)
    if post.state != State.HIDDEN or post.author_id != author.pk:
        raise NotAllowedError
    item = states.enqueue(post, [("appeal", SCORES["appeal"])])
    item.appeal = redact_to(normalise_input(text).strip(), 2000)
    item.save(update_fields=["appeal"])
    emit(PostAppealed(thread_id=thread.pk, post_id=post.pk, author_id=author.pk))
    return item


@transaction.atomic
def settle_hidden(*, post: Post, by: User) -> None:
    """Close the item about a post that is hidden already: its flags did that, or its author appealed in vain."""
    thread, post = lock_post(post)
    if post.state != State.HIDDEN or not ReviewItem.objects.filter(post=post, decision="").exists():
        return
    log(
        "post.hidden",
        by=by,
        thread=thread,
        post=post,
        member_id=post.author_id,
        reason=post.state_reason,
        **_before(post),
    )
    _judge(post, _Outcome.AGREED, by=by)
    states.settle(post, _Decision.HIDDEN, by=by)
    penalise(post.author_id)


@transaction.atomic
def change_policy(*, policy: Policy, by: User, changed: list[str]) -> AuditEntry | None:
    """Store limits and thresholds; the log says which and to what. Returns None if nothing was changed."""
    if not changed:
        return None
    policy.save()
    return log("policy.changed", by=by, **{name: getattr(policy, name) for name in changed})


@transaction.atomic
def undo_decision(*, item: ReviewItem, by: User) -> Post:
    """Take back an approval or a hiding, by who decided, within `UNDO`: post, flags and queue are as before.

    Raises `NotAllowedError` when it is too late, or when somebody has decided about the post since.
    """
    thread, post = lock_post(_post_of(item))
    now = timezone.now()
    decided = ReviewItem.objects.filter(pk=item.pk, decided_by=by, decided_at__gt=now - UNDO).first()
    entry = AuditEntry.objects.filter(post=post).order_by("-pk").first()
    if decided is None or entry is None or entry.actor_id != by.pk or entry.action not in _UNDOABLE:
        raise NotAllowedError
    if ReviewItem.objects.filter(post=post, decision="").exists():
        raise NotAllowedError
    before = entry.details
    if before["state_before"] != post.state:
        state = State(before["state_before"])
        states.change(thread, post, state, by=by, reason=before["reason_before"], note=before["note_before"])
    _unjudge(post, by=by, since=entry.created_at - UNDO)
    if entry.action == "post.hidden" and post.author_id is not None:
        penalised = before["penalised_before"]
        CommunityProfile.objects.filter(pk=post.author_id).update(
            penalised_at=dt.datetime.fromisoformat(penalised) if penalised else None, is_level_due=True
        )
    ReviewItem.objects.filter(pk=decided.pk).update(decision="", decided_by=None, decided_at=None)
    log("review.undone", by=by, thread=thread, post=post, member_id=post.author_id)
    if post.is_visible and entry.action == "post.hidden":
        emit(
            PostRestored(
                thread_id=thread.pk,
                post_id=post.pk,
                is_first=post.is_first,
                author_id=post.author_id,
                restored_by_id=by.pk,
            )
        )
    elif entry.action != "post.hidden" and not post.is_visible:
        emit(
            PostHidden(
                thread_id=thread.pk,
                post_id=post.pk,
                is_first=post.is_first,
                author_id=post.author_id,
                moderator_id=by.pk,
                reason=post.state_reason,
                was_published=post.published_at is not None,
                is_again=True,
            )
        )
    return post


def _post_of(item: ReviewItem) -> Post:
    """Return the post an item is about. Raises `NotAllowedError` for one about a private message."""
    if item.post is None:
        raise NotAllowedError
    return item.post


def _unjudge(post: Post, *, by: User, since: dt.datetime) -> None:
    """Open the flags of a post again that somebody has just judged."""
    judged = Flag.objects.filter(post=post, judged_by=by, judged_at__gte=since)
    for flag in judged.exclude(outcome="").order_by("user_id"):
        if flag.user_id is not None:
            count_for(flag.user_id, flags_judged=-1, flags_agreed=-int(flag.outcome == _Outcome.AGREED))
        if not Flag.objects.filter(post=post, user=flag.user_id, outcome="").exists():
            Flag.objects.filter(pk=flag.pk).update(outcome="", judged_by=None, judged_at=None)
            if flag.user_id is not None:
                emit(FlagJudged(flag_id=flag.pk, post_id=post.pk, flagged_by_id=flag.user_id, outcome=""))


def claim(*, item: ReviewItem, by: User) -> bool:
    """Take an item of the queue; returns whether `by` has it now. A claim ends after a quarter of an hour."""
    now = timezone.now()
    free = ReviewItem.objects.filter(pk=item.pk, decision="")
    mine = free.filter(claimed_by=by) | free.filter(claimed_by=None) | free.filter(claimed_at__lt=now - CLAIM)
    return bool(mine.update(claimed_by=by, claimed_at=now))


def release(*, item: ReviewItem, by: User) -> None:
    """Give a claimed item back."""
    ReviewItem.objects.filter(pk=item.pk, claimed_by=by).update(claimed_by=None, claimed_at=None)


# Members ------------------------------------------------------------------------------------------------------------


def _before(post: Post) -> dict[str, Any]:
    """Return what `undo_decision` brings back: the state with its reason and note, and the author's last penalty."""
    last = CommunityProfile.objects.filter(pk=post.author_id).values_list("penalised_at", flat=True).first()
    return {
        "state_before": post.state,
        "reason_before": post.state_reason,
        "note_before": post.state_note,
        "penalised_before": last.isoformat() if last else None,
    }


def penalise(user_id: int | None) -> None:
    """Remember that a moderator had reason to act against what a member wrote: it counts against a helper."""
    if user_id is not None:
        lock_profile(user_id)
        CommunityProfile.objects.filter(pk=user_id).update(penalised_at=timezone.now(), is_level_due=True)


@transaction.atomic
def warn_member(*, user: User, by: User, note: str, post: Post | None = None) -> AuditEntry:
    """Warn a member, who is told the note."""
    penalise(user.pk)
    entry = log("member.warned", by=by, post=post, member_id=user.pk, note=normalise_input(note).strip())
    emit(MemberRestricted(user_id=user.pk, action="warned", moderator_id=by.pk, audit_id=entry.pk))
    return entry


@transaction.atomic
def silence_member(*, user: User, by: User, until: dt.datetime, reason: str = "", note: str = "") -> AuditEntry:
    """Let a member read, but not write, until a time. They see the note."""
    return _silence(lock_profile(user.pk), until=until, by=by, reason=reason, note=normalise_input(note).strip())


def _silence(profile: CommunityProfile, *, until: dt.datetime, by: User | None, reason: str, note: str) -> AuditEntry:
    profile.silenced_until, profile.silenced_reason = until, note or reason
    profile.penalised_at, profile.is_level_due = timezone.now(), True
    profile.save(update_fields=["silenced_until", "silenced_reason", "penalised_at", "is_level_due"])
    entry = log("member.silenced", by=by, member_id=profile.user_id, reason=reason, note=note, until=until.isoformat())
    emit(
        MemberRestricted(
            user_id=profile.user_id, action="silenced", moderator_id=by.pk if by else None, audit_id=entry.pk
        )
    )
    return entry


@transaction.atomic
def suspend_member(*, user: User, by: User, until: dt.datetime, reason: str = "", note: str = "") -> AuditEntry:
    """Keep a member from taking part in any way until a time. They see the note."""
    profile = lock_profile(user.pk)
    note = normalise_input(note).strip()
    profile.suspended_until, profile.suspended_reason = until, note or reason
    profile.penalised_at, profile.is_level_due = timezone.now(), True
    profile.save(update_fields=["suspended_until", "suspended_reason", "penalised_at", "is_level_due"])
    entry = log("member.suspended", by=by, member_id=user.pk, reason=reason, note=note, until=until.isoformat())
    emit(MemberRestricted(user_id=user.pk, action="suspended", moderator_id=by.pk, audit_id=entry.pk))
    return entry


@transaction.atomic
def choose_advocate(*, user: User, by: User, is_advocate: bool, note: str = "") -> AuditEntry | None:
    """Invite a member as an advocate, or end it; None if nothing changes. They learn of the level, and not who decided."""
    profile = lock_profile(user.pk)
    if profile.is_advocate == is_advocate:
        return None
    trust.set_advocate(user_id=user.pk, is_advocate=is_advocate)
    return log("member.advocate" if is_advocate else "member.no_advocate", by=by, member_id=user.pk, note=note)


@transaction.atomic
def release_member(*, user: User, by: User, note: str = "") -> AuditEntry:
    """End silence and suspension."""
    profile = lock_profile(user.pk)
    profile.silenced_until = profile.suspended_until = None
    profile.silenced_reason = profile.suspended_reason = ""
    profile.save(update_fields=["silenced_until", "silenced_reason", "suspended_until", "suspended_reason"])
    entry = log("member.released", by=by, member_id=user.pk, note=note)
    emit(MemberRestricted(user_id=user.pk, action="released", moderator_id=by.pk, audit_id=entry.pk))
    return entry
