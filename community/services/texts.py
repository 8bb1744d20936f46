"""From a typed text to a stored one: limits, people named in it, files, HTML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from community import rendering
from community.exceptions import EmptyTextError, TextTooLongError, TitleTooLongError
from community.models import Post, PostMention, Upload
from community.rendering import Parsed, UploadedFile
from community.similarity import fingerprint
from portal.accounts.handles import handle_key
from portal.accounts.models import User
from portal.core.privacy import redact
from portal.core.scopes import content_changed
from portal.core.text import is_persian, normalise_input

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

TITLE_LENGTH: Final = 200


@dataclass(slots=True)
class Text:
    """A text ready to be stored, and what it refers to."""

    body: str
    parsed: Parsed
    fingerprint: int | None
    #: By lower-case handle.
    people: dict[str, User]

    @property
    def language(self) -> str:
        return language_of(self.parsed.prose())

    @property
    def mentioned_ids(self) -> list[int]:
        return sorted(user.pk for user in self.people.values())


def language_of(text: str) -> str:
    """Return the language a text is written in, of those that are told apart by their letters."""
    return "fa" if is_persian(text) else "en"


def clean_title(title: str, *, field: str = "title") -> str:
    """Return a title as it is stored: one line, without bidi controls. Raises `CommunityError` about the `field`."""
    title = " ".join(normalise_input(title).split())
    if not any(character.isalnum() for character in title):
        raise EmptyTextError(field)
    if len(title) > TITLE_LENGTH:
        raise TitleTooLongError(TITLE_LENGTH, field)
    return title


def clean_body(body: str, *, keeps_personal_data: bool = False, limit: int = rendering.MAX_LENGTH) -> str:
    """Return a text as it is stored: personal data are masked unless its author insists. Raises `CommunityError`."""
    body = normalise_input(body).strip("\n").rstrip()
    if not body.strip():
        raise EmptyTextError
    if len(body) > limit:
        raise TextTooLongError(limit)
    return body if keeps_personal_data else _mask(body)


def _mask(body: str) -> str:
    """Return the text without personal data. The name of a member is no address: ``سلام @mina. بعد``, ``و @mina.k``."""
    named = {match[1].rstrip(".-") for match in rendering.MENTION.finditer(body)}
    people = people_named(named)
    unused = (character for character in map(chr, range(0xE000, 0xF8FF)) if character not in body)
    hidden = {name: next(unused) for name in sorted(named) if name.lower() in people}

    def hide(match: re.Match[str]) -> str:
        name = match[1].rstrip(".-")
        return f"{hidden[name]}{match[1][len(name) :]}" if name in hidden else match[0]

    body = redact(rendering.MENTION.sub(hide, body))
    for name, character in hidden.items():
        body = body.replace(character, f"@{name}")
    return body


def token_for(purpose: str, token: str) -> str:
    """Return the token of a form as it is stored: one that is sent again with another purpose makes something else.

    Without that, what is written to somebody else with an old form would be lost: the first text would be returned.
    """
    return hashlib.sha256(f"{purpose}:{token}".encode()).hexdigest()[:40] if token else ""


def prepare(body: str) -> Text:
    """Parse a clean text and look up the people it names. One query if it names any."""
    parsed = rendering.parse(body)
    return Text(body, parsed, fingerprint(parsed.plain_text()), people_named(parsed.handles))


def people_named(handles: Collection[str]) -> dict[str, User]:
    """Return the people with these handles, by the lower-case form of the handle. One query."""
    wanted = {handle.lower() for handle in handles if "\0" not in handle}
    if not wanted:
        return {}
    same = Q(lower__in=wanted)
    # Not every database knows the lower case of letters such as É; the key of a handle was made here.
    keys = {handle_key(handle) for handle in wanted if not handle.isascii() and handle != handle.upper()}
    if keys:
        same |= Q(handle_key__in=keys) & ~Q(handle_key="")
    found = User.objects.annotate(lower=Lower("handle")).filter(same, is_active=True).order_by("pk")
    people = {user.handle.lower(): user for user in found}
    return {name: people[name] for name in people if name in wanted}  # a key is also that of names that look alike


def quoted_authors(parsed: Parsed, thread_id: int) -> list[int]:
    """Return the authors of the posts of this thread that a text quotes or links to."""
    if not parsed.post_ids:
        return []
    authors = Post.objects.filter(pk__in=parsed.post_ids, thread=thread_id, author__isnull=False)
    return sorted({pk for pk in authors.values_list("author_id", flat=True) if pk is not None})


def attach(post: Post, text: Text) -> None:
    """Store what a post refers to: people named, and files its author uploaded for it. Then write its HTML."""
    mentioned = set(text.mentioned_ids)
    PostMention.objects.filter(post=post).exclude(user__in=mentioned).delete()
    PostMention.objects.bulk_create(
        [PostMention(post=post, user_id=pk) for pk in sorted(mentioned)], ignore_conflicts=True
    )
    if text.parsed.upload_ids:
        Upload.objects.filter(pk__in=text.parsed.upload_ids, post=None, owner=post.author_id).update(post=post)
    _give_back_files(post, text)
    post.html = html_of(post, text)
    post.render_version = rendering.VERSION
    Post.objects.filter(pk=post.pk).update(html=post.html, render_version=post.render_version)


def _give_back_files(post: Post, text: Text) -> None:
    """Take the files that a text shows no more from its post: who removed a picture expects that nobody sees it.

    They are their owner's again, and wait as long as new ones do for another post.
    """
    removed = Upload.objects.filter(post=post).exclude(pk__in=text.parsed.upload_ids)
    removed.update(post=None, created_at=timezone.now())


def html_of(post: Post, text: Text) -> SafeString:
    """Return the HTML of a stored post. One query if it shows files."""
    uploads: dict[int, UploadedFile] = {}
    if text.parsed.upload_ids:
        files = Upload.objects.filter(Q(post=post), pk__in=text.parsed.upload_ids)
        uploads = {
            file.pk: UploadedFile(name=file.name, width=file.width, height=file.height) for file in files.order_by("pk")
        }
    people = {key: user.handle for key, user in text.people.items()}
    return text.parsed.to_html(people=people, uploads=uploads)


def posts_to_render(limit: int) -> list[Post]:
    """Return posts whose HTML is of an earlier version of the renderer, the oldest first."""
    return list(Post.objects.filter(render_version__lt=rendering.VERSION).order_by("render_version", "pk")[:limit])


def render_again(post: Post) -> SafeString:
    """Render a stored post with the current renderer and store the result; returns the HTML.

    Files that the text does not show are given back to their owner.
    """
    text = prepare(post.body)
    html = html_of(post, text)
    changed = Post.objects.filter(pk=post.pk, version=post.version)
    if changed.update(html=html, render_version=rendering.VERSION):
        _give_back_files(post, text)
    content_changed(f"thread:{post.thread_id}")
    return html
