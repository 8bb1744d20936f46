from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from bench.minimal_site.models import Article, Comment, Topic


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """The ceiling: bytes that are there already."""
    return HttpResponse(b"x" * size)


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Three queries and one template, nothing else."""
    article = get_object_or_404(Article.objects.select_related("topic"), pk=pk)
    topics = Topic.objects.order_by("name")
    comments = Comment.objects.filter(article=article).order_by("-pk")[:10]
    return render(request, "page.html", {"article": article, "topics": topics, "comments": comments})


urlpatterns = [path("constant/<int:size>/", constant), path("page/<int:pk>/", page)]
