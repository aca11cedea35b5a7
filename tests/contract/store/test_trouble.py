"""Processes killed in the middle, a database that goes, a disk that is full: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.store.postgres import PostgreSql
from tests.contract.store.world import PostgreSqlWorld, SqliteWorld, World, configuration, exposure, units, until
from tests.contract.store.writer import BATCH
from truststream.store import open_sink

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(server: PostgreSql) -> PostgreSqlWorld:
    server.start()
    return PostgreSqlWorld(server)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "sqlite":
        return SqliteWorld(tmp_path)
    found: PostgreSqlWorld = request.getfixturevalue("world")
    return found


@contextmanager
def writer(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One that is killed at the end, if not before."""
    paths = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.store.writer", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(process: subprocess.Popen[str], name: str, batches: int) -> list[str]:
    """Read until so many batches were kept, kill, and read what else was said."""
    assert process.stdout is not None
    kept = list[str]()
    for line in process.stdout:
        if line.startswith("kept "):
            kept.append(line.split()[1])
        if len(kept) == batches:
            process.kill()
    return [f"user-{name}-{number}-{row}" for number in kept for row in range(BATCH)]


async def finish(world: World, spool: Path) -> list[str]:
    """The units in the database once another server has taken over what waited."""
    sink = open_sink(configuration(world.url, spool))
    await sink.start()
    await until(lambda: not any(spool.rglob("*.seg")), "what waited is taken over")
    await sink.stop()
    return await units(world.url)


async def test_killed_in_the_middle_of_writing(either: World, tmp_path: Path) -> None:
    kept = list[str]()
    for name in ("first", "second"):
        with writer(either.url, str(tmp_path / "spool"), name) as process:
            kept += await asyncio.to_thread(acknowledged, process, name, 150)
    there = await finish(either, tmp_path / "spool")
    assert len(there) == len(set(there))
    assert set(kept) <= set(there)
    assert len(there) - len(kept) <= 2 * BATCH, "of what was never acknowledged only the last batch can have arrived"


async def test_two_servers_on_one_volume_killed_together(world: PostgreSqlWorld, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    with writer(world.url, spool, "a") as one, writer(world.url, spool, "b") as other:
        kept = await asyncio.gather(
            asyncio.to_thread(acknowledged, one, "a", 100), asyncio.to_thread(acknowledged, other, "b", 100)
        )
    there = await finish(world, tmp_path / "spool")
    assert len(there) == len(set(there))
    assert {*kept[0], *kept[1]} <= set(there)


async def test_the_database_goes_and_comes_back(world: PostgreSqlWorld, tmp_path: Path) -> None:
    sink = open_sink(configuration(world.url, tmp_path / "spool"))
    await sink.start()
    told = [exposure(number) for number in range(300)]
    await sink.record(told[:100])
    await until(lambda: sink.waiting == 0, "the first are stored")
    world.leave()
    await sink.record(told[100:200])
    await until(lambda: "100 records wait in the spool: PostgreSQL database" in sink.health(), "the outage is told")
    world.come()
    await sink.record(told[200:])
    await until(lambda: sink.waiting == 0, "all are stored")
    assert sink.health() == ""
    await sink.stop()
    assert await units(world.url) == sorted(one.unit for one in told)


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """No file may grow beyond 100 kB: writes fail in their middle, what was cut off was refused."""
    world = SqliteWorld(tmp_path)
    world.leave()
    said = list[str]()
    with writer(world.url, str(tmp_path / "spool"), "disk", "100000") as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if sum(one.startswith("full") for one in said) > 1 and line.startswith("kept"):
                process.kill()
    world.come()
    assert any("File too large" in line for line in said)
    kept = {f"user-disk-{line.split()[1]}-{row}" for line in said if line.startswith("kept") for row in range(BATCH)}
    there = await finish(world, tmp_path / "spool")
    assert len(there) == len(set(there))
    assert kept <= set(there)
    assert len(there) - len(kept) <= BATCH
