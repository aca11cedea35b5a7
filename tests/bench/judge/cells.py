"""The grid: which releases are simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.bench.judge.laws import CLUSTERED, NULLS, POISSON, Law
from tests.bench.judge.plan import NO_CHANGE, Plan, Regression

WEIGHTS = (0.05, 0.1, 0.5)
PODS_MATTER = (3, 7, 8, 9)


class Kind(StrEnum):
    """What a cell is for."""

    NULL = "null"
    REGRESSION = "regression"
    PROMOTION = "promotion"


@dataclass(frozen=True, slots=True)
class Cell:
    """Many releases of one kind."""

    kind: Kind
    law: Law
    plan: Plan
    runs: int
    regression: Regression = NO_CHANGE

    @property
    def name(self) -> str:
        """Unique; the seed is made from it."""
        return f"{self.kind}|{self.law.number}|{self.plan.label}|{self.regression.ratio:g}|{self.regression.since}"

    @property
    def cost(self) -> float:
        """For a good order: the dear ones first."""
        return self.runs * (self.plan.pods + 1) * (3 if self.kind is Kind.NULL else 1)


def cells() -> list[Cell]:
    """All."""
    return [*_nulls(), *_regressions(), *_promotions()]


def _plans() -> Iterator[Plan]:
    for weight in WEIGHTS:
        yield from (Plan(rate, weight) for rate in (20, 200, 1000))
        yield from (Plan(200, weight, errors) for errors in (0.001, 0.01))
    yield from (Plan(rate, None) for rate in (200, 1000))


def _nulls() -> Iterator[Cell]:
    for law in NULLS:
        if law.halves:
            yield from (Cell(Kind.NULL, law, Plan(rate, weight), 2000) for rate in (200, 1000) for weight in WEIGHTS)
            yield Cell(Kind.NULL, law, Plan(1000, 0.5, pods=10), 2000)
            continue
        yield from (Cell(Kind.NULL, law, plan, 2000) for plan in _plans())
        if law.number in PODS_MATTER:
            yield Cell(Kind.NULL, law, Plan(1000, 0.05, pods=3), 2000)
            yield Cell(Kind.NULL, law, Plan(1000, 0.5, pods=10), 2000)


def _regressions() -> Iterator[Cell]:
    for weight in WEIGHTS:
        for rate in (200, 1000):
            for ratio in (1.2, 2, 10):
                yield Cell(Kind.REGRESSION, POISSON, Plan(rate, weight), 500, Regression(ratio))
        yield Cell(Kind.REGRESSION, POISSON, Plan(200, weight), 500, Regression(2, since=180))
        yield Cell(Kind.REGRESSION, CLUSTERED, Plan(1000, weight), 500, Regression(2))
        yield Cell(Kind.REGRESSION, POISSON, Plan(1000, weight, 0.001), 500, Regression(2))
    for ratio in (2, 10):
        yield Cell(Kind.REGRESSION, POISSON, Plan(20, 0.5), 500, Regression(ratio))
        yield Cell(Kind.REGRESSION, POISSON, Plan(1000, 0.5, pods=10), 500, Regression(ratio))
    yield Cell(Kind.REGRESSION, POISSON, Plan(200, None), 500, Regression(2))


def _promotions() -> Iterator[Cell]:
    for weight in WEIGHTS:
        for rate in (200, 1000):
            yield Cell(Kind.PROMOTION, POISSON, Plan(rate, weight), 500)
    yield Cell(Kind.PROMOTION, CLUSTERED, Plan(1000, 0.5), 500)
    yield Cell(Kind.PROMOTION, POISSON, Plan(1000, 0.5, pods=10), 500)
