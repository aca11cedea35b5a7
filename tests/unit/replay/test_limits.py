"""Bounds along a plan, against the closed form and against the physical limits."""

from __future__ import annotations

import math

import pytest

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.judging.judge import MetricShape
from truststream.replay import limits
from truststream.replay.model import Regression, Traffic
from truststream.replay.played import planned
from truststream.stats.keys import bounds

SHAPES = {"errorRate": MetricShape("errorRate", "%")}


def spec(weights: list[float], **fields: object) -> CanaryDeploymentSpec:
    return planned(CanaryDeploymentSpec.model_validate({"targetRef": {"name": "web"}, **fields}), weights)


@pytest.mark.parametrize(("weight", "ratio", "seconds"), [(5.0, 2.0, 255), (5.0, 10.0, 7.5), (50.0, 1.2, 1012)])
def test_one_weight_has_walds_bound(weight: float, ratio: float, seconds: float) -> None:
    """One baseline error a second, no tolerance: the table of the reference."""
    analysis = {"tolerance": 0}
    found = limits.rollback(spec([weight], analysis=analysis), Traffic(200, 0.005), Regression(ratio))
    assert found == pytest.approx(seconds, rel=0.02)


def test_information_adds_up_over_the_weights() -> None:
    plan, traffic, worse = spec([5.0, 50.0]), Traffic(), Regression(2.0)
    low, high = (limits.rollback(spec([weight]), traffic, worse) for weight in (5.0, 50.0))
    found = limits.rollback(plan, traffic, worse)
    assert high < found < low
    assert found == pytest.approx(60 + high * (1 - 60 / low))


def test_a_late_regression_is_bound_from_then_on() -> None:
    plan, worse = spec([50.0]), Regression(2.0)
    at_once = limits.rollback(plan, Traffic(), worse)
    assert limits.rollback(plan, Traffic(), Regression(2.0, after=600.0)) == pytest.approx(600 + at_once)


def test_clusters_count_once() -> None:
    plan, worse = spec([50.0]), Regression(3.0)
    assert limits.rollback(plan, Traffic(cluster=5.0), worse) == pytest.approx(
        5 * limits.rollback(plan, Traffic(), worse)
    )


def test_what_is_tolerated_is_never_rolled_back() -> None:
    assert math.isinf(limits.rollback(spec([50.0]), Traffic(), Regression(1.25)))
    assert math.isinf(limits.rollback(spec([50.0]), Traffic(errors=0.0), Regression(2.0)))


def test_a_step_lasts_to_the_look_that_ends_it() -> None:
    plan = spec([5.0, 10.0, 50.0], stepDuration="50s", analysis={"interval": "20s"})
    assert [stage.since for stage in limits.quickest(plan)] == [0, 60, 120]


def test_promotion_by_a_margin_is_the_bound_of_the_last_weight() -> None:
    plan = spec([5.0, 50.0], promotionCriteria=[{"metric": "errorRate", "margin": 50}])
    rate = bounds.information(1.0, 0.5, 1.0, 1.5)
    assert limits.promotion(plan, SHAPES, Traffic()) == pytest.approx(60 + math.log(20) / rate)


def test_promotion_below_a_limit_needs_a_rate_below_it() -> None:
    plan = spec([50.0], promotionCriteria=[{"metric": "errorRate", "threshold": 1}])
    clean = limits.promotion(plan, SHAPES, Traffic(errors=0.0))
    assert clean == pytest.approx(math.log(20) / (100 * 0.01))
    assert clean < limits.promotion(plan, SHAPES, Traffic()) < math.inf
    assert math.isinf(limits.promotion(plan, SHAPES, Traffic(errors=0.01)))


def test_either_criterion_is_enough_by_default() -> None:
    """Beyond the limit of 1 % only the comparison is left; far below it the limit does it alone."""
    margin = spec([50.0], promotionCriteria=[{"metric": "errorRate", "margin": 50}])
    default = spec([50.0])
    noisy = Traffic(errors=0.02)
    assert limits.promotion(default, SHAPES, noisy) == pytest.approx(limits.promotion(margin, SHAPES, noisy))
    assert limits.promotion(default, SHAPES, Traffic()) < limits.promotion(margin, SHAPES, Traffic())
    assert limits.promotion(default, {}, Traffic()) == 0
