"""Connections to the databases that we know."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from truststream.errors import ConfigurationError, StoreError

READS: Final = "truststream_reads"
"""Execution option of a connection that only reads: on SQLite it waits for no writer."""

THREADS: Final = 2
_PATIENCE: Final = 10.0  # seconds for a connection, and for a lock of SQLite
_STATEMENT_MS: Final = 20_000
_ENCODING: Final = "UTF8"


def engine_for(address: str) -> Engine:
    """Of a URL such as sqlite:////var/lib/truststream/store.db or postgresql://user@host/database; connects later.

    Raises:
        ConfigurationError: not a URL, or of a database that is not supported. The URL, which may carry a password, is
            never in the message.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"server.store: the URL cannot be read; write it like {_EXAMPLES}") from None
    make = _ENGINES.get(url.drivername)
    if make is None:
        known = ", ".join(_ENGINES)
        raise ConfigurationError(f"server.store: {url.drivername!r} is not supported, only {known}: {_EXAMPLES}")
    return make(url)


def place_of(engine: Engine) -> str:
    """For messages: which database, without who and with what password."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return f"SQLite at {url.database}"
    return f"PostgreSQL database {url.database} at {url.host or url.query.get('host', 'the local socket')}"


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("server.store: SQLite needs a file, as sqlite:////var/lib/truststream/store.db")
    engine = create_engine(
        url, hide_parameters=True, pool_size=THREADS, max_overflow=0, connect_args={"timeout": _PATIENCE}
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """The full synchronous mode: what leaves the spool must survive a power cut here."""
    connection.isolation_level = None  # transactions are begun by us
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer that began as a reader could not wait for the lock, so writers say so at once."""
    reads = connection.get_execution_options().get(READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    """A server that vanished without a word is noticed by the kernel, a statement that hangs by the server.

    Text is UTF-8 whatever the surroundings say: in a database of another encoding names of units would be lost.
    """
    options: dict[str, Any] = {
        "connect_timeout": int(_PATIENCE),
        "application_name": f"truststream-{os.getpid()}",
        "keepalives_idle": 30,
        "tcp_user_timeout": 15_000,
        "options": f"-c statement_timeout={_STATEMENT_MS} -c timezone=UTC",
    }
    mine = {name: value for name, value in options.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=THREADS,
        max_overflow=1,  # the one that holds the lock of a migration
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={**mine, "client_encoding": _ENCODING},
    )
    event.listen(engine, "do_connect", lambda dialect, _record, args, named: _connected(engine, dialect, args, named))
    return engine


def _connected(engine: Engine, dialect: Dialect, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """A connection to a database that can hold every text."""
    connection: Any = dialect.connect(*args, **named)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _ENCODING:
        connection.close()
        raise StoreError(
            f"{place_of(engine)} has the encoding {encoding}: create the database with ENCODING '{_ENCODING}'"
        )
    return connection


_ENGINES: Final[Mapping[str, Callable[[URL], Engine]]] = {"sqlite": _sqlite, "postgresql": _postgresql}
_EXAMPLES: Final = "sqlite:////var/lib/truststream/store.db or postgresql://user@db.example/truststream"
