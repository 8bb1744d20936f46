"""Creation of an article from another screen: with a title or a text, in the right language, below a topic the editor chooses."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from wagtail.permissions import page_permission_policy

from faq.capturing import article_made_of, articles_like, make_draft
from faq.models import ArticlePage, TopicPage
from faq.panels import audience_in_words, is_for_more_than, limits_of_source
from portal.core.article_sources import material_for
from portal.core.audience import PUBLIC
from portal.core.preferences import current_language
from portal.core.text import normalise_input, row_number, slugify_unicode

if TYPE_CHECKING:
    from wagtail.models import Page

    from portal.accounts.models import User
    from portal.core.pages import AnyUser

_MAX_TITLE: Final = 200
#: Fewer letters are like too much.
_MIN_TITLE: Final = 6
#: Name in the session of which article its editor was warned about, and of whom.
_WARNED: Final = "faq.published_for_more"

#: Title of the current request, passed from Wagtail's hook before the form to its signal for the new page.
_title: ContextVar[str] = ContextVar("article_title", default="")


def may_write_articles(user: AnyUser) -> bool:
    """Return whether somebody may add pages in the admin. No query for people who are not staff."""
    if user is None or not user.is_active or not getattr(user, "is_staff", False):
        return False
    has_perm = getattr(user, "has_perm", None)
    may_enter = has_perm is not None and has_perm("wagtailadmin.access_admin")
    return may_enter and page_permission_policy.user_has_permission(user, "add")


def address_of_new_article(user: AnyUser, reference: str, language: str) -> str:
    """Return where `user` makes an article of what `reference` leads to; empty if they may not."""
    if not may_write_articles(user):
        return ""
    return f"{reverse('article_for_question')}?{urlencode({'source': reference, 'language': language})}"


def address_of_form(topic: Page) -> str:
    """Return where a new article below a topic is written."""
    return reverse("wagtailadmin_pages:add", args=["faq", "articlepage", topic.pk])


@require_safe
def articles_like_title(request: HttpRequest) -> HttpResponse:
    """Show published articles like a ``title`` in a ``language``, but for those of the ``family`` that is being edited."""
    if not may_write_articles(request.user):
        raise PermissionDenied
    title, language = _clean(request.GET.get("title", "")), request.GET.get("language", "")
    if language not in dict(settings.LANGUAGES):
        raise Http404
    similar = articles_like(title, request.user, language) if len(title) >= _MIN_TITLE else []  # type: ignore[arg-type]  # staff
    family = request.GET.get("family", "")
    own = (
        set(ArticlePage.objects.filter(translation_key=family).values_list("pk", flat=True))
        if _is_key(family)
        else set()
    )
    hits = [hit for hit in similar if hit.object_id not in own]
    return render(request, "faq/admin/_similar.html", {"similar": hits})


def _is_key(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@require_http_methods(["GET", "HEAD", "POST"])
def article_for_question(request: HttpRequest) -> HttpResponse:
    """Redirect ``?language=fa&title=…`` to the form of a new article, or first offer the topics it may go below.

    Without a language, those of all languages are offered, the editor's own first. With ``?source=…``, offer the topics for a draft made of what that leads to; a POST with a ``topic`` makes it. Whoever
    comes again is led to it. Raises PermissionDenied for staff who may add no page at all.
    """
    if not page_permission_policy.user_has_permission(request.user, "add"):
        raise PermissionDenied
    if request.method == "POST" or "source" in request.GET:
        return _article_from_source(request)
    title = _clean(request.GET.get("title", ""))
    topics = [
        (
            topic,
            f"{address_of_form(topic)}?{urlencode({'title': title})}" if title else address_of_form(topic),
        )
        for topic in _topics(request.user, request.GET.get("language", ""))
    ]
    if len(topics) == 1:
        return HttpResponseRedirect(topics[0][1])
    return render(request, "faq/admin/article_for_question.html", {"title": title, "topics": topics})


def _topics(user: AnyUser, language: str) -> list[TopicPage]:
    """Return the topics of a language, or of all if it is empty, below which somebody may add articles."""
    found = TopicPage.objects.select_related("locale").order_by("path")
    if language:
        found = found.filter(locale__language_code=language)
    first = current_language()
    topics = [topic for topic in found if topic.permissions_for_user(user).can_add_subpage()]
    return sorted(topics, key=lambda topic: (topic.locale.language_code != first, topic.locale.language_code))


def _article_from_source(request: HttpRequest) -> HttpResponse:
    """Make a draft of what the reference leads to, or ask below which topic. Raises Http404 if the editor may not see it."""
    editor: User = request.user  # type: ignore[assignment]  # nobody else may add pages
    reference = (request.POST if request.method == "POST" else request.GET).get("source", "")
    material = material_for(editor, reference)
    if material is None:
        raise Http404
    article = article_made_of(reference)
    topics = _topics(editor, material.language)
    if request.method == "POST" and article is None:
        chosen = get_object_or_404(TopicPage, pk=row_number(request.POST.get("topic")) or 0)
        if chosen not in topics:
            raise PermissionDenied
        article = make_draft(reference=reference, material=material, topic=chosen, by=editor)
        messages.success(request, _("This is a draft: finish it, and publish it when it is right."))
        return HttpResponseRedirect(reverse("wagtailadmin_pages:edit", args=[article.pk]))
    if article is not None and article.permissions_for_user(editor).can_edit():
        messages.info(request, _("An article is made of this already: here it is."))
        return HttpResponseRedirect(reverse("wagtailadmin_pages:edit", args=[article.pk]))
    context = {
        "article": article,
        "material": material,
        "source": reference,
        "topics": topics if article is None else [],
        "readers": "" if material.audience == PUBLIC else audience_in_words(material.audience),
        "similar": articles_like(material.title, editor, material.language) if article is None else [],
    }
    return render(request, "faq/admin/article_from_source.html", context)


def ask_before_publishing(request: HttpRequest, page: Page) -> HttpResponse | None:
    """Keep an article that is for more people than what it was made of as a draft, once; for ``before_publish_page``.

    The source may have become private since the draft was made. Who publishes it a second time has read who may read the
    source: the text of the article is theirs.
    """
    if not isinstance(page, ArticlePage) or not page.source:
        return None
    limits = limits_of_source(page)
    if not limits or not is_for_more_than(page, limits):
        return None
    warned = [page.pk, limits, page.audience]
    if request.session.get(_WARNED) == warned:
        return None
    request.session[_WARNED] = warned
    messages.warning(
        request,
        _(
            "Not published yet, only saved: what this article was made of is now for: %(readers)s. Choose the same"
            " readers, or leave out what others must not learn and publish it again."
        )
        % {"readers": audience_in_words(limits)},
    )
    return HttpResponseRedirect(reverse("wagtailadmin_pages:edit", args=[page.pk]))


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
