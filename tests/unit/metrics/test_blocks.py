"""Blocks: which are complete, what is in them, and that they are the same however one asks."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truststream.canary.observation import ArmReading, Block, Cell, Measurement, Outcome
from truststream.metrics.grid import Grid, clip, grid, length_for

from .store import LATENCY, RATIO, Store

T0 = 1_000_000.0
Samples = list[tuple[float, float]]


def every(start: float, *values: float, step: float = 5.0) -> Samples:
    """Samples from T0 + start."""
    return [(T0 + start + step * place, value) for place, value in enumerate(values)]


def cells(found: Measurement, arm: str = "canary") -> list[list[tuple[str, float, float]]]:
    return [[(cell.unit, cell.requests, cell.bad) for cell in getattr(block, arm)] for block in found.blocks]


def spans(found: Measurement) -> list[tuple[float, float]]:
    return [(block.start - T0, block.end - T0) for block in found.blocks]


@pytest.mark.parametrize(
    ("interval", "length"),
    [(0.5, 5), (1, 5), (2.5, 5), (2.52, 5), (3, 10), (5, 10), (5.04, 10), (15, 30), (30, 60), (60, 120)],
)
def test_two_scrapes_a_block(interval: float, length: float) -> None:
    assert length_for(interval) == length


def test_only_whole_blocks() -> None:
    assert grid(10, 100, 130) == Grid(10, 10, 3)
    assert grid(10, 100.5, 130) == Grid(10, 11, 2)
    assert grid(10, 99.5, 129.9) == Grid(10, 10, 2)
    assert grid(10, 101, 109).count == 0
    assert clip(Grid(10, 10, 3), 120) == Grid(10, 10, 2)
    assert clip(Grid(10, 10, 3), -math.inf).count == clip(Grid(10, 10, 3), 50).count == 0


async def test_growth_belongs_to_the_block_of_its_sample() -> None:
    store = Store()
    store.hits("canary", "2", *every(-5, 100, 110, 120, 130, 140, 150))
    found = await store.look(RATIO, T0, T0 + 20)
    assert (found.length, spans(found)) == (10, [(0, 10), (10, 20)])
    assert cells(found) == [[("j/a", 20, 0)], [("j/a", 20, 0)]]
    assert cells(found, "stable") == [[], []]


async def test_the_length_is_chosen_by_the_samples() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(20), step=15))
    found = await store.look(RATIO, T0 + 100, T0 + 200, block=0)
    assert found.length == 30
    assert found == await store.look(RATIO, T0 + 100, T0 + 200, block=30)


async def test_a_length_that_needs_a_longer_look_back_gives_the_same_blocks() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(40), step=60))
    found = await store.look(RATIO, T0 + 1200, T0 + 2300, block=0, hint=1)
    assert found.length == 120
    assert found.blocks
    assert found.blocks == (await store.look(RATIO, T0 + 1200, T0 + 2300, block=120, hint=1)).blocks


async def test_a_target_that_is_late_holds_up_and_one_that_is_gone_does_not() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(21)))
    store.hits("stable", "2", *every(1, 0, 7, 7, 7), target="b")  # to T0 + 16
    assert spans(await store.look(RATIO, T0, T0 + 31)) == [(0, 10)]
    late = await store.look(RATIO, T0, T0 + 36)
    assert spans(late) == [(0, 10), (10, 20), (20, 30)]
    assert cells(late, "stable") == [[("j/b", 7, 0)], [("j/b", 0, 0)], []]


async def test_a_store_that_is_late_as_a_whole_is_waited_for() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(5)))  # to T0 + 20
    assert spans(await store.look(RATIO, T0, T0 + 200)) == [(0, 10), (10, 20)]


async def test_an_arm_that_never_was_gives_no_cells() -> None:
    store = Store()
    store.hits("stable", "2", *every(0, *range(5)))
    found = await store.look(RATIO, T0, T0 + 20)
    assert found.outcome is Outcome.NO_DATA
    assert (cells(found), cells(found, "stable")) == ([[], []], [[("j/a", 2, 0)], [("j/a", 2, 0)]])


async def test_a_proxy_counts_both_arms_in_one_unit() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, 0, 1, 2))
    store.hits("stable", "2", *every(0, 0, 10, 20))
    (block,) = (await store.look(RATIO, T0, T0 + 10)).blocks
    assert (block.canary, block.stable) == ((Cell("j/a", 2),), (Cell("j/a", 20),))


async def test_a_prometheus_that_was_away_loses_nothing() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, 0, 10, 20), *every(90, 180, 190, 200))
    found = await store.look(RATIO, T0, T0 + 100)
    assert sum(requests for block in cells(found) for _, requests, _ in block) == 200
    assert cells(found)[8] == [("j/a", 160, 0)]
    assert not any(block.fault for block in found.blocks)


async def test_a_counter_that_was_away_begins_anew() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(10)))
    store.hits("canary", "5", *every(0, 5, 5), *every(30, 6, 6, 6))
    found = await store.look(RATIO, T0, T0 + 40)
    assert [bad for ((_, _, bad),) in cells(found)] == [0, 0, 6, 0]


async def test_a_counter_that_was_away_for_every_other_scrape_begins_anew_each_time() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(0, 50, 10)))
    store.hits("canary", "5", *every(0, 2, 2, step=10))
    (block,) = (await store.look(RATIO, T0, T0 + 10)).blocks
    assert block.canary == (Cell("j/a", 22, 2),)


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        (every(0, 1000, 1010, 990, 995, 999), "goes down from 1010 to 990 without a restart"),
        (every(0, 100, 10, 100, 20, 100, 30, 100), "goes down from 100 to 30 without a restart"),
        (every(0, 1, 2, math.nan, 3, 4), "has the sample nan"),
        (every(0, 1, 2, math.inf, 3, 4), "has the sample inf"),
        (every(0, 1, 2, -1, 3, 4), "has the sample -1"),
    ],
)
async def test_what_is_no_counter_is_a_fault(samples: Samples, fault: str) -> None:
    store = Store()
    store.hits("canary", "2", *samples)
    found = await store.look(RATIO, T0, T0 + 30)
    faults = [block.fault for block in found.blocks if block.fault]
    assert faults
    assert all(fault in text and 'hits{arm="canary"' in text for text in faults)
    assert found.outcome is Outcome.INVALID
    assert fault in found.message


@pytest.mark.parametrize(("samples", "requests"), [((0, 2, 4, 3, 5), 9), ((0, 40, 100, 90, 95), 195)])
async def test_a_counter_that_is_made_anew_under_the_same_name_counts_from_zero(
    samples: tuple[float, ...], requests: float
) -> None:
    """Envoy drops the cluster of a Service that goes, and begins it anew when the Service is back."""
    store = Store()
    store.hits("canary", "2", *every(0, *samples))
    found = await store.look(RATIO, T0, T0 + 20)
    assert found.outcome is Outcome.OK
    assert found.canary is not None
    assert found.canary.requests == requests
    assert sum(count for cell in cells(found) for _, count, _ in cell) == requests


async def test_only_the_block_of_a_fault_is_lost() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, 100, 101, 102, 103, 104, 80, 81, 82, 83))
    found = await store.look(RATIO, T0, T0 + 40)
    assert [bool(block.fault) for block in found.blocks] == [False, False, True, False]
    assert found.outcome is Outcome.INVALID
    assert (await store.look(RATIO, T0 + 30, T0 + 40)).outcome is Outcome.OK


@pytest.mark.parametrize("sign", ["start", "created", "gap"])
async def test_a_fall_with_a_sign_of_a_restart_is_a_restart(sign: str) -> None:
    store = Store()
    after = every(10 if sign != "gap" else 15, 19, 20, 20, 20)
    store.hits("canary", "2", *every(-15, 7, 8, 9, 10, 20), *after)
    if sign == "start":
        store.series({"__name__": "process_start_time_seconds"}, *every(0, T0 - 99, T0 - 99, T0 + 7, T0 + 7))
    if sign == "created":
        store.series({"__name__": "hits_created", "arm": "canary", "code": "2"}, *every(10, T0 + 7, T0 + 7))
    found = await store.look(RATIO, T0, T0 + 20)
    assert [block.fault for block in found.blocks] == ["", ""]
    assert sum(requests for block in cells(found) for _, requests, _ in block) == 30
    assert found.canary == ArmReading(requests=30)


async def test_more_bad_than_all_in_one_block() -> None:
    store = Store()
    store.hits("canary", "2", *every(0, *range(0, 60, 10)))
    query = replace(RATIO, bad='fails{arm="{{arm}}"}')
    store.series({"__name__": "fails", "arm": "canary"}, *every(0, 0, 0, 0, 21, 21, 21))
    found = await store.look(query, T0, T0 + 25)
    assert [block.fault for block in found.blocks] == [
        "",
        "21 bad of 20 requests at j/a: `bad` counts what `total` does not; use the same counter for both",
    ]


def took(store: Store, arm: str, start: float, rows: dict[str, tuple[float, ...]], target: str = "a") -> None:
    for bound, values in rows.items():
        store.series({"__name__": "took_bucket", "arm": arm, "le": bound}, *every(start, *values), target=target)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ({"0.1": (0, 5, 5), "+Inf": (0, 4, 4)}, "4 requests up to inf but 5 up to 0.1"),
        ({"0.1": (0, 5, 5), "1": (0, 6, 6)}, 'no bucket le="+Inf" among 0.1 1 at j/a'),
    ],
)
async def test_histograms_that_are_none(rows: dict[str, tuple[float, ...]], fault: str) -> None:
    store = Store()
    took(store, "canary", 0, rows)
    (block,) = (await store.look(LATENCY, T0, T0 + 10)).blocks
    assert fault in block.fault


async def test_a_release_that_changes_its_buckets_is_a_fault_where_both_are() -> None:
    store = Store()
    took(store, "canary", 0, {"0.1": (0, 1, 2, 3, 4, 5, 6), "+Inf": (0, 1, 2, 3, 4, 5, 6)})
    took(store, "stable", 0, {"0.1": (0, 1, 2), "+Inf": (0, 1, 2)}, target="b")
    took(store, "stable", 15, {"0.2": (0, 1, 2, 3), "+Inf": (0, 1, 2, 3)}, target="c")
    found = await store.look(LATENCY, T0, T0 + 30)
    assert [bool(block.fault) for block in found.blocks] == [False, True, True]
    assert "canary 0.1 inf; stable 0.2 inf" in found.blocks[1].fault


# However one asks

_STEPS = 60


@st.composite
def worlds(draw: st.DrawFn) -> Store:
    """Targets that come, go, restart and are missed, with and without records of it."""
    store = Store()
    for target in draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)):
        first, last = sorted(draw(st.tuples(st.integers(-30, _STEPS), st.integers(-30, _STEPS))))
        phase = draw(st.sampled_from([0.0, 0.8, 3.1]))
        arms = draw(st.sampled_from([("canary",), ("stable",), ("canary", "stable")]))
        records = draw(st.booleans())
        for scrape in _walk(draw, first, last, phase):
            if records:
                store.series({"__name__": "up"}, (scrape.time, float(scrape.ok)), target=target)
                if scrape.ok:
                    store.series(
                        {"__name__": "process_start_time_seconds"}, (scrape.time, scrape.started), target=target
                    )
            for (name, code), value in scrape.counts.items():
                if name in arms:
                    store.hits(name, code, (scrape.time, value), target=target)
    return store


@dataclass(frozen=True)
class Scrape:
    """What one scrape of a target saw."""

    time: float
    ok: bool
    started: float
    counts: Mapping[tuple[str, str], float]


def _walk(draw: st.DrawFn, first: int, last: int, phase: float) -> Iterator[Scrape]:
    counts = {(name, code): 0.0 for name in ("canary", "stable") for code in "25"}
    started = T0 - 9999
    for place, move in enumerate(draw(st.lists(st.integers(0, 40), min_size=last - first, max_size=last - first))):
        time = T0 + phase + 5.0 * (first + place)
        if move == 0:
            counts, started = dict.fromkeys(counts, 0.0), time - 2
        for number, key in enumerate(counts):
            counts[key] += (move * (number + 3)) % 7 if move % 5 else 0
        ok = move not in (1, 2, 3)
        seen = {key: value for key, value in counts.items() if ok and (key[1] == "2" or value)}
        yield Scrape(time, ok, started, seen)


@given(worlds(), st.lists(st.integers(0, 5 * _STEPS), max_size=6), st.sampled_from([10.0, 15.0, 5.0]))
@settings(deadline=None, max_examples=100)
def test_however_the_questions_are_cut_the_blocks_are_the_same(store: Store, cuts: list[int], length: float) -> None:
    async def asked(*until: float) -> list[Block]:
        found: list[Block] = []
        for end in until:
            since = found[-1].end if found else T0
            found.extend((await store.look(RATIO, since, end, block=length)).blocks)
        return found

    end = T0 + 5 * _STEPS
    at_once = asyncio.run(asked(end))
    assert asyncio.run(asked(*(T0 + cut for cut in sorted(cuts)), end)) == at_once
