"""Properties of one block's factors, for every alternative of every key."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.stats.keys.drawn import SIZES, TOLERANCES, Block, blocks, single
from truststream.stats.keys import conditional_poisson, exchangeability, share_betting
from truststream.stats.keys.conditional_poisson import WORSE, not_worse
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.share_betting import MIRRORED_STAKES, STAKES

FACTORS: dict[str, Callable[[Counts], Floats]] = {
    "poisson": lambda c: conditional_poisson.log_factors(c, WORSE, 0.1),
    "poisson mirrored": lambda c: conditional_poisson.log_factors(c, not_worse(0.5), 0.5),
    "share": lambda c: share_betting.log_factors(c, STAKES, 0.1),
    "share mirrored": lambda c: share_betting.mirrored_log_factors(c, MIRRORED_STAKES, 0.5),
    "exchange": lambda c: exchangeability.log_factors(c, 0.1, 1.3),
}
ONE_ERROR = st.tuples(st.integers(1, 5000), st.integers(1, 5000), st.booleans())


@pytest.mark.parametrize("key", FACTORS)
@pytest.mark.parametrize("silent", [(50, 0, 900, 0), (0, 0, 900, 3), (50, 2, 0, 0), (0, 0, 0, 0)])
def test_a_block_that_can_say_nothing_has_factor_1(key: str, silent: Block) -> None:
    assert np.array_equal(FACTORS[key](single(silent)), np.zeros_like(FACTORS[key](single(silent))))


@pytest.mark.parametrize("key", FACTORS)
@given(blocks(least=1))
def test_many_at_once_are_the_same_as_one_by_one(key: str, block: Block) -> None:
    other = (700, 3, 900, 4)
    stacked = Counts.of(*(np.array([[a], [b]]) for a, b in zip(block, other, strict=True)))
    together = FACTORS[key](stacked)
    assert np.array_equal(together[0], FACTORS[key](single(block)))
    assert np.array_equal(together[1], FACTORS[key](single(other)))


@pytest.mark.parametrize("key", FACTORS)
@pytest.mark.parametrize("huge", [(1e9, 1e9, 1e9, 1e9), (1e9, 1e9, 1e9, 0), (1e9, 1e6, 1, 0), (1, 1, 1e9, 1e9)])
def test_a_milliard_events_do_not_overflow(key: str, huge: Block) -> None:
    factors = FACTORS[key](single(huge))
    lost_all = key == "share mirrored"  # a stake of 1 may lose everything, and then says so by -inf
    assert not np.isnan(factors).any()
    assert np.all(factors < np.inf)
    assert lost_all or np.isfinite(factors).all()


@given(ONE_ERROR, TOLERANCES)
def test_poisson_with_one_error_is_the_likelihood_ratio(case: tuple[int, int, bool], tolerance: float) -> None:
    n_c, n_b, on_canary = case
    given_block = single((n_c, int(on_canary), n_b, int(not on_canary)))
    share = given_block.share(tolerance)[0]
    other = WORSE * share / (WORSE * share + 1 - share)
    expected = np.log(other / share) if on_canary else np.log((1 - other) / (1 - share))
    assert conditional_poisson.log_factors(given_block, WORSE, tolerance)[0] == pytest.approx(expected, abs=1e-9)


@given(ONE_ERROR, TOLERANCES)
def test_a_bet_on_the_share_of_one_error_is_a_likelihood_ratio(case: tuple[int, int, bool], tolerance: float) -> None:
    """Stake k is the ratio for the alternative share q + k (1 - q)."""
    n_c, n_b, on_canary = case
    given_block = single((n_c, int(on_canary), n_b, int(not on_canary)))
    share = given_block.share(tolerance)[0]
    other = share + STAKES * (1 - share)
    expected = other / share if on_canary else (1 - other) / (1 - share)
    assert np.exp(share_betting.log_factors(given_block, STAKES, tolerance)[0]) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 5000), st.booleans())
def test_exchangeability_of_one_error_at_a_half_is_the_likelihood_ratio(requests: int, on_canary: bool) -> None:
    given_block = single((requests, int(on_canary), requests, int(not on_canary)))
    other = WORSE / (WORSE + 1)
    expected = np.log(2 * other) if on_canary else np.log(2 * (1 - other))
    assert exchangeability.log_factors(given_block, 0.0, 1.0)[0] == pytest.approx(expected, abs=1e-9)


@given(blocks(least=1, most=500), st.integers(2, 9), TOLERANCES)
def test_poisson_exponents_add_over_a_split_with_the_same_shares(block: Block, parts: int, tolerance: float) -> None:
    """The length of a block does not matter to this key while the exposure shares stay."""
    n_c, e_c, n_b, e_b = block
    whole = single((n_c * parts, e_c, n_b * parts, e_b))
    first = single((n_c, e_c // 2, n_b, e_b // 3))
    rest = single((n_c * (parts - 1), e_c - e_c // 2, n_b * (parts - 1), e_b - e_b // 3))
    summed = sum(conditional_poisson.log_factors(part, WORSE, tolerance) for part in (first, rest))
    assert conditional_poisson.log_factors(whole, WORSE, tolerance) == pytest.approx(summed, abs=1e-9)


@given(blocks(least=1), SIZES, TOLERANCES)
def test_a_further_error_of_the_canary_never_speaks_for_it(block: Block, phi: float, tolerance: float) -> None:
    n_c, e_c, n_b, e_b = block
    assume(e_c < n_c and e_c + e_b > 0)
    before, after = (
        np.concatenate(
            [
                conditional_poisson.log_factors(counts, WORSE, tolerance).ravel() / phi,
                share_betting.log_factors(counts, STAKES, tolerance).ravel(),
                exchangeability.log_factors(counts, tolerance, phi).ravel(),
            ]
        )
        for counts in (single(block), single((n_c, e_c + 1, n_b, e_b)))
    )
    assert np.all(after >= before - 1e-9)
