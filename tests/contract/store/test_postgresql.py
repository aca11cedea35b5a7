"""The contract on PostgreSQL."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.store.postgres import PostgreSql
from tests.contract.store.suite import IntakeContract, StoreContract
from tests.contract.store.world import PostgreSqlWorld, exposure, units
from truststream.errors import StoreError
from truststream.store import open_store


@pytest.fixture
def world(server: PostgreSql) -> PostgreSqlWorld:
    server.start()  # should a test have left it away
    return PostgreSqlWorld(server)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_hold_every_text_is_refused(server: PostgreSql, encoding: str) -> None:
    server.start()
    store = open_store(server.database(f"t{uuid.uuid4().hex}", encoding))
    for _ in range(2):
        with pytest.raises(StoreError, match=f"has the encoding {encoding}: create the database with ENCODING 'UTF8'"):
            await store.migrate()
    await store.close()


async def test_the_encoding_of_the_surroundings_does_not_matter(
    world: PostgreSqlWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    store = open_store(world.url + "&client_encoding=SQL_ASCII")
    await store.migrate()
    assert await store.add_exposures([exposure("Zoë \U0001f600")]) == 1
    assert await store.count_exposures("shop", "checkout") == {"on": 1}
    await store.close()
    assert await units(world.url) == ["user-Zoë \U0001f600"]


class TestPostgreSql(StoreContract):
    pass


class TestIntakeOnPostgreSql(IntakeContract):
    pass
