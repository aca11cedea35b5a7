"""Poisson rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.stats.properties import levels, patient, rates
from truststream.errors import InputError
from truststream.stats.poisson import Rate, garwood, poisson_exact
from truststream.stats.poisson_etest import e_test
from truststream.stats.poisson_ratio import exact_ratio, score_ratio_interval
from truststream.stats.poisson_two import RateTest, compare_rates, poisson_means
from truststream.stats.result import Alternative
from truststream.stats.tails import OPPOSITE, Hypothesis

UP, DOWN, BOTH = Alternative.GREATER, Alternative.LESS, Alternative.TWO_SIDED
LOGARITHMS = (RateTest.WALD_LOG, RateTest.SCORE_LOG)


@patient
@given(rates(), st.floats(0.001, 50.0))
def test_one_rate_against_the_poisson_law(sample: Rate, null: float) -> None:
    mean = null * sample.exposure
    assert poisson_exact(sample, Hypothesis(null, DOWN)).p == pytest.approx(
        stats.poisson.cdf(sample.events, mean), rel=1e-9, abs=1e-300
    )
    assert poisson_exact(sample, Hypothesis(null, UP)).p == pytest.approx(
        stats.poisson.sf(sample.events - 1, mean), rel=1e-9, abs=1e-300
    )


@patient
@given(rates(), levels)
def test_garwood_ends_are_where_the_exact_test_rejects(sample: Rate, level: float) -> None:
    interval = garwood(sample, level)
    assert sample.value in interval
    for end in (interval.lower, interval.upper):
        if end > 0:
            assert poisson_exact(sample, Hypothesis(end, level=level)).p == pytest.approx(1.0 - level, rel=1e-6)


@patient
@given(rates(), rates(), st.sampled_from(list(RateTest)), st.sampled_from(list(Alternative)), st.floats(0.3, 3.0))
def test_comparison_mirrors(t: Rate, c: Rate, test: RateTest, side: Alternative, null: float) -> None:
    there = compare_rates(t, c, test, null, side)
    back = compare_rates(c, t, test, 1.0 / null, OPPOSITE[side])
    assert there.can_tell == back.can_tell
    assert there.can_tell == bool(t.events * c.events if test in LOGARITHMS else t.events + c.events)
    if there.can_tell:
        assert there.p == pytest.approx(back.p, rel=1e-6, abs=1e-9)
        assert 0.0 <= there.p <= 1.0


@patient
@given(rates(), rates(), st.sampled_from(list(RateTest)), st.floats(0.01, 100.0))
def test_units_of_exposure_do_not_matter(t: Rate, c: Rate, test: RateTest, scale: float) -> None:
    there = compare_rates(t, c, test)
    scaled = compare_rates(Rate(t.events, t.exposure * scale), Rate(c.events, c.exposure * scale), test)
    assert there.reason == scaled.reason
    if there.can_tell:
        assert scaled.p == pytest.approx(there.p, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("side", list(Alternative))
@pytest.mark.parametrize(("k_t", "k_c", "g"), [(6, 2, 1.0), (0, 5, 0.5), (12, 30, 0.7), (3, 0, 2.0), (15, 15, 1.3)])
def test_the_e_test_counts_every_outcome(k_t: int, k_c: int, g: float, side: Alternative) -> None:
    """All outcomes on a grid, one by one."""
    x, y = np.meshgrid(np.arange(160.0), np.arange(160.0), indexing="ij")
    total = np.where(x + y > 0, x + y, 1.0)
    z = (x - g * y) / np.sqrt(g * total)
    mean_c = (k_t + k_c) / (1.0 + g)
    weight = stats.poisson.pmf(x, g * mean_c) * stats.poisson.pmf(y, mean_c)
    observed = z[k_t, k_c]
    extreme = {
        UP: z >= observed - 1e-9,
        DOWN: z <= observed + 1e-9,
        BOTH: np.abs(z) >= abs(observed) - 1e-9,
    }[side]
    statistic, p = e_test(k_t, k_c, g, side)
    assert statistic == pytest.approx(observed)
    assert p == pytest.approx(min(1.0, weight[extreme].sum()), rel=1e-9)


def test_the_e_test_stands_large_counts() -> None:
    _, p = e_test(1_010_000, 1_000_000, 1.0, UP)
    assert p == pytest.approx(
        compare_rates(Rate(1_010_000, 1.0), Rate(1_000_000, 1.0), RateTest.SCORE, 1.0, UP).p, rel=0.01
    )


@patient
@given(rates(), rates(), levels)
def test_ratio_intervals_mirror_and_hold_what_is_not_rejected(t: Rate, c: Rate, level: float) -> None:
    there, back = score_ratio_interval(t, c, level), score_ratio_interval(c, t, level)
    assert there.lower * back.upper == pytest.approx(1.0) or there.lower == 0.0
    for end in (there.lower, there.upper):
        if 0 < end < math.inf:
            assert compare_rates(t, c, RateTest.SCORE, end).p == pytest.approx(1.0 - level, rel=1e-5)


@patient
@given(rates(), rates(), levels, st.sampled_from(list(Alternative)))
def test_the_exact_ratio_agrees_with_its_one_sided_tests(t: Rate, c: Rate, level: float, side: Alternative) -> None:
    result = exact_ratio(t, c, Hypothesis(1.0, side, level))
    if not result.can_tell:
        assert t.events + c.events == 0
        return
    assert result.interval is not None
    assert result.estimate in result.interval or math.isinf(result.estimate)
    tail = 1.0 - level if side is not BOTH else (1.0 - level) / 2.0
    if result.interval.lower > 0:
        assert compare_rates(t, c, RateTest.EXACT_COND, result.interval.lower, UP).p == pytest.approx(tail, rel=1e-5)
    if result.interval.upper < math.inf:
        assert compare_rates(t, c, RateTest.EXACT_COND, result.interval.upper, DOWN).p == pytest.approx(tail, rel=1e-5)


def test_mid_p_lies_below_exact_by_half_of_what_was_seen() -> None:
    t, c = Rate(8, 10.0), Rate(3, 10.0)
    exact, mid = (compare_rates(t, c, test, 1.0, UP).p for test in (RateTest.EXACT_COND, RateTest.COND_MIDP))
    assert exact - mid == pytest.approx(0.5 * math.comb(11, 8) / 2**11)


def test_rates_add() -> None:
    assert Rate(3, 10.0) + Rate(1, 5.0) == Rate(4, 15.0)


def test_says_why_it_cannot_tell_and_refuses_by_name() -> None:
    none, some = Rate(0, 5.0), Rate(3, 5.0)
    assert "no events" in compare_rates(none, none).reason
    assert "logarithm" in compare_rates(none, some, RateTest.WALD_LOG).reason
    assert "no events" in exact_ratio(none, none, Hypothesis(1.0)).reason
    assert "no events" in poisson_means(none, none).reason
    assert score_ratio_interval(none, none).upper == math.inf
    for make, field in (
        (lambda: Rate(-1, 1.0), "events"),
        (lambda: Rate(1, 0.0), "exposure"),
        (lambda: Rate(1, math.nan), "exposure"),
        (lambda: compare_rates(some, some, null=0.0), "null"),
        (lambda: poisson_exact(some, Hypothesis(0.0)), "null"),
        (lambda: poisson_means(Rate(1, 1.5), some), "exposure"),
        (lambda: poisson_means(Rate(20_000, 1.0), some), "events"),
    ):
        with pytest.raises(InputError, match=f"^{field}: "):
            make()


@pytest.mark.parametrize("test", [RateTest.SCORE, RateTest.COND_MIDP, RateTest.ETEST, RateTest.SQRT])
def test_errs_as_often_as_stated(test: RateTest) -> None:
    """The exact chance of a false alarm at ten expected events an arm, enumerated."""
    weight = stats.poisson.pmf(np.arange(31), 10.0)
    rejected = sum(
        weight[a] * weight[b] * (compare_rates(Rate(a, 1.0), Rate(b, 1.0), test).p <= 0.05)
        for a in range(31)
        for b in range(31)
        if a + b
    )
    assert 0.03 <= rejected <= 0.056
