"""Made once for a thousand streams: the newest version of each thing, bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Of each key only the version asked for last; of the keys those used last, for callers may invent them."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, tuple[str, T]] = OrderedDict()

    def get(self, key: Hashable, version: str, make: Callable[[], T]) -> T:
        """What was made for this version, or what `make` makes now."""
        kept = self._kept.get(key)
        if kept is None or kept[0] != version:
            kept = (version, make())
            self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return kept[1]
