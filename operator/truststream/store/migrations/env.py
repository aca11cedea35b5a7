"""What Alembic runs: on the connection that `truststream.store.schema` gives it, in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from truststream.store.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
