"""The contract on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.store.suite import IntakeContract, StoreContract
from tests.contract.store.world import SqliteWorld


@pytest.fixture
def world(tmp_path: Path) -> SqliteWorld:
    return SqliteWorld(tmp_path)


class TestSqlite(StoreContract):
    pass


class TestIntakeOnSqlite(IntakeContract):
    pass
