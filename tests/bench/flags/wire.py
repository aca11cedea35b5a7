"""A client that costs next to nothing: HTTP/1.1 over kept connections, requests made beforehand, an open loop.

A latency counts from when the request was due, not from when a connection was free: a slow server cannot hide.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds, rising."""

    seconds: Sequence[float]
    took: float
    failed: int

    def quantile(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.took


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """As it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class _Run:
    """What the connections share."""

    free: deque[_Connection] = field(default_factory=deque)
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    wanted: int = 0
    answered: asyncio.Event = field(default_factory=asyncio.Event)  # all that were wanted, once their number is known

    async def all(self, wanted: int) -> None:
        """So many answers have come."""
        self.wanted = wanted
        if len(self.latencies) < wanted:
            await self.answered.wait()


class _Connection(asyncio.Protocol):
    """One request at a time; an answer is whole when its Content-Length is there."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._run.free.append(self)

    def send(self, due: float, data: bytes) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        self._run.latencies.append(time.perf_counter() - self._due)
        self._run.failed += not head.startswith(b"HTTP/1.1 200")
        if len(self._run.latencies) == self._run.wanted:
            self._run.answered.set()
        if self._run.waiting:
            self.send(*self._run.waiting.popleft())
        else:
            self._run.free.append(self)


async def open_loop(
    host: str, port: int, requests: Sequence[bytes], *, rate: float, seconds: float, connections: int = 16
) -> Latencies:
    """`rate` requests a second for `seconds`, the given ones in turn; a rate of 0: as many as are answered."""
    run, loop = _Run(), asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: _Connection(run), host, port) for _ in range(connections)]
    start = time.perf_counter()
    if rate:
        await _paced(run, requests, start, rate, seconds)
    else:
        await _closed(run, requests, start, seconds)
    took = time.perf_counter() - start
    for transport, _ in made:
        transport.close()
    return Latencies(sorted(run.latencies), took, run.failed)


async def _paced(run: _Run, requests: Sequence[bytes], start: float, rate: float, seconds: float) -> None:
    total, sent = int(rate * seconds), 0
    while sent < total:
        due_by_now = min(total, int((time.perf_counter() - start) * rate) + 1)
        for number in range(sent, due_by_now):
            due, data = start + number / rate, requests[number % len(requests)]
            if run.free:
                run.free.popleft().send(due, data)
            else:
                run.waiting.append((due, data))
        sent = due_by_now
        await asyncio.sleep(max(0.0, start + sent / rate - time.perf_counter()))
    await run.all(total)


async def _closed(run: _Run, requests: Sequence[bytes], start: float, seconds: float) -> None:
    """Every connection asks again as soon as it was answered."""
    number = 0
    while time.perf_counter() - start < seconds:
        while run.free:
            run.free.popleft().send(time.perf_counter(), requests[number % len(requests)])
            number += 1
        await asyncio.sleep(0)
    await run.all(number)
