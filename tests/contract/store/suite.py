"""The contract of the databases: the same assertions for SQLite and PostgreSQL.

The modules that collect these classes provide the fixture `world`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from tests.contract.store.world import NOW, World, configuration, exposure, units, until
from truststream.errors import StoreError, StoreFull
from truststream.store import open_sink, open_store
from truststream.store.base import Intake, Store, Unfit
from truststream.store.engines import engine_for
from truststream.store.tables import metadata


class StoreContract:
    """What a database keeps."""

    @pytest.fixture
    async def store(self, world: World) -> AsyncIterator[Store]:
        store = open_store(world.url)
        await store.migrate()
        yield store
        await store.close()

    async def test_the_same_exposure_is_one(self, store: Store) -> None:
        told = [exposure(1), exposure(2), replace(exposure(1), at=NOW + 9), exposure(1, "off"), exposure(1, window=60)]
        assert await store.add_exposures(told) == 4
        assert await store.add_exposures(told) == 0
        assert await store.count_exposures("shop", "checkout") == {"off": 1, "on": 2}

    async def test_reads_back_what_was_added(self, store: Store) -> None:
        odd = replace(exposure(1), unit="Zoë \U0001f600 '; --\\", environment="", at=NOW + 0.123456)
        await store.add_exposures([odd, exposure(2, flag="other")])
        assert [row for _, row in await store.exposures("shop", "checkout")] == [odd]

    async def test_a_reader_follows_by_row_number(self, store: Store) -> None:
        told = [replace(exposure(number, "on" if number % 2 else "off"), at=NOW + number) for number in range(7)]
        await store.add_exposures(told)
        first = await store.exposures("shop", "checkout", limit=4)
        rest = await store.exposures("shop", "checkout", after=first[-1][0])
        assert [row for _, row in [*first, *rest]] == told
        assert [row for _, row in await store.exposures("shop", "checkout", since=NOW + 5)] == told[5:]

    async def test_a_reader_that_follows_two_writers_misses_nothing(self, world: World, store: Store) -> None:
        writers = [open_store(world.url), open_store(world.url)]

        async def write(who: int) -> None:
            for batch in range(40):
                await writers[who].add_exposures([exposure(f"{who}-{batch}-{row}") for row in range(20)])

        seen, after = list[str](), 0
        writing = asyncio.gather(write(0), write(1))
        while True:
            done = writing.done()
            page = await store.exposures("shop", "checkout", after=after)
            seen += [row.unit for _, row in page]
            after = page[-1][0] if page else after
            if done and not page:
                break
        await writing
        await asyncio.gather(*(writer.close() for writer in writers))
        assert sorted(seen) == sorted(f"user-{who}-{b}-{row}" for who in (0, 1) for b in range(40) for row in range(20))

    async def test_forgets_by_age_and_in_portions(self, store: Store) -> None:
        await store.add_exposures([replace(exposure(number), at=NOW - number) for number in range(10)])
        assert await store.forget(NOW - 4.5, limit=3) == 3
        assert await store.forget(NOW - 4.5, limit=3) == 2
        assert await store.forget(NOW - 4.5, limit=3) == 0
        assert await store.count_exposures("shop", "checkout") == {"on": 5}

    async def test_the_schema_is_what_the_migrations_make(self, world: World, store: Store) -> None:
        engine = engine_for(world.url)
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        engine.dispose()

    async def test_several_replicas_migrate_at_once(self, world: World) -> None:
        replicas = [open_store(world.url) for _ in range(4)]
        await asyncio.gather(*(replica.migrate() for replica in replicas))
        assert await replicas[3].add_exposures([exposure(1)]) == 1
        await asyncio.gather(*(replica.close() for replica in replicas))

    async def test_a_newer_schema_is_used_as_it_is(self, world: World, store: Store) -> None:
        engine = engine_for(world.url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
        engine.dispose()
        await store.migrate()
        assert await store.add_exposures([exposure(1)]) == 1

    async def test_arms_that_a_restored_database_never_had_are_made_again(self, world: World, store: Store) -> None:
        await store.add_exposures([exposure(1)])
        engine = engine_for(world.url)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM exposures"))
            connection.execute(text("DELETE FROM arms"))
        engine.dispose()
        assert await store.add_exposures([exposure(1)]) == 1

    async def test_says_which_database_does_not_answer(self, world: World) -> None:
        world.leave()
        store = open_store(world.url)
        with pytest.raises(StoreError, match=r"(SQLite at|PostgreSQL database) .*: ."):
            await store.ping()
        await store.close()
        world.come()

    async def test_ping(self, store: Store) -> None:
        await store.ping()


class IntakeContract:
    """What the spool in front of a database promises."""

    async def test_what_is_recorded_arrives_once(self, world: World, tmp_path: Path) -> None:
        sink = open_sink(configuration(world.url, tmp_path / "spool"))
        await sink.start()
        assert sink.offer(exposure("offered"))
        told = [exposure(number) for number in range(50)]
        assert (await sink.record([*told, told[0]])).duplicates == 1
        again = await sink.record(told)
        assert (again.accepted, again.duplicates) == (0, 50)
        await sink.stop()
        assert await units(world.url) == sorted([*(one.unit for one in told), "user-offered"])

    async def test_nothing_is_left_on_the_volume(self, world: World, tmp_path: Path) -> None:
        sink = open_sink(configuration(world.url, tmp_path / "spool"))
        await sink.start()
        await sink.record([exposure(1)])
        await sink.stop()
        assert [path.name for path in (tmp_path / "spool").iterdir()] == [".lock"]

    async def test_a_database_that_is_away_when_the_server_starts(self, world: World, tmp_path: Path) -> None:
        world.leave()
        sink = open_sink(configuration(world.url, tmp_path / "spool"))
        await sink.start()
        await sink.record([exposure(1)])
        await until(lambda: "1 records wait in the spool: " in sink.health(), "the outage is told")
        world.come()
        await until(lambda: sink.waiting == 0, "the spool is empty")
        assert sink.health() == ""
        await sink.stop()
        assert await units(world.url) == ["user-1"]

    async def test_a_full_spool_refuses_and_keeps_what_it_took(self, world: World, tmp_path: Path) -> None:
        world.leave()
        sink = open_sink(configuration(world.url, tmp_path / "spool", spoolBytes=1_048_576))
        await sink.start()
        taken = await _filled(sink)
        for number in range(100_000):
            if not sink.offer(exposure(f"offer-{number}")):
                break
            taken.append(f"user-offer-{number}")
        assert "the spool is full" in sink.health()
        assert sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*.seg")) <= 1_048_576
        await sink.stop(grace=0.1)
        world.come()
        await _drained(world.url, tmp_path / "spool")
        assert await units(world.url) == sorted(taken)

    async def test_a_living_servers_spool_is_its_own(self, world: World, tmp_path: Path) -> None:
        world.leave()
        first, second = (open_sink(configuration(world.url, tmp_path / "spool")) for _ in range(2))
        await first.start()
        await first.record([exposure(1)])
        await second.start()
        await until(lambda: second.health() != "", "it has looked around")
        assert (first.waiting, second.waiting) == (1, 0)
        await first.stop(grace=0.1)
        await second.stop(grace=0.1)
        world.come()
        await _drained(world.url, tmp_path / "spool")
        assert await units(world.url) == ["user-1"]

    async def test_counts_what_the_database_has(self, world: World, tmp_path: Path) -> None:
        sink = open_sink(configuration(world.url, tmp_path / "spool"))
        await sink.start()
        await sink.record([exposure(1), exposure(2, "off"), exposure(3, "off")])
        await until(lambda: sink.waiting == 0, "the spool is empty")
        assert await sink.count_exposures("shop", "checkout") == {"off": 2, "on": 1}
        await sink.stop()

    async def test_one_that_fits_nowhere_stops_nobody(self, world: World, tmp_path: Path) -> None:
        sink = open_sink(configuration(world.url, tmp_path / "spool"))
        await sink.start()
        assert not sink.offer(replace(exposure(1), unit="x" * 513))
        with pytest.raises(Unfit, match="NUL"):
            await sink.record([replace(exposure(1), unit="a\0b")])
        await sink.record([exposure(2)])
        await sink.stop()
        assert await units(world.url) == ["user-2"]


async def _filled(sink: Intake) -> list[str]:
    """The units that a sink took before it said that it is full."""
    taken = list[str]()
    for number in itertools.count():
        batch = [exposure(f"{number}-{row}") for row in range(500)]
        try:
            await sink.record(batch)
        except StoreFull:
            break
        taken += [one.unit for one in batch]
    return taken


async def _drained(url: str, spool: Path) -> None:
    """By another server on the same volume."""
    sink = open_sink(configuration(url, spool))
    await sink.start()
    await until(lambda: not any(spool.rglob("*.seg")), "another server took over what waited")
    await sink.stop()
