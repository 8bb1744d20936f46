"""Loops that make a community help itself: what is like a thread, and readers who say that a solution helped them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.translation import override

from community.models import Thread, ThreadLoops
from portal.core.audience import PUBLIC
from portal.core.pages import PortalPage
from portal.core.scopes import content_changed
from search import registry
from search.index.plan import Filters
from search.queries import search

if TYPE_CHECKING:
    from community.events import SeeAlsoWanted
    from search.showing.results import Hit

#: Candidates that are stored of each kind: more than are shown, since some may disappear before they are shown.
CANDIDATES: Final = 6


# See also -----------------------------------------------------------------------------------------------------------


def find_see_also(event: SeeAlsoWanted) -> None:
    """Look for solved threads and articles like a question, after it changed. Two searches; repeating it is harmless.

    Nobody waits for it: a page of a thread shows what is stored.
    """
    thread = Thread.objects.select_related("author").filter(pk=event.thread_id).first()
    if thread is None or not thread.is_question or not thread.is_listed:
        return
    found = {
        "similar_threads": [hit.object_id for hit in _like(thread, Filters(kind=[_THREADS], state=["solved"]))],
        "articles": [[hit.kind, hit.object_id] for hit in _like(thread, Filters(kind=article_kinds()))],
    }
    known = ThreadLoops.objects.filter(pk=thread.pk).values(*found).first()
    if known != found:
        ThreadLoops.objects.update_or_create(pk=thread.pk, defaults=found)
        if known or any(found.values()):
            content_changed(f"thread:{thread.pk}")


#: Name of the search document of threads.
_THREADS: Final = "community.thread"


def article_kinds() -> list[str]:
    """Return the kinds in the search index that are pages written by editors."""
    return [document.name for document in registry.all_documents() if issubclass(document.model, PortalPage)]


def _like(thread: Thread, filters: Filters) -> list[Hit]:
    """Return what is found with the title of a thread: by visitors, or what its author finds if it is not public."""
    language = thread.language if thread.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    reader: Any = thread.author if thread.audience != PUBLIC else None
    with override(language):
        found = search(
            text=thread.title,
            user=reader,
            language=language,
            filters=filters,
            own_products=list(thread.products.order_by("pk").values_list("code", flat=True)),
        )
    return [hit for hit in found.hits if (hit.kind, hit.object_id) != (_THREADS, thread.pk)][:CANDIDATES]
