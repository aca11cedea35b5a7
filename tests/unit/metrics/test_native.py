"""Native histograms: as documented by Prometheus' API, turned into cumulative buckets."""

from __future__ import annotations

import bisect
import json
import math
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.canary.observation import Measurement
from truststream.metrics.answers import Answer, decode
from truststream.metrics.counters import Series
from truststream.metrics.native import series_of

from .store import LATENCY, Store

T0 = 1_000_000.0


def text(value: float) -> str:
    return "+Inf" if value == math.inf else "-Inf" if value == -math.inf else repr(value)


def exponential(schema: int, values: list[float], zero: int = 0) -> dict[str, Any]:
    """As Prometheus writes these observations; the zero bucket holds `zero` of them."""
    base = 2.0 ** (2.0**-schema)
    places: dict[int, int] = {}
    for value in values:
        place = math.ceil(math.log2(value) * 2.0**schema - 1e-9)
        places[place] = places.get(place, 0) + 1
    buckets = [[3, "-1e-20", "1e-20", str(zero)]] if zero else []
    buckets += [[0, text(base ** (k - 1)), text(base**k), str(count)] for k, count in sorted(places.items())]
    return {"count": str(len(values) + zero), "sum": "0", "buckets": buckets}


def custom(bounds: list[float], values: list[float]) -> dict[str, Any]:
    """Custom buckets: the first begins at -Inf, the last ends at +Inf, and empty ones are left out."""
    edges = [-math.inf, *bounds, math.inf]
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[bisect.bisect_left(bounds, value)] += 1
    rows = zip(edges, edges[1:], counts, strict=False)
    buckets = [[0, text(left), text(right), str(count)] for left, right, count in rows if count]
    return {"count": str(len(values)), "sum": "0", "buckets": buckets}


def last(series: list[Series]) -> dict[float, float]:
    return {float(one.labels["le"]): one.samples[-1][1] for one in series}


positive = st.floats(2.0**-13, 2.0**16)


@given(st.integers(-4, 8), st.lists(positive, max_size=40), st.integers(0, 3))
def test_every_count_is_exact(schema: int, values: list[float], zero: int) -> None:
    found = last(series_of({}, [[T0, exponential(schema, values, zero)]]))
    assert found[math.inf] == len(values) + zero
    for bound, count in found.items():
        below = sum(value <= bound * (1 - 1e-7) for value in values) + zero
        assert below <= count <= sum(value <= bound * (1 + 1e-7) for value in values) + zero


@given(st.integers(-4, 3), st.integers(-4, 3), st.lists(positive, min_size=1, max_size=20))
def test_the_bounds_of_a_coarser_schema_are_among_those_of_a_finer(one: int, other: int, values: list[float]) -> None:
    coarse, fine = (last(series_of({}, [[T0, exponential(schema, values)]])) for schema in sorted((one, other)))
    assert {bound: fine[bound] for bound in coarse} == coarse


def test_a_schema_that_became_coarser_in_between() -> None:
    before, after = exponential(3, [0.1, 0.2]), exponential(0, [0.1, 0.2, 0.3])
    found = series_of({}, [[T0, before], [T0 + 5, after]])
    counts = {float(one.labels["le"]): [value for _, value in one.samples] for one in found}
    assert (counts[0.125], counts[0.25], counts[0.5]) == ([1, 1], [2, 2], [2, 3])


def test_custom_bounds_are_kept() -> None:
    assert last(series_of({}, [[T0, custom([0.1, 0.3, 1], [0.05, 0.2, 0.3, 5])]])) == {
        0.1: 1,
        0.3: 3,
        1: 3,
        math.inf: 4,
    }


def test_what_was_never_observed() -> None:
    found = last(series_of({}, [[T0, {"count": "0", "sum": "0"}]]))
    assert set(found.values()) == {0}
    assert 1.0 in found


class Native(Store):
    """With native histograms: by arm and target, (time, histogram)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[str, str], list[tuple[float, dict[str, Any]]]] = {}

    def took(self, arm: str, target: str, *histograms: dict[str, Any], start: float = 0.0) -> None:
        self.found[arm, target] = [(T0 + start + 5 * place, one) for place, one in enumerate(histograms)]

    async def ask(self, promql: str, at: datetime) -> Answer:
        result = [
            {"metric": {"__name__": "took", "job": "j", "instance": target, "arm": arm}, "histograms": inside}
            for (arm, target), histograms in self.found.items()
            if f'arm="{arm}"' in promql and (inside := [one for one in histograms if one[0] <= at.timestamp()])
        ]
        data = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return decode(200, json.dumps(data).encode(), "the store")

    async def seen(self, until: float) -> Measurement:
        return await self.look(LATENCY, T0, T0 + until)


async def test_it_is_counted_as_a_classic_one() -> None:
    store = Native()
    histograms = [exponential(3, [0.1] * n + [0.9] * (2 * n), zero=n) for n in (5, 6, 8)]
    store.took("canary", "a", *histograms)
    store.took("stable", "b", *histograms)
    found = await store.seen(10)
    assert found.canary is not None
    assert found.canary == found.stable
    assert found.canary.requests == 12
    counts = dict(found.canary.buckets)
    assert (counts[0.0625], counts[0.125], counts[0.5], counts[1], counts[math.inf]) == (3, 6, 6, 12, 12)
    (block,) = found.blocks
    assert (block.fault, block.canary[0].buckets) == ("", found.canary.buckets)


async def test_after_a_reset_every_bucket_counts_anew() -> None:
    """Though one of them is higher than before."""
    store = Native()
    store.took("canary", "a", exponential(2, [0.9] * 100), exponential(2, [0.9] * 100), exponential(2, [0.1] * 7))
    found = await store.seen(10)
    assert found.canary is not None
    counts = dict(found.canary.buckets)
    assert (counts[0.125], counts[1], counts[math.inf]) == (7, 7, 7)
    assert found.blocks[0].canary[0].requests == 7


@pytest.mark.parametrize("other", [exponential(0, [0.3] * 4), exponential(-1, [0.3] * 4)])
async def test_arms_with_other_schemas_meet_at_the_coarser(other: dict[str, Any]) -> None:
    store = Native()
    empty = {"count": "0", "sum": "0"}
    store.took("canary", "a", empty, exponential(3, [0.3] * 3), exponential(3, [0.3] * 3))
    store.took("stable", "b", {**other, "count": "0", "buckets": []}, other, other)
    found = await store.seen(10)
    assert found.canary is not None
    assert found.stable is not None
    assert [bound for bound, _ in found.canary.buckets] == [bound for bound, _ in found.stable.buckets]
    assert (dict(found.canary.buckets)[1], dict(found.stable.buckets)[1]) == (3, 4)
    (block,) = found.blocks
    assert not block.fault
    assert [cell.buckets for cell in (*block.canary, *block.stable)] == [found.canary.buckets, found.stable.buckets]


async def test_custom_buckets_are_counted_where_both_arms_know_the_bounds() -> None:
    store = Native()
    store.took("canary", "a", *(custom([0.1, 0.3, 1], [0.05, 0.2, 0.7] * n) for n in (1, 3, 3)))
    store.took("stable", "b", *(custom([0.1, 0.5, 1], [0.05, 0.2, 0.7] * n) for n in (1, 2, 2)))
    found = await store.seen(10)
    assert found.canary is not None
    assert found.canary.buckets == ((0.1, 2), (1, 6), (math.inf, 6))
    assert [cell.buckets for cell in found.blocks[0].stable] == [((0.1, 1), (1, 3), (math.inf, 3))]
