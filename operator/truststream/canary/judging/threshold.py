"""Limits on the canary alone, over a window: the judge of mode Threshold, and what every mode says of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, Comparison, Criterion
from truststream.api.status import ArmCounts, MetricStatus, Verdict
from truststream.canary.judging.judge import Assessment, MetricShape, Situation, worst
from truststream.canary.judging.quantile import quantile, requests_above
from truststream.canary.observation import ArmReading, Measurement, Outcome

DEFAULT_ROLLBACK: Final = {"errorRate": 5.0, "successRate": 95.0}
DEFAULT_PROMOTION: Final = {"errorRate": 1.0, "successRate": 99.0}


class ThresholdJudge:
    """Limits on the canary alone, over a window, with a minimum number of requests.

    It claims no error rate under repeated looking; a bad verdict before the minimum is reached is given only when
    every request still missing could be good and the limit would be broken all the same.
    """

    def assess(
        self,
        spec: CanaryDeploymentSpec,
        shapes: Mapping[str, MetricShape],
        measurements: Sequence[Measurement],
        evidence: Mapping[str, Any],
        situation: Situation,
    ) -> Assessment:
        """See `Judge`; keeps no evidence of its own, and every window is judged for itself."""
        del situation
        rows = tuple(threshold_row(spec, shapes[m.metric], m) for m in measurements)
        verdict = worst(row.verdict for row in rows)
        counted = [m for m in measurements if m.outcome is Outcome.OK and _enough(spec, m)]
        complete = len(counted) == len(measurements) > 0
        return Assessment(
            verdict=verdict,
            metrics=rows,
            may_advance=complete and verdict is not Verdict.BAD,
            proven=complete and verdict is Verdict.GOOD,
            starved=not complete,
            reason=next((row.message for row in rows if row.verdict is verdict), ""),
            evidence=dict(evidence),
        )


def _enough(spec: CanaryDeploymentSpec, m: Measurement) -> bool:
    reading = m.canary
    if reading is None:
        return False
    return reading.value is not None or reading.requests >= spec.analysis.minimum_requests


def threshold_row(spec: CanaryDeploymentSpec, shape: MetricShape, m: Measurement) -> MetricStatus:
    """What a limit says of one metric."""
    verdict, message = _judge(spec, shape, m)
    return MetricStatus(
        name=m.metric,
        verdict=verdict,
        stable=arm_counts(shape, m.stable),
        canary=arm_counts(shape, m.canary),
        unit=shape.unit,
        message=message,
    )


def _judge(spec: CanaryDeploymentSpec, shape: MetricShape, m: Measurement) -> tuple[Verdict, str]:
    if m.outcome is Outcome.SOURCE_DOWN:
        return Verdict.SOURCE_DOWN, m.message
    if m.outcome is not Outcome.OK or m.canary is None:
        return Verdict.NOT_ENOUGH_DATA, m.message or "no data of the canary"
    limit = rollback_limit(spec, shape.name)
    if limit is not None and _certainly_beyond(spec, shape, m.canary, limit):
        return Verdict.BAD, f"{_show(shape, m.canary)}, the rollback threshold is {in_unit(limit, shape)}"
    if not _enough(spec, m):
        return Verdict.NOT_ENOUGH_DATA, f"{m.canary.requests:.0f} of {spec.analysis.minimum_requests} requests needed"
    return _against_criteria(spec, shape, m.canary)


def _against_criteria(spec: CanaryDeploymentSpec, shape: MetricShape, reading: ArmReading) -> tuple[Verdict, str]:
    for criterion in criteria(spec):
        if criterion.metric != shape.name or criterion.threshold is None:
            continue
        if not _meets(criterion, shape, value_of(shape, reading)):
            sign = "above" if _wants_more(criterion, shape) else "below"
            wanted = f"promotion needs {sign} {in_unit(criterion.threshold, shape)}"
            return Verdict.NOT_ENOUGH_DATA, f"{_show(shape, reading)}, {wanted}"
    return Verdict.GOOD, _show(shape, reading)


def criteria(spec: CanaryDeploymentSpec) -> list[Criterion]:
    """The user's, or the built-in ones for the built-in metrics that are watched."""
    if spec.promotion_criteria:
        return spec.promotion_criteria
    watched = {metric.name for metric in spec.monitoring_metrics}
    return [Criterion(metric=name, threshold=value) for name, value in DEFAULT_PROMOTION.items() if name in watched]


def rollback_limit(spec: CanaryDeploymentSpec, metric: str) -> float | None:
    """The user's limit, or the built-in one of a built-in metric."""
    return spec.rollback_thresholds.get(metric, DEFAULT_ROLLBACK.get(metric))


def _wants_more(criterion: Criterion, shape: MetricShape) -> bool:
    if criterion.comparison is not None:
        return criterion.comparison is Comparison.GREATER_THAN
    return shape.higher_is_better


def _meets(criterion: Criterion, shape: MetricShape, value: float | None) -> bool:
    if value is None or criterion.threshold is None:
        return False
    return value > criterion.threshold if _wants_more(criterion, shape) else value < criterion.threshold


def _certainly_beyond(spec: CanaryDeploymentSpec, shape: MetricShape, reading: ArmReading, limit: float) -> bool:
    if reading.value is not None:
        return reading.value < limit if shape.higher_is_better else reading.value > limit
    requests = max(reading.requests, float(spec.analysis.minimum_requests))
    if shape.unit == "ms":
        slow = requests_above(reading.buckets, limit / 1000)
        return slow > (1 - shape.quantile) * requests and slow >= 1
    allowed = 100 - limit if shape.higher_is_better else limit
    return 100 * reading.bad > allowed * requests


def value_of(shape: MetricShape, reading: ArmReading) -> float | None:
    """The metric's value in its unit: percent, milliseconds, or the query's own; None without requests."""
    if reading.value is not None:
        return reading.value
    if reading.requests <= 0:
        return None
    if shape.unit == "ms":
        seconds = quantile(reading.buckets, shape.quantile)
        return None if seconds is None else seconds * 1000
    bad = 100 * reading.bad / reading.requests
    return 100 - bad if shape.higher_is_better else bad


def arm_counts(shape: MetricShape, reading: ArmReading | None) -> ArmCounts | None:
    """As status shows an arm."""
    if reading is None:
        return None
    value = value_of(shape, reading)
    return ArmCounts(requests=reading.requests, bad=reading.bad, value=None if value is None else round(value, 4))


def _show(shape: MetricShape, reading: ArmReading) -> str:
    value = value_of(shape, reading)
    text = "no value" if value is None else in_unit(value, shape)
    if reading.value is not None:
        return text
    if shape.unit == "ms":
        return f"{text} at p{100 * shape.quantile:g} of {reading.requests:.0f} requests"
    return f"{text} ({reading.bad:.0f} bad of {reading.requests:.0f} requests)"


def in_unit(value: float, shape: MetricShape) -> str:
    """With four digits and the metric's unit."""
    separator = " " if shape.unit else ""
    return f"{value:.4g}{separator}{shape.unit}"
