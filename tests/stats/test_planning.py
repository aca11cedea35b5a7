"""Planning: sizes and power are each other's inverse, and simulated tests have the power that was planned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient
from truststream.errors import InputError
from truststream.stats.duration import Step, duration
from truststream.stats.power import Contrast, Design, detectable, power
from truststream.stats.power_means import contrast_of_means, power_of_t, size_for_t
from truststream.stats.power_proportions import NullVariance, contrast_of_proportions
from truststream.stats.power_rates import Noise, contrast_of_rates
from truststream.stats.power_ratios import contrast_of_ratios
from truststream.stats.proportions import pooled_z, unpooled_z
from truststream.stats.ratio import compare_ratios
from truststream.stats.result import Alternative
from truststream.stats.sample_size import SampleSize, sample_size
from truststream.stats.summary import Mean, Proportion, Ratio
from truststream.stats.tails import Hypothesis
from truststream.stats.welch import welch

UP, DOWN = Alternative.GREATER, Alternative.LESS
designs = st.builds(
    Design,
    st.sampled_from([0.001, 0.01, 0.05]),
    st.sampled_from([0.7, 0.8, 0.95]),
    st.sampled_from(list(Alternative)),
    st.sampled_from([1.0, 1.3]),
)


@dataclass(frozen=True)
class _Plan:
    inflation: float


@patient
@given(designs, st.floats(0.01, 3.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_size_gives_power_and_one_unit_less_does_not(design: Design, effect: float, s0: float, s1: float) -> None:
    signed = -effect if design.alternative is DOWN else effect
    contrast = Contrast(signed, s0, s1)
    size = sample_size(contrast, design)
    assert power(contrast, size.treatment, design) >= design.power - 1e-9
    # two-sided, the closed form neglects a tail that only matters where almost nothing is needed
    if design.alternative is not Alternative.TWO_SIDED:
        assert power(contrast, size.exact, design) == pytest.approx(design.power, abs=1e-9)


@patient
@given(designs, st.floats(0.05, 2.0), st.floats(0.3, 3.0))
def test_exact_size_solves_the_exact_power(design: Design, effect: float, allocation: float) -> None:
    signed = -effect if design.alternative is DOWN else effect
    size = size_for_t(signed, design, allocation)
    assert power_of_t(signed, size.exact, design, allocation) == pytest.approx(design.power, abs=1e-5) or (
        size.exact * (1 + allocation) <= 3.0 * design.inflation * (1 + 1e-9)
    )
    assert size.treatment == math.ceil(size.exact * (1 - 1e-12))


@patient
@given(st.floats(0.1, 1.5), st.integers(3, 300), designs)
def test_power_grows_with_units_and_effect(effect: float, n: int, design: Design) -> None:
    signed = -effect if design.alternative is DOWN else effect
    here = power_of_t(signed, n, design)
    assert power_of_t(signed, n + 5, design) >= here - 1e-9
    assert power_of_t(signed * 1.2, n, design) >= here - 1e-9


@patient
@given(designs, st.integers(50, 100_000), st.floats(0.01, 0.4))
def test_the_detectable_effect_has_just_the_planned_power(design: Design, n: int, base: float) -> None:
    sign = -1.0 if design.alternative is DOWN else 1.0
    largest = sign * (base * 0.999 if sign < 0 else 0.99 - base)

    def contrast_at(effect: float) -> Contrast:
        return contrast_of_proportions(base + effect, base)

    effect = detectable(contrast_at, n, design, largest)
    if math.isnan(effect):
        assert power(contrast_at(largest), n, design) < design.power
        return
    assert math.copysign(1.0, effect) == sign
    assert power(contrast_at(effect), n, design) == pytest.approx(design.power, abs=1e-6)
    assert power(contrast_at(effect * 0.9), n, design) < design.power


def test_a_sequential_plan_costs_its_inflation() -> None:
    contrast = contrast_of_means(0.2, (1.0, 1.0))
    fixed, planned = sample_size(contrast, Design()), sample_size(contrast, Design(sequential=_Plan(1.229)))
    assert planned.exact == pytest.approx(1.229 * fixed.exact)
    assert power(contrast, planned.exact, Design(sequential=1.229)) == pytest.approx(
        power(contrast, fixed.exact, Design())
    )
    assert size_for_t(0.2, Design(sequential=1.229)).exact == pytest.approx(1.229 * size_for_t(0.2, Design()).exact)


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def test_planned_power_of_proportions_is_there() -> None:
    size = sample_size(contrast_of_proportions(0.15, 0.1, allocation=3.0), Design(), allocation=3.0)
    assert size.control == pytest.approx(3 * size.treatment, abs=3)
    rng = np.random.default_rng(1)
    draws = rng.binomial([size.treatment, size.control], [0.15, 0.1], (2000, 2))
    hits = [pooled_z(Proportion(t, size.treatment), Proportion(c, size.control)).p <= 0.05 for t, c in draws]
    assert _share(hits) == pytest.approx(0.8, abs=0.035)


def test_planned_power_of_non_inferiority_is_there() -> None:
    """The same error rate, at most one point more tolerated."""
    design = Design(alpha=0.025, power=0.9, alternative=DOWN)
    size = sample_size(contrast_of_proportions(0.02, 0.02, margin=0.01), design)
    rng = np.random.default_rng(2)
    draws = rng.binomial(size.treatment, 0.02, (2000, 2))
    asked = Hypothesis(0.01, DOWN)
    hits = [
        unpooled_z(Proportion(t, size.treatment), Proportion(c, size.treatment), asked).p <= 0.025 for t, c in draws
    ]
    assert _share(hits) == pytest.approx(0.9, abs=0.03)


def test_planned_power_of_means_is_there() -> None:
    size = sample_size(contrast_of_means(0.5, (2.0, 1.0)), Design())
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(1000):
        t, c = rng.normal(0.5, 2, size.treatment), rng.normal(0, 1, size.control)
        hits.append(welch(Mean.from_values(t), Mean.from_values(c)).p <= 0.05)
    assert _share(hits) == pytest.approx(0.8, abs=0.045)


def _users(rng: np.random.Generator, n: int, more: float = 0.0) -> Ratio:
    """Users with seconds of work and requests; `more` seconds a request leave the spread as it is."""
    requests = rng.integers(1, 10, n)
    return Ratio.from_columns(list(rng.gamma(requests, 0.2) + more * requests), list(requests))


def test_planned_power_of_a_ratio_is_there() -> None:
    rng = np.random.default_rng(4)
    pilot = _users(rng, 20_000)
    size = sample_size(contrast_of_ratios(pilot, 0.15), Design())
    hits = [
        compare_ratios(_users(rng, size.treatment, 0.03), _users(rng, size.control), relative=True).p <= 0.05
        for _ in range(800)
    ]
    assert _share(hits) == pytest.approx(0.8, abs=0.05)


def test_dispersion_and_exposure_of_rates() -> None:
    plain = sample_size(contrast_of_rates(2.0, 1.0), Design())
    bursty = sample_size(contrast_of_rates(2.0, 1.0, noise=Noise(dispersion=3.0)), Design())
    longer = sample_size(contrast_of_rates(2.0, 1.0, noise=Noise(exposure=4.0)), Design())
    assert bursty.exact == pytest.approx(3 * plain.exact)
    assert longer.exact == pytest.approx(plain.exact / 4)
    # at the margin 1 with equal arms the null variance is that of the mean rate
    scored = contrast_of_rates(2.0, 1.0, null_variance=True)
    assert scored.null_deviation == pytest.approx(math.sqrt(2 / 1.5))


def test_null_variances_of_proportions() -> None:
    pooled = contrast_of_proportions(0.3, 0.1)
    baseline = contrast_of_proportions(0.3, 0.1, null=NullVariance.BASELINE)
    separate = contrast_of_proportions(0.3, 0.1, null=NullVariance.SEPARATE)
    assert pooled.null_deviation == pytest.approx(math.sqrt(2 * 0.2 * 0.8))
    assert baseline.null_deviation == pytest.approx(math.sqrt(2 * 0.1 * 0.9))
    assert separate.null_deviation == separate.deviation == pooled.deviation


def test_duration_waits_for_the_slower_arm() -> None:
    size = SampleSize(900.0, 900, 900)
    assert duration(size, 10.0, [Step(0.5)]).seconds == pytest.approx(180.0)
    thin = duration(size, 10.0, [Step(0.1)])
    assert thin.seconds == thin.treatment_seconds == pytest.approx(900.0)
    assert thin.control_seconds == pytest.approx(100.0)
    # 60 s at 10 % give 60 units, the other 840 come at 50 %
    assert duration(size, 10.0, [Step(0.1, 60.0), Step(0.5)]).seconds == pytest.approx(60.0 + 840.0 / 5.0)


def test_a_plan_that_never_ends_says_so() -> None:
    size = SampleSize(900.0, 900, 900)
    short = duration(size, 10.0, [Step(0.5, 10.0)])
    assert math.isinf(short.seconds)
    assert "treatment and control" in short.reason
    none = duration(size, 10.0, [Step(0.0)])
    assert "treatment" in none.reason
    assert none.control_seconds == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Design(alpha=0.0), "alpha"),
        (lambda: Design(power=1.0), "power"),
        (lambda: Design(sequential=0.9), "sequential"),
        (lambda: Design(sequential=math.nan), "sequential"),
        (lambda: Contrast(math.nan, 1.0, 1.0), "effect"),
        (lambda: Contrast(1.0, 0.0, 1.0), "null_deviation"),
        (lambda: sample_size(Contrast(0.0, 1.0, 1.0), Design()), "effect"),
        (lambda: sample_size(Contrast(-1.0, 1.0, 1.0), Design(alternative=UP)), "effect"),
        (lambda: size_for_t(1.0, Design(alternative=DOWN)), "effect"),
        (lambda: size_for_t(0.0, Design()), "effect"),
        (lambda: size_for_t(1e-9, Design()), "effect"),
        (lambda: power_of_t(1.0, 1.0, Design()), "n"),
        (lambda: contrast_of_rates(0.0, 1.0), "treatment"),
        (lambda: contrast_of_proportions(1.2, 0.1), "treatment"),
        (lambda: contrast_of_ratios(Ratio.from_columns([1, 1], [2, 2]), 0.1), "pilot"),
        (lambda: duration(SampleSize(1.0, 1, 1), 1.0, []), "steps"),
        (lambda: duration(SampleSize(1.0, 1, 1), 0.0, [Step(0.5)]), "units_per_second"),
        (lambda: Step(1.5), "weight"),
        (lambda: Step(0.5, 0.0), "seconds"),
    ],
)
def test_refuses_by_name(make: object, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        make()  # type: ignore[operator]
