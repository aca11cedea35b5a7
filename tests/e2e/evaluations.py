"""Clients of the flag server: as many units as one likes, each answer kept, none tried twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp

_PATIENCE = 5.0
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """One evaluation: `problem` is empty when it was one."""

    at: float
    unit: str
    variant: str
    problem: str


@dataclass
class Evaluations:
    """Asks `rate` times a second for `flag`, for units u0, u1, ... in turn; ends with its `with`.

    A client keeps its connections, as SDKs do, and does not retry: what fails is seen.
    """

    url: str
    flag: str
    headers: dict[str, str]
    rate: float = 100.0
    limit: float = 300.0  # seconds at most
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=_PATIENCE + 10)

    def since(self, moment: float) -> list[Answer]:
        return [one for one in self.answers if one.at >= moment]

    def failed(self, since: float = 0.0) -> list[Answer]:
        return [one for one in self.since(since) if one.problem]

    def units(self, chosen: Callable[[Answer], bool] = lambda _one: True) -> set[str]:
        return {one.unit for one in self.answers if not one.problem and chosen(one)}

    async def _ask(self) -> None:
        start, asked = time.monotonic(), 0
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self.headers) as session,
            asyncio.TaskGroup() as group,
        ):
            while not self._stop.is_set() and time.monotonic() - start < self.limit:
                group.create_task(self._one(session, f"u{asked}"))
                asked += 1
                await asyncio.sleep(max(0.0, start + asked / self.rate - time.monotonic()))

    async def _one(self, session: aiohttp.ClientSession, unit: str) -> None:
        at, variant, problem = time.time(), "", ""
        try:
            body = {"context": {"targetingKey": unit}}
            async with session.post(f"{self.url}/ofrep/v1/evaluate/flags/{self.flag}", json=body) as response:
                answer = await response.json()
                variant = str(answer.get("variant", ""))
                problem = "" if response.status == 200 else f"{response.status}: {answer}"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        self.answers.append(Answer(at, unit, variant, problem))
