"""Bringing the schema up to date, one process at a time."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

LOCK: Final = 0x7472757374  # "trust": advisory locks of PostgreSQL are numbers
_LOG: Final = logging.getLogger(__name__)
_SCRIPTS: Final = "truststream.store:migrations"


def migrate(engine: Engine) -> None:
    """Run the steps that the database has not seen.

    A database that a newer version has already migrated is left as it is: steps only add, and a server of the version
    before must be able to restart during a rolling update.
    """
    with _alone(engine), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        config = _config(connection)
        now = MigrationContext.configure(connection).get_current_revision()
        known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
        if now is not None and now not in known:
            _LOG.warning("the database has schema %s, newer than this version knows: it is used as it is", now)
            return
        command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    """Alembic talks to standard output where nobody stops it."""
    config = Config(stdout=io.StringIO(), attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """PostgreSQL: an advisory lock of a connection of its own; SQLite: a file beside the database."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))  # another one may take its time
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                connection.execute(text("RESET statement_timeout"))
        return
    descriptor = os.open(f"{engine.url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
