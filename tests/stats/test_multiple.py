"""Corrections for many tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient
from truststream.errors import InputError
from truststream.stats.multiple_evidence import e_bh, mean_log_e
from truststream.stats.multiple_testing import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    fisher_combination,
    hochberg,
    holm,
)

ps = st.lists(st.floats(0, 1), min_size=1, max_size=12)
ALL = [bonferroni, holm, hochberg, benjamini_hochberg, benjamini_yekutieli]


@patient
@given(ps)
@pytest.mark.parametrize("method", ALL)
def test_adjusted_values_keep_place_and_order(method: object, p: list[float]) -> None:
    adjusted = method(p)  # type: ignore[operator]
    assert all(0 <= a <= 1 and a >= raw - 1e-12 for a, raw in zip(adjusted, p, strict=True))
    order = np.argsort(p, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= -1e-12)
    backwards = method(p[::-1])  # type: ignore[operator]
    assert sorted(backwards) == pytest.approx(sorted(adjusted))


@patient
@given(ps)
def test_the_methods_are_ordered_by_power(p: list[float]) -> None:
    rows = np.array([benjamini_hochberg(p), hochberg(p), holm(p), bonferroni(p)])
    assert (np.diff(rows, axis=0) >= -1e-12).all()
    assert (np.array(benjamini_yekutieli(p)) >= rows[0] - 1e-12).all()


def test_holm_and_hochberg_by_hand() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert hochberg(p) == pytest.approx([0.03, 0.04, 0.04, 0.02])


def test_one_test_needs_no_correction() -> None:
    for method in ALL:
        assert method([0.03]) == pytest.approx([0.03])
    assert fisher_combination([0.03])[1] == pytest.approx(0.03)


def test_a_certain_rejection_stays_one() -> None:
    assert fisher_combination([0.0, 0.5]) == (math.inf, 0.0)


@patient
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=10))
def test_mean_of_e_values_in_logarithms(log_e: list[float]) -> None:
    assert mean_log_e(log_e) == pytest.approx(math.log(np.mean(np.exp(log_e))), abs=1e-9)
    assert mean_log_e([value + 1e6 for value in log_e]) == pytest.approx(1e6 + mean_log_e(log_e))
    first = [1.0] + [0.0] * (len(log_e) - 1)
    assert mean_log_e(log_e, first) == pytest.approx(log_e[0])


@patient
@given(st.lists(st.floats(-5, 20), min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_e_bh_is_bh_on_reciprocals(log_e: list[float], alpha: float) -> None:
    by_p = [value <= alpha + 1e-15 for value in benjamini_hochberg([min(1.0, math.exp(-value)) for value in log_e])]
    assert list(e_bh(log_e, alpha)) == by_p


def test_false_discoveries_stay_below_the_rate_under_dependence() -> None:
    """Ten nulls that share most of their noise, four real effects: the mean share of false discoveries."""
    rng = np.random.default_rng(6)
    shares = []
    for _ in range(2000):
        z = np.sqrt(0.8) * rng.normal() + np.sqrt(0.2) * rng.normal(size=14)
        z[10:] += 4.0
        rejected = np.array(e_bh(list(2.0 * z - 2.0), 0.1))  # exp(cz - c²/2) is an e-value of mean 0
        shares.append(rejected[:10].sum() / max(1, rejected.sum()))
    assert 0.0 < np.mean(shares) <= 0.1


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: holm([]), "p"),
        (lambda: bonferroni([0.5, 1.5]), r"p\[1\]"),
        (lambda: benjamini_hochberg([math.nan]), r"p\[0\]"),
        (lambda: mean_log_e([]), "log_e"),
        (lambda: mean_log_e([math.inf]), "log_e"),
        (lambda: mean_log_e([0.0, 1.0], [0.9, 0.9]), "weights"),
        (lambda: e_bh([0.0], 1.0), "alpha"),
    ],
)
def test_refuses_by_name(make: object, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        make()  # type: ignore[operator]
