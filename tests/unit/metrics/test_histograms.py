"""Buckets of one arm, and of two."""

from __future__ import annotations

import math

import pytest

from truststream.metrics.counters import InvalidSamplesError, Series, Window, batches, scrapes_of
from truststream.metrics.histograms import Buckets, buckets, check_same_bounds

WINDOW = Window(0, 60, 15)


def histogram(instance: str = "a", **ends: float) -> list[Series]:
    """Buckets that grow from 0 to the given counts; ``b_1=3`` is le="0.1"."""
    return [
        Series(
            {"__name__": "took_bucket", "job": "j", "instance": instance, "le": name[1:].replace("_", "0.")},
            ((0, 0), (15, end)),
        )
        for name, end in ends.items()
    ]


def counted(series: list[Series], scale: float = 1.0) -> Buckets:
    found = batches(series, of_histograms=True)
    return buckets(found, scrapes_of(found), WINDOW, scale)


def test_instances_add_up_and_bounds_are_scaled() -> None:
    series = [*histogram("a", b5=1, b10=2, bInf=3), *histogram("b", b5=10, b10=20, bInf=30)]
    assert counted(series, 0.001) == ((0.005, 11), (0.01, 22), (math.inf, 33))


def test_nothing_is_nothing() -> None:
    assert counted([]) == ()


@pytest.mark.parametrize(
    ("series", "said"),
    [
        (histogram(b5=3, b10=2, bInf=5), "2 requests up to 10 but 3 up to 5"),
        (histogram(b5=3, b10=4), r'no bucket le="\+Inf" among 5 10'),
        ([*histogram("a", b5=1, bInf=1), *histogram("b", b7=1, bInf=1)], "5 inf and 7 inf"),
        (histogram(bx=1, bInf=1), "is no bucket"),
        ([Series({"__name__": "took_count"}, ((0, 1),))], "select the name that ends in _bucket"),
    ],
)
def test_what_is_no_histogram(series: list[Series], said: str) -> None:
    with pytest.raises(InvalidSamplesError, match=said):
        counted(series)


def test_the_arms_count_by_the_same_bounds() -> None:
    check_same_bounds(((1, 2), (math.inf, 3)), ((1, 0), (math.inf, 0)))
    with pytest.raises(InvalidSamplesError, match="canary 2 inf; stable 1 inf"):
        check_same_bounds(((1, 2), (math.inf, 3)), ((2, 0), (math.inf, 0)))
