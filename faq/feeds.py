"""Atom feeds of new and changed articles: of a language, or of a topic with all that is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.urls import reverse
from django.utils.html import linebreaks
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from faq.models import HelpIndexPage, TopicPage
from faq.queries import news
from portal.core.brand import site_name
from portal.core.feeds import SECONDS, answer, new_feed
from portal.core.http import public_address
from portal.core.pages import ARTICLES, page_url
from portal.core.routing import page_at
from portal.core.scopes import depends_on

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@cache_control(public=True, max_age=SECONDS)
def page_feed(request: HttpRequest, path: str) -> HttpResponse:
    """Return what is new or changed below the page at ``/<language>/<path>/``. Raises `Http404` unless everybody may read it."""
    page = page_at(f"{path}/")
    if not isinstance(page, HelpIndexPage | TopicPage) or not page.is_visible_to(None):
        raise Http404
    depends_on(request, ARTICLES, "catalogue", "site")
    is_all = isinstance(page, HelpIndexPage)
    title = _("Help of %(name)s: new and changed") % {"name": site_name()} if is_all else page.title
    feed = new_feed(request, title=title, path=page_url(page))
    for item in news(page):
        number = public_address(reverse("faq:short_link", args=[item.number]))
        feed.add_item(
            title=item.title,
            link=public_address(item.url),
            description=linebreaks("\n\n".join(filter(None, (item.change, item.short_answer))), autoescape=True),
            pubdate=item.published_at,
            updateddate=item.changed_at,
            unique_id=f"{number}#{page.locale.language_code}",  # stays when the article is moved or renamed
        )
    return answer(feed)
