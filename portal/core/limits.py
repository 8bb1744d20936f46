"""Rate limits per person, for actions that need no account; sign-in has its own limits."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
import zlib
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.shortcuts import render
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponse

_LOCAL_KEYS: Final = 10_000


def client_address(request: HttpRequest) -> str:
    """Return the client's address: the last hop not written by one of the `ALLAUTH_TRUSTED_PROXY_COUNT` proxies.

    An IPv6 address is cut to its /64 prefix, which one customer usually gets. Addresses are never stored or logged.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies = getattr(settings, "ALLAUTH_TRUSTED_PROXY_COUNT", 0)
    if proxies:
        hops = [hop.strip() for hop in str(request.headers.get("x-forwarded-for", "")).split(",")]
        if len(hops) >= proxies:
            address = hops[-proxies]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _who(request: HttpRequest) -> str:
    """Return the account, if any, else the address. Does not touch the session of people without an account."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return f"user:{user.pk}"
    return f"address:{client_address(request)}"


def limited(request: HttpRequest, scope: str, limit: int, seconds: int, *, shared: bool = True) -> int | None:
    """Count this request; return the seconds to wait when it exceeds the limit, else `None`.

    Allows `limit` requests in each window of `seconds` per person and `scope`. Counts are shared by all workers
    through the cache, under a salted hash. With ``shared=False`` each worker counts separately and nothing is written:
    for frequent, cheap requests such as searches.
    """
    now = time.time()
    window = int(now // seconds)
    who = salted_hmac("portal.core.limits", _who(request), algorithm="sha256").hexdigest()[:32]
    key = f"limit:{scope}:{window}:{who}"
    count = _count_shared(key, seconds) if shared else _count_local(key)
    return None if count <= limit else max(1, math.ceil((window + 1) * seconds - now))


def _count_shared(key: str, seconds: int) -> int:
    keep_seconds = seconds + 5  # a little longer than the window: clocks differ
    cache = caches[DEFAULT_CACHE_ALIAS]
    if isinstance(cache, BaseDatabaseCache):
        # Its `incr` reads, then writes, and drops the expiry: do both in one step here.
        with _one_at_a_time(key, router.db_for_write(cache.cache_model_class) or DEFAULT_DB_ALIAS):
            count: int = cache.get(key, 0) + 1
            cache.set(key, count, keep_seconds)
            return count
    if cache.add(key, 1, keep_seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it expired between the two calls
        cache.set(key, 1, keep_seconds)
        return 1


@contextmanager
def _one_at_a_time(key: str, alias: str) -> Iterator[None]:
    """Open a transaction in which no other process counts `key`. On SQLite BEGIN IMMEDIATE queues the writers."""
    with transaction.atomic(using=alias):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(key.encode())])
        yield


_local_counts: OrderedDict[str, int] = OrderedDict()
_local_lock = threading.Lock()


def _count_local(key: str) -> int:
    with _local_lock:
        count = _local_counts.pop(key, 0) + 1
        _local_counts[key] = count
        if len(_local_counts) > _LOCAL_KEYS:
            _local_counts.popitem(last=False)
    return count


def too_many_requests(request: HttpRequest, wait_seconds: int) -> HttpResponse:
    """Return the 429 page with the waiting time."""
    context = {"wait_seconds": wait_seconds, "wait_minutes": math.ceil(wait_seconds / 60)}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(wait_seconds)
    return response
