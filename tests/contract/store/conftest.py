"""One PostgreSQL for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.store.postgres import PostgreSql


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSql]:
    server = PostgreSql()
    server.start()
    yield server
    server.remove()
