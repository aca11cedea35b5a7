"""Answers of somebody slow, kept for a while, asked for again before they are old, and kept longer when he is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from truststream.errors import ClusterError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_EARLY: Final = 0.75  # of the time that an answer is good: then it is asked for again, and nobody waits for it
_AGAIN: Final = 5.0  # between two attempts while nobody answers


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds that an answer is good, and that it is good beyond while it cannot be had anew."""

    good: float
    away: float = 600.0


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    renew_at: float
    until: float
    at_last: float
    failed: bool = False  # the last attempt to renew it got no answer


class Remembered(Generic[Key, Value]):
    """A bounded cache; of several who want the same answer one asks.

    `keep` says how long an answer is good. Only `Unavailable` and its like (ClusterError) count as being away.
    """

    def __init__(
        self,
        keep: Callable[[Value], Lifetimes],
        *,
        size: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep = keep
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Value]] = {}

    def known(self, key: Key) -> Value | None:
        """An answer that is good now and need not be renewed: the way without waiting."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and self._clock() < entry.renew_at else None

    def last(self, key: Key, default: Value) -> Value:
        """The last answer, however old it is."""
        entry = self._entries.get(key)
        return default if entry is None else entry.value

    async def get(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        """The answer, from memory where it may be.

        Raises:
            ClusterError: it is not known, or too old, and cannot be had.
        """
        entry, now = self._entries.get(key), self._clock()
        if entry is None or now >= entry.at_last:
            return await self._ask(key, ask)
        self._entries.move_to_end(key)
        if now < entry.renew_at:
            return entry.value
        renewing = self._start(key, ask)
        if now < entry.until or entry.failed:
            return entry.value
        try:
            return await asyncio.shield(renewing)
        except ClusterError:
            return entry.value

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    async def _ask(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        return await asyncio.shield(self._start(key, ask))

    def _start(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> asyncio.Task[Value]:
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._renewed(key, ask))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._over(key, done))
        return task

    async def _renewed(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        try:
            value = await ask()
        except ClusterError:
            if (entry := self._entries.get(key)) is not None:
                entry.failed, entry.renew_at = True, self._clock() + _AGAIN
            raise
        now, times = self._clock(), self._keep(value)
        until = now + times.good
        self._entries[key] = _Entry(value, now + times.good * _EARLY, until, until + times.away)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return value

    def _over(self, key: Key, task: asyncio.Task[Value]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # who waited has it; a renewal that nobody waited for is tried again
