"""Connections to the cluster: authentication, timeouts, and one exception for all failures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import BulkIndexError, ScanError

from search.index.errors import UnavailableError
from search.index.limits import seconds_left

#: Timeout of requests that no reader waits for.
USUAL_SECONDS: Final = 10.0
#: If less time than this is left, no request is made.
_SHORTEST_SECONDS: Final = 0.02
#: More than there are threads: without a free connection, a thread would wait without a timeout.
_CONNECTIONS: Final = 128
_MAX_REASON_LENGTH: Final = 300


@lru_cache(maxsize=8)
def connect(url: str, user: str = "", password: str = "", api_key: str = "", ca: str = "") -> Elasticsearch:
    """A client without retries. It opens connections when they are needed; no request is made here.

    Raises `UnavailableError` for invalid settings, such as a broken certificate file.
    """
    options: dict[str, Any] = {}
    if api_key:
        options["api_key"] = api_key
    elif user:
        options["basic_auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()  # the client knows ASCII only
    if ca:
        options["ca_certs"] = ca
    try:
        return Elasticsearch(url, max_retries=0, retry_on_timeout=False, connections_per_node=_CONNECTIONS, **options)
    except (ValueError, OSError) as error:
        raise UnavailableError(f"no connection can be made ({type(error).__name__})") from error


def in_time(client: Elasticsearch, usual_seconds: float = USUAL_SECONDS) -> Elasticsearch:
    """The client with a timeout for one request. Raises `UnavailableError` if no time is left."""
    seconds = seconds_left(usual_seconds)
    if seconds < _SHORTEST_SECONDS:
        raise UnavailableError("the cluster took too long")
    return client.options(request_timeout=seconds)


@contextmanager
def asking() -> Iterator[None]:
    """Convert all errors of a request, and of reading its response, to `UnavailableError`."""
    try:
        yield
    except ApiError as error:
        raise UnavailableError(f"HTTP {error.meta.status}: {_reason(error)}") from error
    except (TransportError, BulkIndexError, ScanError) as error:
        raise UnavailableError(f"{type(error).__name__}: {str(error)[:_MAX_REASON_LENGTH]}") from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:  # another program may be listening there
        raise UnavailableError(f"an answer that makes no sense ({type(error).__name__})") from error


def _reason(error: ApiError) -> str:
    """The cluster's error message without the query, which contains what a person typed."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        causes = [body["error"], *body["error"].get("root_cause", ())]
        kinds = dict.fromkeys(str(cause.get("type")) for cause in causes)
        places = dict.fromkeys(str(cause["index"]) for cause in causes if cause.get("index"))
        return ", ".join([*kinds, *places])[:_MAX_REASON_LENGTH]
    return str(error.message)[:_MAX_REASON_LENGTH]
