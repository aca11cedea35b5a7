"""What open streams share: how many there may be, when they end, and how one waits for news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from truststream.serving.base import Refused, Subscription

_STOPPING: Final = "this server is going away; connect again and another one answers"
Over = asyncio.Future[None]
"""Done when the server stops."""


class Wake(Enum):
    """Why a stream looks again."""

    CHANGED = auto()
    TICK = auto()


@dataclass(slots=True)
class Streams:
    """All open streams of the process.

    Args:
        limit: how many; one more is refused.
        deadline: seconds after which a stream ends, so that clients spread over the replicas; None: never.
    """

    limit: int
    deadline: float | None = None
    _open: set[Over] = field(default_factory=set)
    _stopping: bool = False

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._open)

    def stop(self) -> None:
        """Every stream ends with UNAVAILABLE: clients connect again at once, elsewhere."""
        self._stopping = True
        for over in self._open:
            if not over.done():
                over.set_result(None)

    @contextmanager
    def slot(self) -> Iterator[Over]:
        """One stream, while it is open.

        Raises:
            Refused: 429 there are too many; 503 the server is stopping.
        """
        if self._stopping:
            raise Refused(503, _STOPPING)
        if len(self._open) >= self.limit:
            raise Refused(429, f"{self.limit} streams are open, the most this server holds", retry_after=5.0)
        over: Over = asyncio.get_running_loop().create_future()
        self._open.add(over)
        try:
            yield over
        finally:
            self._open.discard(over)

    async def wakes(self, subscription: Subscription, over: Over, every: float) -> AsyncGenerator[Wake, None]:
        """Endless: at once, on every change, and a tick after every so many seconds without one.

        Raises:
            Refused: 503 the server is stopping; 504 the stream's time is over.
        """
        loop = asyncio.get_running_loop()
        ends = None if self.deadline is None else loop.time() + self.deadline
        changed = asyncio.ensure_future(subscription.changed())
        try:
            yield Wake.CHANGED
            while True:
                timeout = every if ends is None else min(every, max(0.0, ends - loop.time()))
                await asyncio.wait((changed, over), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                self._raise_when_over(over, ends)
                if not changed.done():
                    yield Wake.TICK
                    continue
                changed.result()
                changed = asyncio.ensure_future(subscription.changed())
                yield Wake.CHANGED
        finally:
            changed.cancel()

    def _raise_when_over(self, over: Over, ends: float | None) -> None:
        if over.done():
            raise Refused(503, _STOPPING)
        if ends is not None and asyncio.get_running_loop().time() >= ends:
            raise Refused(504, f"streams last {self.deadline:g} s here; connect again")
