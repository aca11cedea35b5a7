"""Proportions: tests and intervals that must agree, at the ends, too."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from tests.stats.properties import levels, patient, proportions
from truststream.errors import InputError
from truststream.stats import intervals_difference, intervals_proportion
from truststream.stats.binomial_exact import binomial_exact
from truststream.stats.chi_square import equal_proportions
from truststream.stats.intervals_odds import logit
from truststream.stats.intervals_ratio import log_ratio
from truststream.stats.proportions import one_sample_z, pooled_z, unpooled_z
from truststream.stats.proportions_score import Comparison, _constrained_difference, score
from truststream.stats.result import Alternative, Interval
from truststream.stats.summary import Proportion
from truststream.stats.tails import Hypothesis

NO_EFFECT = {Comparison.DIFFERENCE: 0.0, Comparison.RATIO: 1.0, Comparison.ODDS_RATIO: 1.0}
OF_ONE = [intervals_proportion.wald, intervals_proportion.wilson, intervals_proportion.clopper_pearson]
OF_TWO = [intervals_difference.wald, intervals_difference.agresti_caffo, intervals_difference.newcombe]
OneInterval = Callable[[Proportion, float], Interval]
TwoInterval = Callable[[Proportion, Proportion, float], Interval]


@patient
@given(proportions(), levels)
@pytest.mark.parametrize("method", OF_ONE)
def test_one_interval_mirrors_contains_and_stays_inside(method: OneInterval, arm: Proportion, level: float) -> None:
    interval, mirror = method(arm, level), method(Proportion(arm.failures, arm.n), level)
    assert 0.0 <= interval.lower <= arm.mean + 1e-12
    assert arm.mean - 1e-12 <= interval.upper <= 1.0
    assert interval.lower == pytest.approx(1.0 - mirror.upper, abs=1e-9)


@patient
@given(proportions(), levels)
def test_clopper_pearson_agrees_with_scipy(arm: Proportion, level: float) -> None:
    theirs = stats.binomtest(int(arm.successes), int(arm.n)).proportion_ci(level, "exact")
    ours = intervals_proportion.clopper_pearson(arm, level)
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), abs=1e-8)


@patient
@given(proportions(), levels)
def test_wilson_ends_are_where_the_score_test_rejects(arm: Proportion, level: float) -> None:
    interval = intervals_proportion.wilson(arm, level)
    for end in (interval.lower, interval.upper):
        if 0 < end < 1:
            result = one_sample_z(arm, Hypothesis(end, level=level), null_variance=True)
            assert result.p == pytest.approx(1.0 - level, rel=1e-6)


@patient
@given(proportions(), proportions(), levels)
@pytest.mark.parametrize("method", OF_TWO)
def test_difference_intervals_swap_with_the_arms(
    method: TwoInterval, t: Proportion, c: Proportion, level: float
) -> None:
    there, back = method(t, c, level), method(c, t, level)
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-9)


@patient
@given(proportions(2), proportions(2), st.sampled_from(list(Comparison)), levels, st.sampled_from(list(Alternative)))
def test_score_interval_ends_are_where_its_test_rejects(
    t: Proportion, c: Proportion, compare: Comparison, level: float, alternative: Alternative
) -> None:
    result = score(t, c, compare, Hypothesis(NO_EFFECT[compare], alternative, level))
    if not result.can_tell:
        assert (t + c).successes in (0, (t + c).n)
        return
    assert result.interval is not None
    assert result.interval.lower - 1e-9 <= result.estimate <= result.interval.upper + 1e-9
    for end in (result.interval.lower, result.interval.upper):
        inside = -1 < end < 1 if compare is Comparison.DIFFERENCE else 1e-9 < end < 1e9
        if inside:
            at_end = score(t, c, compare, Hypothesis(end, alternative, level))
            assert at_end.p == pytest.approx(1.0 - level, rel=1e-4)


@patient
@given(proportions(2), proportions(2), st.sampled_from(list(Comparison)))
def test_score_swaps_with_the_arms(t: Proportion, c: Proportion, compare: Comparison) -> None:
    asked = Hypothesis(NO_EFFECT[compare])
    there, back = score(t, c, compare, asked), score(c, t, compare, asked)
    assert there.reason == back.reason
    if there.can_tell:
        assert there.p == pytest.approx(back.p)
        assert there.interval is not None
        assert back.interval is not None
        if compare is Comparison.DIFFERENCE:
            assert there.interval.lower == pytest.approx(-back.interval.upper, abs=1e-8)
        elif there.interval.lower > 0:
            assert 1.0 / there.interval.lower == pytest.approx(back.interval.upper, rel=1e-6)


@patient
@given(proportions(5), proportions(5))
def test_without_effect_all_score_tests_are_the_pooled_z(t: Proportion, c: Proportion) -> None:
    pooled = pooled_z(t, c)
    for compare, null in NO_EFFECT.items():
        result = score(t, c, compare, Hypothesis(null), corrected=False)
        if pooled.can_tell:
            assert result.p == pytest.approx(pooled.p, rel=1e-7, abs=1e-12)


@patient
@given(proportions(2), proportions(2))
def test_the_square_of_pooled_z_is_chi_squared(t: Proportion, c: Proportion) -> None:
    z, chi2 = pooled_z(t, c), equal_proportions([t, c])
    assert z.can_tell == chi2.can_tell
    if z.can_tell:
        assert z.statistic**2 == pytest.approx(chi2.statistic, abs=1e-9)
        assert z.p == pytest.approx(chi2.p, rel=1e-6, abs=1e-12)


@patient
@given(proportions(), st.floats(0.05, 0.95), st.sampled_from(list(Alternative)))
def test_binomial_exact_agrees_with_its_law(arm: Proportion, null: float, side: Alternative) -> None:
    result = binomial_exact(arm, Hypothesis(null, side))
    k, n = int(arm.successes), int(arm.n)
    tails = {Alternative.LESS: stats.binom.cdf(k, n, null), Alternative.GREATER: stats.binom.sf(k - 1, n, null)}
    if side in tails:
        assert result.p == pytest.approx(tails[side], rel=1e-9, abs=1e-14)
    assert result.interval is not None
    assert arm.mean in result.interval


@pytest.mark.parametrize(
    ("compare", "corrected", "ends"),
    [
        (Comparison.DIFFERENCE, True, (0.0270416, 0.3452912)),
        (Comparison.RATIO, False, (1.220853, 42.575718)),
        (Comparison.ODDS_RATIO, True, (1.246309, 56.486130)),
    ],
)
def test_score_intervals_are_those_of_r(compare: Comparison, corrected: bool, ends: tuple[float, float]) -> None:
    """PropCIs: diffscoreci, riskscoreci, orscoreci (7, 34, 1, 34, 0.95); the last one stops its search early."""
    asked = Hypothesis(NO_EFFECT[compare])
    interval = score(Proportion(7, 34), Proportion(1, 34), compare, asked, corrected=corrected).interval
    assert interval is not None
    rel = 5e-4 if compare is Comparison.ODDS_RATIO else 2e-6
    assert (interval.lower, interval.upper) == pytest.approx(ends, rel=rel)


@patient
@given(proportions(1, 60), proportions(1, 60), st.floats(-0.95, 0.95))
def test_the_difference_is_tested_at_its_likeliest_pair(t: Proportion, c: Proportion, value: float) -> None:
    """The closed root of the cubic against a search of the likelihood on a grid."""
    p = np.linspace(max(0.0, -value), min(1.0, 1.0 - value), 20001)
    q = np.clip(p + value, 0.0, 1.0)
    cells = ((t.successes, q), (t.failures, 1.0 - q), (c.successes, p), (c.failures, 1.0 - p))
    best = sum(special.xlogy(count, share) for count, share in cells).argmax()
    assert _constrained_difference(t, c, value) == pytest.approx(p[best], abs=1e-3)


def test_extreme_counts_have_open_ends() -> None:
    none, some = Proportion(0, 20), Proportion(5, 20)
    ratio = score(none, some, Comparison.RATIO, Hypothesis(1.0)).interval
    inverse = score(some, none, Comparison.ODDS_RATIO, Hypothesis(1.0)).interval
    assert ratio is not None
    assert inverse is not None
    assert ratio.lower == 0.0
    assert 0 < ratio.upper < 1.2
    assert inverse.upper == math.inf
    apart = score(Proportion(20, 20), none, Comparison.DIFFERENCE, Hypothesis()).interval
    assert apart is not None
    assert apart.upper == 1.0
    assert 0.7 < apart.lower < 1.0


def test_log_intervals_mirror_and_refuse_empty_cells() -> None:
    t, c = Proportion(7, 34), Proportion(2, 40)
    for method in (log_ratio, logit):
        there, back = method(t, c), method(c, t)
        assert there.lower * back.upper == pytest.approx(1.0)
        with pytest.raises(InputError, match="score"):
            method(Proportion(0, 34), c)
        assert method(Proportion(0, 34), c, adjust=True).lower > 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (pooled_z(Proportion(0, 0), Proportion(1, 2)), "no trials"),
        (pooled_z(Proportion(0, 5), Proportion(0, 6)), "alike"),
        (pooled_z(Proportion(1, 5), Proportion(2, 6), Hypothesis(0.1)), "null 0"),
        (unpooled_z(Proportion(0, 5), Proportion(6, 6)), "alike"),
        (unpooled_z(Proportion(0, 0), Proportion(0, 0)), "no trials"),
        (one_sample_z(Proportion(0, 0), Hypothesis(0.5)), "no trials"),
        (one_sample_z(Proportion(5, 5), Hypothesis(0.5)), "variance is 0"),
        (binomial_exact(Proportion(0, 0), Hypothesis(0.5)), "no trials"),
        (score(Proportion(0, 5), Proportion(0, 5), Comparison.RATIO, Hypothesis(1.0)), "no success"),
        (score(Proportion(5, 5), Proportion(5, 5), Comparison.ODDS_RATIO, Hypothesis(1.0)), "no failure"),
        (equal_proportions([Proportion(1, 2)]), "two arms"),
        (equal_proportions([Proportion(2, 2), Proportion(3, 3)]), "alike"),
    ],
)
def test_says_why_it_cannot_tell(result: object, reason: str) -> None:
    assert reason in result.reason  # type: ignore[attr-defined]
    assert math.isnan(result.p)  # type: ignore[attr-defined]


def test_refuses_by_name() -> None:
    one, none = Proportion(1, 2), Proportion(0, 0)
    with pytest.raises(InputError, match=r"^n: "):
        intervals_proportion.wilson(none)
    with pytest.raises(InputError, match=r"^control\.n: "):
        intervals_difference.newcombe(one, none)
    with pytest.raises(InputError, match=r"^level: "):
        intervals_proportion.wald(one, 1.0)
    with pytest.raises(InputError, match=r"^null: "):
        score(one, one, Comparison.RATIO, Hypothesis(0.0))
    with pytest.raises(InputError, match=r"^null: "):
        score(one, one, Comparison.DIFFERENCE, Hypothesis(1.0))
    with pytest.raises(InputError, match=r"^successes: "):
        binomial_exact(Proportion(0.5, 2), Hypothesis(0.5))


@pytest.mark.parametrize("compare", list(Comparison))
def test_a_billion_trials_are_no_burden(compare: Comparison) -> None:
    t, c = Proportion(1_003_000, 10**9), Proportion(1_000_000, 10**9)
    result = score(t, c, compare, Hypothesis(NO_EFFECT[compare]))
    assert result.interval is not None
    assert result.p == pytest.approx(pooled_z(t, c).p, rel=1e-6)
    # for rare events ratio and odds ratio have the interval of a log ratio of counts
    if compare is not Comparison.DIFFERENCE:
        half = 1.959964 * math.sqrt(1 / 1_003_000 + 1 / 1_000_000)
        assert math.log(result.interval.upper / result.interval.lower) == pytest.approx(2 * half, rel=0.01)


def test_the_score_interval_covers_rare_errors() -> None:
    """Five expected errors an arm: exactly where Wald's interval breaks."""
    rng = np.random.default_rng(11)
    draws = rng.binomial([500, 500], [0.01, 0.01], (1500, 2))
    hits = 0
    for k_t, k_c in draws:
        interval = score(Proportion(k_t, 500), Proportion(k_c, 500), Comparison.DIFFERENCE, Hypothesis()).interval
        assert interval is not None
        hits += 0.0 in interval
    assert 0.935 <= hits / 1500 <= 0.975
