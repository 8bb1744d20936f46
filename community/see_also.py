"""What a page of a thread shows besides the thread: solved threads and articles like it, and whom it helped."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.models import SolvedIt, Thread, ThreadLoops
from community.models.access import id_of
from community.services.counting import line_scope
from portal.core.pages import ARTICLES, PortalPage, page_url
from search import registry

if TYPE_CHECKING:
    from community.models.access import AnyUser

#: Shown of each.
SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Linked:
    """An article, ready to link to."""

    title: str
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a thread, for one reader."""

    threads: tuple[Thread, ...] = ()
    articles: tuple[Linked, ...] = ()
    #: People whom the solution helped, as it may be shown; 0 for too few.
    solved_it: int = 0
    #: What a page with it depends on: a thread or an article that disappears must disappear there, too.
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SilentHelp:
    """What a reader is shown of those whom the solution of a thread helped, too."""

    thread: Thread
    #: 0 for too few.
    count: int = 0
    may_say: bool = False
    has_said: bool = False


def silent_help_of(user: AnyUser, thread: Thread, *, helper_id: int | None, count: int) -> SilentHelp | None:
    """Return it for the page with the solution of a thread, by `helper_id`; None without one. At most one query."""
    if not thread.is_listed or thread.solution_id is None:
        return None
    own = id_of(user)
    has_said = own is not None and SolvedIt.objects.filter(thread=thread, user=own).exists()
    is_own = own is not None and own in {thread.author_id, helper_id}
    return SilentHelp(thread, count, may_say=not is_own and not has_said, has_said=has_said)


def surroundings_of(user: AnyUser, thread: Thread) -> Surroundings:
    """Return what is stored of the surroundings of a thread, without what this reader may not see now.

    Three queries, whatever the number of threads and articles; one if nothing is stored.
    """
    stored = ThreadLoops.objects.filter(pk=thread.pk).first()
    if stored is None:
        return Surroundings()
    articles = _articles(user, [(str(kind), int(pk)) for kind, pk in stored.articles])
    return Surroundings(
        threads=_threads(user, stored.similar_threads),
        articles=articles,
        solved_it=stored.solved_it_shown,
        scopes=(*map(line_scope, stored.similar_threads), *([ARTICLES] if stored.articles else [])),
    )


def _threads(user: AnyUser, ids: list[int]) -> tuple[Thread, ...]:
    if not ids:
        return ()
    found = Thread.objects.visible_to(user).listed().solved().in_bulk(ids)
    return tuple(found[pk] for pk in ids if pk in found)[:SHOWN]


def _articles(user: AnyUser, places: list[tuple[str, int]]) -> tuple[Linked, ...]:
    """Return those of the articles that exist and are visible; one query for each kind, of which there is one."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for kind, pk in places:
        wanted[kind].append(pk)
    found: dict[tuple[str, int], Linked] = {}
    for kind, pks in wanted.items():
        document = registry.get_document(kind)
        if document is None or not issubclass(document.model, PortalPage):
            continue
        for page in document.model.objects.visible_to(user).filter(pk__in=pks).select_related("locale"):
            found[kind, page.pk] = Linked(page.title, page_url(page), page.locale.language_code)
    return tuple(found[place] for place in places if place in found and found[place].url)[:SHOWN]
