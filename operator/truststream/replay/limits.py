"""The information bound along a plan: sooner than this, on average, no judge of these levels could decide.

Source: Wald's bound as in `stats.keys.bounds`; the information adds up over the weights that the plan has by then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.judging.judge import MetricShape
from truststream.canary.judging.wishes import CLEAN, Wishes, wishes
from truststream.replay.model import Regression, Traffic
from truststream.replay.outcome import Stage
from truststream.stats.keys import bounds


def quickest(spec: CanaryDeploymentSpec) -> tuple[Stage, ...]:
    """The weights at their earliest: each lasts its step, and no longer than to the look that ends it."""
    looks = math.ceil(spec.step_duration / spec.analysis.interval) * spec.analysis.interval
    below = [spec.initial_traffic, *(weight for weight in spec.increments if weight < 100)]
    return tuple(Stage(place * looks, weight) for place, weight in enumerate(below))


def rollback(spec: CanaryDeploymentSpec, traffic: Traffic, regression: Regression) -> float:
    """Seconds until a ratio of error rates can be called beyond the tolerance; infinite where it is not."""
    tolerance = spec.analysis.tolerance / 100
    if regression.errors <= 1.0 + tolerance:
        return math.inf
    missing, stages = math.log(1.0 / spec.analysis.rollback_alpha), quickest(spec)
    for since, until, weight in _stretches(stages):
        rate = _information(traffic, weight, regression.errors, 1.0 + tolerance)
        begin = max(since, regression.after)
        gained = rate * max(0.0, until - begin)
        if gained >= missing and rate > 0:
            return begin + missing / rate
        missing -= gained
    return math.inf


def promotion(spec: CanaryDeploymentSpec, shapes: Mapping[str, MetricShape], traffic: Traffic) -> float:
    """Seconds until a canary as good as stable can meet every criterion on errors: at the last weight, anew.

    Criteria on latencies can only make it later.
    """
    last = quickest(spec)[-1]
    wanted = [wishes(spec, shape) for shape in shapes.values() if shape.unit == "%"]
    rates = [rate for one in wanted for rate in _criteria(one, traffic, last.weight / 100)]
    slowest = min(rates, default=math.inf)
    return last.since + bounds.least_time(spec.analysis.promotion_alpha, slowest)


def _criteria(wanted: Wishes, traffic: Traffic, weight: float) -> Iterator[float]:
    """Nats a second for every criterion."""
    if wanted.by_default:
        yield _either(traffic, weight, wanted.margin, CLEAN / 100)
    for criterion in wanted.criteria:
        if criterion.threshold is None:
            yield _information(traffic, 100 * weight, 1.0, 1.0 + wanted.margin)
        else:
            yield _below(traffic, weight, wanted.share(criterion.threshold))


def _below(traffic: Traffic, weight: float, limit: float) -> float:
    """Against "the canary's share of errors is the limit or more"."""
    if traffic.errors >= limit:
        return 0.0
    return weight * traffic.rps * _poisson(traffic.errors, limit) / traffic.cluster


def _either(traffic: Traffic, weight: float, margin: float, limit: float) -> float:
    """Against "worse than the margin allows, and beyond the limit": the nearest pair of rates that is both."""
    common = traffic.errors / (weight * (1.0 + margin) + 1.0 - weight)
    if limit <= (1.0 + margin) * common:
        return _information(traffic, 100 * weight, 1.0, 1.0 + margin)
    stable = min(traffic.errors, limit / (1.0 + margin))
    nats = weight * _poisson(traffic.errors, limit) + (1.0 - weight) * _poisson(traffic.errors, stable)
    return traffic.rps * nats / traffic.cluster


def _poisson(truth: float, null: float) -> float:
    """Kullback-Leibler divergence of two Poisson laws, per unit of exposure."""
    return truth * math.log(truth / null) - truth + null if truth > 0 else null


def _stretches(stages: tuple[Stage, ...]) -> Iterator[tuple[float, float, float]]:
    for stage, after in pairwise(stages):
        yield stage.since, after.since, stage.weight
    yield stages[-1].since, math.inf, stages[-1].weight


def _information(traffic: Traffic, weight: float, ratio: float, boundary: float) -> float:
    """Of errors in clusters only the clusters tell anything."""
    return bounds.information(traffic.rps * traffic.errors, weight / 100, ratio, boundary) / traffic.cluster
