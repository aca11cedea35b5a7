"""Poisson rates of the case format, and their planning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truststream.stats.poisson import Rate, poisson_exact
from truststream.stats.poisson_ratio import exact_ratio, score_ratio_interval
from truststream.stats.poisson_two import RateTest, compare_rates, poisson_means
from truststream.stats.power import Design, power
from truststream.stats.power_rates import Noise, contrast_of_rates
from truststream.stats.result import Alternative
from truststream.stats.tails import Hypothesis

Inputs = dict[str, Any]
_SIDES = {"larger": Alternative.GREATER, "smaller": Alternative.LESS, "two-sided": Alternative.TWO_SIDED}


def _arms(inputs: Inputs) -> tuple[Rate, Rate]:
    return Rate(inputs["c1"], inputs["t1"]), Rate(inputs["c2"], inputs["t2"])


def _one(inputs: Inputs) -> dict[str, Any]:
    result = poisson_exact(Rate(inputs["count"], inputs["exposure"]), Hypothesis(inputs["null"]))
    assert result.interval is not None
    return {"p": result.p, "ci": [result.interval.lower, result.interval.upper]}


def _two(inputs: Inputs) -> dict[str, Any]:
    side = _SIDES[inputs.get("alternative", "two-sided")]
    result = compare_rates(*_arms(inputs), RateTest(inputs["test"]), inputs.get("ratio", 1.0), side)
    return {"p": result.p, "stat": result.statistic}


def _two_ci(inputs: Inputs) -> dict[str, Any]:
    assert inputs["ci"] == "score"
    interval = score_ratio_interval(*_arms(inputs), 1.0 - inputs["alpha"])
    return {"ci": [interval.lower, interval.upper]}


def _means(inputs: Inputs) -> dict[str, Any]:
    result = poisson_means(Rate(inputs["k1"], inputs["n1"]), Rate(inputs["k2"], inputs["n2"]))
    return {"p": result.p, "stat": result.statistic}


def _exact_ratio(inputs: Inputs) -> dict[str, Any]:
    result = exact_ratio(*_arms(inputs), Hypothesis(1.0))
    assert result.interval is not None
    return {"p": result.p, "ratio": result.estimate, "ci": [result.interval.lower, result.interval.upper]}


def _noninferiority(inputs: Inputs) -> dict[str, Any]:
    noise = Noise(exposure=inputs["exposure"])
    contrast = contrast_of_rates(inputs["rate1"], inputs["rate2"], margin=inputs["margin_ratio"], noise=noise)
    return {"power": power(contrast, inputs["n"], Design(alpha=inputs["alpha"], alternative=Alternative.LESS))}


METHODS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "poisson_1samp": _one,
    "poisson_2samp": _two,
    "poisson_2samp_ci": _two_ci,
    "poisson_means_E": _means,
    "poisson_noninferiority_power": _noninferiority,
    "poisson_ratio_exact_ci": _exact_ratio,
}
