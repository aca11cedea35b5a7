"""From the spool into the database: in batches, with patience, and never past a record that was not taken."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from truststream.errors import StoreError
from truststream.store.base import Unfit
from truststream.store.frames import Record
from truststream.store.spool import Batch, Spool

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 2000
_LINGER: Final = 0.2  # seconds in which a batch gathers
_ADOPT: Final = 30.0  # seconds between looks for what dead processes left
_FIRST, _LONGEST = 0.5, 30.0  # seconds of backoff

Take = Callable[[Sequence[bytes]], Awaitable[int]]
"""Puts payloads of one kind into the database and says how many were new.

Raises StoreError when the database is away, Unfit when it will never take one of them; both leave nothing behind.
"""


class Drain:
    """The loop that empties a spool; `ready` is asked before the first batch and after each trouble."""

    def __init__(
        self,
        spool: Spool,
        takers: Mapping[int, Take],
        ready: Callable[[], Awaitable[None]],
        count: Callable[[str, int], None],
    ) -> None:
        self._spool = spool
        self._takers = takers
        self._ready = ready
        self._count = count
        self._wake = asyncio.Event()
        self._failures = 0
        self._trouble: type[Exception] | None = None
        self._is_ready = False
        self._adopted_at = float("-inf")
        self.problem = ""

    def wake(self) -> None:
        """There is something to read."""
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._adopt()
            if await self._step():
                continue
            self._wake.clear()
            if not self._spool.waiting or self._failures:
                await self._pause(self._delay())
            await asyncio.sleep(_LINGER)

    async def empty(self) -> None:
        """Return once nothing waits, or the database does not take it: then another server will."""
        while await self._step():
            pass

    async def _step(self) -> bool:
        """One batch; False when there is none, or the database did not take it."""
        try:
            if not self._is_ready:
                await self._ready()
                self._is_ready = True
            batch = await asyncio.to_thread(self._spool.read, _BATCH)
            if batch is not None:
                await self._deliver(batch)
        except Exception as error:  # noqa: BLE001 - one that nobody foresaw must not end the loop in silence
            self._failed(error)
            return False
        self._recovered()
        return batch is not None

    async def _deliver(self, batch: Batch) -> None:
        kinds = dict[int, list[Record]]()
        for record in batch.records:
            kinds.setdefault(record.kind, []).append(record)
        for kind, records in kinds.items():
            await self._take(kind, [record.payload for record in records])
        await asyncio.to_thread(self._spool.done, batch)

    async def _take(self, kind: int, payloads: Sequence[bytes]) -> None:
        """All of them; one that the database will never take is found by halves, and given up aloud."""
        taker = self._takers.get(kind)
        if taker is None:
            self._give_up(len(payloads), f"they are of kind {kind}, which a newer version wrote")
            return
        try:
            new = await taker(payloads)
        except Unfit as unfit:
            half = len(payloads) // 2
            if not half:
                self._give_up(1, str(unfit))
                return
            await self._take(kind, payloads[:half])
            await self._take(kind, payloads[half:])
            return
        self._count("stored", new)
        self._count("duplicate", len(payloads) - new)

    def _give_up(self, records: int, why: str) -> None:
        self._count("refused", records)
        _LOG.error("%d records of the spool are given up: %s", records, why)

    async def _adopt(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._adopted_at < _ADOPT:
            return
        self._adopted_at = now
        try:
            found = await asyncio.to_thread(self._spool.adopt)
        except OSError as error:
            _LOG.error("the spool's directory cannot be searched: %s", error.strerror)
            return
        except Exception:  # noqa: BLE001 - the loop goes on with the records of its own
            _LOG.exception("the spool's directory cannot be searched")
            return
        if found:
            _LOG.warning("%d records of a server that is gone are taken over", found)

    async def _pause(self, seconds: float) -> None:
        """Until there is something new, unless the database has to be given time."""
        if self._failures:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 may swallow a cancellation
                await self._wake.wait()
        except TimeoutError:
            return

    def _delay(self) -> float:
        if not self._failures:
            return _ADOPT
        backoff = min(_LONGEST, _FIRST * 2.0 ** min(self._failures - 1, 10))
        return backoff * random.uniform(0.5, 1.0)  # several replicas do not come back in step

    def _failed(self, error: Exception) -> None:
        self._is_ready = False
        self._failures += 1
        news, self._trouble = type(error) is not self._trouble, type(error)
        if isinstance(error, StoreError):
            self.problem = str(error)
            if news:
                _LOG.warning("records wait in the spool: %s", error)
            return
        self.problem = f"{type(error).__name__}, which nobody foresaw; the log says where"
        if news:
            _LOG.error("records wait in the spool after what nobody foresaw", exc_info=error)

    def _recovered(self) -> None:
        if self.problem:
            _LOG.info("the database takes records again")
        self._failures, self._trouble, self.problem = 0, None, ""
