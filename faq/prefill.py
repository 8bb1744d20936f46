"""Creation of an article from another screen: with a title, in the right language, below a topic the editor chooses."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET
from wagtail.permissions import page_permission_policy

from faq.models import ArticlePage, TopicPage
from portal.core.text import normalise_input, slugify_unicode

if TYPE_CHECKING:
    from wagtail.models import Page

_MAX_TITLE: Final = 200

#: Title of the current request, passed from Wagtail's hook before the form to its signal for the new page.
_title: ContextVar[str] = ContextVar("article_title", default="")


@require_GET
def article_for_question(request: HttpRequest) -> HttpResponse:
    """Redirect ``?language=fa&title=…`` to the form of a new article, or first offer the topics it may go below.

    Raises PermissionDenied for staff who may add no page at all.
    """
    if not page_permission_policy.user_has_permission(request.user, "add"):
        raise PermissionDenied
    title = _clean(request.GET.get("title", ""))
    topics = [
        (
            topic,
            f"{reverse('wagtailadmin_pages:add', args=['faq', 'articlepage', topic.pk])}?{urlencode({'title': title})}",
        )
        for topic in TopicPage.objects.filter(locale__language_code=request.GET.get("language", "")).order_by("path")
        if topic.permissions_for_user(request.user).can_add_subpage()
    ]
    if len(topics) == 1:
        return HttpResponseRedirect(topics[0][1])
    return render(request, "faq/admin/article_for_question.html", {"title": title, "topics": topics})


def remember_title(request: HttpRequest, _parent: Page, page_class: type[Page]) -> None:
    """Store the title given in the address; for Wagtail's hook ``before_create_page``."""
    wanted = request.method == "GET" and issubclass(page_class, ArticlePage)
    _title.set(_clean(request.GET.get("title", "")) if wanted else "")


def fill_in_title(*, page: Page, **_kwargs: Any) -> None:
    """Fill in the stored title; for Wagtail's signal ``init_new_page``."""
    title = _title.get()
    _title.set("")
    if title and isinstance(page, ArticlePage):
        page.title = title
        page.slug = slugify_unicode(title)


def _clean(text: str) -> str:
    return " ".join(normalise_input(text).split())[:_MAX_TITLE]
