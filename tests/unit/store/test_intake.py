"""Which database, whose password, and records that a database will never take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from truststream.api.serverconfiguration import StoreConfiguration
from truststream.errors import ConfigurationError, StoreError, StoreFull
from truststream.store import open_sink, open_store
from truststream.store.base import Exposure, Store, Unfit
from truststream.store.intake import SpooledIntake, address_of
from truststream.store.spool import Spool
from truststream.store.telemetry import StoreTelemetry


def exposure(unit: str) -> Exposure:
    return Exposure("shop", "checkout", "", "on", unit, 5.0, 0)


class Fake(Store):
    """Takes all but those whose unit is poison; away for as long as `password` is not the right one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kept = list[str]()
        self.tries = 0

    async def migrate(self) -> None:
        if "wrong" in self.url:
            raise StoreError("password authentication failed")
        if "odd" in self.url:
            self.tries += 1
            raise TypeError("expected string or bytes-like object")

    async def add_exposures(self, exposures: Sequence[Exposure]) -> int:
        if any("poison" in one.unit for one in exposures):
            raise Unfit("no, never")
        self.kept += [one.unit for one in exposures]
        return len(exposures)

    async def exposures(
        self, namespace: str, flag: str, *, since: float = 0.0, limit: int = 1000, after: int = 0
    ) -> Sequence[tuple[int, Exposure]]:
        return []

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        return {}

    async def forget(self, before: float, *, limit: int = 5000) -> int:
        if "odd" in self.url:
            raise TypeError("expected string or bytes-like object")
        return 0

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None


class Opened:
    """A sink in front of fakes, and the fakes."""

    def __init__(self, tmp_path: Path, url_file: Path) -> None:
        self.stores = list[Fake]()
        self.registry = CollectorRegistry()
        self.sink = SpooledIntake(
            Spool(tmp_path / "spool", 1 << 20),
            address_of(None, str(url_file)),
            self._open,
            retention=60.0,
            telemetry=StoreTelemetry(self.registry),
        )

    def _open(self, url: str) -> Store:
        self.stores.append(Fake(url))
        return self.stores[-1]

    def counted(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("truststream_store_records_total", {"outcome": outcome})

    @property
    def tries(self) -> int:
        return sum(store.tries for store in self.stores)

    async def emptied(self) -> None:
        async with asyncio.timeout(20):
            while self.sink.waiting:  # noqa: ASYNC110 - the spool tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
def url_file(tmp_path: Path) -> Path:
    path = tmp_path / "url"
    write(path, "right")
    return path


def write(path: Path, password: str) -> None:
    path.write_text(f"postgresql://me:{password}@db/x\n")


async def test_one_poisoned_record_costs_only_itself(
    tmp_path: Path, url_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    await opened.sink.record([exposure(f"{number}{' poison' * (number in (3, 17))}") for number in range(20)])
    await opened.emptied()
    await opened.sink.stop()
    assert sorted(opened.stores[0].kept, key=int) == [str(number) for number in range(20) if number not in (3, 17)]
    assert (opened.counted("stored"), opened.counted("refused")) == (18.0, 2.0)
    assert "1 records of the spool are given up: no, never" in caplog.text


async def test_a_password_that_changes_is_read_again(tmp_path: Path, url_file: Path) -> None:
    write(url_file, "wrong")
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    await opened.sink.record([exposure("1")])
    write(url_file, "right")
    await opened.emptied()
    await opened.sink.stop()
    assert [store.url.split(":")[2] for store in opened.stores] == ["wrong@db/x", "right@db/x"]
    assert opened.stores[1].kept == ["1"]


async def test_what_nobody_foresaw_is_told_and_tried_again(
    tmp_path: Path, url_file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("truststream.store.drain._FIRST", 0.001)
    write(url_file, "odd")
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    await opened.sink.record([exposure("1")])
    async with asyncio.timeout(20):
        while not (opened.tries > 2 and opened.sink.health()):  # noqa: ASYNC110 - it is asked, it tells nobody
            await asyncio.sleep(0.001)
    assert opened.sink.health() == "1 records wait in the spool: TypeError, which nobody foresaw; the log says where"
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert sorted(record.name for record in told) == ["truststream.store.drain", "truststream.store.intake"]
    for record in told:
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], TypeError)
    write(url_file, "right")
    await opened.emptied()
    await opened.sink.stop()
    assert (opened.stores[-1].kept, opened.sink.health()) == (["1"], "")


async def test_what_was_taken_is_shown(tmp_path: Path, url_file: Path) -> None:
    write(url_file, "wrong")
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    await opened.sink.record([exposure("1"), exposure("2")])
    assert opened.registry.get_sample_value("truststream_store_waiting_records") == 2.0
    assert (opened.registry.get_sample_value("truststream_store_spool_bytes") or 0) > 50
    await opened.sink.stop(grace=0)


async def test_a_sink_that_stops_takes_no_more(tmp_path: Path, url_file: Path) -> None:
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    assert opened.sink.offer(exposure("last"))
    await opened.sink.stop()
    assert not opened.sink.offer(exposure("late"))
    with pytest.raises(StoreFull, match="shutting down"):
        await opened.sink.record([exposure("late")])
    assert opened.stores[0].kept == ["last"]


async def test_who_no_longer_waits_stops_nobody(tmp_path: Path, url_file: Path) -> None:
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    impatient = asyncio.create_task(opened.sink.record([exposure("1")]))
    await asyncio.sleep(0)
    impatient.cancel()
    await opened.sink.record([exposure("2")])
    await opened.emptied()
    await opened.sink.stop()
    assert sorted(opened.stores[0].kept) == ["1", "2"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://db/x", "'mysql' is not supported, only sqlite, postgresql"),
        ("nonsense", "cannot be read; write it like sqlite:////var"),
        ("sqlite://", "SQLite needs a file"),
    ],
)
def test_databases_that_are_not_known(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        open_store(url)


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/x", "postgresql://me:hunter2@db:port/x", "post gres:hunter2"])
def test_a_password_is_never_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        open_store(url)
    assert "hunter2" not in str(error.value)


async def test_nor_is_it_when_the_database_is_away() -> None:
    store = open_store("postgresql://me:hunter2@127.0.0.1:1/x")
    with pytest.raises(StoreError, match=r"PostgreSQL database x at 127\.0\.0\.1: ") as error:
        await store.ping()
    assert "hunter2" not in str(error.value)
    await store.close()


def test_a_file_that_should_hold_the_url(tmp_path: Path) -> None:
    def configuration(path: Path) -> StoreConfiguration:
        return StoreConfiguration.model_validate({"urlFile": str(path), "spoolDirectory": str(tmp_path / "spool")})

    with pytest.raises(ConfigurationError, match=r"server\.store\.urlFile: .*/missing cannot be read"):
        open_sink(configuration(tmp_path / "missing"))
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigurationError, match=r"/empty is empty; it must hold the database's URL"):
        open_sink(configuration(tmp_path / "empty"))


async def test_a_stop_does_not_wait_for_a_database_that_is_away(
    tmp_path: Path, url_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(url_file, "wrong")
    opened = Opened(tmp_path, url_file)
    await opened.sink.start()
    await opened.sink.record([exposure("1")])
    async with asyncio.timeout(30):
        await opened.sink.stop(grace=3600)
    assert "1 records stay in the spool for the next server" in caplog.text
