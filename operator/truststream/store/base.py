"""The seam of the store: what it keeps, and what an intake promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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


class Store(Protocol):
    """A database; every method is safe to repeat."""

    async def migrate(self) -> None:
        """Bring the schema up to date; several replicas may do so at once."""

    async def add_exposures(self, exposures: Sequence[Exposure]) -> int:
        """How many were new."""

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

    async def close(self) -> None:
        """Release connections."""
