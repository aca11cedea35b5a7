"""A confidence sequence for a proportion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.stats.sequential_drawn import BAD, drawn
from truststream.errors import InputError
from truststream.stats.bernoulli import bernoulli_confidence_sequence, bernoulli_log_e


@drawn
@given(st.integers(1, 10**9), st.floats(0, 1), st.floats(0.001, 0.3))
@example(449712323, 1.0, 0.001)
@example(10**9, 1.0, 0.3)
def test_the_sequence_contains_the_observed_share(trials: int, part: float, alpha: float) -> None:
    successes = math.floor(trials * part)
    interval = bernoulli_confidence_sequence(successes, trials, alpha, 1000)
    assert 0 <= interval.lower <= successes / trials <= interval.upper <= 1
    assert interval.level == 1 - alpha


@drawn
@given(st.integers(0, 300), st.integers(0, 300))
def test_a_stricter_level_is_wider(successes: int, failures: int) -> None:
    n = successes + failures
    narrow = bernoulli_confidence_sequence(successes, n, 0.2, 100)
    wide = bernoulli_confidence_sequence(successes, n, 0.01, 100)
    assert wide.lower <= narrow.lower
    assert narrow.upper <= wide.upper


@drawn
@given(st.integers(0, 200), st.integers(0, 200))
def test_success_and_failure_are_mirror_images(successes: int, failures: int) -> None:
    n = successes + failures
    one = bernoulli_confidence_sequence(successes, n, 0.05, 100)
    other = bernoulli_confidence_sequence(failures, n, 0.05, 100)
    assert one.lower == pytest.approx(1 - other.upper, abs=1e-9)
    assert one.upper == pytest.approx(1 - other.lower, abs=1e-9)


def test_ends_are_where_the_evidence_reaches_the_threshold() -> None:
    interval = bernoulli_confidence_sequence(30, 400, 0.01, 400)
    for end in (interval.lower, interval.upper):
        assert bernoulli_log_e(30, 400, end, 400) == pytest.approx(math.log(100), abs=1e-8)


def test_without_trials_everything_is_possible() -> None:
    interval = bernoulli_confidence_sequence(0, 0, 0.05, 100)
    assert (interval.lower, interval.upper) == (0.0, 1.0)
    assert bernoulli_log_e(0, 0, 0.3, 100) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("bad", [*BAD, -1.0, 1.5])
def test_what_is_no_count_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="successes"):
        bernoulli_confidence_sequence(bad, 10, 0.05, 100)
    with pytest.raises(InputError, match="trials"):
        bernoulli_confidence_sequence(0, bad, 0.05, 100)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(InputError, match="successes: 11 is more than the 10 trials"):
        bernoulli_confidence_sequence(11, 10, 0.05, 100)


def test_the_truth_is_covered_at_all_looks_together() -> None:
    rng, p, missed, runs = np.random.default_rng(3), 0.1, 0, 600
    for _ in range(runs):
        sums = np.cumsum(rng.random(300) < p)
        looks = range(5, 301, 5)
        missed += any(bernoulli_log_e(float(sums[n - 1]), n, p, 100) >= math.log(20) for n in looks)
    assert missed / runs <= 0.05
