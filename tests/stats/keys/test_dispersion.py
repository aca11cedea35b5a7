"""phi: found where errors come in lumps, in windows of every length, and the same block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.dispersion import FLOOR, SAFETY, UNKNOWN, Running, calibrated

HOUR = 360
LENGTH = 10.0


def _halves(errors: Floats) -> Counts:
    """Two halves of a baseline; `errors` has shape (2, ...)."""
    requests = np.full(errors.shape[1:], 10_000.0)
    return Counts.of(requests, errors[0], requests, errors[1])


def _clusters(generator: np.random.Generator, size: int, shape: tuple[int, ...]) -> Floats:
    return generator.poisson(20 / size, size=shape).astype(np.float64) * size


def _one_by_one(counts: Counts, length: float) -> Running:
    running = Running.begin(counts.n_c.shape[:-1])
    for number in range(counts.n_c.shape[-1]):
        block = (part[..., number, None] for part in (counts.n_c, counts.e_c, counts.n_b, counts.e_b))
        running = running.add(Counts(*block), length)
    return running


@pytest.mark.parametrize("size", [1, 4, 20])
def test_it_is_the_size_of_the_clusters(size: int) -> None:
    counts = _halves(_clusters(np.random.default_rng(size), size, (2, 400, HOUR)))
    found = calibrated(counts, LENGTH, floor=0.0) / SAFETY
    # the largest of four windows: never much below the truth, somewhat above it
    assert np.mean(found) == pytest.approx(1.25 * size, rel=0.2)
    assert np.quantile(found, 0.01) > 0.8 * size


def test_a_burst_of_a_minute_is_seen_in_the_longer_windows() -> None:
    """Twenty errors of one cause over six blocks of one arm: a block alone looks nearly like chance."""
    generator = np.random.default_rng(7)
    begins = generator.poisson(0.2, size=(2, 200, HOUR))
    errors = np.zeros((2, 200, HOUR + 6))
    for later in range(6):
        errors[..., later : HOUR + later] += 20 / 6 * begins
    counts = _halves(np.floor(errors[..., :HOUR]))
    whole = float(np.mean(calibrated(counts, LENGTH)))
    short = float(np.mean(calibrated(counts, 600.0)))  # every window is one block of the given length
    assert whole > 15
    assert short < 0.6 * whole


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([10.0, 15.0, 30.0, 60.0]), st.integers(1, 200), st.floats(0.01, 5))
def test_block_by_block_is_the_same(seed: int, length: float, blocks: int, errors: float) -> None:
    counts = _halves(np.random.default_rng(seed).poisson(errors, size=(2, blocks)).astype(np.float64))
    running = _one_by_one(counts, length).dispersion
    expected = np.maximum(SAFETY * running, FLOOR) if running > 0 else UNKNOWN
    assert calibrated(counts, length) == pytest.approx(float(expected), rel=1e-9)


def test_pairs_of_an_interval_count_together() -> None:
    errors = np.array([[[3.0, 1.0], [0.0, 2.0]], [[1.0, 1.0], [4.0, 0.0]]])
    counts = _halves(errors)
    summed = _halves(errors.sum(axis=-1))
    running = Running.begin((2,)).add(counts, LENGTH)
    single = Running.begin((2,)).add(
        Counts(*(x[:, None] for x in (summed.n_c, summed.e_c, summed.n_b, summed.e_b))), LENGTH
    )
    assert running.squares == pytest.approx(single.squares)


def test_what_was_not_counted_is_unknown_and_never_below_the_floor() -> None:
    nothing = _halves(np.zeros((2, HOUR)))
    assert calibrated(nothing, LENGTH) == UNKNOWN
    assert calibrated(nothing, LENGTH, floor=3.0) == 3.0
    assert _one_by_one(nothing, LENGTH).dispersion == 0.0


def test_the_floor_holds_where_errors_are_smooth() -> None:
    alternating = np.array([np.full(HOUR, 5.0), np.full(HOUR, 5.0)])
    assert calibrated(_halves(alternating), LENGTH) == FLOOR
    assert calibrated(_halves(alternating), LENGTH, floor=4.0) == 4.0


def test_runs_are_calibrated_apart() -> None:
    generator = np.random.default_rng(3)
    errors = np.stack([_clusters(generator, size, (2, HOUR)) for size in (1, 8)], axis=1)
    together = calibrated(_halves(errors), LENGTH)
    for row in range(2):
        assert together[row] == pytest.approx(float(calibrated(_halves(errors[:, row]), LENGTH)))
