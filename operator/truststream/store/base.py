"""The seam of the store: what it keeps, and what an intake promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from truststream.errors import StoreError

MAX_UNIT: Final = 512
"""Characters of a unit's name."""


def window_start(at: float, length: float) -> int:
    """Start of the window that a moment falls into; windows are counted from the epoch. All in seconds."""
    return int(at // length * length)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A unit was given a variant: once per `window` (its start, seconds since the epoch).

    `at` is when, in seconds since the epoch. The same (namespace, flag, environment, unit, variant, window) is the
    same exposure, however often and by however many replicas it is told.
    """

    namespace: str
    flag: str
    environment: str
    variant: str
    unit: str
    at: float
    window: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What became of a batch: all of it is durable when this is returned."""

    accepted: int
    duplicates: int


class ExposureSink(Protocol):
    """Where the server puts exposures; never waits for a database."""

    def offer(self, exposure: Exposure) -> bool:
        """Take one from an evaluation, best effort: False when the spool is full (counted, and told by health)."""

    async def record(self, exposures: Sequence[Exposure]) -> Acknowledged:
        """Take a batch that somebody sent; durable when it returns.

        Raises:
            StoreFull: the spool is full; try again later.
        """


class Intake(ExposureSink, Protocol):
    """A sink with a spool in front of a database, as `open_sink` makes it."""

    @property
    def retention(self) -> float:
        """How long exposures are kept, in seconds: older ones need not be sent."""

    @property
    def waiting(self) -> int:
        """Records that are durable but not yet in the database."""

    async def start(self) -> None:
        """Take over what earlier processes left, and begin; the database may be away.

        Raises:
            ConfigurationError: the spool's directory cannot be used.
        """

    async def stop(self, grace: float = 5.0) -> None:
        """Take no more, write what is in memory to the spool, and give a database that answers `grace` seconds."""

    def health(self) -> str:
        """Empty when all is well, else a sentence: the database is away, the spool is full."""

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        """Units by variant, of what is in the database.

        Raises:
            StoreError: it does not answer.
        """


class Unfit(StoreError):
    """A record that the database will never take, however often it is tried."""


class Store(Protocol):
    """A database; every method is safe to repeat."""

    async def migrate(self) -> None:
        """Bring the schema up to date; several replicas may do so at once."""

    async def add_exposures(self, exposures: Sequence[Exposure]) -> int:
        """How many were new.

        Raises:
            StoreError: the database does not answer; nothing was written.
            Unfit: it refuses one of them; nothing was written.
        """

    async def exposures(
        self, namespace: str, flag: str, *, since: float = 0.0, limit: int = 1000, after: int = 0
    ) -> Sequence[tuple[int, Exposure]]:
        """Rising by row number; `after` is the last row number seen."""

    async def count_exposures(self, namespace: str, flag: str) -> dict[str, int]:
        """Units by variant."""

    async def ping(self) -> None:
        """Nothing when it answers.

        Raises:
            StoreError: it does not.
        """

    async def forget(self, before: float, *, limit: int = 5000) -> int:
        """Delete up to `limit` exposures older than `before` (seconds since the epoch); how many there were."""

    async def close(self) -> None:
        """Release connections."""
