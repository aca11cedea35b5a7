"""Open loop: a request leaves when it is due, however slow the answers are, or the slow ones would hide themselves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from . import target
from .answer import SKIPPED, Answer

Emit = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Bounded in every direction: a forgotten client ends by itself."""

    url: str
    host: str  # Host header; empty: the URL's own
    rate: float
    seconds: float
    requests: int
    concurrency: int = 256
    timeout: float = 30.0
    keep_alive: bool = True

    @property
    def count(self) -> int:
        """How many requests will be due at most."""
        return min(self.requests, int(self.rate * self.seconds))


async def run(plan: Plan, emit: Emit) -> None:
    """Send what the plan says, tell every answer, end when the last one is in."""
    target.check(plan.url)
    connector = aiohttp.TCPConnector(limit=0, force_close=not plan.keep_alive)
    headers = {"User-Agent": "truststream-load", **({"Host": plan.host} if plan.host else {})}
    timeout = aiohttp.ClientTimeout(total=plan.timeout)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        await _send_all(plan, session, emit)


async def _send_all(plan: Plan, session: aiohttp.ClientSession, emit: Emit) -> None:
    started = time.monotonic()
    under_way: set[asyncio.Task[None]] = set()
    for number in range(plan.count):
        due = started + number / plan.rate
        if (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        if len(under_way) >= plan.concurrency:
            emit(Answer(at=time.time(), status=0, seconds=0, error=SKIPPED))
            continue
        task = asyncio.create_task(_send(plan, session, emit))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way)


async def _send(plan: Plan, session: aiohttp.ClientSession, emit: Emit) -> None:
    at, started = time.time(), time.monotonic()
    try:
        async with session.get(plan.url, allow_redirects=False) as response:
            body = await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        words = str(error) or type(error).__name__
        emit(Answer(at=at, status=0, seconds=time.monotonic() - started, error=words[:200]))
        return
    version, host = _speaker(body)
    emit(Answer(at=at, status=status, seconds=time.monotonic() - started, version=version, host=host))


def _speaker(body: bytes) -> tuple[str, str]:
    """The demo application names itself in JSON; anything else is nobody."""
    try:
        said = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(said, dict):
        return "", ""
    return str(said.get("message", "")), str(said.get("hostname", ""))
