"""Threads as a whole: tags, products, moving, merging, splitting, closing, pinning."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from community import rendering
from community.events import SeeAlsoWanted, ThreadMerged, ThreadMoved, ThreadSplit
from community.exceptions import (
    AcceptedAnswerError,
    ChangedMeanwhileError,
    NotAllowedError,
    NotVisibleError,
    TooManyTagsError,
)
from community.models import (
    Area,
    IdeaVote,
    MeToo,
    MovedPosts,
    Poll,
    Post,
    Solution,
    State,
    Tag,
    TagSynonym,
    Thread,
    ThreadState,
    policy,
)
from community.models.access import is_moderator
from community.models.tag import fold_tag, listed
from community.screening import is_fit_for_all
from community.services import texts
from community.services.counting import count_for, count_thread, find_last_post, lock_thread, show_changed, store
from community.services.duplicates import settle_marks
from community.services.loops import bring_solved_its, count_solved_its
from community.services.moderating import log
from community.services.writing import edit_post, excerpt_of
from portal.accounts.models import User
from portal.core.events import emit
from portal.core.scopes import content_changed
from portal.core.text import normalise_input, slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from portal.catalog.models import Product


# Tags ---------------------------------------------------------------------------------------------------------------


@transaction.atomic
def tags_named(words: Iterable[str], *, may_create: bool = False) -> list[Tag]:
    """Return the tags with these names or synonyms, in any spelling; new ones are made only with `may_create`."""
    found: dict[int, Tag] = {}
    for word in words:
        name = " ".join(normalise_input(word).lstrip("#").split())[:40]
        key = fold_tag(name)[:40]
        if not key:
            continue
        tag = Tag.objects.filter(key=key).first()
        if tag is None:
            synonym = TagSynonym.objects.filter(key=key).select_related("tag").first()
            tag = synonym.tag if synonym else None
        if tag is None and may_create and is_fit_for_all(name):
            tag = Tag.objects.get_or_create(key=key, defaults={"name": name, "slug": _free_slug(name)})[0]
        if tag is not None:
            found[tag.pk] = tag
    return list(found.values())


def _free_slug(name: str) -> str:
    """Return what no other tag has in its address: C, C++ and C# are different tags."""
    slug = slugify_unicode(name.replace("+", " plus").replace("#", " sharp"), max_length=50) or "tag"
    taken = set(Tag.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    return next(
        each for number in range(len(taken) + 1) if (each := f"{slug}-{number}" if number else slug) not in taken
    )


def words_without_tag(words: Iterable[str]) -> list[str]:
    """Return those of the words that name no tag, as typed: they are left out where no tag can be made."""
    return [word for word in words if not tags_named([word])]


@transaction.atomic
def set_tags(*, thread: Thread, tags: Collection[Tag], by: User) -> None:
    """Give a thread these tags and no others. Raises `TooManyTagsError`."""
    limit = policy().max_tags
    if len(tags) > limit:
        raise TooManyTagsError(limit)
    thread = lock_thread(thread.pk)
    before = set(thread.tags.values_list("pk", flat=True))
    after = {tag.pk for tag in tags}
    if before == after:
        return
    thread.tags.set(sorted(after))
    if thread.is_listed:
        Tag.objects.filter(pk__in=before - after).update(thread_count=F("thread_count") - 1)
        Tag.objects.filter(pk__in=after - before).update(thread_count=F("thread_count") + 1)
    if by.pk != thread.author_id:
        log(
            "thread.tagged",
            by=by,
            thread=thread,
            member_id=thread.author_id,
            before=sorted(before),
            after=sorted(after),
        )
    show_changed(thread)


def description_of(thread: Thread) -> str:
    """Return what tags and products a thread has, to compare: the same text for the same ones. Two queries."""
    tags, products = (
        sorted(rows.values_list("pk", flat=True)) for rows in (thread.tags.order_by(), thread.products.order_by())
    )
    return f"{','.join(map(str, tags))}/{','.join(map(str, products))}"


@transaction.atomic
def describe(*, thread: Thread, tags: Collection[Tag], products: Iterable[Product], by: User, seen: str = "") -> None:
    """Give a thread these tags and products. Raises `TooManyTagsError`.

    `seen` is the `description_of` when the form was opened: raises `ChangedMeanwhileError` when it is another one now.
    """
    thread = lock_thread(thread.pk)
    if seen and seen != description_of(thread):
        raise ChangedMeanwhileError(listed(thread.tags.all()), "tags")
    set_tags(thread=thread, tags=tags, by=by)
    set_products(thread=thread, products=products, by=by)


@transaction.atomic
def set_products(*, thread: Thread, products: Iterable[Product], by: User) -> None:
    """Say which products a thread is about. Logged when it is another person's thread."""
    thread = lock_thread(thread.pk)
    before, after = set(thread.products.values_list("pk", flat=True)), {product.pk for product in products}
    if before == after:
        return
    thread.products.set(sorted(after))
    if by.pk != thread.author_id:
        log(
            "thread.products",
            by=by,
            thread=thread,
            member_id=thread.author_id,
            before=sorted(before),
            after=sorted(after),
        )
    show_changed(thread)


@transaction.atomic
def retitle(*, thread: Thread, title: str, by: User, seen: str = "") -> Thread:
    """Change a title without touching the text. Raises `CommunityError`.

    Moderators and helpers are logged. An author's new title is an edit: it is screened, and leaves history. `seen` is the
    title when the form was opened: raises `ChangedMeanwhileError` when it is another one now.
    """
    title = texts.clean_title(title)
    thread = lock_thread(thread.pk)
    if title == thread.title:
        return thread
    if seen and seen != thread.title:
        raise ChangedMeanwhileError(thread.title, "title")
    first = Post.objects.filter(thread=thread, number=1).first()
    if first is not None and by.pk == first.author_id and not is_moderator(by):
        return edit_post(
            post=first, editor=by, body=first.body, title=title, version=first.version, keeps_personal_data=True
        ).thread
    Post.objects.filter(thread=thread, number=1).update(version=F("version") + 1)  # somebody may be reading it
    before, thread.title = thread.title, title
    thread.slug = thread.make_slug()
    store(thread, "title", "slug")
    if by.pk != thread.author_id:
        log("thread.retitled", by=by, thread=thread, member_id=thread.author_id, before=before, after=title)
    emit(SeeAlsoWanted(thread_id=thread.pk))
    show_changed(thread)
    return thread


# Closing and pinning ------------------------------------------------------------------------------------------------


@transaction.atomic
def lock(*, thread: Thread, by: User, note: str = "") -> Thread:
    """Close a thread for new posts. Safe to repeat."""
    return _set_locked(thread, by=by, is_locked=True, note=note)


@transaction.atomic
def unlock(*, thread: Thread, by: User) -> Thread:
    """Open a closed thread. Safe to repeat."""
    return _set_locked(thread, by=by, is_locked=False, note="")


def _set_locked(thread: Thread, *, by: User, is_locked: bool, note: str) -> Thread:
    thread = lock_thread(thread.pk)
    if thread.is_locked != is_locked:
        thread.is_locked = is_locked
        store(thread, "is_locked")
        log("thread.locked" if is_locked else "thread.unlocked", by=by, thread=thread, note=note)
        show_changed(thread, search=False)
    return thread


@transaction.atomic
def pin_until(*, thread: Thread, by: User, until: dt.datetime | None) -> Thread:
    """Keep a thread at the top of its area until a time; None: until it is unpinned."""
    thread = lock_thread(thread.pk)
    thread.is_pinned, thread.pinned_until = True, until
    store(thread, "is_pinned", "pinned_until")
    log("thread.pinned", by=by, thread=thread, until=until.isoformat() if until else None)
    show_changed(thread, search=False)
    return thread


@transaction.atomic
def unpin(*, thread: Thread, by: User | None) -> Thread:
    """End it. Safe to repeat; `by` is None when its time is over."""
    thread = lock_thread(thread.pk)
    if thread.is_pinned:
        thread.is_pinned, thread.pinned_until = False, None
        store(thread, "is_pinned", "pinned_until")
        log("thread.unpinned", by=by, thread=thread)
        show_changed(thread, search=False)
    return thread


def unpin_due() -> int:
    """Unpin the threads whose time is over; returns how many. A periodic job."""
    due = list(Thread.objects.filter(pinned_until__lte=timezone.now()).order_by("pk"))
    for thread in due:
        unpin(thread=thread, by=None)
    return len(due)


def has_pins_to_end() -> bool:
    return Thread.objects.filter(pinned_until__lte=timezone.now()).exists()


# Moving, merging, splitting -----------------------------------------------------------------------------------------


@transaction.atomic
def move_thread(*, thread: Thread, area: Area, by: User) -> Thread:
    """Put a thread into another area: it has that area's audience at once, in every list and in search.

    Its kind becomes that of the area. Safe to repeat.
    """
    thread, areas = _lock_with_areas(thread, area)
    target = areas[area.pk]
    if thread.area_id == target.pk:
        return thread
    if thread.state == ThreadState.MERGED:
        raise NotVisibleError
    before = areas[thread.area_id]
    scopes_before = thread.scopes
    if thread.is_listed:
        Area.objects.filter(pk=before.pk).update(thread_count=F("thread_count") - 1)
        Area.objects.filter(pk=target.pk).update(thread_count=F("thread_count") + 1)
    thread.area, thread.audience = target, target.effective_audience
    if thread.kind != target.kind:
        thread.kind = target.kind
        thread.status = _status_in(thread)
    store(thread, "area_id", "audience", "kind", "status")
    log("thread.moved", by=by, thread=thread, member_id=thread.author_id, before=before.pk, after=target.pk)
    emit(
        ThreadMoved(
            thread_id=thread.pk, from_area_id=before.pk, to_area_id=target.pk, moved_by_id=by.pk, at=timezone.now()
        )
    )
    show_changed(thread)
    content_changed(*scopes_before)
    return thread


def _status_in(thread: Thread) -> str:
    if thread.is_question:
        return Thread.Status.SOLVED if thread.is_solved else Thread.Status.OPEN
    return Thread.Status.NEW if thread.is_idea else Thread.Status.NONE


def _lock_with_areas(thread: Thread, *others: Area) -> tuple[Thread, dict[int, Area]]:
    """Lock a thread, then its area and the others, in the order of `counting`."""
    locked = lock_thread(thread.pk)
    wanted = {locked.area_id, *(area.pk for area in others)}
    return locked, {
        area.pk: area for area in Area.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    }


@transaction.atomic
def merge_threads(*, thread: Thread, into: Thread, by: User) -> Thread:
    """Put the posts of a thread at the end of another one; its address leads there from then on.

    Votes for an idea and "I have this too" come along, once for each person. Links to single posts still lead to them.
    Accepted answers stay accepted, and with whom they were counted for: nothing is announced again, nor taken back. The
    solution of the thread stays its own; that of the question that came is shown as the solution of that one, and becomes
    the thread's only where it has no other. Returns the thread that has all now. Safe to repeat; raises `CommunityError`.
    """
    if thread.pk == into.pk:
        raise NotAllowedError
    # Both in one order, so that two merges in opposite directions do not wait for each other.
    locked = {
        row.pk: row
        for row in Thread.objects.select_for_update(no_key=True).filter(pk__in=[thread.pk, into.pk]).order_by("pk")
    }
    source, target = locked[thread.pk], locked[into.pk]
    if source.state == ThreadState.MERGED and source.merged_into_id == target.pk:
        return target
    if source.state not in {ThreadState.VISIBLE, ThreadState.HELD} or target.state != ThreadState.VISIBLE:
        raise NotVisibleError
    if source.audience != target.audience:  # merging must not publish, nor take away, what somebody wrote
        raise NotAllowedError(_("Others may read that thread. Move this one into its area first."))
    if source.is_listed:
        count_thread(source, -1)
        count_for(source.author_id, reply_count=1)
    settle_marks(source, target, by=by)
    shift = target.highest_number
    Post.objects.filter(thread=source).update(thread=target, number=F("number") + shift)
    Solution.objects.filter(thread=source, asked_in=None).update(asked_in=source)
    Solution.objects.filter(thread=source).update(thread=target)
    MovedPosts.objects.create(
        from_thread=source,
        first_number=1,
        last_number=source.highest_number,
        to_thread=target,
        shift=shift,
        moved_by=by,
    )
    target.highest_number += source.highest_number
    _bring(MeToo, source, target)
    _bring(IdeaVote, source, target)
    bring_solved_its(source, target)
    MeToo.objects.filter(thread=target, user=target.author_id, user__isnull=False).delete()
    if not Poll.objects.filter(thread=target).exists():
        Poll.objects.filter(thread=source).update(thread=target)
    _count_again(target)
    _settle_solutions(target)
    source.state, source.merged_into = ThreadState.MERGED, target
    source.reply_count = source.me_too_count = source.vote_count = source.helpful_count = 0
    source.solution = source.solved_at = None
    source.is_pinned, source.pinned_until = False, None
    find_last_post(source)
    store(
        source, "state", "merged_into_id", "reply_count", "me_too_count", "vote_count", "helpful_count",
        "solution_id", "solved_at", "is_pinned", "pinned_until", "last_post_at", "last_author_id",
    )  # fmt: skip
    log("thread.merged", by=by, thread=source, member_id=source.author_id, into=target.pk, shift=shift)
    emit(ThreadMerged(thread_id=source.pk, into_id=target.pk, merged_by_id=by.pk, at=timezone.now()))
    show_changed(source)
    show_changed(target)
    return target


def _bring(model: type[MeToo] | type[IdeaVote], source: Thread, target: Thread) -> None:
    """Move the rows of people who have none in the target yet; those of the others are one too many."""
    rows: Any = model._default_manager  # noqa: SLF001 - Django's documented name
    known = User.objects.filter(pk__in=rows.filter(thread=target).values("user"))
    rows.filter(thread=source).exclude(user__in=known).update(thread=target)
    rows.filter(thread=source).delete()


def _count_again(thread: Thread) -> None:
    """Set all counters of a locked thread whose posts are others now."""
    visible = Post.objects.filter(thread=thread, state=State.VISIBLE)
    thread.reply_count = visible.filter(number__gt=1).count()
    thread.helpful_count = sum(visible.values_list("helpful_count", flat=True))
    thread.me_too_count = thread.me_toos.count()
    thread.vote_count = thread.idea_votes.count()
    find_last_post(thread)
    store(
        thread, "highest_number", "reply_count", "helpful_count", "me_too_count", "vote_count", "last_post_at",
        "last_author_id",
    )  # fmt: skip


def _settle_solutions(thread: Thread) -> None:
    """Set what follows from the accepted answers that are in a thread now."""
    first = Solution.objects.active().filter(thread=thread).first()
    thread.solution_id = first.post_id if first else None
    thread.solved_at = first.accepted_at if first else None
    if thread.is_question and first:
        thread.status = Thread.Status.SOLVED
    store(thread, "solution_id", "solved_at", "status")
    count_solved_its(thread)


@transaction.atomic
def split_thread(*, thread: Thread, post_ids: Collection[int], title: str, by: User) -> Thread:
    """Make a thread of its own of some replies; the first of them begins it. Accepted answers stay with the question.

    Links to the moved posts still lead to them. Raises `CommunityError`.
    """
    title = texts.clean_title(title)
    thread, areas = _lock_with_areas(thread)
    posts = list(Post.objects.select_for_update(no_key=True).filter(pk__in=post_ids, thread=thread).order_by("number"))
    if not posts or posts[0].is_first or not posts[0].is_visible:
        raise NotAllowedError
    if Solution.objects.filter(post__in=posts, revoked_at=None).exists():
        raise AcceptedAnswerError
    first = posts[0]
    text = texts.prepare(first.body)
    new = Thread(
        area=areas[thread.area_id],
        audience=thread.audience,
        kind=thread.kind,
        author_id=first.author_id,
        title=title,
        language=texts.language_of(f"{title} {text.parsed.prose()}"),
        status=Thread.Status.NONE,
        state=ThreadState.VISIBLE,
        highest_number=len(posts),
        created_at=first.created_at,
        last_post_at=first.created_at,
    )
    new.status = _status_in(new)
    new.slug = new.make_slug()
    new.excerpt = excerpt_of(text)
    new.save(force_insert=True)
    new.tags.set(thread.tags.all())
    new.products.set(thread.products.all())
    moves = [
        MovedPosts(
            from_thread=thread,
            first_number=post.number,
            last_number=post.number,
            to_thread=new,
            shift=number - post.number,
            moved_by=by,
        )
        for number, post in enumerate(posts, 1)
    ]
    MovedPosts.objects.bulk_create(moves)
    for number, post in enumerate(posts, 1):
        parsed = text.parsed if post is first else rendering.parse(post.body)
        post.thread, post.number, post.language = new, number, texts.language_of(parsed.prose())
    Post.objects.bulk_update(posts, ["thread", "number", "language"])
    Post.objects.filter(reply_to__in=posts).exclude(thread=new).update(reply_to=None)
    Post.objects.filter(thread=new, reply_to__thread=thread).update(reply_to=None)
    _count_again(new)
    _count_again(thread)
    count_for(new.author_id, reply_count=-1)
    count_thread(new, 1)
    log("thread.split", by=by, thread=thread, member_id=new.author_id, into=new.pk, posts=[post.pk for post in posts])
    emit(SeeAlsoWanted(thread_id=new.pk))
    emit(ThreadSplit(thread_id=thread.pk, new_thread_id=new.pk, split_by_id=by.pk))
    show_changed(thread)
    show_changed(new)
    return new
