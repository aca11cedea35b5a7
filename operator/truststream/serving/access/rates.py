"""How often a caller may ask: a token bucket each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_BURST: Final = 2.0  # seconds of the rate that may be spent at once
_CALLERS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Rates:
    """`rate` is in units per second; 0: without a limit."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(rate * _BURST, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, caller: str, cost: float) -> float:
        """Spend; 0, or the seconds after which there is enough, and nothing was spent.

        A cost beyond the whole bucket takes a full one: else it could never be had.
        """
        if not self._rate:
            return 0.0
        now, needed = self._clock(), min(cost, self._capacity)
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._new(caller, now)
        else:
            bucket.level = min(self._capacity, bucket.level + (now - bucket.at) * self._rate)
            bucket.at = now
            self._buckets.move_to_end(caller)
        if bucket.level < needed:
            return (needed - bucket.level) / self._rate
        bucket.level -= needed
        return 0.0

    def _new(self, caller: str, now: float) -> _Bucket:
        made = self._buckets[caller] = _Bucket(self._capacity, now)
        while len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return made
