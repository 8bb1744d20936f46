"""What people do in the community: one function for each verb.

Each opens its own transaction, locks what it decides on, emits its events, and may be repeated. Permissions are asked of
`community.rules` by the caller; errors are those of `community.exceptions`.
"""

from __future__ import annotations

from community.services.calling import call_for_help
from community.services.details import ask_for_details
from community.services.duplicates import keep_apart, mark_duplicate
from community.services.helping import say_me_too, vote_helpful, withdraw_helpful, withdraw_me_too
from community.services.ideas import set_idea_status, vote_idea, vote_in_poll, votes_left, withdraw_idea_vote
from community.services.loops import say_solved_it, say_spared
from community.services.members import erase_member, export_of
from community.services.messages import (
    accept_messages_from,
    block_person,
    choose_privacy,
    delete_conversation,
    mark_conversation_read,
    message_draft,
    send_message,
    unblock_person,
)
from community.services.moderating import (
    appeal,
    approve_post,
    change_policy,
    choose_advocate,
    claim,
    delete_post,
    flag_post,
    hide_post,
    release,
    release_member,
    restore_post,
    settle_hidden,
    silence_member,
    suspend_member,
    undo_decision,
    warn_member,
)
from community.services.reading import (
    bookmark,
    forget_reminder,
    mark_all_read,
    mark_area_read,
    mark_read,
    note_visit,
    remove_bookmark,
)
from community.services.reports import dismiss_report, hide_message, look_at_report, report_message, undo_about_message
from community.services.solutions import accept_solution, revoke_solution
from community.services.texts import token_for
from community.services.threads import (
    describe,
    description_of,
    lock,
    merge_threads,
    move_thread,
    pin_until,
    retitle,
    set_products,
    set_tags,
    split_thread,
    tags_named,
    unlock,
    unpin,
    words_without_tag,
)
from community.services.uploads import accept_picture, add_file
from community.services.writing import NewPoll, edit_post, post_reply, save_draft, start_thread

__all__ = [
    "NewPoll",
    "accept_messages_from",
    "accept_picture",
    "accept_solution",
    "add_file",
    "appeal",
    "approve_post",
    "ask_for_details",
    "block_person",
    "bookmark",
    "call_for_help",
    "change_policy",
    "choose_advocate",
    "choose_privacy",
    "claim",
    "delete_conversation",
    "delete_post",
    "describe",
    "description_of",
    "dismiss_report",
    "edit_post",
    "erase_member",
    "export_of",
    "flag_post",
    "forget_reminder",
    "hide_message",
    "hide_post",
    "keep_apart",
    "lock",
    "look_at_report",
    "mark_all_read",
    "mark_area_read",
    "mark_conversation_read",
    "mark_duplicate",
    "mark_read",
    "merge_threads",
    "message_draft",
    "move_thread",
    "note_visit",
    "pin_until",
    "post_reply",
    "release",
    "release_member",
    "remove_bookmark",
    "report_message",
    "restore_post",
    "retitle",
    "revoke_solution",
    "save_draft",
    "say_me_too",
    "say_solved_it",
    "say_spared",
    "send_message",
    "set_idea_status",
    "set_products",
    "set_tags",
    "settle_hidden",
    "silence_member",
    "split_thread",
    "start_thread",
    "suspend_member",
    "tags_named",
    "token_for",
    "unblock_person",
    "undo_about_message",
    "undo_decision",
    "unlock",
    "unpin",
    "vote_helpful",
    "vote_idea",
    "vote_in_poll",
    "votes_left",
    "warn_member",
    "withdraw_helpful",
    "withdraw_idea_vote",
    "withdraw_me_too",
    "words_without_tag",
]
