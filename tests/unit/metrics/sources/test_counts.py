"""Intervals that are complete, and blocks made of their counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.canary.observation import ArmReading, Cell, Outcome
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.counts import Counted, Grid, blocks, complete, whole
from truststream.metrics.polled import finite, on_grid, single

TIMES = st.floats(1.7e9, 1.7e9 + 7200)
LENGTHS = st.sampled_from([1, 5, 7, 30, 60, 300])
DELAYS = st.floats(0, 600)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@given(TIMES, st.floats(0, 7200), LENGTHS, DELAYS)
def test_every_interval_lies_in_the_window_and_none_is_left_out(
    since: float, width: float, length: int, delay: float
) -> None:
    start, end = moment(since), moment(since + width)
    grid = complete(start, end, length, delay)
    assert all(begin % length == 0 for begin in grid.starts)
    if grid.starts:
        assert grid.start >= start.timestamp()
        assert grid.end <= end.timestamp() - delay
        assert grid.start - length < start.timestamp()
        assert grid.end + length > end.timestamp() - delay
    else:
        assert end.timestamp() - delay - start.timestamp() < 2 * length


@given(TIMES, st.floats(0, 3600), st.floats(0, 3600), LENGTHS, DELAYS)
def test_cut_at_any_time_nothing_is_twice(since: float, first: float, second: float, length: int, delay: float) -> None:
    """A look begins where the last one's intervals ended."""
    before = complete(moment(since), moment(since + first), length, delay)
    after = complete(moment(before.end), moment(since + first + second), length, delay)
    at_once = complete(moment(since), moment(since + first + second), length, delay)
    assert [*before.starts, *after.starts] == list(at_once.starts)


@given(st.integers(0, 50), st.integers(1, 20), LENGTHS)
def test_parts_are_the_same_intervals(count: int, most: int, length: int) -> None:
    grid = Grid(600 * length, (600 + count) * length, length)
    parts = list(grid.parts(most))
    assert [begin for part in parts for begin in part.starts] == list(grid.starts)
    assert all(len(part.starts) <= most for part in parts)


@given(st.dictionaries(st.integers(0, 9).map(lambda i: 60 * i), st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_blocks_add_up_to_the_reading(found: dict[int, tuple[int, int]]) -> None:
    total = {start: float(good + bad) for start, (good, bad) in found.items()}
    arm = Counted(total, {start: float(bad) for start, (_, bad) in found.items() if bad})
    made = blocks(Grid(0, 600, 60), arm, Counted())
    cells = [cell for block in made for cell in block.canary]
    assert arm.reading() == ArmReading(sum(cell.requests for cell in cells), sum(cell.bad for cell in cells))
    assert not any(block.fault or block.stable for block in made)
    assert [(block.start, block.end) for block in made] == [(60.0 * i, 60.0 * i + 60) for i in range(10)]


def test_a_contradiction_is_named_by_arm_and_time() -> None:
    made = blocks(Grid(0, 120, 60), Counted({0: 1, 60: 5}), Counted({0: 9}, {60: 2}))
    assert made[0].fault == ""
    assert made[1].fault.startswith("stable: 2 bad of 0 requests in the interval from 00:01:00 UTC")
    assert made[1].stable == (Cell("", 0, 2),)


@pytest.mark.parametrize("count", [0.5, 99.4, -1, float("nan"), float("inf")])
def test_no_counts(count: float) -> None:
    with pytest.raises(NoAnswerError) as caught:
        whole({60: count}, "query")
    assert caught.value.outcome is Outcome.INVALID


@pytest.mark.parametrize("count", [0, 3, 3.0, 1e12, 0.1 * 30])
def test_counts(count: float) -> None:
    assert whole({60: count}, "query") == {60: count}


def test_only_what_lies_on_the_grid() -> None:
    grid = Grid(60, 180, 60)
    assert on_grid({0: 1, 60: 2, 120: 3, 180: 4}, grid, "query") == {60: 2, 120: 3}
    with pytest.raises(NoAnswerError, match="begins no interval of 60s"):
        on_grid({90: 1}, grid, "query")


def test_one_of_many() -> None:
    assert single([], [], "query", "do") is None
    assert single([7], ["a"], "query", "do") == 7
    with pytest.raises(NoAnswerError, match="query gives 4 series: a, b, c, …; do"):
        single([1, 2, 3, 4], "abcd", "query", "do")


@pytest.mark.parametrize("value", [True, "7", None, [7], float("nan"), float("-inf")])
def test_no_number(value: object) -> None:
    with pytest.raises(NoAnswerError, match="no number"):
        finite(value, "query")
