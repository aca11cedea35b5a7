"""What a spec wants of one metric, in the units of evidence: shares of requests and rate ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, Criterion
from truststream.canary.judging.judge import MetricShape

MARGIN: Final = 50.0
"""Percent: without criteria, not worse than stable by more than half..."""
CLEAN: Final = 1.0
"""... or bad in less than this percent of the requests."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """One metric's part of the spec."""

    shape: MetricShape
    criteria: tuple[Criterion, ...]
    by_default: bool  # the spec has no criteria at all: the built-in ones count
    rollback: float | None  # rollbackThresholds, in the metric's unit
    minimum: int
    rollback_alpha: float
    promotion_alpha: float
    tolerance: float  # a fraction

    @property
    def margin(self) -> float:
        """The tightest margin that is asked for, as a fraction."""
        margins = [c.margin for c in self.criteria if c.margin is not None]
        return min(margins, default=MARGIN) / 100

    @property
    def latency_limits(self) -> tuple[float, ...]:
        """Limits in milliseconds that need a bucket bound of their own."""
        if self.shape.unit != "ms":
            return ()
        limits = [c.threshold for c in self.criteria if c.threshold is not None]
        return tuple(sorted({*limits, *([] if self.rollback is None else [self.rollback])}))

    def term(self, limit: float, guards: int) -> int:
        """Row of a record that counts against a limit: the only one of a ratio, else the bound made for it."""
        return guards + self.latency_limits.index(limit) if self.shape.unit == "ms" else 0

    def share(self, limit: float) -> float:
        """The share of bad requests that a limit allows: of a ratio itself, of a latency those above its quantile."""
        if self.shape.unit == "ms":
            return 1.0 - self.shape.quantile
        return (100.0 - limit if self.shape.higher_is_better else limit) / 100


def wishes(spec: CanaryDeploymentSpec, shape: MetricShape) -> Wishes:
    """What the spec wants of this metric."""
    analysis = spec.analysis
    return Wishes(
        shape=shape,
        criteria=tuple(c for c in spec.promotion_criteria if c.metric == shape.name),
        by_default=not spec.promotion_criteria,
        rollback=spec.rollback_thresholds.get(shape.name),
        minimum=analysis.minimum_requests,
        rollback_alpha=analysis.rollback_alpha,
        promotion_alpha=analysis.promotion_alpha,
        tolerance=analysis.tolerance / 100,
    )
