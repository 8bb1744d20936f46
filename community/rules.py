"""Who may do what. Views ask before they show an action, and again before they call a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from community import trust
from community.merged import askers_of
from community.models import (
    CLOSED_IDEAS,
    Area,
    Block,
    CommunityProfile,
    Conversation,
    Level,
    Message,
    MessagesFrom,
    State,
    ThreadState,
    policy,
)
from community.models.access import is_moderator
from community.models.member import profile_of
from portal.core.limits import limited
from portal.core.text import isolate

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpRequest

    from community.models import Post, Thread
    from community.models.access import AnyUser
    from portal.accounts.models import User


def can_moderate(user: AnyUser) -> bool:
    """Approve, hide, restore, move, merge, split, close, pin, silence."""
    return is_moderator(user)


def level_of(user: AnyUser) -> int:
    """Return the level of trust; staff count as advocates."""
    if user is not None and getattr(user, "is_staff", False):
        return Level.ADVOCATE
    profile = profile_of(user)
    return profile.level if profile else Level.NEW


def can_take_part(user: AnyUser) -> bool:
    """Vote, follow, bookmark, flag: signed in and not suspended."""
    profile = profile_of(user)
    return profile is not None and user is not None and user.is_active and not profile.is_suspended()


def can_write(user: AnyUser) -> bool:
    """Write anything at all."""
    profile = profile_of(user)
    return can_take_part(user) and profile is not None and not profile.is_silenced()


def can_start_thread(user: AnyUser, area: Area) -> bool:
    if not can_write(user) or (area.is_locked and not is_moderator(user)):
        return False
    return area.kind != Area.Kind.ANNOUNCEMENTS or _is_staff(user)


def can_reply(user: AnyUser, thread: Thread) -> bool:
    if not can_write(user) or thread.state != ThreadState.VISIBLE:
        return False
    return not thread.is_locked or is_moderator(user)


def can_edit_post(user: AnyUser, post: Post) -> bool:
    """Authors edit what is not deleted, in threads that are not closed; moderators edit everything."""
    if is_moderator(user):
        return True
    return can_write(user) and _is_own(user, post) and post.state != State.DELETED and not post.thread.is_locked


def can_delete_post(user: AnyUser, post: Post) -> bool:
    """Authors delete replies that are no solutions, and threads that nobody replied to."""
    if is_moderator(user):
        return True
    if not can_write(user) or not _is_own(user, post) or post.thread.is_locked or post.is_solution:
        return False
    return post.thread.reply_count == 0 if post.is_first else True


def can_restore_post(user: AnyUser, post: Post) -> bool:
    """Moderators, and authors who deleted their post themselves."""
    if is_moderator(user):
        return True
    is_own_deletion = post.state == State.DELETED and post.state_reason == "author"
    return can_write(user) and _is_own(user, post) and is_own_deletion and not post.thread.is_locked


def can_accept(user: AnyUser, thread: Thread, answer: Post, *, askers: Collection[int] | None = None) -> bool:
    """Accept and revoke an answer: who asked; staff and helpers, unless they wrote it.

    Who asked is not always who began the thread: see `community.merged.askers_of`, which is read without `askers`.
    """
    if not thread.is_question or not can_take_part(user):
        return False
    if user is not None and user.pk in (askers_of(thread, answer) if askers is None else askers):
        return True
    return not _is_own(user, answer) and (_is_staff(user) or level_of(user) >= Level.HELPER)


def can_vote(user: AnyUser, post: Post) -> bool:
    return can_take_part(user) and not _is_own(user, post) and post.state == State.VISIBLE


def can_say_me_too(user: AnyUser, thread: Thread) -> bool:
    return thread.is_question and can_take_part(user) and not _is_own(user, thread)


def can_vote_idea(user: AnyUser, thread: Thread) -> bool:
    return thread.is_idea and thread.status not in CLOSED_IDEAS and can_take_part(user)


def can_set_idea_status(user: AnyUser, thread: Thread) -> bool:
    return thread.is_idea and is_moderator(user)


def can_flag(user: AnyUser, post: Post) -> bool:
    return can_take_part(user) and not _is_own(user, post) and post.state == State.VISIBLE


def can_appeal(user: AnyUser, post: Post) -> bool:
    return can_take_part(user) and _is_own(user, post) and post.state == State.HIDDEN


def can_tag(user: AnyUser, thread: Thread) -> bool:
    """Change tags and products: the author and active members, of threads that are open to members; moderators."""
    if is_moderator(user):
        return True
    if not can_write(user) or thread.is_locked or thread.kind == Area.Kind.ANNOUNCEMENTS:
        return False
    return _is_own(user, thread) or level_of(user) >= Level.ACTIVE


def can_retitle(user: AnyUser, thread: Thread) -> bool:
    """Helpers, and authors while the thread is not closed; moderators always."""
    if thread.is_locked and not is_moderator(user):
        return False
    return can_write(user) and (_is_own(user, thread) or level_of(user) >= Level.HELPER)


def can_ask_for_details(user: AnyUser, thread: Thread) -> bool:
    """Say that a question cannot be answered as it is: helpers and staff, while it is open, about those of others."""
    is_open = thread.is_question and not thread.is_solved and not thread.is_locked
    is_one_who_helps = _is_staff(user) or level_of(user) >= Level.HELPER
    return is_open and is_one_who_helps and can_reply(user, thread) and not _is_own(user, thread)


def can_mark_duplicate(user: AnyUser, thread: Thread) -> bool:
    """Propose that moderators merge a thread into another: helpers and staff."""
    return can_write(user) and level_of(user) >= Level.HELPER and thread.state == ThreadState.VISIBLE


def can_manage(user: AnyUser, thread: Thread) -> bool:
    """Close, pin, move, merge and split a thread."""
    return is_moderator(user) and thread.state in {ThreadState.VISIBLE, ThreadState.HELD}


def can_hide_post(user: AnyUser, post: Post) -> bool:
    return is_moderator(user) and post.state in {State.VISIBLE, State.HELD}


def can_see_person(user: AnyUser, person: User) -> bool:
    """See the page of a member: everybody, unless they hide it; they themselves, and moderators. One query."""
    if is_moderator(user) or (user is not None and user.pk == person.pk):
        return True
    return not CommunityProfile.objects.filter(pk=person.pk, is_private=True).exists()


def can_upload(user: AnyUser) -> bool:
    """Pictures and files: not on the first day."""
    return can_write(user) and level_of(user) >= Level.MEMBER


def can_report_message(user: AnyUser, message: Message) -> bool:
    """Report what the other person wrote."""
    return can_take_part(user) and user is not None and message.author_id != user.pk and message.is_visible


def why_no_message(user: User, to: User) -> str:
    """Return why `user` must not write a private message to `to`, in words for `user`; empty if they may.

    Moderators reach everybody whom they have not blocked themselves, and everybody can answer colleagues who wrote to
    them. New members neither begin conversations nor receive messages of members. Who is blocked learns no more than
    that the other person wants no messages. At most twelve queries.
    """
    if not can_write(user):
        return _("You cannot write in the community at the moment. Your profile says why, and until when.")
    pair = (user.pk, to.pk)
    blocks = set(Block.objects.filter(person__in=pair, blocked__in=pair).values_list("person", flat=True))
    if user.pk in blocks:
        return _("You have blocked %(name)s. Unblock them first, so that they can answer.") % _named(to)
    if is_moderator(user):
        return ""
    if to.pk in blocks:
        return _wants_none(to)
    between = Conversation.id_between(user, to)
    if to.is_staff and between is not None and _wrote_to(user, to, between):
        return ""
    return _why_not_begin(user, to, is_known=between is not None)


def has_conversation(user: User, other: User) -> bool:
    """Return whether the two have ever written to each other. One query."""
    return Conversation.id_between(user, other) is not None


def _why_not_begin(user: User, to: User, *, is_known: bool) -> str:
    """Return what keeps two members who have not blocked each other from writing, in words for `user`."""
    own, theirs = profile_of(user) or CommunityProfile(user=user), profile_of(to) or CommunityProfile(user=to)
    if not user.is_staff and _is_new(own):
        return _("New members cannot begin private conversations yet. You can answer when our team writes to you.")
    if own.messages_from == MessagesFrom.MODERATORS:
        return _(
            "You accept messages of moderators only, so nobody could answer you. Change that in your settings first."
        )
    if theirs.messages_from == MessagesFrom.MODERATORS:
        return _wants_none(to)
    if not to.is_staff and _is_new(theirs):
        return _("%(name)s is new here and cannot receive private messages yet.") % _named(to)
    if not is_known and policy().conversations_per_day == 0:
        return _("Members cannot begin private conversations here.")
    return ""


def _named(person: User) -> dict[str, str]:
    return {"name": isolate(person.handle)}


def _wants_none(person: User) -> str:
    return _("%(name)s does not accept private messages.") % _named(person)


def _wrote_to(user: User, other: User, conversation_id: int) -> bool:
    return Message.objects.visible_to(user).filter(conversation=conversation_id, author=other).exists()


def _is_new(profile: CommunityProfile) -> bool:
    """Return whether somebody is new by today's figures: who owns a product is not, though a job may not know it yet."""
    return profile.level == Level.NEW and trust.earned_level(trust.figures_of(profile), policy()) == Level.NEW


def flag_weight(user: AnyUser, profile: CommunityProfile) -> int:
    """Return the weight of a flag in hundredths: 1 + level, staff 5, and up to 1 more for those who were mostly right."""
    weight = 500 if _is_staff(user) else 100 * (1 + profile.level)
    if profile.flags_judged > 5:
        weight += 100 * profile.flags_agreed // profile.flags_judged
    return weight


def seconds_to_wait(request: HttpRequest, action: str) -> int | None:
    """Count an act of this person (or address); return the seconds to wait when it is one too many, else None.

    `action` is ``post``, ``message``, ``conversation``, ``upload``, ``vote``, ``act``, ``flag``, ``appeal``, ``preview``
    or ``draft``.
    """
    rules = policy()
    is_new = level_of(request.user) == Level.NEW
    per_hour = rules.newcomer_posts_per_hour if is_new else rules.posts_per_hour
    limit, seconds = {
        "post": (per_hour, 3600),
        "message": (per_hour, 3600),
        "conversation": (rules.conversations_per_day, 86_400),
        "upload": (per_hour * 4, 3600),
        "vote": (per_hour * 10, 3600),
        # Everything else that is one click: accepting, following, bookmarking, polls.
        "act": (per_hour * 10, 3600),
        "flag": (10 if is_new else 60, 3600),
        "appeal": (10, 3600),
        "preview": (60, 60),
        "mention": (120, 60),
        "draft": (60, 60),
    }[action]
    return limited(request, f"community.{action}", limit, seconds)


def _is_staff(user: AnyUser) -> bool:
    return user is not None and bool(getattr(user, "is_staff", False))


def _is_own(user: AnyUser, of: Post | Thread) -> bool:
    return user is not None and of.author_id is not None and user.pk == of.author_id
