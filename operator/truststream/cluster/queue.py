"""Which resource is worked on when: one run per key at a time, wake-ups at named times, and patience after errors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from truststream.errors import ProviderError

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str]  # namespace, name
Run: TypeAlias = Callable[[Key], Awaitable["datetime | None"]]
"""One run; answers when the next one is due by itself, None: only when something happens."""

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 60.0


class WorkQueue:
    """A key waits once, however often it is added; added while it runs, it runs again afterwards."""

    def __init__(self, run: Run, workers: int = 8, subject: str = "canary") -> None:
        self._run = run
        self._subject = subject  # what lines of the log call a key
        self._count = workers
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Begin to work."""
        self._workers = [asyncio.create_task(self._work(), name=f"worker-{n}") for n in range(self._count)]

    async def stop(self, patience: float) -> None:
        """Take nothing new on, and let what runs finish for so many seconds."""
        self._closing = True
        for timer in self._timers.values():
            timer.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), patience)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def add(self, key: Key) -> None:
        """Work on it as soon as somebody is free."""
        if self._closing:
            return
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def wake(self, key: Key, at: datetime) -> None:
        """Work on it at this time; an earlier wake-up of the same key is replaced."""
        self._later(key, max(0.0, (at - datetime.now(UTC)).total_seconds()))

    def forget(self, key: Key) -> None:
        """It is gone."""
        self._failures.pop(key, None)
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def _later(self, key: Key, seconds: float) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if not self._closing:
            self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._due, key)

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            if self._closing:
                continue
            self._running.add(key)
            self._idle.clear()
            try:
                await self._once(key)
            finally:
                self._running.discard(key)
                if not self._running:
                    self._idle.set()
                self._resume(key)

    async def _once(self, key: Key) -> None:
        try:
            wake_at = await self._run(key)
        except Exception as error:  # noqa: BLE001 - one resource's failure must not stop the others; it is logged and retried
            self._failed(key, error)
            return
        self._failures.pop(key, None)
        if wake_at is not None:
            self.wake(key, wake_at)
        elif timer := self._timers.pop(key, None):
            timer.cancel()

    def _failed(self, key: Key, error: Exception) -> None:
        times = self._failures.get(key, 0)
        self._failures[key] = times + 1
        first = error.retry_after if isinstance(error, ProviderError) else FIRST_DELAY
        delay = min(LONGEST_DELAY, first * 2**times)
        unexpected = not isinstance(error, ProviderError)
        log.warning(
            "run failed, again in %.1f s: %s", delay, error, exc_info=error if unexpected else None,
            extra={self._subject: "/".join(key), "error": type(error).__name__, "attempt": times + 1},
        )  # fmt: skip
        self._again.discard(key)  # what happened meanwhile waits for the retry: no storm while the API server refuses
        self._later(key, delay)

    def _resume(self, key: Key) -> None:
        if key in self._again:
            self._again.discard(key)
            self.add(key)
