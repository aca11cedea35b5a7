"""Counts of groups against known shares, and the intervals that belong to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import dirichlet_multinomial as library_law
from scipy.stats import multinomial as library_multinomial

from tests.stats.sequential_drawn import BAD, alarms, drawn
from truststream.errors import InputError
from truststream.stats.dirichlet_multinomial import dirichlet_multinomial
from truststream.stats.multinomial import MultinomialTest
from truststream.stats.multinomial_intervals import log_ratio_interval, running_intersection, share_intervals
from truststream.stats.result import Interval

TWO, THREE = MultinomialTest((0.8, 0.2)), MultinomialTest((0.1, 0.4, 0.5), 10.0)
triples = st.lists(st.integers(0, 500), min_size=3, max_size=3)
pairs = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))


@drawn
@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=5), st.floats(0.1, 1000))
def test_before_the_first_event_the_evidence_is_one(weights: list[float], k: float) -> None:
    total = sum(weights)
    test = MultinomialTest(tuple(w / total for w in weights), k)
    assert test.log_e([0] * len(weights)) == pytest.approx(0.0, abs=1e-9)


@drawn
@given(triples)
def test_one_more_event_is_a_fair_game(seen: list[int]) -> None:
    after = [THREE.log_e([n + (i == j) for j, n in enumerate(seen)]) for i in range(3)]
    mean = sum(p * math.exp(value - THREE.log_e(seen)) for p, value in zip(THREE.theta0, after, strict=True))
    assert mean == pytest.approx(1.0, rel=1e-8)


@drawn
@given(triples)
def test_evidence_is_a_ratio_of_library_laws(seen: list[int]) -> None:
    n = sum(seen)
    expected = library_law(THREE.prior, n).logpmf(seen) - library_multinomial(n, THREE.theta0).logpmf(seen)
    assert THREE.log_e(seen) == pytest.approx(float(expected), abs=1e-8)


@drawn
@given(pairs)
def test_a_billion_events_do_not_overflow(seen: tuple[int, int]) -> None:
    assert math.isfinite(TWO.log_e(seen))
    interval = log_ratio_interval(TWO, seen, 0.05)
    assert interval.lower < interval.upper


@drawn
@given(triples, st.floats(1e-4, 0.3))
def test_intervals_contain_the_observed_shares(seen: list[int], alpha: float) -> None:
    n = sum(seen)
    intervals = share_intervals(THREE, seen, alpha)
    for count, interval in zip(seen, intervals, strict=True):
        assert 0 <= interval.lower <= interval.upper <= 1
        if n:
            assert interval.lower <= count / n + 1e-12
            assert count / n <= interval.upper + 1e-12


@drawn
@given(triples, st.floats(1e-4, 0.3))
def test_a_stricter_level_is_wider(seen: list[int], alpha: float) -> None:
    for wide, narrow in zip(share_intervals(THREE, seen, alpha / 2), share_intervals(THREE, seen, alpha), strict=True):
        assert wide.lower <= narrow.lower + 1e-12
        assert narrow.upper <= wide.upper + 1e-12


def test_a_share_at_its_end_is_just_not_rejected() -> None:
    seen, alpha = np.array([30.0, 50.0, 20.0]), 0.05
    for i, interval in enumerate(share_intervals(THREE, seen, alpha)):
        for end in (interval.lower, interval.upper):
            j, k = (other for other in range(3) if other != i)

            def worst(share: float, end: float = end, i: int = i, j: int = j, k: int = k) -> float:
                left = 1 - end
                theta = {i: end, j: left * share, k: left * (1 - share)}
                return -sum(float(seen[g]) * math.log(theta[g]) for g in theta)

            best = -float(minimize_scalar(worst, bounds=(1e-6, 1 - 1e-6), method="bounded").fun)
            assert float(THREE.log_marginal(seen)) - best == pytest.approx(-math.log(alpha), abs=1e-6)


def test_the_ratio_is_the_share_on_another_scale_when_there_are_two_groups() -> None:
    share, ratio = share_intervals(TWO, (148, 62), 0.05)[1], log_ratio_interval(TWO, (148, 62), 0.05)
    for end, logit in ((share.lower, ratio.lower), (share.upper, ratio.upper)):
        assert math.log(end / (1 - end)) - math.log(0.2 / 0.8) == pytest.approx(logit, abs=1e-10)


def test_the_ratio_reversed_is_its_negative() -> None:
    one, other = (
        log_ratio_interval(THREE, (3, 40, 0), 0.05, (1, 0)),
        log_ratio_interval(THREE, (3, 40, 0), 0.05, (0, 1)),
    )
    assert (one.lower, one.upper) == pytest.approx((-other.upper, -other.lower))


def test_a_group_without_events_leaves_its_end_open() -> None:
    nothing, one_sided = log_ratio_interval(TWO, (0, 0), 0.05), log_ratio_interval(TWO, (0, 900), 0.05)
    assert (nothing.lower, nothing.upper) == (-math.inf, math.inf)
    assert one_sided.upper == math.inf
    assert 1 < one_sided.lower < math.inf


def test_the_estimate_is_the_ratio_of_rates() -> None:
    assert TWO.look((80, 40)).estimate == pytest.approx(math.log(2))
    assert math.isnan(TWO.look((0, 40)).estimate)


def test_intersections_shrink_and_may_be_empty() -> None:
    a, b, c = Interval(0.0, 0.6, 0.95), Interval(0.4, 1.0, 0.95), Interval(0.7, 0.9, 0.95)
    assert running_intersection([a, b]) == Interval(0.4, 0.6, 0.95)
    assert running_intersection([a, b, c]) is None
    with pytest.raises(InputError, match="intervals: is empty"):
        running_intersection([])
    with pytest.raises(InputError, match="different levels"):
        running_intersection([a, Interval(0.0, 1.0, 0.9)])


@pytest.mark.parametrize("bad", [*BAD, -1.0, 0.5])
def test_what_is_no_count_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="counts: element 1"):
        TWO.log_e((1.0, bad))
    with pytest.raises(InputError, match=r"batches\[1\]: element 0"):
        dirichlet_multinomial([[1, 2], [bad, 1]], [0.5, 0.5], [1, 1])


def test_shapes_that_do_not_fit_are_refused() -> None:
    for call, field in (
        (lambda: TWO.log_e((1, 2, 3)), "counts"),
        (lambda: MultinomialTest((0.5, 0.6)), "theta0"),
        (lambda: MultinomialTest((1.0,)), "theta0"),
        (lambda: MultinomialTest((0.5, 0.5), 0.0), "concentration"),
        (lambda: log_ratio_interval(TWO, (1, 2), 0.05, (1, 1)), "groups"),
        (lambda: log_ratio_interval(TWO, (1, 2), 0.05, (2, 0)), "groups"),
        (lambda: share_intervals(TWO, (1, 2), 1.0), "alpha"),
        (lambda: dirichlet_multinomial([], [0.5, 0.5], [1, 1]), "batches"),
        (lambda: dirichlet_multinomial([[1, 2, 3]], [0.5, 0.5], [1, 1]), "batches[0]"),
        (lambda: dirichlet_multinomial([[1, 2]], [0.5, 0.5], [1, 0]), "prior"),
        (lambda: dirichlet_multinomial([[1, 2]], [0.5, 0.5], [1, 1, 1]), "prior"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.field == field


@drawn
@given(st.lists(triples, min_size=1, max_size=6))
def test_batches_may_be_cut_as_one_likes(batches: list[list[int]]) -> None:
    prior = THREE.prior.tolist()
    cut = dirichlet_multinomial(batches, THREE.theta0, prior).look()
    whole = np.sum(batches, axis=0)
    assert cut.log_e == pytest.approx(THREE.log_e(whole), abs=1e-7)
    assert cut.n == whole.sum()


@drawn
@given(st.permutations([[5, 9, 1], [0, 3, 3], [20, 10, 30], [1, 0, 0]]))
def test_the_order_of_batches_does_not_matter(batches: list[list[int]]) -> None:
    first = dirichlet_multinomial([[5, 9, 1], [0, 3, 3], [20, 10, 30], [1, 0, 0]], THREE.theta0, [1, 1, 1])
    assert dirichlet_multinomial(batches, THREE.theta0, [1, 1, 1]).look().log_e == pytest.approx(first.look().log_e)


def test_false_alarms_stay_below_the_level_and_the_truth_is_covered() -> None:
    events = np.random.default_rng(13).multinomial(1, THREE.theta0, size=(2000, 300)).astype(float)
    seen = np.cumsum(events, axis=1)
    paths = THREE.log_path(seen)
    assert 0 < alarms(paths, 0.05) <= 0.05
    for row, path in zip(seen[:40], paths[:40], strict=True):
        never = path.max() < math.log(20)
        covered = all(
            p in interval
            for look in row[9::10]
            for p, interval in zip(THREE.theta0, share_intervals(THREE, look, 0.05), strict=True)
        )
        assert covered or not never


def test_a_wrong_split_is_found() -> None:
    events = np.random.default_rng(14).multinomial(1, (0.7, 0.3), size=3000).sum(axis=0)
    assert TWO.log_e(events) > math.log(1e6)
