"""A store in a database, in threads of its own: the event loop never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, delete, distinct, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from truststream.errors import StoreError
from truststream.store.base import Exposure, Unfit
from truststream.store.engines import READS, THREADS, place_of
from truststream.store.schema import migrate
from truststream.store.tables import arms, exposures

Result = TypeVar("Result")
Arm = tuple[str, str, str, str]
"""Namespace, flag, environment, variant."""

_WRITERS: Final = 0x7472757375  # the advisory lock of those who add rows
_INSERTS: Final[Mapping[str, Callable[..., Any]]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class DatabaseStore:
    """Implements `store.base.Store` for SQLite and PostgreSQL alike."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._insert = _INSERTS[engine.dialect.name]
        self._arms = dict[Arm, int]()

    async def migrate(self) -> None:
        """See Store."""
        await self._in_thread(lambda: migrate(self._engine))

    async def add_exposures(self, told: Sequence[Exposure]) -> int:
        """See Store."""
        return await self._in_thread(lambda: self._add(told)) if told else 0

    async def exposures(
        self, namespace: str, flag: str, *, since: float = 0.0, limit: int = 1000, after: int = 0
    ) -> Sequence[tuple[int, Exposure]]:
        """See Store."""
        return await self._in_thread(lambda: self._read(namespace, flag, since, limit, after))

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        """See Store."""
        return await self._in_thread(lambda: self._count(namespace, flag))

    async def forget(self, before: float, *, limit: int = 5000) -> int:
        """See Store."""
        return await self._in_thread(lambda: self._forget(before, limit))

    async def ping(self) -> None:
        """See Store."""
        await self._in_thread(self._ping)

    async def close(self) -> None:
        """See Store; whatever still runs is left to end by itself."""
        self._threads.shutdown(wait=False)
        await asyncio.to_thread(self._engine.dispose)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except DataError as error:
            raise Unfit(self._sentence(error)) from None
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(self._sentence(error)) from None

    def _sentence(self, error: Exception) -> str:
        """The first line of the driver's own words: the rest may carry rows."""
        words = str(getattr(error, "orig", None) or error).strip()
        return f"{place_of(self._engine)}: {words.splitlines()[0] if words else type(error).__name__}"

    def _add(self, told: Sequence[Exposure]) -> int:
        try:
            return self._insert_all(told)
        except IntegrityError:  # the database was restored from before an arm that we remember
            self._arms.clear()
            return self._insert_all(told)

    def _insert_all(self, told: Sequence[Exposure]) -> int:
        with self._writing() as connection:
            ids = self._ids(connection, {_arm(one) for one in told})
            rows = [{"arm": ids[_arm(one)], "window": one.window, "unit": one.unit, "at": one.at} for one in told]
            statement = self._insert(exposures).on_conflict_do_nothing().returning(exposures.c.id)
            added = len(connection.execute(statement, rows).all())
        self._arms.update(ids)  # only now are they in the database
        return added

    def _ids(self, connection: Connection, wanted: set[Arm]) -> Mapping[Arm, int]:
        known = {arm: self._arms[arm] for arm in wanted if arm in self._arms}
        for namespace, flag, environment, variant in sorted(wanted - known.keys()):
            names = {"namespace": namespace, "flag": flag, "environment": environment, "variant": variant}
            connection.execute(self._insert(arms).values(names).on_conflict_do_nothing())
            found = select(arms.c.id).filter_by(**names)
            known[namespace, flag, environment, variant] = connection.execute(found).scalar_one()
        return known

    def _read(self, namespace: str, flag: str, since: float, limit: int, after: int) -> Sequence[tuple[int, Exposure]]:
        """A page of each arm by its index, and of these the first."""
        rows = list[tuple[int, Exposure]]()
        with self._reading() as connection:
            for arm, environment, variant in connection.execute(_arms_of(namespace, flag)).all():
                page = (
                    select(exposures.c.id, exposures.c.unit, exposures.c.at, exposures.c.window)
                    .where(exposures.c.arm == arm, exposures.c.id > after, exposures.c.at >= since)
                    .order_by(exposures.c.id)
                    .limit(limit)
                )
                rows += [
                    (row.id, Exposure(namespace, flag, environment, variant, row.unit, row.at, row.window))
                    for row in connection.execute(page)
                ]
        return sorted(rows, key=lambda row: row[0])[:limit]

    def _count(self, namespace: str, flag: str) -> dict[str, int]:
        statement = (
            select(arms.c.variant, func.count(distinct(exposures.c.unit)))
            .join(exposures, exposures.c.arm == arms.c.id)
            .where(arms.c.namespace == namespace, arms.c.flag == flag)
            .group_by(arms.c.variant)
            .order_by(arms.c.variant)
        )
        with self._reading() as connection:
            return {str(variant): int(units) for variant, units in connection.execute(statement)}

    def _forget(self, before: float, limit: int) -> int:
        old = select(exposures.c.id).where(exposures.c.at < before).order_by(exposures.c.at).limit(limit)
        with self._writing() as connection:
            return connection.execute(delete(exposures).where(exposures.c.id.in_(old.scalar_subquery()))).rowcount

    def _ping(self) -> None:
        with self._reading() as connection:
            connection.execute(select(1))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(**{READS: True}) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One writer at a time, all replicas counted: row numbers rise in the order in which readers see them."""
        with self._engine.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
            yield connection


def _arm(one: Exposure) -> Arm:
    return one.namespace, one.flag, one.environment, one.variant


def _arms_of(namespace: str, flag: str) -> Any:
    return (
        select(arms.c.id, arms.c.environment, arms.c.variant)
        .where(arms.c.namespace == namespace, arms.c.flag == flag)
        .order_by(arms.c.id)
    )
