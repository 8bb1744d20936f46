"""Starting threads, replying, editing, drafts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from community import rendering, screening, trust
from community.events import PostEdited, ReplyPosted, SeeAlsoWanted, ThreadStarted, WelcomeReplyPosted
from community.exceptions import (
    AreaLockedError,
    EditConflictError,
    NotVisibleError,
    PollChoicesError,
    SilencedError,
    ThreadLockedError,
)
from community.models import (
    Area,
    CommunityProfile,
    Draft,
    Flag,
    Level,
    Poll,
    PollOption,
    Post,
    PostRevision,
    ReviewItem,
    State,
    Tag,
    Thread,
    ThreadState,
    policy,
)
from community.models.access import is_moderator
from community.services import states, texts
from community.services.counting import (
    count_post,
    count_thread,
    lock_area_of,
    lock_post,
    lock_profile,
    lock_thread,
    show_changed,
    store,
)
from community.services.reading import mark_read
from community.services.spam import want_check
from portal.core.events import emit
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from community.screening import Screening
    from portal.accounts.models import User
    from portal.catalog.models import Product

MIN_POLL_OPTIONS: Final = 2
MAX_POLL_OPTIONS: Final = 10
#: Of one person; older ones go. A script could begin one in every thread.
MOST_DRAFTS: Final = 100
_FIRST_STATUS: Final = {Area.Kind.QUESTIONS: Thread.Status.OPEN, Area.Kind.IDEAS: Thread.Status.NEW}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPoll:
    """A poll to begin a thread with."""

    question: str
    options: Sequence[str]
    is_multiple: bool = False
    closes_at: dt.datetime | None = None


@transaction.atomic
def start_thread(
    *,
    author: User,
    area: Area,
    title: str,
    body: str,
    token: str,
    products: Iterable[Product] = (),
    tags: Iterable[Tag] = (),
    poll: NewPoll | None = None,
    keeps_personal_data: bool = False,
    suspicions: Collection[str] = (),
) -> Thread:
    """Start a thread; its first post is number 1. With a `token` used before for this, return what that made.

    Personal data are masked unless the author insists (`keeps_personal_data`). A text that must be looked at first is
    held: the thread's state says so. `suspicions` are codes of `screening.SCORES` that the form noticed. Raises
    `CommunityError`.
    """
    title = texts.clean_title(title)
    body = texts.clean_body(body, keeps_personal_data=keeps_personal_data)
    token = texts.token_for("new", token)

    def make() -> Post:
        place = Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        if (known := _sent_before(author, token)) is not None:
            return known
        if place.is_locked and not is_moderator(author):
            raise AreaLockedError
        profile = lock_writer(author)
        screened, text = _screened(author, profile, title, body, suspicions)
        state = State.HELD if screened.is_held else State.VISIBLE
        now = timezone.now()
        thread = Thread(
            area=place,
            audience=place.effective_audience,
            kind=place.kind,
            author=author,
            title=screened.title,
            language=texts.language_of(f"{screened.title} {text.parsed.prose()}"),
            excerpt=excerpt_of(text),
            status=_FIRST_STATUS.get(Area.Kind(place.kind), Thread.Status.NONE),
            state=ThreadState(state.value),
            highest_number=1,
            created_at=now,
            last_post_at=now,
            last_author=author,
        )
        thread.slug = thread.make_slug()
        thread.save(force_insert=True)
        thread.products.set(products)
        thread.tags.set({*tags, *screened.tags})
        if poll is not None:
            _add_poll(thread, poll)
        post = _add_post(thread, author=author, text=text, token=token, state=state)
        store(thread)
        if state == State.HELD:
            states.hold(thread, post, screened.reasons)
        else:
            count_thread(thread, 1)
            announce_start(thread, post, mentioned_ids=text.mentioned_ids)
            show_changed(thread)
        return post

    post = _once(author, token, make)
    _forget_draft(author, "new", f"area:{area.pk}")
    return post.thread


@transaction.atomic
def post_reply(
    *,
    author: User,
    thread: Thread,
    body: str,
    token: str,
    reply_to: Post | None = None,
    keeps_personal_data: bool = False,
    suspicions: Collection[str] = (),
) -> Post:
    """Add a post to a thread; the same arguments as `start_thread`. Raises `CommunityError`."""
    body = texts.clean_body(body, keeps_personal_data=keeps_personal_data)
    token = texts.token_for(f"thread:{thread.pk}", token)

    def make() -> Post:
        now_thread = lock_thread(thread.pk)
        if (known := _sent_before(author, token)) is not None:
            return known
        if now_thread.state != ThreadState.VISIBLE:
            raise NotVisibleError
        if now_thread.is_locked and not is_moderator(author):
            raise ThreadLockedError
        profile = lock_writer(author)
        screened, text = _screened(author, profile, "", body, suspicions)
        state = State.HELD if screened.is_held else State.VISIBLE
        answered = Post.objects.filter(pk=reply_to.pk, thread=now_thread).first() if reply_to else None
        now_thread.highest_number += 1
        post = _add_post(now_thread, author=author, text=text, token=token, state=state, reply_to=answered)
        store(now_thread, "highest_number")
        mark_read(user=author, thread=now_thread, number=post.number)
        if state == State.HELD:
            states.hold(now_thread, post, screened.reasons)
        else:
            count_post(now_thread, post, 1)
            announce_reply(now_thread, post, text=text)
            show_changed(now_thread)
        return post

    post = _once(author, token, make)
    _forget_draft(author, Draft.place_of_reply(thread.pk))
    return post


@transaction.atomic
def edit_post(
    *,
    post: Post,
    editor: User,
    body: str,
    version: int,
    title: str | None = None,
    keeps_personal_data: bool = False,
) -> Post:
    """Change a text, and with `title` that of the thread, if the post begins it.

    The author's edits within some minutes leave no trace while nobody has reacted to the text; later ones, and those
    of others, leave the earlier text as history. `version` is that of the post when the form was opened. Raises `EditConflictError`, with both texts, when
    somebody changed it meanwhile, and other errors of `CommunityError`.
    """
    body = texts.clean_body(body, keeps_personal_data=keeps_personal_data)
    title = None if title is None else texts.clean_title(title)
    thread, post = lock_post(post)
    title = title if title is not None and post.is_first else thread.title
    if body == post.body and title == thread.title:
        return post
    if version != post.version:
        raise EditConflictError(
            title=title,
            body=body,
            stored_title=thread.title,
            stored_body=post.body,
            stored_version=post.version,
        )
    if post.state == State.DELETED:
        raise NotVisibleError
    is_author = editor.pk == post.author_id
    lock_area_of(thread, post)
    profile = lock_writer(editor)
    screened, text = _screened(editor, profile, title, body, (), post=post)
    now = timezone.now()
    is_fresh = now - post.created_at < dt.timedelta(minutes=policy().silent_edit_minutes)
    is_silent = is_author and is_fresh and not _has_reactions(thread, post)
    if not is_silent:
        PostRevision.objects.create(
            post=post,
            version=post.version,
            title=thread.title if post.is_first else "",
            body=post.body,
            edited_by=editor,
            edited_at=now,
        )
        post.edited_at = now
    before = set(post.mentions.values_list("user_id", flat=True))
    post.body, post.version, post.language = screened.body, post.version + 1, text.language
    post.fingerprint = text.fingerprint
    post.save(update_fields=["body", "version", "language", "fingerprint", "edited_at"])
    texts.attach(post, text)
    want_check(post, now)
    if post.is_first:
        if screened.title != thread.title:
            emit(SeeAlsoWanted(thread_id=thread.pk))
        thread.title = screened.title
        thread.slug = thread.make_slug()
        thread.excerpt = excerpt_of(text)
        thread.language = texts.language_of(f"{thread.title} {text.parsed.prose()}")
        store(thread, "title", "slug", "excerpt", "language")
    if screened.is_held and is_author:
        if post.is_visible:
            states.change(thread, post, State.HELD, by=None)
            states.hold(thread, post, screened.reasons)
        elif ReviewItem.objects.filter(post=post, decision="").exists():  # a moderator is about to decide
            states.enqueue_reasons(post, screened.reasons)
    _end_waiting(thread, post, editor.pk)
    emit(
        PostEdited(
            thread_id=thread.pk,
            post_id=post.pk,
            author_id=post.author_id,
            editor_id=editor.pk,
            mentioned_ids=sorted(set(text.mentioned_ids) - before) if post.is_visible else [],
        )
    )
    show_changed(thread)
    _forget_draft(editor, f"post:{post.pk}")
    return post


def _has_reactions(thread: Thread, post: Post) -> bool:
    """Return whether somebody reacted to the text, or must be able to read later what it was."""
    return (
        not post.is_visible
        or post.is_solution
        or post.helpful_count > 0
        or ReviewItem.objects.filter(post=post).exists()
        or Flag.objects.filter(post=post).exists()
        or Post.objects.filter(thread=thread, number__gt=post.number).exclude(author=post.author_id).exists()
    )


def _end_waiting(thread: Thread, post: Post, writer_id: int | None) -> None:
    """Let a question be open again that waited for its asker, if they wrote something that others see."""
    if thread.status == Thread.Status.NEEDS_INFO and post.is_visible and writer_id == thread.author_id:
        thread.status = Thread.Status.OPEN
        store(thread, "status")


def announce_start(thread: Thread, post: Post, *, mentioned_ids: list[int], was_held: bool = False) -> None:
    """Tell that others can see a thread for the first time."""
    _publish(post)
    emit(SeeAlsoWanted(thread_id=thread.pk))
    emit(
        ThreadStarted(
            thread_id=thread.pk,
            post_id=post.pk,
            area_id=thread.area_id,
            kind=thread.kind,
            author_id=post.author_id,
            mentioned_ids=mentioned_ids,
            was_held=was_held,
        )
    )


def announce_reply(thread: Thread, post: Post, *, text: texts.Text, was_held: bool = False) -> None:
    """Tell that others can see a reply for the first time."""
    _publish(post)
    _end_waiting(thread, post, post.author_id)
    emit(
        ReplyPosted(
            thread_id=thread.pk,
            post_id=post.pk,
            number=post.number,
            area_id=thread.area_id,
            author_id=post.author_id,
            starter_id=thread.author_id,
            reply_to_author_id=post.reply_to.author_id if post.reply_to is not None else None,
            mentioned_ids=text.mentioned_ids,
            quoted_author_ids=texts.quoted_authors(text.parsed, thread.pk),
            is_from_staff=post.is_from_staff,
            was_held=was_held,
        )
    )
    if _welcomes(thread, post):
        emit(
            WelcomeReplyPosted(
                thread_id=thread.pk,
                post_id=post.pk,
                author_id=post.author_id,  # type: ignore[arg-type]  # `_welcomes` asked for both
                welcomed_id=thread.author_id,  # type: ignore[arg-type]
            )
        )


def _welcomes(thread: Thread, post: Post) -> bool:
    """Return whether it is the first reply to the first thread of a new member, by somebody else."""
    if thread.reply_count != 1 or None in {thread.author_id, post.author_id} or thread.author_id == post.author_id:
        return False
    starter = CommunityProfile.objects.filter(pk=thread.author_id).first()
    return starter is not None and starter.level <= Level.MEMBER and starter.thread_count <= 1


def _publish(post: Post) -> None:
    if post.published_at is None:
        post.published_at = timezone.now()
        Post.objects.filter(pk=post.pk).update(published_at=post.published_at)


def lock_writer(author: User) -> CommunityProfile:
    """Return the profile of somebody who writes, locked. Raises `SilencedError`."""
    profile = lock_profile(author.pk)
    if profile.is_silenced():
        raise SilencedError
    if profile.level == Level.NEW:
        trust.update_level(profile)
    return profile


def _screened(
    author: User,
    profile: CommunityProfile,
    title: str,
    body: str,
    suspicions: Collection[str],
    *,
    post: Post | None = None,
) -> tuple[Screening, texts.Text]:
    text = texts.prepare(body)
    screened = screening.screen(
        author=author,
        profile=profile,
        title=title,
        body=body,
        fingerprint=text.fingerprint,
        link_count=len(text.parsed.links),
        suspicions=suspicions,
        post_id=post.pk if post is not None else None,
    )
    return screened, (text if screened.body == body else texts.prepare(screened.body))


def _add_post(
    thread: Thread, *, author: User, text: texts.Text, token: str, state: State, reply_to: Post | None = None
) -> Post:
    """Add the post with the highest number of its locked thread."""
    now = timezone.now() if thread.highest_number > 1 else thread.created_at
    post = Post(
        thread=thread,
        number=thread.highest_number,
        author=author,
        body=text.body,
        language=text.language,
        state=state,
        reply_to=reply_to,
        is_from_staff=author.is_staff,
        token=token,
        fingerprint=text.fingerprint,
        created_at=now,
        published_at=now if state == State.VISIBLE else None,
    )
    post.save(force_insert=True)
    texts.attach(post, text)
    want_check(post, now)
    return post


def _add_poll(thread: Thread, poll: NewPoll) -> None:
    options = list(
        dict.fromkeys(text for option in poll.options if (text := " ".join(normalise_input(option).split())))
    )
    if not MIN_POLL_OPTIONS <= len(options) <= MAX_POLL_OPTIONS:
        raise PollChoicesError(MIN_POLL_OPTIONS, MAX_POLL_OPTIONS)
    made = Poll.objects.create(
        thread=thread,
        question=texts.clean_title(poll.question, field="poll_question"),
        is_multiple=poll.is_multiple,
        closes_at=poll.closes_at,
    )
    PollOption.objects.bulk_create(
        [PollOption(poll=made, position=place, text=option[:120]) for place, option in enumerate(options)]
    )


def excerpt_of(text: texts.Text) -> str:
    """Return how a text begins, as one plain line."""
    words = " ".join(text.parsed.prose()[:2400].split())
    return words if len(words) <= 200 else rendering.cut_words(words, 200)


def _sent_before(author: User, token: str) -> Post | None:
    if not token:
        return None
    return Post.objects.select_related("thread").filter(author=author, token=token).first()


def _once(author: User, token: str, make: Callable[[], Post]) -> Post:
    """Return what the form with this token made before, else what `make` makes.

    A form sent twice at once is made by the first; the second waits for its locks, or fails at the constraint.
    """
    known = _sent_before(author, token)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return make()
    except IntegrityError:
        known = _sent_before(author, token)
        if known is None:
            raise
        return known


# Drafts -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_draft(
    *, user: User, place: str, title: str = "", body: str = "", extra: dict[str, Any] | None = None
) -> Draft | None:
    """Store what somebody is writing at a place (``new``, ``area:7``, ``thread:42``, ``post:99``, ``to:5``); an empty one is
    deleted, and None returned.

    As typed: only its author reads it, and it is gone with the post it becomes.
    """
    title, body = normalise_input(title)[: texts.TITLE_LENGTH], normalise_input(body)[:40_000]
    if not title.strip() and not body.strip():
        _forget_draft(user, place)
        return None
    draft, created = Draft.objects.update_or_create(
        user=user,
        place=place[:60],
        defaults={"title": title, "body": body, "extra": extra or {}, "saved_at": timezone.now()},
    )
    if created:
        kept = Draft.objects.filter(user=user).order_by("-saved_at", "-pk").values_list("pk", flat=True)[:MOST_DRAFTS]
        Draft.objects.filter(user=user).exclude(pk__in=list(kept)).delete()
    return draft


def _forget_draft(user: User, *places: str) -> None:
    Draft.objects.filter(user=user, place__in=places).delete()
