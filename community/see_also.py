"""What a page of a thread shows besides the thread: solved threads and articles like it, and whom it helped."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import get_language

from community.models import CapturedAnswer, Thread, ThreadLoops
from community.models.access import id_of
from community.services.counting import line_scope
from portal.core.pages import ARTICLES, PortalPage, page_url
from search import registry

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from community.models.access import AnyUser

#: Shown of each.
SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Linked:
    """An article, ready to link to."""

    title: str
    url: str
    language: str
    #: What it has in common with its translations.
    family: UUID | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a thread, for one reader."""

    threads: tuple[Thread, ...] = ()
    articles: tuple[Linked, ...] = ()
    #: People whom the solution helped, as it may be shown; 0 for too few.
    solved_it: int = 0
    #: What became an article, in each of its languages.
    became: tuple[Linked, ...] = ()
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


def silent_help_of(
    user: AnyUser, thread: Thread, *, helper_id: int | None, count: int, has_said: bool
) -> SilentHelp | None:
    """Return it for the page with the solution of a thread, by `helper_id`; None without one. No query."""
    if not thread.is_listed or thread.solution_id is None:
        return None
    own = id_of(user)
    is_own = own is not None and own in {thread.author_id, helper_id}
    return SilentHelp(thread, count, may_say=not is_own and not has_said, has_said=has_said)


def surroundings_of(user: AnyUser, thread: Thread) -> Surroundings:
    """Return what is stored of the surroundings of a thread, without what this reader may not see now.

    At most five queries, whatever the number of threads and articles; two if nothing is stored.
    """
    stored = ThreadLoops.objects.filter(pk=thread.pk).first() or ThreadLoops(pk=thread.pk)
    families = _families(thread)
    became = articles_of_families(user, families)
    known = {article.url for article in became}
    found = _articles(user, [(str(kind), int(pk)) for kind, pk in stored.articles])
    is_about_articles = bool(stored.articles or families)
    return Surroundings(
        threads=_threads(user, stored.similar_threads),
        articles=tuple(article for article in found if article.url not in known)[:SHOWN],
        solved_it=stored.solved_it_shown,
        became=became,
        scopes=(*map(line_scope, stored.similar_threads), *([ARTICLES] if is_about_articles else [])),
    )


def _families(thread: Thread) -> list[tuple[str, UUID]]:
    """Return the articles made of answers that are in the thread now."""
    captured = CapturedAnswer.objects.filter(post__thread=thread).order_by("captured_at", "pk")
    return list(dict.fromkeys(captured.values_list("kind", "family")))


def articles_of_families(user: AnyUser, families: Collection[tuple[str, UUID]]) -> tuple[Linked, ...]:
    """Return the articles that are visible, in all their languages, the current one first; one query for each kind."""
    found: list[tuple[int, bool, Linked]] = []
    order = {family: place for place, (_kind, family) in enumerate(families)}
    for kind in sorted({kind for kind, _family in families}):
        document = registry.get_document(kind)
        if document is None or not issubclass(document.model, PortalPage):
            continue
        pages = document.model.objects.visible_to(user).filter(translation_key__in=order).select_related("locale")
        for page in pages.order_by("pk"):
            language = page.locale.language_code
            linked = Linked(page.title, page_url(page), language, page.translation_key)
            found.append((order[page.translation_key], language != get_language(), linked))
    return tuple(linked for _place, _is_other, linked in sorted(found, key=lambda row: row[:2]) if linked.url)


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
    return tuple(found[place] for place in places if place in found and found[place].url)
