"""Mixtures: evidence is 1 at the start, a mixture of the exponential it is named after, and bounds cross where told."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammainc, gammaincc, gammaln

from tests.stats.sequential_drawn import BAD, alarms, drawn, levels, times
from truststream.errors import InputError
from truststream.stats.beta_binomial_mixture import BetaBinomialMixture
from truststream.stats.gamma_mixtures import GammaExponentialMixture, GammaPoissonMixture
from truststream.stats.normal_mixture import NormalMixture, best_rho

Mixture = NormalMixture | BetaBinomialMixture | GammaExponentialMixture | GammaPoissonMixture
MAKERS: dict[str, Callable[[float, float], Mixture]] = {
    "normal-2": lambda v, a: NormalMixture.tuned(v, a, True),
    "normal-1": lambda v, a: NormalMixture.tuned(v, a, False),
    "beta-2": lambda v, a: BetaBinomialMixture.tuned(v, a, (0.2, 0.8), True),
    "beta-1": lambda v, a: BetaBinomialMixture.tuned(v, a, (0.2, 0.8), False),
    "gamma-exponential": lambda v, a: GammaExponentialMixture.tuned(v, a, 2.0),
    "gamma-poisson": lambda v, a: GammaPoissonMixture.tuned(v, a, 2.0),
}
every_mixture = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


@every_mixture
@drawn
@given(v_opt=times, alpha=levels)
def test_before_anything_was_seen_the_evidence_is_one(
    make: Callable[[float, float], Mixture], v_opt: float, alpha: float
) -> None:
    assert make(v_opt, alpha).log_e(0.0, 0.0) == pytest.approx(0.0, abs=1e-9)


@every_mixture
@drawn
@given(v=times, alpha=levels)
def test_evidence_at_the_bound_is_the_threshold(
    make: Callable[[float, float], Mixture], v: float, alpha: float
) -> None:
    mixture = make(100.0, 0.05)
    bound = mixture.bound(v, alpha)
    if not (isinstance(mixture, BetaBinomialMixture) and bound == v / mixture.g):
        assert mixture.log_e(bound, v) == pytest.approx(-math.log(alpha), abs=1e-5)


@every_mixture
@drawn
@given(v=times, alpha=levels)
def test_a_stricter_level_has_a_higher_bound(make: Callable[[float, float], Mixture], v: float, alpha: float) -> None:
    mixture = make(100.0, 0.05)
    assert mixture.bound(v, alpha / 2) >= mixture.bound(v, alpha) * (1 - 1e-12)


@every_mixture
def test_bounds_grow_with_time_more_slowly_than_time(make: Callable[[float, float], Mixture]) -> None:
    mixture = make(100.0, 0.05)
    bounds = [mixture.bound(v, 0.05) for v in (1e2, 1e4, 1e6, 1e9)]
    assert bounds == sorted(bounds)
    assert bounds[-1] / 1e9 < bounds[0] / 1e2 / 100


@every_mixture
def test_a_billion_events_do_not_overflow(make: Callable[[float, float], Mixture]) -> None:
    mixture = make(1e9, 0.01)
    values = [mixture.log_e(share * 1e9, 1e9) for share in (-0.4, -1e-3, 0.0, 1e-3, 0.4)]
    assert all(math.isfinite(value) for value in values)
    assert values[4] > values[3] > values[2]


@every_mixture
@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_number_is_refused_by_name(make: Callable[[float, float], Mixture], bad: float) -> None:
    mixture = make(100.0, 0.05)
    for call, name in (
        (lambda: mixture.log_e(bad, 1.0), "s"),
        (lambda: mixture.log_e(0.0, bad), "v"),
        (lambda: mixture.bound(bad, 0.05), "v"),
        (lambda: mixture.bound(1.0, bad), "alpha"),
        (lambda: make(bad, 0.05), "v_opt"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.field == name


@every_mixture
@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_levels_outside_zero_and_one_are_refused(make: Callable[[float, float], Mixture], alpha: float) -> None:
    with pytest.raises(InputError, match="alpha"):
        make(100.0, 0.05).bound(1.0, alpha)


@every_mixture
def test_negative_time_is_refused(make: Callable[[float, float], Mixture]) -> None:
    with pytest.raises(InputError, match=r"v: -1\.0 is negative"):
        make(100.0, 0.05).log_e(0.0, -1.0)


def test_one_side_cannot_be_tuned_at_half() -> None:
    with pytest.raises(InputError, match=r"alpha: 0\.5 is not below"):
        NormalMixture.tuned(100.0, 0.5, False)


@pytest.mark.parametrize("s", [-30.0, 0.0, 12.0])
def test_the_two_sided_normal_is_a_normal_mixture(s: float) -> None:
    v, rho = 40.0, 5.0
    value, _ = quad(lambda x: math.exp(x * s - x * x * v / 2 - rho * x * x / 2) * math.sqrt(rho / (2 * math.pi)), -8, 8)
    assert NormalMixture(rho).log_e(s, v) == pytest.approx(math.log(value), abs=1e-8)
    half, _ = quad(lambda x: math.exp(x * s - x * x * v / 2 - rho * x * x / 2) * math.sqrt(2 * rho / math.pi), 0, 8)
    assert NormalMixture(rho, two_sided=False).log_e(s, v) == pytest.approx(math.log(half), abs=1e-8)


@pytest.mark.parametrize("s", [-10.0, 0.0, 25.0])
def test_the_gamma_exponential_is_a_mixture_of_its_exponential(s: float) -> None:
    v, rho, c = 40.0, 5.0, 0.7
    r = rho / c**2

    def density(x: float) -> float:  # of u = 1 - c l on (0, 1): a gamma law with shape and rate r, cut at 1
        log = r * math.log(r) - gammaln(r) - math.log(gammainc(r, r)) + (r - 1) * math.log(x) - r * x
        return math.exp(log)

    def evidence(u: float) -> float:
        rate, psi = (1 - u) / c, (-math.log(u) - (1 - u)) / c**2
        return math.exp(rate * s - psi * v) * density(u)

    value, _ = quad(evidence, 1e-12, 1)
    assert GammaExponentialMixture(rho, c).log_e(s, v) == pytest.approx(math.log(value), abs=1e-7)


@pytest.mark.parametrize("s", [-10.0, 0.0, 25.0])
def test_the_gamma_poisson_is_a_mixture_of_its_exponential(s: float) -> None:
    v, rho, c = 40.0, 5.0, 0.7
    r = rho / c**2

    def evidence(u: float) -> float:  # u = exp(c l) above 1: a gamma law with shape and rate r, cut at 1
        log = r * math.log(r) - gammaln(r) - math.log(gammaincc(r, r)) + (r - 1) * math.log(u) - r * u
        psi = (u - math.log(u) - 1) / c**2
        return math.exp(math.log(u) / c * s - psi * v + log)

    value, _ = quad(evidence, 1, 6)
    assert GammaPoissonMixture(rho, c).log_e(s, v) == pytest.approx(math.log(value), abs=1e-7)


@drawn
@given(st.integers(0, 200), st.integers(0, 200))
def test_the_beta_binomial_is_a_marginal_likelihood(successes: int, failures: int) -> None:
    p, n = 0.2, successes + failures
    mixture = BetaBinomialMixture(0.5, p, 1 - p)
    a, b = 0.5 / (1 - p), 0.5 / p  # successes, failures
    marginal = gammaln(a + successes) + gammaln(b + failures) - gammaln(a + b + n)
    marginal -= gammaln(a) + gammaln(b) - gammaln(a + b)
    null = successes * math.log(p) + failures * math.log(1 - p)
    assert mixture.log_e(successes - n * p, n * p * (1 - p)) == pytest.approx(marginal - null, abs=1e-8)


def test_one_sided_evidence_is_blind_to_the_other_side() -> None:
    mixture = BetaBinomialMixture.tuned(100.0, 0.05, (0.2, 0.8), False)
    assert mixture.log_e(-100.0, 400.0) < -3
    assert NormalMixture(10.0, two_sided=False).log_e(-1e4, 400.0) < -3


def test_a_sum_that_no_increments_reach_is_refused() -> None:
    with pytest.raises(InputError, match=r"s: 6\.0 is outside"):
        BetaBinomialMixture(0.5, 0.2, 0.8).log_e(6.0, 1.0)
    with pytest.raises(InputError, match=r"s: -100\.0 is below"):
        GammaPoissonMixture(1.0, 1.0).log_e(-100.0, 1.0)


def test_the_tuned_boundary_is_near_the_tightest() -> None:
    # the closed form of rho against a search over rho, at the time and level it is made for
    v, alpha = 100.0, 0.05
    tightest = min(NormalMixture(rho).bound(v, alpha) for rho in np.geomspace(1, 100, 400))
    assert tightest <= NormalMixture(best_rho(v, alpha)).bound(v, alpha) < tightest * 1.001


def test_false_alarms_of_a_fair_coin_stay_below_the_level() -> None:
    rng = np.random.default_rng(7)
    sums = np.cumsum(rng.choice([-1.0, 1.0], size=(2000, 400)), axis=1)
    t = np.arange(1, 401)
    bounds = np.array([NormalMixture.tuned(100.0, 0.05, True).bound(float(v), 0.05) for v in t])
    assert (np.abs(sums) >= bounds).any(axis=1).mean() <= 0.05


def test_false_alarms_of_counts_stay_below_the_level() -> None:
    rng = np.random.default_rng(8)
    excess = np.cumsum(rng.poisson(0.3, size=(1500, 200)) - 0.3, axis=1)
    mixture = GammaPoissonMixture.tuned(20.0, 0.05, 1.0)
    bounds = np.array([mixture.bound(0.3 * k, 0.05) for k in range(1, 201)])
    paths = np.where(excess >= bounds, 10.0, 0.0)
    assert 0 < alarms(paths, 0.05) <= 0.05


@drawn
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.floats(0.0, 1e6))
def test_many_sums_at_once_are_the_sums_one_by_one(parts: list[float], v: float) -> None:
    mixture = BetaBinomialMixture.tuned(100.0, 0.05, (0.2, 0.8), True)
    sums = [part * v / (0.2 if part > 0 else 0.8) for part in parts]
    expected = [mixture.log_e(s, v) for s in sums]
    assert mixture.log_path(np.array(sums), v) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    with pytest.raises(InputError, match="two_sided"):
        BetaBinomialMixture(1.0, 0.2, 0.8, False).log_path(np.zeros(1), 1.0)
