from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.safestring import mark_safe

from bench.minimal_site.models import Article, Comment, Topic


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """The upper limit: a constant response."""
    return HttpResponse(b"x" * size, headers={"Content-Length": str(size)})


def bare(request: HttpRequest, pk: int) -> HttpResponse:
    """Three queries and one template, nothing else: no middleware, no session, no user."""
    response = render(request, "bare.html", _content(pk))
    response["Content-Length"] = str(len(response.content))  # the usual middleware sets it elsewhere
    return response


def page(request: HttpRequest, pk: int, size: int) -> HttpResponse:
    """An ordinary page: three queries for its content, a base template, a form, and the signed-in user.

    It has about `size` bytes, most of which are stored HTML that costs next to nothing to render.
    """
    content = _content(pk)
    text = mark_safe(content["article"].body[: max(0, size - 1800)])  # noqa: S308 - our own text
    return render(request, "page.html", {**content, "text": text})


def posts(request: HttpRequest, pk: int, size: int) -> HttpResponse:
    """The same with twenty posts instead of one text, to be compared with a page of a thread."""
    content = _content(pk, comments=20)
    text = mark_safe(content["article"].body[: max(0, size - 1800) // 20])  # noqa: S308 - our own text
    return render(request, "posts.html", {**content, "text": text})


def _content(pk: int, comments: int = 10) -> dict[str, Any]:
    article = get_object_or_404(Article.objects.select_related("topic"), pk=pk)
    topics = Topic.objects.order_by("name")
    rows = Comment.objects.filter(article=article).order_by("-pk")[:comments]
    return {"article": article, "topics": topics, "comments": rows}


urlpatterns = [
    path("constant/<int:size>/", constant),
    path("bare/<int:pk>/", bare),
    path("page/<int:pk>/<int:size>/", page),
    path("posts/<int:pk>/<int:size>/", posts),
]
