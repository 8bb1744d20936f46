"""What search engines read of a thread: ``QAPage`` for a solved question, else ``DiscussionForumPosting``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.utils.safestring import SafeString

from community import rendering
from community.people import person_of
from portal.core.http import public_address

if TYPE_CHECKING:
    from community.models import Post, Thread
    from community.showing import ShownPost, ThreadParts

_TEXT_LENGTH: Final = 2000
_MOST_COMMENTS: Final = 10
#: The end of the element, in a text, would end it.
_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def thread_json_ld(thread: Thread, parts: ThreadParts) -> SafeString:
    """Return the JSON of a visible thread, safe inside a script element; empty for others."""
    if not thread.is_listed or parts.first is None:
        return SafeString("")
    make = _question_page if thread.is_question and parts.solution is not None else _discussion
    text = json.dumps(make(thread, parts), ensure_ascii=False)
    return SafeString(text.translate(_ESCAPES))


def _question_page(thread: Thread, parts: ThreadParts) -> dict[str, Any]:
    question = {
        "@type": "Question",
        "name": thread.title,
        "text": _text(parts.first),
        "answerCount": thread.reply_count,
        "upvoteCount": thread.me_too_count,
        "datePublished": thread.created_at.isoformat(),
        "author": _author(thread),
        "inLanguage": thread.language,
    }
    if parts.solution is not None:
        question["acceptedAnswer"] = _answer(parts.solution)
    return {"@context": "https://schema.org", "@type": "QAPage", "mainEntity": question}


def _answer(shown: ShownPost) -> dict[str, Any]:
    post = shown.post
    return {
        "@type": "Answer",
        "text": _text(shown),
        "upvoteCount": post.helpful_count,
        "datePublished": post.created_at.isoformat(),
        "url": public_address(post.get_absolute_url()),
        "author": _author(post),
    }


def _discussion(thread: Thread, parts: ThreadParts) -> dict[str, Any]:
    comments = [shown for shown in (parts.solution, *parts.posts) if shown is not None and not shown.is_tombstone]
    return {
        "@context": "https://schema.org",
        "@type": "DiscussionForumPosting",
        "headline": thread.title,
        "text": _text(parts.first),
        "url": public_address(thread.get_absolute_url()),
        "datePublished": thread.created_at.isoformat(),
        "author": _author(thread),
        "inLanguage": thread.language,
        "interactionStatistic": {
            "@type": "InteractionCounter",
            "interactionType": "https://schema.org/CommentAction",
            "userInteractionCount": thread.reply_count,
        },
        "comment": [
            {
                "@type": "Comment",
                "text": _text(shown),  # type: ignore[arg-type]  # tombstones were left out
                "datePublished": shown.post.created_at.isoformat(),  # type: ignore[union-attr]  # the same
                "author": _author(shown.post),  # type: ignore[union-attr]  # the same
            }
            for shown in comments[:_MOST_COMMENTS]
            if shown.post.is_visible  # type: ignore[union-attr]  # the same
        ],
    }


def _author(of: Thread | Post) -> dict[str, Any]:
    person = person_of(of.author)
    url = {"url": public_address(person.url)} if person.url else {}
    return {"@type": "Person", "name": person.name, **url}


def _text(shown: ShownPost | None) -> str:
    """Return the words of a post from its stored HTML: nothing is parsed where a page is read."""
    return rendering.excerpt(shown.html, _TEXT_LENGTH) if shown is not None else ""
