"""Which kinds of things can be found. Filled when the apps are ready, from their `search_documents` modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from django.db.models import Model

    from search.documents import SearchDocument

DocumentT = TypeVar("DocumentT", bound="type[SearchDocument[Any]]")

_documents: dict[str, SearchDocument[Any]] = {}


def register(document: DocumentT) -> DocumentT:
    """Class decorator: objects of this document's model are indexed from now on."""
    instance = document()
    known = _documents.get(instance.name)
    if known is not None and type(known) is not document:
        raise ImproperlyConfigured(f"Two search documents are named {instance.name!r}.")
    _documents[instance.name] = instance
    return document


def unregister(document: type[SearchDocument[Any]]) -> None:
    """Forget a document; for tests. Its entries stay in the index until the next rebuild."""
    _documents.pop(document.name, None)


def autodiscover() -> None:
    """Import `search_documents` of every app."""
    autodiscover_modules("search_documents")


def all_documents() -> list[SearchDocument[Any]]:
    """Every document, in the order its kind is listed."""
    return sorted(_documents.values(), key=lambda document: (document.order, document.name))


def get_document(kind: str) -> SearchDocument[Any] | None:
    """The document of a kind; none when its app is not installed any more."""
    return _documents.get(kind)


def documents_of(model: type[Model]) -> list[SearchDocument[Any]]:
    """The documents that index objects of this class: declared for it or for a class it extends."""
    return [document for document in _documents.values() if issubclass(model, document.model)]
