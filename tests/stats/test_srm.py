"""Sample ratio mismatch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient
from truststream.errors import InputError
from truststream.stats.srm import ALPHA, sample_ratio, sample_ratio_sequential


def test_a_published_mismatch_is_one() -> None:
    """Kohavi, Tang & Xu: 821,588 and 815,482 of a split in halves."""
    fixed = sample_ratio([821_588, 815_482], [1, 1])
    assert fixed.mismatch
    # asking at any time costs evidence
    assert sample_ratio_sequential([821_588, 815_482], [1, 1], 0.01).mismatch
    assert not sample_ratio_sequential([821_588, 815_482], [1, 1]).mismatch
    assert fixed.result.p == pytest.approx(1.8e-6, rel=0.05)
    assert fixed.observed[0] == pytest.approx(0.50187, abs=1e-5)
    assert fixed.expected == (0.5, 0.5)


@patient
@given(st.lists(st.integers(20, 10_000), min_size=2, max_size=4), st.floats(0.01, 100.0))
def test_arms_may_be_renamed_and_shares_scaled(counts: list[int], scale: float) -> None:
    shares = [float(index + 1) for index in range(len(counts))]
    for test in (sample_ratio, sample_ratio_sequential):
        there = test(counts, shares)
        back = test(counts[::-1], [scale * share for share in shares[::-1]])
        assert there.result.p == pytest.approx(back.result.p, rel=1e-6, abs=1e-300)
        assert there.mismatch == back.mismatch


def test_what_cannot_tell_is_no_mismatch() -> None:
    few = sample_ratio([4, 0], [1, 1])
    assert not few.mismatch
    assert "χ² needs 5" in few.result.reason
    none = sample_ratio_sequential([0, 0], [1, 1])
    assert not none.mismatch
    assert none.result.reason == "no units"
    assert math.isnan(none.observed[0])


def test_one_look_errs_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    hits = sum(sample_ratio(list(rng.multinomial(5000, [0.9, 0.1])), [9, 1], 0.05).mismatch for _ in range(2000))
    assert 0.035 <= hits / 2000 <= 0.066


def test_a_hundred_looks_err_no_more_than_stated_where_chi_squared_does() -> None:
    rng = np.random.default_rng(2)
    hits = {"fixed": 0, "sequential": 0}
    for _ in range(200):
        path = np.cumsum(rng.multinomial(50, [0.5, 0.5], 100), axis=0)
        hits["sequential"] += any(sample_ratio_sequential(list(row), [1, 1], 0.05).mismatch for row in path)
        hits["fixed"] += any(sample_ratio(list(row), [1, 1], 0.05).mismatch for row in path)
    assert hits["sequential"] / 200 <= 0.06
    assert hits["fixed"] / 200 >= 0.2


def test_a_real_mismatch_is_found_early() -> None:
    rng = np.random.default_rng(3)
    path = np.cumsum(rng.multinomial(200, [0.55, 0.45], 100), axis=0)
    first = next(i for i, row in enumerate(path) if sample_ratio_sequential(list(row), [1, 1], ALPHA).mismatch)
    assert first < 25


@pytest.mark.parametrize("test", [sample_ratio, sample_ratio_sequential])
def test_refuses_by_name(test: object) -> None:
    for counts, shares, field in (
        ([1, 2], [1, 0], r"(shares|observed)"),
        ([1, -2], [1, 1], r"(counts|observed)"),
        ([1, math.nan], [1, 1], r"(counts|observed)"),
        ([1], [1], "shares"),
        ([1, 2, 3], [1, 1], r"(shares|counts)"),
    ):
        with pytest.raises(InputError, match=rf"^{field}"):
            test(counts, shares)  # type: ignore[operator]
