"""One run a key at a time, none lost, patience after errors."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from truststream.cluster import queue
from truststream.cluster.queue import Key, WorkQueue
from truststream.errors import Unavailable

KEY: Key = ("shop", "web")


class Runs:
    """Counts runs; each waits for `go`."""

    def __init__(self) -> None:
        self.count = 0
        self.at_once = 0
        self.most = 0
        self.go = asyncio.Event()
        self.go.set()
        self.answers: list[datetime | Exception | None] = []

    async def __call__(self, key: Key) -> datetime | None:
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_added_often_it_runs_once() -> None:
    runs = Runs()
    work = WorkQueue(runs)
    for _ in range(5):
        work.add(KEY)
    work.start()
    await settle()
    assert runs.count == 1
    await work.stop(1)


async def test_added_while_it_runs_it_runs_again_and_never_twice_at_once() -> None:
    runs = Runs()
    runs.go.clear()
    work = WorkQueue(runs)
    work.start()
    work.add(KEY)
    await settle()
    for _ in range(3):
        work.add(KEY)
    await settle()
    assert runs.count == 1
    runs.go.set()
    await settle()
    assert (runs.count, runs.most) == (2, 1)
    await work.stop(1)


async def test_keys_run_beside_each_other() -> None:
    runs = Runs()
    runs.go.clear()
    work = WorkQueue(runs, workers=2)
    work.start()
    work.add(KEY)
    work.add(("shop", "api"))
    await settle()
    assert runs.most == 2
    runs.go.set()
    await work.stop(1)


async def test_it_wakes_at_the_time_that_was_named() -> None:
    runs = Runs()
    runs.answers = [datetime.now(UTC) + timedelta(seconds=0.05)]
    work = WorkQueue(runs)
    work.start()
    work.add(KEY)
    await settle()
    assert runs.count == 1
    await asyncio.sleep(0.1)
    assert runs.count == 2
    await work.stop(1)


async def test_an_error_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_DELAY", 0.02)
    runs = Runs()
    runs.answers = [Unavailable("busy", retry_after=0.02), ValueError("a mistake of ours"), None]
    work = WorkQueue(runs)
    work.start()
    work.add(KEY)
    await settle()
    assert runs.count == 1
    await asyncio.sleep(0.2)
    assert runs.count == 3
    await work.stop(1)


async def test_stopping_lets_a_run_finish_and_begins_none() -> None:
    runs = Runs()
    runs.go.clear()
    work = WorkQueue(runs)
    work.start()
    work.add(KEY)
    await settle()
    stopping = asyncio.create_task(work.stop(5))
    await settle()
    work.add(("shop", "api"))
    assert not stopping.done()
    runs.go.set()
    await stopping
    assert (runs.count, runs.at_once) == (1, 0)
