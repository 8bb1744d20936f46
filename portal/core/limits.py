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
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, router, transaction
from django.shortcuts import render
from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponse

_LOCAL_KEYS: Final = 10_000
#: After so many frequent requests, a worker adds its count to that of all workers.
_TOLD_BY: Final = 20


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


def network_of(address: str) -> str:
    """Return the range of the address that one customer can choose addresses from: a /24 of IPv4, a /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def _who(request: HttpRequest, *, by_network: bool) -> str:
    """Return the account, if any, else the address. Does not touch the session of people without an account."""
    if by_network:
        return f"network:{network_of(client_address(request))}"
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return f"user:{user.pk}"
    return f"address:{client_address(request)}"


def limited(
    request: HttpRequest,
    scope: str,
    limit: int,
    seconds: int,
    *,
    is_frequent: bool = False,
    by_network: bool = False,
) -> int | None:
    """Count this request; return the seconds to wait when it exceeds the limit, else `None`.

    Allows `limit` requests in each window of `seconds` per person and `scope`. Counts are shared by all workers
    through the cache, under a salted hash. For cheap requests that are `is_frequent`, such as searches, workers tell
    each other their counts by twenties: a little more than the limit may pass, and most requests write nothing. With
    `by_network` everybody in an address range is counted together, accounts included.
    """
    return limited_key(_who(request, by_network=by_network), scope, limit, seconds, is_frequent=is_frequent)


def limited_key(who: str, scope: str, limit: int, seconds: int, *, is_frequent: bool = False) -> int | None:
    """Count a request of somebody who is no visitor, such as a program with a token of its own; see `limited`."""
    now = time.time()
    window = int(now // seconds)
    who = salted_hmac("portal.core.limits", who, algorithm="sha256").hexdigest()[:32]
    key = f"limit:{scope}:{window}:{who}"
    count = _count_frequent(key, seconds) if is_frequent else _count_shared(key, seconds)
    return None if count <= limit else max(1, math.ceil((window + 1) * seconds - now))


def _count_shared(key: str, seconds: int, by: int = 1) -> int:
    keep_seconds = seconds + 5  # a little longer than the window: clocks differ
    cache = caches[DEFAULT_CACHE_ALIAS]
    if isinstance(cache, BaseDatabaseCache):
        # Its `incr` reads, then writes, and drops the expiry: do both in one step here.
        with _one_at_a_time(key, router.db_for_write(cache.cache_model_class) or DEFAULT_DB_ALIAS):
            count: int = cache.get(key, 0) + by
            cache.set(key, count, keep_seconds)
            return count
    if cache.add(key, by, keep_seconds):
        return by
    try:
        return cache.incr(key, by)
    except ValueError:  # it expired between the two calls
        cache.set(key, by, keep_seconds)
        return by


@contextmanager
def _one_at_a_time(key: str, alias: str) -> Iterator[None]:
    """Open a transaction in which no other process counts `key`. On SQLite BEGIN IMMEDIATE queues the writers."""
    with transaction.atomic(using=alias):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(key.encode())])
        yield


#: Key → the number all workers had counted when they last told each other, and those counted here since.
_local_counts: OrderedDict[str, tuple[int, int]] = OrderedDict()
_local_lock = threading.Lock()


def _count_frequent(key: str, seconds: int) -> int:
    with _local_lock:
        everywhere, here = _local_counts.pop(key, (0, 0))
        here += 1
        _local_counts[key] = (everywhere, here)
        if len(_local_counts) > _LOCAL_KEYS:
            _local_counts.popitem(last=False)
    if here >= _TOLD_BY:
        try:
            everywhere, here = _count_shared(key, seconds, here), 0
        except DatabaseError:  # locked: searches are answered meanwhile
            return everywhere + here
        with _local_lock:
            _local_counts[key] = (everywhere, here)
    return everywhere + here


def too_many_requests(request: HttpRequest, wait_seconds: int) -> HttpResponse:
    """Return the 429 page with the waiting time."""
    context = {"wait_seconds": wait_seconds, "wait_minutes": math.ceil(wait_seconds / 60)}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(wait_seconds)
    return response
