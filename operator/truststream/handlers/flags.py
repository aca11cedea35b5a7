"""The FeatureFlag side of the controller: its parts joined, begun and ended."""

from __future__ import annotations

import asyncio
from typing import Final

from truststream.cluster import kinds
from truststream.cluster.objects import Objects
from truststream.cluster.queue import WorkQueue
from truststream.handlers.desk import Desk
from truststream.handlers.flags_book import FlagBook
from truststream.handlers.flags_interest import FlagInterests
from truststream.handlers.flags_reconcile import FlagReconciler
from truststream.handlers.telemetry import Telemetry
from truststream.handlers.usage import Servers, UsageReader
from truststream.handlers.usage_keeper import Pace, UsageKeeper

WORKERS: Final = 8


class FlagDesk:
    """`desk` is for the watches."""

    def __init__(self, objects: Objects, telemetry: Telemetry, servers: Servers, pace: Pace) -> None:
        self._cache = objects.cache
        self._book = FlagBook()
        self._pace = pace
        self._keeper = UsageKeeper(self._book, objects.cache, pace)
        self._reader = UsageReader(objects.cache, self._keeper, servers, telemetry.usage_asked)
        self._reconciler = FlagReconciler(objects, self._book, self._keeper, telemetry, self._again)
        self._queue = WorkQueue(self._reconciler.run, WORKERS, subject="flag")
        self._tasks: list[asyncio.Task[None]] = []
        self.desk = Desk(FlagInterests(self._book), self._queue)

    def start(self, filled: asyncio.Event) -> None:
        """Begin to work once the cache is filled: a flag is judged by all segments, and what was counted is in it."""
        self._tasks = [
            asyncio.create_task(self._work(filled), name="flags"),
            asyncio.create_task(self._keeper.take_turns(self._queue.add), name="usage-turns"),
        ]

    async def stop(self, patience: float) -> None:
        """Let runs that are under way finish."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._queue.stop(patience)

    def _again(self, key: tuple[str, str]) -> None:
        self._queue.add(key)

    async def _work(self, filled: asyncio.Event) -> None:
        await filled.wait()
        for obj in self._cache.everywhere(kinds.SEGMENTS):
            self._book.note_segments(obj, deleted=False)
        for obj in self._cache.everywhere(kinds.FEATURE_FLAG):
            self._book.note(obj)
        self._queue.start()
        await self._reader.run(self._pace, self._all_again)

    def _all_again(self) -> None:
        """Since it is known what all servers counted, more may be said of every flag."""
        for key in self._book.resources():
            self._queue.add(key)
