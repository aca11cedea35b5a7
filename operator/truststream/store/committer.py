"""The thread that appends: many small records become one write and one sync."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from truststream.errors import StoreError, StoreFull
from truststream.store.spool import Spool

_LINGER: Final = 0.05  # seconds in which records that nobody waits for gather
_IN_MEMORY: Final = 16 << 20
_RETRY: Final = 1.0  # seconds after a write that failed
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class _Pending:
    """What the next write takes."""

    frames: list[bytes] = field(default_factory=list)
    size: int = 0
    offers: int = 0
    waiters: list[Future[None]] = field(default_factory=list)


class Committer:
    """Gathers records and appends them to the spool; `written` is called in its thread after each write."""

    def __init__(self, spool: Spool, written: Callable[[], None], lost: Callable[[int], None]) -> None:
        self._spool = spool
        self._written = written
        self._lost = lost
        self._pending = _Pending()
        self._condition = threading.Condition()
        self._stopping = False
        self._blocked_until = 0.0
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what was taken, then no more; waits for it."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def problem(self) -> str:
        """Why the last write failed; empty when it did not."""
        return self._problem

    def offer(self, data: bytes) -> bool:
        """Take a frame that nobody waits for; False when there is no room."""
        with self._condition:
            if not self._room(len(data)):
                return False
            idle = not self._pending.frames
            self._pending.frames.append(data)
            self._pending.size += len(data)
            self._pending.offers += 1
            if idle:
                self._condition.notify()
            return True

    def submit(self, frames: list[bytes]) -> Future[None]:
        """Take frames; the future ends when they are durable, or with StoreFull or StoreError.

        Raises:
            StoreFull: there is no room.
        """
        size = sum(map(len, frames))
        with self._condition:
            if not self._room(size):
                raise StoreFull(self._why_full(), retry_after=5.0)
            self._pending.frames += frames
            self._pending.size += size
            waiter = Future[None]()
            waiter.set_running_or_notify_cancel()  # who no longer waits takes nothing back
            self._pending.waiters.append(waiter)
            self._condition.notify()
            return waiter

    def _room(self, size: int) -> bool:
        if self._stopping or time.monotonic() < self._blocked_until:
            return False
        gathered = self._pending.size + size
        return gathered <= _IN_MEMORY and self._spool.held + gathered <= self._spool.limit

    def _why_full(self) -> str:
        if self._stopping:
            return "this server is shutting down; send it again"
        if self._problem:
            return f"exposures cannot be written to the spool: {self._problem}"
        return f"the spool is full ({self._spool.limit} bytes): the database has been away for long"

    def _run(self) -> None:
        while pending := self._next():
            self._write(pending)

    def _next(self) -> _Pending | None:
        """What to write now; None at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or bool(self._pending.frames))
            self._condition.wait_for(lambda: self._stopping or bool(self._pending.waiters), _LINGER)
            pending, self._pending = self._pending, _Pending()
            return pending if pending.frames else None

    def _write(self, pending: _Pending) -> None:
        try:
            self._spool.append(b"".join(pending.frames), len(pending.frames))
        except OSError as error:
            self._failed(pending, error)
            return
        self._problem = ""
        self._written()
        for waiter in pending.waiters:
            waiter.set_result(None)

    def _failed(self, pending: _Pending, error: OSError) -> None:
        """Nothing of it is on disk; those who wait are told, the others are counted."""
        self._problem = error.strerror or type(error).__name__
        self._blocked_until = time.monotonic() + _RETRY
        kind = StoreFull if error.errno in _FULL else StoreError
        self._lost(pending.offers)
        for waiter in pending.waiters:
            waiter.set_exception(kind(self._why_full(), retry_after=5.0))
