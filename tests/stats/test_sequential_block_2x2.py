"""Two proportions, block by block."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.stats.sequential_drawn import BAD, alarms, drawn
from truststream.errors import InputError
from truststream.stats.block_2x2 import BetaPriors, block_2x2, block_log_path

histories = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=20)


@drawn
@given(histories, st.floats(0.01, 0.99))
def test_under_any_common_probability_the_next_block_is_no_gain(history: list[tuple[int, int]], theta: float) -> None:
    ya, yb = (list(column) for column in zip(*history, strict=True))
    start = block_2x2(ya, yb, (3, 2)).log_e
    gain = 0.0
    for a, b in product(range(4), range(3)):
        chance = binom.pmf(a, 3, theta) * binom.pmf(b, 2, theta)
        gain += chance * math.exp(block_2x2([*ya, a], [*yb, b], (3, 2)).log_e - start)
    assert gain <= 1 + 1e-9


@drawn
@given(histories)
def test_failures_are_mirrored_successes(history: list[tuple[int, int]]) -> None:
    ya, yb = (list(column) for column in zip(*history, strict=True))
    mirrored = block_2x2([3 - y for y in ya], [2 - y for y in yb], (3, 2))
    assert block_2x2(ya, yb, (3, 2)).log_e == pytest.approx(mirrored.log_e, abs=1e-9)


def test_the_first_block_of_a_symmetric_prior_is_no_evidence() -> None:
    assert block_2x2([1], [0], (1, 1)).log_e == pytest.approx(0.0, abs=1e-12)


def test_an_informed_prior_bets_at_once() -> None:
    prior = BetaPriors(a1=1, a2=9, b1=9, b2=1)
    assert block_2x2([0], [1], (1, 1), prior).log_e == pytest.approx(math.log(0.81 / 0.25))


def test_large_blocks_do_not_overflow() -> None:
    result = block_2x2([1e8, 1e8], [5e8, 5e8], (1e9, 1e9))
    assert math.isfinite(result.log_e)
    assert result.log_e > 1e6
    assert result.estimate == pytest.approx(0.4)
    assert result.n == 4e9


def test_drift_of_the_common_probability_is_no_evidence() -> None:
    rng = np.random.default_rng(15)
    theta = 0.5 + 0.45 * np.sin(np.arange(400) / 20)
    paths = [
        block_log_path(rng.binomial(5, theta).tolist(), rng.binomial(5, theta).tolist(), (5, 5)) for _ in range(500)
    ]
    assert alarms(np.array(paths), 0.05) <= 0.05


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(16)
    result = block_2x2(rng.binomial(5, 0.3, 400).tolist(), rng.binomial(5, 0.5, 400).tolist(), (5, 5))
    assert result.log_e > math.log(1e6)


@pytest.mark.parametrize("bad", [*BAD, -1.0, 0.5])
def test_what_is_no_count_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="ya: element 0"):
        block_2x2([bad], [1], (3, 3))
    with pytest.raises(InputError, match="na"):
        block_2x2([1], [1], (bad, 3))


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="yb: has 2 blocks, ya has 1"):
        block_2x2([1], [1, 1], (3, 3))
    with pytest.raises(InputError, match="ya: block 1 has more successes than its 3 observations"):
        block_2x2([1, 4], [1, 1], (3, 3))
    with pytest.raises(InputError, match="b2"):
        BetaPriors(b2=0.0)
