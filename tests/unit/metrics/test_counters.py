"""Increments: what was counted between two times, whatever happened to the counter."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.metrics.counters import (
    InvalidSamplesError,
    Ratio,
    Scrapes,
    Series,
    Window,
    batches,
    check,
    increments,
    interval_of,
    newest,
    ratio,
    scrapes_of,
    tolerated_age,
    unexplained,
)

STEP = 15.0
TARGET = {"job": "envoy", "instance": "10.0.0.1:8002"}


def series(*samples: tuple[float, float], **labels: str) -> Series:
    return Series({"__name__": "hits_total", **TARGET, **labels}, samples)


def every(start: float, *values: float) -> tuple[tuple[float, float], ...]:
    return tuple((start + STEP * place, value) for place, value in enumerate(values))


def window(since: float, until: float) -> Window:
    return Window(since, until, STEP)


def counted(one: Series, since: float, until: float, scrapes: Scrapes | None = None) -> float:
    known = scrapes_of(batches([one]))[one.target]
    return increments(one, known | (scrapes or Scrapes()), window(since, until))


def counted_ratio(total: list[Series], bad: list[Series]) -> Ratio:
    return ratio(batches(total), batches(bad), scrapes_of(batches([*total, *bad])), window(0, 60))


@pytest.mark.parametrize(
    ("samples", "since", "until", "expected"),
    [
        (every(0, 10, 20, 30), 0, 30, 20),  # the sample at the start is counted from, the one at the end counts
        (every(0, 10, 20, 30), 7, 29, 10),  # from the last at or before the start to the last at or before the end
        (every(0, 10, 20, 30), 31, 60, 0),
        (every(0, 10, 20, 3, 5), 0, 60, 15),  # a reset: the new value counts
        (every(0, 10, 0, 0, 4), 0, 60, 4),
        (every(0, 10), 0, 60, 0),  # one sample alone tells no increment
        (every(30, 10, 12), 0, 60, 2),  # begins in the window, nothing known before: from its first sample
        (((0.0, 10.0), (45.0, 25.0)), 0, 60, 15),  # missing scrapes lose nothing
        ((), 0, 60, 0),
    ],
)
def test_increments(samples: tuple[tuple[float, float], ...], since: float, until: float, expected: float) -> None:
    assert counted(Series(TARGET, samples), since, until) == expected if samples else True
    assert increments(Series(TARGET, samples), Scrapes(), window(since, until)) == expected


def test_a_series_that_comes_while_its_target_is_scraped_begins_at_zero() -> None:
    assert counted(series(*every(30, 7, 9)), 0, 60, Scrapes(times=(0, 15))) == 9


def test_a_scrape_a_moment_before_is_the_same_scrape_of_another_replica() -> None:
    assert counted(series(*every(30, 7, 9)), 0, 60, Scrapes(times=(29,))) == 2


def test_a_process_that_starts_in_the_window_counts_from_zero() -> None:
    assert counted(series(*every(30, 7, 9)), 0, 60, Scrapes(starts=(20,))) == 9
    assert counted(series(*every(30, 7, 9)), 25, 60, Scrapes(starts=(20,))) == 2


def test_a_restart_is_seen_though_the_counter_is_higher() -> None:
    one = series((0, 10), (15, 20), (30, 30))
    assert counted(one, 0, 60) == 20
    assert counted(one, 0, 60, Scrapes(starts=(17,))) == 40


def test_a_series_that_was_away_while_its_target_was_scraped_begins_anew() -> None:
    one = series((0, 10), (45, 25), (60, 26))
    assert counted(one, 0, 60) == 16
    assert counted(one, 0, 60, Scrapes(times=(15, 30))) == 26


values = st.lists(st.integers(0, 50), min_size=2, max_size=40)


@given(values, st.data())
def test_windows_add_up(growth: list[int], data: st.DataObject) -> None:
    """With resets anywhere and scrapes missing anywhere: (a, b] and (b, c] count what (a, c] counts."""
    one = _walk(growth, data)
    a, b, c = sorted(data.draw(st.lists(st.integers(-20, int(STEP) * 45), min_size=3, max_size=3)))
    known = Scrapes(times=tuple(STEP * n for n in range(-2, 45)))
    parts = increments(one, known, window(a, b)) + increments(one, known, window(b, c))
    assert math.isclose(parts, increments(one, known, window(a, c)))


def _walk(growth: list[int], data: st.DataObject) -> Series:
    value, samples = 0.0, []
    for place, amount in enumerate(growth):
        value = float(amount) if data.draw(st.integers(0, 5)) == 0 else value + amount
        if data.draw(st.integers(0, 4)):
            samples.append((STEP * place, value))
    return series(*samples)


@given(values)
def test_without_resets_it_is_the_difference(growth: list[int]) -> None:
    total = [float(sum(growth[: place + 1])) for place in range(len(growth))]
    one = series(*every(0, *total))
    assert counted(one, 0, STEP * len(growth)) == total[-1] - total[0]


@given(values, st.integers(0, 2**32))
def test_the_order_of_series_does_not_matter(growth: list[int], seed: int) -> None:
    all_series = [series(*every(0, *pair), shard=str(n)) for n, pair in enumerate(pairwise(map(float, growth)))]
    shuffled = all_series.copy()
    random.Random(seed).shuffle(shuffled)
    known, whole = scrapes_of(batches(all_series)), window(0, 100)
    one, other = batches(all_series), batches(shuffled)
    assert ratio(one, one, known, whole) == ratio(other, other, known, whole)


def test_increments_are_never_negative() -> None:
    assert counted(series(*every(0, 100, 5, 3, 1)), 0, 60) == 9


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_no_counter_shows(value: float) -> None:
    with pytest.raises(InvalidSamplesError, match="hits_total"):
        check(batches([series((0, 1), (15, value))]))


def test_bad_and_all_are_of_the_same_scrapes() -> None:
    total = [series(*every(0, 10, 20), code="2"), series(*every(0, 0, 0), code="5")]
    bad = [series(*every(0, 0, 0, 50), code="5")]
    found = counted_ratio(total, bad)
    assert (found.requests, found.bad) == (10, 0)


def test_more_bad_than_all_names_the_target() -> None:
    total, bad = [series(*every(0, 1, 2))], [series(*every(0, 1, 5))]
    with pytest.raises(InvalidSamplesError, match=r"4 bad of 1 requests at job envoy, instance 10\.0\.0\.1:8002"):
        counted_ratio(total, bad)


def test_one_target_may_not_hide_behind_another() -> None:
    other = {"instance": "10.0.0.2:8002"}
    total = [series(*every(0, 0, 1)), series(*every(0, 0, 100), **other)]
    bad = [series(*every(0, 0, 5))]
    with pytest.raises(InvalidSamplesError):
        counted_ratio(total, bad)


def test_the_interval_is_that_of_the_samples() -> None:
    assert interval_of(batches([series(*every(0, 1, 2, 3))]), 60) == STEP
    assert interval_of(batches([series((0, 1), (5, 1), (10, 1), (100, 1))]), 60) == 5
    assert interval_of(batches([series((0, 1))]), 60) == 60


def test_freshness() -> None:
    assert newest(batches([series(*every(0, 1, 2)), series(*every(0, 1))])) == STEP
    assert newest([]) == -math.inf
    assert tolerated_age(15) == 45
    assert tolerated_age(1) == 10


def test_only_open_questions_are_asked() -> None:
    old = series(*every(-30, 1, 2, 3, 4))
    late = series(*every(30, 1, 2), instance="b")
    gap = series((0, 1), (45, 2), instance="c")
    explained = series((30, 1), instance="d")
    everything = batches([old, late, gap, explained])
    known = scrapes_of(everything)
    known[explained.target] |= Scrapes(times=(0,))
    assert unexplained(everything, known, window(0, 60)) == {late.target, gap.target}
