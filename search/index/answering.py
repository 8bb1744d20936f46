"""Selects the index that answers: the cluster if it is configured and healthy, otherwise the one in the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from search.index import cluster
from search.index.errors import UnavailableError
from search.index.limits import time_limit

if TYPE_CHECKING:
    from search.index.protocol import Backend

T = TypeVar("T")

DEFAULT_BACKEND: Final = "search.index.embedded.EmbeddedBackend"


@lru_cache(maxsize=1)
def get_backend() -> Backend:
    """The index in the database, as named by the setting ``SEARCH_BACKEND``."""
    backend: Backend = import_string(getattr(settings, "SEARCH_BACKEND", DEFAULT_BACKEND))()
    return backend


def answer(question: Callable[[Backend], T]) -> T:
    """Run `question` on an index and return its result; if the cluster fails, run it again on the database's index.

    The cluster is used only if it has processed all withdrawals. After a failure it is not used until it has recovered.
    """
    if cluster.may_answer():
        try:
            with time_limit(cluster.ANSWER_SECONDS):
                return question(cluster.get_cluster())
        except UnavailableError as error:
            cluster.breaker().trip(str(error))
    return question(get_backend())


def _forget_backend(*, setting: str, **_kwargs: Any) -> None:
    if setting == "SEARCH_BACKEND":
        get_backend.cache_clear()


setting_changed.connect(_forget_backend, dispatch_uid="search_backend")
