"""What the servers counted, and whose turn it is to have it written: seldom, few at a time, and not for mere time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from truststream.api.flagstatus import FlagUsage
from truststream.cluster import kinds
from truststream.cluster.cache import Cache
from truststream.cluster.queue import Key
from truststream.flags.life.usage import FlagId, Report, Tally, worth_writing
from truststream.flags.moments import moment
from truststream.handlers.flags_book import FlagBook

SYNCED_LAG: Final = 24 * 3600.0
"""A client that stays connected moves `lastSynced` all the time: status may say it so much later."""


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: how often servers are asked, how often a flag's usage is written, and the time between two writes."""

    ask: float = 60.0
    write: float = 600.0
    apart: float = 1.0


class UsageKeeper:
    """`flags_reconcile.Usage`."""

    def __init__(self, book: FlagBook, cache: Cache, pace: Pace, clock: Callable[[], float] = time.time) -> None:
        self._book = book
        self._cache = cache
        self._pace = pace
        self._clock = clock
        self._tally = Tally(self._written_usage, self._born)
        self._began = clock()
        self._looked = 0.0  # when all flags were looked through last
        self._changed: set[FlagId] = set()  # since they were written
        self._turns: OrderedDict[Key, None] = OrderedDict()
        self._allowed: set[Key] = set()
        self._wrote: dict[Key, float] = {}
        self._more = asyncio.Event()
        self.counted_until: float | None = None

    def usage(self, namespace: str, key: str) -> FlagUsage | None:
        """Of one flag; None while nobody counts."""
        return None if self.counted_until is None else self._tally.usage((namespace, key), self._clock())

    def absorb(self, reports: Iterable[Report], *, complete: bool) -> bool:
        """Add what servers told; `complete`: all did. Whether it is the first time that all are known."""
        now = self._clock()
        for report in reports:
            self._changed |= self._tally.absorb(report, now)
        first = complete and self.counted_until is None
        self.counted_until = now if complete else self.counted_until
        if self.counted_until is not None:
            self._plan(now)
        return first

    def may_write(self, key: Key) -> bool:
        """Whether it is this flag's turn."""
        return key in self._allowed

    def written(self, key: Key) -> None:
        """Status says what was counted."""
        self._wrote[key] = self._clock()
        self._allowed.discard(key)
        self._turns.pop(key, None)

    def forget(self, key: Key, flag: str) -> None:
        """The resource is gone, and its flag with it."""
        self.written(key)
        self._wrote.pop(key, None)
        self._tally.forget((key[0], flag))

    async def take_turns(self, queue: Callable[[Key], None]) -> None:
        """Give one flag after another its turn; never returns."""
        while True:
            while not self._turns:
                self._more.clear()
                await self._more.wait()
            key, _ = self._turns.popitem(last=False)
            self._allowed.add(key)
            queue(key)
            await asyncio.sleep(self._pace.apart)

    def _plan(self, now: float) -> None:
        """Line up those whose status should say more and may."""
        due = {(space, name) for space, flag in self._changed if (name := self._name((space, flag)))}
        if now - self._looked >= self._pace.write:
            self._looked = now
            due |= set(self._book.resources())
        for key in sorted(due):
            if key not in self._turns and self._due(key, now):
                self._turns[key] = None
                self._more.set()

    def _due(self, key: Key, now: float) -> bool:
        flag = self._book.outcome(key).flag
        if flag is None:
            return False
        written = self._written(key)
        if written is not None and now - self._wrote.get(key, self._began) < self._pace.write:
            return False
        self._changed.discard((key[0], flag.key))
        return worth_writing(written, self._tally.usage((key[0], flag.key), now), patience=SYNCED_LAG)

    def _written_usage(self, flag: FlagId) -> FlagUsage | None:
        name = self._name(flag)
        return self._written((flag[0], name)) if name else None

    def _born(self, flag: FlagId) -> float:
        obj = self._cache.get(kinds.FEATURE_FLAG, flag[0], self._name(flag)) or {}
        return moment((obj.get("metadata") or {}).get("creationTimestamp")) or 0.0

    def _name(self, flag: FlagId) -> str:
        """Of the resource that has the key: the oldest. From the cache, which is complete before anything is built."""
        found = self._cache.indexed(kinds.FEATURE_FLAG, *flag)
        metadata = [one["metadata"] for one in found]
        ages = [(str(one.get("creationTimestamp", "")), str(one["name"])) for one in metadata]
        return min(ages)[1] if ages else ""

    def _written(self, key: Key) -> FlagUsage | None:
        obj = self._cache.get(kinds.FEATURE_FLAG, *key) or {}
        raw = (obj.get("status") or {}).get("usage")
        try:
            return FlagUsage.model_validate(raw) if raw is not None else None
        except ValidationError:
            return None  # the review refuses it
