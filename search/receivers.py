"""Signal receivers for all documents: saved, deleted, published and moved objects are indexed again after commit.

Receivers are connected only to the models of registered documents: a receiver for the deletions of all models would
disable Django's fast deletes in the whole portal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models.signals import m2m_changed, post_delete, post_save
from wagtail.contrib.search_promotions.models import Query, SearchPromotion
from wagtail.models import Page, PageViewRestriction
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move

from portal.core import health
from portal.core.events import subscribe
from portal.core.receivers import touches
from search import mirror, registry, services
from search.events import EntriesChanged, EntriesWithdrawn, IndexDamaged, MirrorCheckWanted, PageTreeChanged
from search.index import cluster
from search.models import Synonym, UnusedStarter

if TYPE_CHECKING:
    from django.db.models import Model

    from search.documents import SearchDocument


def connect() -> None:
    """Connect all receivers. Called once when the apps are ready and all documents are registered."""
    subscribe(EntriesChanged, services.handle_entries_changed)
    subscribe(PageTreeChanged, services.handle_page_tree_changed)
    # Reads the whole index: not in a process that answers readers.
    subscribe(IndexDamaged, services.handle_index_damaged, is_remote=True)
    subscribe(EntriesChanged, mirror.mirror_entries, when=cluster.is_configured, is_remote=True)
    subscribe(
        EntriesWithdrawn,
        mirror.mirror_withdrawals,
        name=cluster.WITHDRAWALS,
        when=cluster.is_configured,
        is_remote=True,
    )
    subscribe(MirrorCheckWanted, mirror.check_portion, is_remote=True)
    cluster.look_after_with(mirror.MirrorCare())
    health.report("search", mirror.health)
    for document in registry.all_documents():
        watch(document)
    for signal in (page_published, page_unpublished):
        signal.connect(announce_instance, dispatch_uid="search")
    for signal in (post_page_move, page_slug_changed):
        signal.connect(announce_page_tree, dispatch_uid="search")
    for signal in (post_save, post_delete):
        signal.connect(announce_restricted_tree, sender=PageViewRestriction, dispatch_uid="search")
    m2m_changed.connect(announce_relation, dispatch_uid="search")
    touches(Synonym, "search:synonyms")
    touches(UnusedStarter, "search:synonyms")
    touches(SearchPromotion, "search:pins")
    touches(Query, "search:pins")


def watch(document: SearchDocument[Any]) -> None:
    """Connect receivers for changes of the document's objects."""
    for model in apps.get_models():
        if issubclass(model, document.model):
            for signal in (post_save, post_delete):
                signal.connect(announce_instance, sender=model, dispatch_uid="search")


def unwatch(document: SearchDocument[Any]) -> None:
    """Undo `watch`; for tests."""
    for model in apps.get_models():
        if issubclass(model, document.model):
            for signal in (post_save, post_delete):
                signal.disconnect(sender=model, dispatch_uid="search")


def announce_instance(*, instance: Model, **_kwargs: Any) -> None:
    """Announce an object that was saved, deleted, published or unpublished."""
    for document in registry.documents_of(type(instance)):
        services.announce(kind=document.name, object_ids=[instance.pk])


def announce_relation(
    *, instance: Model, action: str, model: type[Model], pk_set: set[int] | None, **_kwargs: Any
) -> None:
    """Announce both sides of a changed many-to-many relation."""
    if not action.startswith("post_"):
        return
    announce_instance(instance=instance)
    for document in registry.documents_of(model):
        services.announce(kind=document.name, object_ids=pk_set or ())


def announce_page_tree(*, instance: Page, **_kwargs: Any) -> None:
    """Announce a page with a new URL and all its descendants."""
    services.announce_tree(page_id=instance.pk)


def announce_restricted_tree(*, instance: PageViewRestriction, **_kwargs: Any) -> None:
    """Announce a page whose view restrictions changed, and all its descendants."""
    services.announce_tree(page_id=instance.page_id)
