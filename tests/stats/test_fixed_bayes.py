"""Bayesian lifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient, proportions
from truststream.errors import InputError
from truststream.stats.bayes_beta import Beta, bayes_beta
from truststream.stats.bayes_lift import NormalPrior, bayes_lift
from truststream.stats.summary import Mean, Proportion


def _chance(t: Proportion, c: Proportion) -> float:
    """P(p_t > p_c) for flat priors and whole counts, as a finite sum."""
    a, b = c.successes + 1, c.failures + 1
    d = t.failures + 1
    total = 0.0
    for i in range(int(t.successes) + 1):
        total += math.exp(
            math.lgamma(a + i)
            + math.lgamma(b + d)
            - math.lgamma(a + b + i + d)
            - math.log(d + i)
            - (math.lgamma(1 + i) + math.lgamma(d) - math.lgamma(1 + i + d))
            - (math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b))
        )
    return total


@patient
@given(proportions(0, 200), proportions(1, 2000))
def test_chance_to_win_is_the_finite_sum(t: Proportion, c: Proportion) -> None:
    assert bayes_beta(t, c).chance_to_win == pytest.approx(_chance(t, c), abs=2e-9)


@patient
@given(proportions(1, 400), proportions(1, 400))
def test_losses_differ_by_the_expected_effect_and_swap_with_the_arms(t: Proportion, c: Proportion) -> None:
    there, back = bayes_beta(t, c), bayes_beta(c, t)
    assert there.risk_of_control - there.risk_of_treatment == pytest.approx(there.mean, abs=1e-10)
    assert there.risk_of_control == pytest.approx(back.risk_of_treatment, abs=1e-10)
    assert there.chance_to_win + back.chance_to_win == pytest.approx(1.0, abs=1e-8)
    assert there.interval is not None
    assert back.interval is not None
    assert there.interval.lower == pytest.approx(-back.interval.upper, abs=1e-6)


def test_the_beta_interval_against_drawing() -> None:
    t, c = Proportion(30, 200), Proportion(90, 1000)
    rng = np.random.default_rng(4)
    drawn = rng.beta(31, 171, 400_000) - rng.beta(91, 911, 400_000)
    result = bayes_beta(t, c)
    assert result.interval is not None
    assert [result.interval.lower, result.interval.upper] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=5e-4)
    assert result.standard_deviation == pytest.approx(drawn.std(), rel=0.01)


def test_a_beta_posterior_of_ten_billion_trials() -> None:
    """So many trials leave nothing but a normal law."""
    t, c = Proportion(1_000_100_000, 10**10), Proportion(1_000_000_000, 10**10)
    z = (t.mean - c.mean) / math.sqrt((t.variance + c.variance) / 10**10)
    assert bayes_beta(t, c).chance_to_win == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2.0)), abs=1e-7)


arms = st.builds(Mean, st.integers(2, 1000).map(float), st.floats(1.0, 100.0), st.floats(0.1, 1e4))


@patient
@given(arms, arms, st.booleans())
def test_losses_of_a_normal_lift_differ_by_its_mean(t: Mean, c: Mean, relative: bool) -> None:
    result = bayes_lift(t, c, relative=relative)
    scale = abs(result.mean) + result.standard_deviation
    assert result.risk_of_control - result.risk_of_treatment == pytest.approx(result.mean, abs=1e-9 * scale)
    assert min(result.risk_of_control, result.risk_of_treatment) >= 0


@patient
@given(arms, arms, st.floats(0.001, 10.0))
def test_a_prior_draws_towards_itself(t: Mean, c: Mean, variance: float) -> None:
    free, held = bayes_lift(t, c), bayes_lift(t, c, NormalPrior(0.0, variance))
    assert abs(held.mean) <= abs(free.mean)
    assert held.standard_deviation < free.standard_deviation
    vague = bayes_lift(t, c, NormalPrior(0.0, 1e12))
    shrunk = free.mean / (1 + free.standard_deviation**2 / 1e12)  # precision by precision, also for wild estimates
    assert vague.mean == pytest.approx(shrunk, rel=1e-9, abs=1e-12)


def test_refuses_and_says_why() -> None:
    some = Mean.from_values([1.0, 2.0])
    assert "two units" in bayes_lift(Mean.from_values([1.0]), some).reason
    assert "mean of control" in bayes_lift(some, Mean.from_values([-1.0, 1.0])).reason
    assert not bayes_lift(Mean.from_values([1.0, 1.0]), Mean.from_values([1.0, 1.0])).can_tell
    assert "no trials" in bayes_beta(Proportion(0, 0), Proportion(0, 0)).reason
    with pytest.raises(InputError, match=r"^prior\.variance: "):
        NormalPrior(0.0, 0.0)
    with pytest.raises(InputError, match=r"^a: "):
        Beta(0.0, 1.0)
    with pytest.raises(InputError, match=r"^level: "):
        bayes_beta(Proportion(1, 2), Proportion(1, 2), level=1.0)
