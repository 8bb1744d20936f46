"""Loops that make a community help itself: what is like a thread, and readers who say that a solution helped them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import override

from community.events import QuestionSpared, SeeAlsoWanted, SolvedItSaid
from community.exceptions import NotVisibleError, OwnPostError
from community.models import Post, SolvedIt, SparedQuestion, Thread, ThreadLoops, ThreadState
from community.services.counting import lock_thread
from portal.core.audience import PUBLIC
from portal.core.events import emit
from portal.core.pages import PortalPage
from portal.core.scopes import content_changed
from portal.core.visitors import ENOUGH_NETWORKS, counted
from search import registry
from search.index.plan import Filters
from search.queries import search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.accounts.models import User
    from portal.core.visitors import Origin
    from search.showing.results import Hit

#: Candidates that are stored of each kind: more than are shown, since some may disappear before they are shown.
CANDIDATES: Final = 6


# See also -----------------------------------------------------------------------------------------------------------


def find_see_also(event: SeeAlsoWanted) -> None:
    """Look for solved threads and articles like a question, after it changed. Two searches; repeating it is harmless.

    When it was solved, a third one finds the threads like it, for which the same is done once.

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
    if event.spreads:
        with transaction.atomic():
            for hit in _like(thread, Filters(kind=[_THREADS])):
                emit(SeeAlsoWanted(thread_id=hit.object_id))


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


# Silent help --------------------------------------------------------------------------------------------------------


@transaction.atomic
def say_solved_it(*, thread: Thread, user: User | None = None, visitor: str = "", origin: Origin | None = None) -> bool:
    """Say that the solution of a thread helped a reader, too; returns whether they had not said so yet.

    A reader is a `user` or, without an account, a `visitor` key; `origin` is where they are. Touches no page: visitors
    must not be able to make pages cold, and a cached one is a minute old at most. Raises `CommunityError`.
    """
    if (user is None) == (not visitor):
        raise ValueError("Either a user or a visitor says it.")
    thread = lock_thread(thread.pk)
    if thread.state != ThreadState.VISIBLE or thread.solution_id is None:
        raise NotVisibleError
    if user is not None and (user.pk == thread.author_id or Post.objects.filter(pk=thread.solution_id, author=user)):
        raise OwnPostError
    said, created = SolvedIt.objects.get_or_create(
        thread=thread,
        post_id=thread.solution_id,
        user=user,
        visitor=visitor,
        defaults={
            "network": origin.network if origin else "",
            "sector": origin.sector if origin else None,
        },
    )
    if created:
        count_solved_its(thread)
        emit(
            SolvedItSaid(
                solved_it_id=said.pk, thread_id=thread.pk, post_id=said.post_id, user_id=user.pk if user else None
            )
        )
    return created


@transaction.atomic
def say_spared(*, user: User, shown: Sequence[Hit]) -> bool:
    """Store that what was shown answered a question which `user` was about to ask; returns whether it is news today."""
    first, *others = shown
    said, created = SparedQuestion.objects.get_or_create(
        user=user,
        kind=first.kind,
        object_id=first.object_id,
        day=timezone.localdate(),
        defaults={"others": [[hit.kind, hit.object_id] for hit in others]},
    )
    if created:
        emit(QuestionSpared(spared_id=said.pk, kind=said.kind, object_id=said.object_id, user_id=user.pk))
    return created


def count_solved_its(thread: Thread) -> None:
    """Count again what readers said of the answer that is the solution of a locked thread now. At most four queries."""
    if not SolvedIt.objects.filter(thread=thread).exists():
        ThreadLoops.objects.filter(pk=thread.pk).update(solved_it_count=0, solved_it_shown=0)
        return
    said = SolvedIt.objects.filter(thread=thread, post=thread.solution_id).order_by()
    sizes = list(said.values_list("sector").annotate(number=Count("pk")).values_list("number", flat=True))
    by_day = said.exclude(network="").values("created_at__date").annotate(networks=Count("network", distinct=True))
    is_enough = len(sizes) >= ENOUGH_NETWORKS or by_day.filter(networks__gte=ENOUGH_NETWORKS).exists()
    ThreadLoops.objects.update_or_create(
        pk=thread.pk,
        defaults={"solved_it_count": sum(sizes), "solved_it_shown": sum(counted(sizes)) if is_enough else 0},
    )


def bring_solved_its(source: Thread, target: Thread) -> None:
    """Move what readers said of the answers of a thread that is merged to the other one; both are locked."""
    if SolvedIt.objects.filter(thread=source).update(thread=target):
        count_solved_its(source)
        count_solved_its(target)
