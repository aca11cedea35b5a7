"""The contract on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.contract.store.postgres import PostgreSql
from tests.contract.store.suite import IntakeContract, StoreContract
from tests.contract.store.world import PostgreSqlWorld


@pytest.fixture
def world(server: PostgreSql) -> PostgreSqlWorld:
    server.start()  # should a test have left it away
    return PostgreSqlWorld(server)


class TestPostgreSql(StoreContract):
    pass


class TestIntakeOnPostgreSql(IntakeContract):
    pass
