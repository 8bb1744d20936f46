"""The way to the cluster: who we are, how long we wait, and one kind of error for whatever goes wrong."""

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

#: What a request may take where nobody waits for it.
USUAL_SECONDS: Final = 10.0
#: With less than that left, asking is not worth it.
_SHORTEST_SECONDS: Final = 0.02
#: More than threads that ask at once: who finds no free connection would wait without a limit.
_CONNECTIONS: Final = 128
_MAX_REASON_LENGTH: Final = 300


@lru_cache(maxsize=8)
def connect(url: str, user: str = "", password: str = "", api_key: str = "", ca: str = "") -> Elasticsearch:
    """A client that tries once. It opens connections when they are needed; nothing is asked yet.

    Raises `UnavailableError` for what no connection can be made of, such as a broken file of certificates.
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
    """The client for one request that ends in time. Raises `UnavailableError` when there is no time."""
    seconds = seconds_left(usual_seconds)
    if seconds < _SHORTEST_SECONDS:
        raise UnavailableError("the cluster took too long")
    return client.options(request_timeout=seconds)


@contextmanager
def asking() -> Iterator[None]:
    """Turn whatever can go wrong while the cluster is asked and its answer is read into `UnavailableError`."""
    try:
        yield
    except ApiError as error:
        raise UnavailableError(f"HTTP {error.meta.status}: {_reason(error)}") from error
    except (TransportError, BulkIndexError, ScanError) as error:
        raise UnavailableError(f"{type(error).__name__}: {str(error)[:_MAX_REASON_LENGTH]}") from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:  # another program may answer there
        raise UnavailableError(f"an answer that makes no sense ({type(error).__name__})") from error


def _reason(error: ApiError) -> str:
    """What the cluster says is wrong, without what was asked: that is a person's text."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        causes = [body["error"], *body["error"].get("root_cause", ())]
        kinds = dict.fromkeys(str(cause.get("type")) for cause in causes)
        places = dict.fromkeys(str(cause["index"]) for cause in causes if cause.get("index"))
        return ", ".join([*kinds, *places])[:_MAX_REASON_LENGTH]
    return str(error.message)[:_MAX_REASON_LENGTH]
