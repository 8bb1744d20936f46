"""The registry of documents, facets and evidence.

Filled from the `search_documents` modules of all apps when they are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from search.documents import Evidence, Facet, SearchDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import Model

DocumentT = TypeVar("DocumentT", bound="type[SearchDocument[Any]]")

_documents: dict[str, SearchDocument[Any]] = {}
_evidence: dict[str, Evidence] = {}


# Documents -----------------------------------------------------------------------------------------------------------


def register(document: DocumentT) -> DocumentT:
    """Class decorator that registers a document, with its facets and its evidence.

    Raises `ImproperlyConfigured` if a name is already used for something else.
    """
    instance = document()
    known = _documents.get(instance.name)
    if known is not None and type(known) is not document:
        raise ImproperlyConfigured(f"Two search documents are named {instance.name!r}.")
    others = [other for name, other in _documents.items() if name != instance.name]
    _refuse_two_of_a_name(
        instance.facets, [KIND, LANGUAGE, *(facet for other in others for facet in other.facets)], "facets"
    )
    _refuse_two_of_a_name(
        instance.evidence,
        [*_evidence.values(), *(one for other in others for one in other.evidence)],
        "kinds of evidence",
    )
    _documents[instance.name] = instance
    return document


def _refuse_two_of_a_name(new: Iterable[Facet | Evidence], known: Iterable[Facet | Evidence], what: str) -> None:
    by_name = {one.name: one for one in known}
    for one in new:
        if by_name.setdefault(one.name, one) is not one:
            raise ImproperlyConfigured(f"Two {what} are named {one.name!r}; documents share the same object.")


def unregister(document: type[SearchDocument[Any]]) -> None:
    """Remove a document; for tests. Its entries stay in the index until the next rebuild."""
    _documents.pop(document.name, None)


def autodiscover() -> None:
    """Import `search_documents` of every app."""
    autodiscover_modules("search_documents")


def all_documents() -> list[SearchDocument[Any]]:
    """All documents, in the order in which their kinds are listed."""
    return sorted(_documents.values(), key=lambda document: (document.order, document.name))


def get_document(kind: str) -> SearchDocument[Any] | None:
    """The document of a kind; None if its app is no longer installed."""
    return _documents.get(kind)


def documents_of(model: type[Model]) -> list[SearchDocument[Any]]:
    """The documents that index objects of this class: declared for it or for one of its base classes."""
    return [document for document in _documents.values() if issubclass(model, document.model)]


# Facets --------------------------------------------------------------------------------------------------------------


def _kinds() -> Mapping[str, str]:
    return {document.name: str(document.label_plural) for document in all_documents()}


def _languages() -> Mapping[str, str]:
    return dict(settings.LANGUAGES)


#: The facets of every entry.
KIND: Final = Facet(name="kind", label=_("Section"), labels=_kinds, has_fixed_values=True)
LANGUAGE: Final = Facet(name="language", label=_("Language"), labels=_languages, has_fixed_values=True)


def all_facets() -> list[Facet]:
    """All facets: kind, those declared by documents in their order, and language."""
    declared = {facet.name: facet for document in _documents.values() for facet in document.facets}
    return [KIND, *sorted(declared.values(), key=lambda facet: (facet.order, facet.name)), LANGUAGE]


def offered_facets() -> list[Facet]:
    """The facets that readers can filter by."""
    return [facet for facet in all_facets() if facet.is_offered]


# Evidence ------------------------------------------------------------------------------------------------------------


def register_evidence(evidence: Evidence) -> None:
    """Register evidence for entries of every kind."""
    _evidence[evidence.name] = evidence


def evidence_for(document: SearchDocument[Any]) -> list[Evidence]:
    """The evidence that entries of this kind may have."""
    return [*_evidence.values(), *document.evidence]
