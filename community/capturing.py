"""Solved threads as a source of articles (`portal.core.article_sources`)."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from django.utils.translation import override

from community import rendering
from community.masks import in_own_words
from community.models import Post, Solution, State, Thread, ThreadState, Upload
from community.people import person_of
from community.queries import readers_of_posts
from community.services.texts import people_named
from portal.core import article_sources
from portal.core.article_sources import ArticleSource, Credit, Material, MaterialPicture, Thanked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from community.models.access import AnyUser

#: Name of the source; stored with articles.
THREAD: Final = "community:thread"
_BEGINNING: Final = 320


class ThreadSource(ArticleSource):
    """A question with accepted answers."""

    name: ClassVar[str] = THREAD

    def material(self, user: AnyUser, number: int) -> Material | None:
        """Return the accepted answers; None unless the question is solved, and visible to `user` and to its readers."""
        thread = Thread.objects.visible_to(user).listed().filter(pk=number).prefetch_related("tags", "products").first()
        if thread is None or not thread.is_question:
            return None
        accepted = Solution.objects.active().filter(thread=thread)
        order = list(accepted.values_list("post_id", flat=True))
        found = Post.objects.visible_to(user).filter(pk__in=order, thread=thread, state=State.VISIBLE).in_bulk()
        posts = [found[pk] for pk in order if pk in found]
        if not posts:
            return None
        with override(thread.language):
            bodies = [in_own_words(_own_words(post.body)) for post in posts]
        pictures = Upload.objects.visible_to(user).filter(post__in=posts, kind=Upload.Kind.PICTURE)
        return Material(
            title=rendering.MENTION.sub("", thread.title).strip() or thread.title,
            language=thread.language,
            body="\n\n".join(bodies),
            beginning=rendering.excerpt(rendering.render(bodies[0]), _BEGINNING) or thread.title,
            audience=thread.audience,
            part_ids=tuple(post.pk for post in posts),
            product_ids=tuple(product.pk for product in thread.products.all()),
            keywords=", ".join(str(tag) for tag in thread.tags.all()),
            pictures={
                f"upload:{upload.pk}": MaterialPicture(upload.name, partial(_read, upload)) for upload in pictures
            },
        )

    def credit(self, user: AnyUser, number: int, part_ids: Sequence[int]) -> Credit:
        """Return the thread, wherever it was merged, and the authors who are members; what `user` does not see is left out."""
        posts = Post.objects.visible_to(user).filter(
            pk__in=part_ids, state=State.VISIBLE, thread__state=ThreadState.VISIBLE
        )
        found = list(posts.select_related("thread", "author").defer("body", "html").order_by("pk"))
        scopes = {f"thread:{number}", *(f"thread:{post.thread_id}" for post in found)}
        if not found:
            return Credit(scopes=tuple(sorted(scopes)))
        people = {post.author_id: person_of(post.author) for post in found}
        thread = found[0].thread
        return Credit(
            people=tuple(Thanked(person.name, person.url) for person in people.values() if person.has_account),
            title=thread.title,
            url=thread.get_absolute_url(),
            language=thread.language,
            scopes=tuple(sorted(scopes)),
        )

    def readers(self, part_ids: Sequence[int]) -> str:
        """Return who may read the threads in which these posts are now."""
        return readers_of_posts(part_ids)


def reference_of(thread: Thread) -> str:
    """Return how an article names the thread it is made of."""
    return article_sources.reference_to(THREAD, thread.pk)


def address_of_article(user: AnyUser, thread: Thread) -> str:
    """Return where `user` makes an article of a thread; empty if it is not solved, or they may not."""
    if not (thread.is_question and thread.is_solved and thread.is_listed):
        return ""
    return article_sources.address_for(user, reference_of(thread), thread.language)


def _own_words(body: str) -> str:
    """Return a text without what it quotes from others, and without names: an article does not talk to members."""
    body = rendering.without_quoted_posts(body)
    named = people_named(rendering.parse(body).handles)

    def forget(match: re.Match[str]) -> str:
        name = match[1].rstrip(".-")
        return match[1][len(name) :] if name.lower() in named else match[0]

    return rendering.MENTION.sub(forget, body).strip()


def _read(upload: Upload, limit: int) -> bytes:
    with upload.file.open("rb") as stream:
        content: bytes = stream.read(limit)
    return content
