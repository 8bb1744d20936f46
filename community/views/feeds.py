"""Atom feeds: what everybody may read, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from community.models import Area, Post, Thread
from community.people import person_of
from community.views.common import MAX_ID
from portal.core.brand import site_name
from portal.core.feeds import ENTRIES, SECONDS, answer, new_feed
from portal.core.http import public_address
from portal.core.privacy import translate_placeholders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


@require_safe
@cache_control(public=True, max_age=SECONDS)
def latest(request: HttpRequest) -> HttpResponse:
    """Return the newest threads of all public areas."""
    title = _("%(name)s Community") % {"name": site_name()}
    return _of_threads(request, Thread.objects.visible_to(None).listed(), title, reverse("community:index"))


@require_safe
@cache_control(public=True, max_age=SECONDS)
def area(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the newest threads of a public area."""
    here = Area.objects.visible_to(None).filter(slug=slug).first()
    if here is None:
        raise Http404
    return _of_threads(
        request, Thread.objects.visible_to(None).listed().filter(area=here), str(here), here.get_absolute_url()
    )


@require_safe
@cache_control(public=True, max_age=SECONDS)
def thread(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Return the newest posts of a public thread."""
    found = Thread.objects.visible_to(None).listed().filter(pk=thread_id).first() if thread_id <= MAX_ID else None
    if found is None:
        raise Http404
    feed = new_feed(request, title=found.title, path=found.get_absolute_url())
    posts = Post.objects.visible_to(None).filter(thread=found).select_related("author").order_by("-number")
    for post in posts[:ENTRIES]:
        post.thread = found
        author = person_of(post.author)
        feed.add_item(
            title=found.title,
            link=public_address(post.get_absolute_url()),
            description=translate_placeholders(post.html),
            author_name=author.name,
            pubdate=post.created_at,
            updateddate=post.edited_at or post.created_at,
            unique_id=public_address(reverse("community_root:post", args=[post.pk])),
        )
    return answer(feed)


def _of_threads(request: HttpRequest, threads: Iterable[Thread], title: str, path: str) -> HttpResponse:
    feed = new_feed(request, title=title, path=path)
    newest = threads.order_by("-last_post_at", "-pk").select_related("author")[:ENTRIES]  # type: ignore[attr-defined]  # a queryset
    for found in newest:
        feed.add_item(
            title=found.title,
            link=public_address(found.get_absolute_url()),
            description=escape(translate_placeholders(found.excerpt)),  # plain text, and feeds hold HTML
            author_name=person_of(found.author).name,
            pubdate=found.created_at,
            updateddate=found.last_post_at,
            unique_id=public_address(reverse("community_root:thread", args=[found.pk])),
        )
    return answer(feed)
