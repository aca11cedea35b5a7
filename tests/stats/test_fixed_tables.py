"""Tables of counts and ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from tests.stats.properties import patient, proportions
from truststream.errors import InputError
from truststream.stats.barnard import barnard
from truststream.stats.boschloo import boschloo
from truststream.stats.chi_square import goodness_of_fit, independence
from truststream.stats.exact_tables import Table
from truststream.stats.fisher import fisher
from truststream.stats.mann_whitney import RankLaw, hodges_lehmann, mann_whitney
from truststream.stats.result import Alternative
from truststream.stats.summary import Proportion
from truststream.stats.tails import OPPOSITE, Hypothesis

small = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=15)


@patient
@given(proportions(1, 40), proportions(1, 40), st.sampled_from(list(Alternative)))
def test_fisher_mirrors(t: Proportion, c: Proportion, side: Alternative) -> None:
    there, back = fisher(Table.of_arms(t, c), side), fisher(Table.of_arms(c, t), OPPOSITE[side])
    assert there.can_tell == back.can_tell
    if there.can_tell:
        assert there.p == pytest.approx(back.p, rel=1e-9)


@pytest.mark.parametrize("rows", [((7, 12), (8, 3)), ((3, 1), (1, 3)), ((10, 5), (2, 9)), ((1, 9), (6, 4))])
@pytest.mark.parametrize("side", list(Alternative))
def test_boschloo_is_never_weaker_than_fisher(rows: tuple[tuple[int, int], tuple[int, int]], side: Alternative) -> None:
    table = Table.of(rows)
    exact, conditional = boschloo(table, side), fisher(table, side)
    # scipy's Boschloo doubles the smaller side, Fisher orders tables by likelihood: comparable on one side only
    if side is not Alternative.TWO_SIDED:
        assert exact.p <= conditional.p + 1e-9
        assert barnard(table, side).p <= 1.0
    assert 0.0 < exact.p <= 1.0


def test_barnard_keeps_its_level_where_fisher_wastes_it() -> None:
    """All tables of 8 and 8 with one probability: the chance to reject is enumerated, not simulated."""
    share, level = 0.4, 0.05
    errs = {"barnard": 0.0, "fisher": 0.0}
    for a in range(9):
        for b in range(9):
            chance = float(stats.binom.pmf(a, 8, share) * stats.binom.pmf(b, 8, share))
            table = Table.of_arms(Proportion(a, 8), Proportion(b, 8))
            for name, test in (("barnard", barnard), ("fisher", fisher)):
                result = test(table, Alternative.GREATER)
                errs[name] += chance * (result.can_tell and result.p <= level)
    assert errs["fisher"] <= errs["barnard"] <= level + 1e-9


@pytest.mark.parametrize("test", [fisher, barnard, boschloo])
def test_exact_tests_say_why_they_cannot_tell(test: object) -> None:
    for rows, reason in ((((0, 3), (0, 4)), "an arm"), (((0, 0), (3, 4)), "alike")):
        result = test(Table.of(rows))  # type: ignore[operator]
        assert reason in result.reason
        assert math.isnan(result.p)


@pytest.mark.parametrize("test", [barnard, boschloo])
def test_searches_through_too_many_tables_are_refused(test: object) -> None:
    with pytest.raises(InputError, match=r"^table: .*score test"):
        test(Table.of(((500, 700), (600, 800))))  # type: ignore[operator]


def test_fisher_stands_large_tables() -> None:
    result = fisher(Table.of_arms(Proportion(1_200_000, 10**9), Proportion(1_200_500, 10**9)))
    assert 0.7 < result.p < 0.8


def test_tables_hold_whole_counts() -> None:
    for rows in (((0.5, 1), (1, 1)), ((-1, 1), (1, 1)), ((math.nan, 1), (1, 1))):
        with pytest.raises(InputError, match=r"^table\[0\]\[0\]: "):
            Table.of(rows)


@patient
@given(st.lists(st.lists(st.integers(1, 50), min_size=3, max_size=3), min_size=2, max_size=4))
def test_chi_squared_does_not_know_rows_from_columns(table: list[list[int]]) -> None:
    there, back = independence(table), independence([list(column) for column in zip(*table, strict=True)])
    assert there.statistic == pytest.approx(back.statistic, abs=1e-9)
    assert there.details["g"] == pytest.approx(back.details["g"], abs=1e-9)
    expected = np.outer(np.sum(table, axis=1), np.sum(table, axis=0)) / np.sum(table)
    assert there.statistic == pytest.approx(float(((np.array(table) - expected) ** 2 / expected).sum()), abs=1e-8)


@patient
@given(st.lists(st.integers(0, 500), min_size=2, max_size=6), st.floats(0.1, 100.0))
def test_fit_knows_shares_only_up_to_scale(counts: list[int], scale: float) -> None:
    assume(sum(counts))
    shares = [float(index + 1) for index in range(len(counts))]
    there, scaled = goodness_of_fit(counts, shares), goodness_of_fit(counts, [scale * share for share in shares])
    assert there.statistic == pytest.approx(scaled.statistic, rel=1e-9, abs=1e-9)
    theirs = stats.chisquare(counts, np.array(shares) / sum(shares) * sum(counts))
    assert there.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-300)


def test_chi_squared_refuses_and_says_why() -> None:
    assert "row or a column" in independence([[0, 0], [1, 2]]).reason
    assert "cannot depend" in independence([[1, 2]]).reason
    assert "no events" in goodness_of_fit([0, 0], [1, 1]).reason
    for table in ([[1, 2], [3]], [], [[1, -2], [3, 4]]):
        with pytest.raises(InputError, match=r"^table: "):
            independence(table)
    with pytest.raises(InputError, match=r"^table\[0\]\[1\]: "):
        independence([[1, math.nan], [1, 1]])
    with pytest.raises(InputError, match=r"^shares: "):
        goodness_of_fit([1, 2], [1])
    with pytest.raises(InputError, match=r"^observed: "):
        goodness_of_fit([1, 2], [1, 0])


@patient
@given(small, small, st.sampled_from(list(Alternative)))
def test_ranks_mirror_and_ignore_monotone_changes(x: list[float], y: list[float], side: Alternative) -> None:
    there = mann_whitney(x, y, RankLaw.NORMAL_CONTINUITY, side)
    back = mann_whitney(y, x, RankLaw.NORMAL_CONTINUITY, OPPOSITE[side])
    if not there.can_tell:
        assert len({*x, *y}) == 1
        return
    assert there.p == pytest.approx(back.p)
    assert there.statistic + back.statistic == pytest.approx(len(x) * len(y))
    changed = mann_whitney([v**3 for v in x], [v**3 for v in y], RankLaw.NORMAL_CONTINUITY, side)
    assert changed.p == pytest.approx(there.p)


@patient
@given(small, small, st.floats(-50, 50))
def test_the_shift_moves_with_the_data(x: list[float], y: list[float], shift: float) -> None:
    there, moved = hodges_lehmann(x, y), hodges_lehmann([v + shift for v in x], y)
    if not (there.can_tell and moved.can_tell):
        assert len({*x, *y}) <= 2
        return
    assert moved.estimate == pytest.approx(there.estimate + shift, abs=1e-6)
    assert there.interval is not None
    assert moved.interval is not None
    assert moved.interval.lower == pytest.approx(there.interval.lower + shift, abs=1e-6)
    assert there.interval.lower <= there.estimate <= there.interval.upper


def test_the_shift_interval_holds_what_the_rank_test_does_not_reject() -> None:
    rng = np.random.default_rng(5)
    x, y = list(rng.normal(1, 1, 25)), list(rng.normal(0, 1, 30))
    interval = hodges_lehmann(x, y).interval
    assert interval is not None
    for shift, inside in (
        (interval.lower - 1e-6, False),
        (interval.lower + 1e-6, True),
        (interval.upper - 1e-6, True),
        (interval.upper + 1e-6, False),
    ):
        p = mann_whitney([v - shift for v in x], y).p
        assert (p > 0.05) == inside
        assert hodges_lehmann(x, y, Hypothesis(shift)).p == pytest.approx(p, rel=1e-9)


def _inverted(x: list[float], y: list[float], z: float) -> float:
    """The shift at which the rank statistic with continuity correction passes z, ranks made anew at every step."""

    def excess(shift: float) -> float:
        ranks = stats.rankdata(np.round([*(v - shift for v in x), *y], 9))
        sizes = np.unique(ranks, return_counts=True)[1]
        n, pairs = len(ranks), len(x) * len(y)
        u = ranks[: len(x)].sum() - len(x) * (len(x) + 1) / 2 - pairs / 2
        variance = pairs / 12 * (n + 1 - (sizes**3 - sizes).sum() / (n * (n - 1)))
        return float((u - 0.5 * np.sign(u)) / math.sqrt(variance) - z)

    low, high = min(x) - max(y), max(x) - min(y)
    if excess(low) <= 0:
        return low
    return high if excess(high) >= 0 else float(optimize.brentq(excess, low, high, xtol=1e-7))


@pytest.mark.parametrize("seed", range(20))
def test_shifts_are_those_of_the_inverted_rank_test(seed: int) -> None:
    """The way of R and Kayenta, step by step, on data with and without ties."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 40, 2)
    draw = rng.normal if seed % 2 else lambda size: rng.integers(0, 12, size) / 2
    x, y = list(draw(size=sizes[0])), list(draw(size=sizes[1]))
    interval = hodges_lehmann(x, y, Hypothesis(level=0.98)).interval
    assert interval is not None
    assert interval.lower == pytest.approx(_inverted(x, y, 2.3263479), abs=1e-5)
    assert interval.upper == pytest.approx(_inverted(x, y, -2.3263479), abs=1e-5)


def test_one_sided_shifts_are_open() -> None:
    x, y = [5.0, 6.5, 7.0, 9.0], [1.0, 2.0, 3.5]
    up = hodges_lehmann(x, y, Hypothesis(alternative=Alternative.GREATER)).interval
    down = hodges_lehmann(x, y, Hypothesis(alternative=Alternative.LESS)).interval
    assert up is not None
    assert down is not None
    assert (up.upper, down.lower) == (math.inf, -math.inf)
    assert up.lower < down.upper


def test_rank_tests_refuse_and_say_why() -> None:
    assert "equal" in mann_whitney([1.0, 1.0], [1.0]).reason
    assert "needs a value" in hodges_lehmann([], [1.0, 2.0]).reason
    with pytest.raises(InputError, match=r"^law: "):
        mann_whitney([1.0, 2.0], [2.0, 3.0], RankLaw.EXACT)
    with pytest.raises(InputError, match=r"^law: "):
        mann_whitney([float(v) for v in range(200)], [v + 0.5 for v in range(200)], RankLaw.EXACT)
    with pytest.raises(InputError, match=r"^treatment\[1\]: "):
        mann_whitney([1.0, math.nan], [2.0])
    with pytest.raises(InputError, match=r"^treatment: "):
        hodges_lehmann([float(v) for v in range(6000)], [float(v) for v in range(6000)])


def test_the_rank_test_errs_as_often_as_stated() -> None:
    rng = np.random.default_rng(9)
    rejections = sum(
        mann_whitney(list(rng.lognormal(size=15)), list(rng.lognormal(size=25))).p <= 0.05 for _ in range(1500)
    )
    assert 0.03 <= rejections / 1500 <= 0.066
