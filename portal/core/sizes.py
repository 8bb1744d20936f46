"""The size of values in memory, for caches that are limited in bytes."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Number of objects that are looked at; a value with more is larger than that.
_MOST: Final = 5_000
_MANY: Final = (list, set, frozenset)
#: Shared by everything; not counted.
_SHARED: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def size_of(value: object) -> int:
    """Return roughly how many bytes a value and everything only reachable from it take.

    Costs about a microsecond for each object. What several values share is counted for each of them.
    """
    seen: set[int] = set()
    waiting = [value]
    total = 0
    while waiting and len(seen) < _MOST:
        one = waiting.pop()
        kind = type(one)  # `isinstance` would evaluate lazy objects
        if id(one) in seen or issubclass(kind, _SHARED) or one is None or kind is bool:
            continue
        seen.add(id(one))
        total += sys.getsizeof(one, 0)
        if kind is dict or kind is defaultdict or kind is MappingProxyType:
            mapping = cast("Mapping[object, object]", one)
            waiting += [*mapping, *mapping.values()]
        elif kind in _MANY or issubclass(kind, tuple):
            waiting += cast("Iterable[object]", one)
        elif not issubclass(kind, str | bytes | int | float):
            own = kind.__dict__.get("__slots__", ())
            waiting += [getattr(one, name) for name in own if name != "__dict__" and hasattr(one, name)]
            with suppress(TypeError):
                waiting.append(vars(one))
    return total
