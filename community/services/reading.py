"""What somebody has read, and wants to find again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.utils import timezone

from community.events import BookmarkDue
from community.models import AreaRead, Bookmark, CommunityProfile, ThreadRead
from community.models.member import profile_of
from community.services.counting import ensure_profile
from portal.core.events import emit

if TYPE_CHECKING:
    import datetime as dt

    from django.db.models import QuerySet

    from community.models import Area, Post, Thread
    from portal.accounts.models import User


_BATCH: Final = 500


def mark_read(*, user: User, thread: Thread, number: int) -> None:
    """Remember that `user` has read a thread up to a number. Never goes back; safe at the same time as another.

    It writes only what is new: whoever looks at a page again waits for nobody else's writing.
    """
    if ThreadRead.objects.filter(user=user, thread=thread, last_read_number__gte=number).exists():
        return
    greatest = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    table = connection.ops.quote_name(ThreadRead._meta.db_table)  # noqa: SLF001 - Django's documented name
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (user_id, thread_id, last_read_number) VALUES (%s, %s, %s)"  # noqa: S608 - our own table
            f" ON CONFLICT (user_id, thread_id) DO UPDATE SET"
            f" last_read_number = {greatest}({table}.last_read_number, excluded.last_read_number)",
            [user.pk, thread.pk, number],
        )


@transaction.atomic
def mark_area_read(*, user: User, area: Area, until: dt.datetime | None = None) -> None:
    """Mark as read what was written in an area until a time, by default now. Never goes back."""
    until = until or timezone.now()
    row, created = AreaRead.objects.select_for_update(no_key=True).get_or_create(
        user=user, area=area, defaults={"read_until": until}
    )
    if not created and row.read_until < until:
        AreaRead.objects.filter(pk=row.pk, read_until__lt=until).update(read_until=until)


@transaction.atomic
def mark_all_read(*, user: User, until: dt.datetime | None = None) -> None:
    """Mark everything as read that was written until a time, by default now. Never goes back."""
    until = until or timezone.now()
    ensure_profile(user.pk)
    CommunityProfile.objects.filter(pk=user.pk, read_floor__lt=until).update(read_floor=until)


@transaction.atomic
def bookmark(*, user: User, post: Post, note: str | None = None, remind_at: dt.datetime | None = None) -> Bookmark:
    """Remember a post; a second time changes the note and the time of the reminder, if they are given."""
    given: dict[str, Any] = {}
    if note is not None:
        given["note"] = " ".join(note.split())[:200]
    if remind_at is not None:
        given["remind_at"] = remind_at
    row, _created = Bookmark.objects.update_or_create(user=user, post=post, defaults=given)
    return row


def forget_reminder(*, user: User, post: Post) -> bool:
    """Have nobody reminded of a bookmark, which stays; returns whether there was a reminder."""
    waiting = Bookmark.objects.filter(user=user, post=post, remind_at__isnull=False)
    return bool(waiting.update(remind_at=None))


def remove_bookmark(*, user: User, post: Post) -> bool:
    """Forget a bookmark; returns whether there was one."""
    deleted, _rows = Bookmark.objects.filter(user=user, post=post).delete()
    return bool(deleted)


def remind() -> int:
    """Announce the bookmarks whose time has come, each once; returns how many. A periodic job.

    After a downtime all of them are announced, the earliest first.
    """
    reminded, until = 0, timezone.now()
    while due := list(_due(until).order_by("remind_at", "pk").values_list("pk", "remind_at")[:_BATCH]):
        reminded += sum(_remind(pk, at) for pk, at in due if at is not None)
    return reminded


def has_reminders() -> bool:
    return _due(timezone.now()).exists()


def _due(until: dt.datetime) -> QuerySet[Bookmark]:
    return Bookmark.objects.filter(remind_at__lte=until)


@transaction.atomic
def _remind(pk: int, at: dt.datetime) -> bool:
    """Announce one bookmark, unless another worker does, or its owner chose another time meanwhile."""
    row = Bookmark.objects.filter(pk=pk).values_list("user_id", "post_id").first()
    if row is None or not Bookmark.objects.filter(pk=pk, remind_at=at).update(remind_at=None):
        return False
    emit(BookmarkDue(bookmark_id=pk, user_id=row[0], post_id=row[1], at=at))
    return True


def note_visit(*, user: User, today: dt.date | None = None) -> bool:
    """Count a day on which somebody was here; returns whether it is the first visit of the day.

    All other visits of a day write nothing and lock nothing: every page of a thread is one.
    """
    today = today or timezone.localdate()
    known = profile_of(user)
    if known is not None and known.last_seen_on is not None and known.last_seen_on >= today:
        return False
    return _count_visit(user, today)


@transaction.atomic
def _count_visit(user: User, today: dt.date) -> bool:
    ensure_profile(user.pk)
    profile = CommunityProfile.objects.select_for_update(no_key=True).get(pk=user.pk)
    if profile.last_seen_on is not None and profile.last_seen_on >= today:
        return False
    profile.last_seen_on, profile.days_seen, profile.is_level_due = today, profile.days_seen + 1, True
    profile.save(update_fields=["last_seen_on", "days_seen", "is_level_due"])
    return True
