"""What the contract needs of a database besides its URL: to be away, and to come back."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.contract.store.postgres import PostgreSql
from truststream.api.serverconfiguration import StoreConfiguration
from truststream.store import open_store
from truststream.store.base import Exposure

NOW = time.time()


class World(Protocol):
    """One empty database."""

    url: str

    def leave(self) -> None:
        """It does not answer any more."""

    def come(self) -> None:
        """It answers, with all that it had."""


class SqliteWorld:
    """Away: its directory is a file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "database"
        self._directory.mkdir()
        self.url = f"sqlite:///{self._directory}/store.db"

    def leave(self) -> None:
        self._directory.rename(self._directory.with_name("gone"))
        self._directory.touch()

    def come(self) -> None:
        self._directory.unlink()
        self._directory.with_name("gone").rename(self._directory)


class PostgreSqlWorld:
    """Away: the server is."""

    def __init__(self, server: PostgreSql) -> None:
        self._server = server
        self.url = server.database(f"t{uuid.uuid4().hex}")

    def leave(self) -> None:
        self._server.stop()

    def come(self) -> None:
        self._server.start()


def exposure(unit: int | str, variant: str = "on", *, flag: str = "checkout", window: int = 0) -> Exposure:
    return Exposure("shop", flag, "production", variant, f"user-{unit}", NOW, window)


def configuration(url: str, spool: Path, **more: object) -> StoreConfiguration:
    return StoreConfiguration.model_validate({"url": url, "spoolDirectory": str(spool), **more})


async def until(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait for something; the bound is only there so that a failure is one."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain until {what}"
        await asyncio.sleep(0.02)


async def all_rows(url: str, flag: str = "checkout") -> list[Exposure]:
    store = open_store(url)
    rows = list[Exposure]()
    after = 0
    while page := await store.exposures("shop", flag, limit=5000, after=after):
        rows += [row for _, row in page]
        after = page[-1][0]
    await store.close()
    return rows


async def units(url: str, flag: str = "checkout") -> list[str]:
    """Of all rows, doubles included."""
    return sorted(row.unit for row in await all_rows(url, flag))
