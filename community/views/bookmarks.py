"""What somebody wants to find again, and when they are reminded of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community.forms import ReminderForm
from community.models import Bookmark, Post
from community.people import person_of
from community.views.common import for_members, person_in
from portal.core.text import row_number

if TYPE_CHECKING:
    from django.http import HttpRequest

_ROWS: Final = 20


@never_cache
@for_members
@require_safe
def bookmarks(request: HttpRequest) -> HttpResponse:
    """Show what the person wants to find again, newest first; ``?before=`` continues. Three queries."""
    before = row_number(request.GET.get("before"))
    own = Bookmark.objects.filter(user=person_in(request)).order_by("-pk")
    if before is not None:
        own = own.filter(pk__lt=before)
    some = list(own[: _ROWS + 1])
    posts = Post.objects.visible_to(request.user).filter(pk__in=[each.post_id for each in some[:_ROWS]])
    by_id = {post.pk: post for post in posts.select_related("thread", "author").defer("body", "html")}
    found = [(each, by_id[each.post_id]) for each in some[:_ROWS] if each.post_id in by_id]
    context = {
        "bookmarks": [(each, post, person_of(post.author)) for each, post in found],
        "here": before or "",
        "before": some[_ROWS - 1].pk if len(some) > _ROWS else None,
        "times": ReminderForm.TIMES,
    }
    return render(request, "community/bookmarks.html", context)


def to_bookmarks(request: HttpRequest) -> HttpResponseRedirect:
    """Lead back to the page of bookmarks on which something was changed."""
    before = row_number(request.POST.get("before"))
    return HttpResponseRedirect(reverse("community:bookmarks") + (f"?before={before}" if before else ""))
