"""The mean of a block's factor under the hypothesis is at most 1: summed over the law, not simulated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.stats.keys.drawn import SIZES, TOLERANCES, counts, single
from truststream.errors import InputError
from truststream.stats.keys import absolute, conditional_poisson, exchangeability, share_betting
from truststream.stats.keys.conditional_poisson import WORSE, not_worse
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.share_betting import MIRRORED_STAKES, STAKES

SLACK = 1e-9
MANY = 10**6
"""Requests enough for any number of errors that a test draws."""


def _lumps(mean_errors: float, size: int) -> tuple[Floats, Floats]:
    """Errors and probabilities of a Poisson number of clusters of one size."""
    numbers = np.arange(120)
    probability: Floats = stats.poisson.pmf(numbers, mean_errors / size)
    return numbers.astype(np.float64) * size, probability


def _grid(n_c: int, canary: Floats, n_b: int, baseline: Floats) -> Counts:
    e_c, e_b = np.meshgrid(canary, baseline, indexing="ij")
    return Counts.of(np.full_like(e_c, n_c), e_c, np.full_like(e_b, n_b), e_b)


@given(
    st.floats(0.02, 0.6),
    TOLERANCES,
    st.integers(1, 8),
    st.integers(1, 8),
    st.floats(0.05, 4.0),
    st.sampled_from(["worse", "better"]),
)
def test_poisson_under_clusters_up_to_phi_of_any_law(
    weight: float, tolerance: float, canary_size: int, baseline_size: int, errors: float, side: str
) -> None:
    n_c = round(MANY * weight)
    n_b, phi = MANY - n_c, max(canary_size, baseline_size)
    ratios = WORSE if side == "worse" else not_worse(tolerance)
    share = float(single((n_c, 1, n_b, 0)).share(tolerance)[0])
    (e_c, p_c), (e_b, p_b) = _lumps(errors * share, canary_size), _lumps(errors * (1 - share), baseline_size)
    factors = np.exp(conditional_poisson.log_factors(_grid(n_c, e_c, n_b, e_b), ratios, tolerance) / phi)
    assert np.all(np.einsum("i,j,ijg->g", p_c, p_b, factors) <= 1 + SLACK)


def test_clusters_above_phi_are_not_covered() -> None:
    """The assumption is needed, and the sum notices."""
    (e_c, p_c), (e_b, p_b) = _lumps(1.0, 8), _lumps(9.0, 1)
    factors = np.exp(conditional_poisson.log_factors(_grid(MANY, e_c, 9 * MANY, e_b), WORSE[:6], 0.0) / 2.0)
    assert np.einsum("i,j,ijg->g", p_c, p_b, factors).max() > 1.05


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 40), TOLERANCES)
def test_share_when_errors_fall_on_requests_at_random(n_c: int, n_b: int, errors: int, tolerance: float) -> None:
    """The number of the canary's errors is hypergeometric given their sum: its mean is the exposure share."""
    total = min(errors, n_c + n_b)
    e_c = np.arange(max(0, total - n_b), min(total, n_c) + 1)
    probability = stats.hypergeom.pmf(e_c, n_c + n_b, n_c, total)
    given_blocks = Counts.of(np.full(e_c.shape, n_c), e_c, np.full(e_c.shape, n_b), total - e_c)
    worse = np.exp(share_betting.log_factors(given_blocks, STAKES, tolerance))
    assert np.all(probability @ worse <= 1 + SLACK)


@given(st.floats(0.02, 0.6), TOLERANCES, st.integers(1, 60), st.lists(st.floats(0, 1), min_size=61, max_size=61))
def test_share_under_any_law_with_the_right_mean(
    weight: float, tolerance: float, total: int, drawn: list[float]
) -> None:
    """Any distribution of e_c given T, moved towards 0 until E[e_c/T] <= q; mirrored: towards T until it is >= q."""
    n_c = round(MANY * weight)
    e_c = np.arange(total + 1)
    given_blocks = Counts.of(np.full(e_c.shape, n_c), e_c, np.full(e_c.shape, MANY - n_c), total - e_c)
    share = given_blocks.share(tolerance)[0]
    law = np.array(drawn[: total + 1]) + 1e-6
    law /= law.sum()
    mean = float(law @ e_c) / total
    kept = min(1.0, share / mean)
    low = kept * law + (1 - kept) * (e_c == 0)
    worse = np.exp(share_betting.log_factors(given_blocks, STAKES, tolerance))
    assert np.all(low @ worse <= 1 + SLACK)
    kept = min(1.0, (1 - share) / (1 - mean))
    high = kept * law + (1 - kept) * (e_c == total)
    better = np.exp(share_betting.mirrored_log_factors(given_blocks, MIRRORED_STAKES, tolerance))
    assert np.all(high @ better <= 1 + SLACK)


@given(st.integers(0, 3000), st.integers(0, 3000), SIZES)
def test_exchangeability_of_arms_of_equal_exposure(one: int, other: int, phi: float) -> None:
    """f(C, B) + f(B, C) = 2 for any counts and any phi: the mean is exactly 1 whatever the law."""
    there = exchangeability.log_factors(single((5000, one, 5000, other)), 0.0, phi)
    back = exchangeability.log_factors(single((5000, other, 5000, one)), 0.0, phi)
    assert np.exp(there) + np.exp(back) == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("tolerance", [0.1, 0.25])
@pytest.mark.parametrize("size", [1, 3, 20])
def test_exchangeability_above_a_half_under_equal_clusters(size: int, tolerance: float) -> None:
    share = (1 + tolerance) / (2 + tolerance)
    for errors in (0.5, 3.0, 12.0):
        (e_c, p_c), (e_b, p_b) = _lumps(errors * share, size), _lumps(errors * (1 - share), size)
        factors = np.exp(exchangeability.log_factors(_grid(MANY, e_c, MANY, e_b), tolerance, 1.3))
        assert np.all(np.einsum("i,j,ijg->g", p_c, p_b, factors) <= 1 + SLACK)


@given(st.integers(1, 8), st.floats(0.05, 4.0), st.floats(0.0005, 0.2), st.floats(1.0, 3.0))
def test_one_arm_against_a_limit(size: int, errors: float, limit: float, beyond: float) -> None:
    """Below: the true rate is the limit times `beyond`; above: the limit divided by it."""
    requests = errors / limit
    high, low = _lumps(errors * beyond, size), _lumps(errors / beyond, size)
    below = np.exp(absolute.log_below(np.full(120, requests), high[0], limit, float(size)))
    above = np.exp(absolute.log_above_factors(np.full(120, requests), low[0], limit, float(size)))
    assert high[1] @ below <= 1 + SLACK
    assert np.all(low[1] @ above <= 1 + SLACK)


@pytest.mark.parametrize(("limit", "phi", "alpha"), [(0.01, 1.3, 0.05), (0.001, 2.0, 0.01), (0.2, 8.4, 0.05)])
def test_requests_needed_are_just_enough(limit: float, phi: float, alpha: float) -> None:
    needed = absolute.requests_needed(limit, phi, alpha)
    assert absolute.log_below(needed, 0, limit, phi) >= np.log(1 / alpha)
    alone = (needed - 1) * limit / phi + np.log(0.6)  # the bet on "no error at all"; the others help a little
    assert alone < np.log(1 / alpha)


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_limit_that_is_no_rate_is_refused(limit: float) -> None:
    for call in (absolute.log_below, absolute.log_above_factors):
        with pytest.raises(InputError) as refused:
            call(100, 1, limit, 1.3)
        assert refused.value.field == "limit"


def test_above_a_limit_gains_when_it_is_broken_and_not_else() -> None:
    for errors, broken in ((5, True), (0, False)):
        wealth, starts = absolute.begin_above(), 0
        assert absolute.log_above(wealth, 0) == pytest.approx(0.0)
        for block in range(20):
            wealth = absolute.step_above(
                wealth, absolute.log_above_factors(100, errors, 0.01, 1.3), 0 if not block else None
            )
            starts = 1
        assert (absolute.log_above(wealth, starts) > np.log(100)) == broken


def test_the_two_arms_of_a_block_are_told_apart() -> None:
    worse, better = counts((1000, 9, 1000, 1)), counts((1000, 1, 1000, 9))
    assert conditional_poisson.log_factors(worse, WORSE[5:6], 0.0) > 0
    assert conditional_poisson.log_factors(better, WORSE[5:6], 0.0) < 0
