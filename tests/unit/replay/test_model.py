"""Drawn counts are what they are said to be."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from truststream.canary.judging.judge import MetricShape
from truststream.canary.look import Window
from truststream.canary.observation import Measurement, Outcome
from truststream.replay.model import BUCKETS, Drawn, Regression, Traffic
from truststream.replay.outcome import Stage

BEGIN = 1_767_225_603.0
"""Not where a block begins."""
STAGES = (Stage(BEGIN, 10.0), Stage(BEGIN + 1500, 50.0))
PODS = {"errorRate": MetricShape("errorRate", "%"), "responseTime": MetricShape("responseTime", "ms")}
PROXY = {"errorRate": MetricShape("errorRate", "%", gateway=True)}


def drawn(traffic: Traffic, regression: Regression | None = None, shapes: dict[str, MetricShape] = PODS) -> Drawn:
    return Drawn(traffic, regression or Regression(), shapes, BEGIN, np.random.default_rng(5))


def measured(source: Drawn, seconds: float, since: float = 0.0, block: float | None = 0.0) -> Measurement:
    begin, now = (datetime.fromtimestamp(BEGIN + at, UTC) for at in (since, seconds))
    window = Window(begin, now, block, (begin, begin))
    return source.measure({"errorRate": window}, now, STAGES)[0]


def test_requests_and_errors_have_their_rates() -> None:
    found = measured(drawn(Traffic(errors=0.02), Regression(errors=3.0)), 1500)
    assert found.canary is not None
    assert found.stable is not None
    assert found.canary.requests == pytest.approx(0.1 * 200 * 1480, rel=0.03)
    assert found.stable.requests == pytest.approx(0.9 * 200 * 1480, rel=0.03)
    assert found.stable.bad / found.stable.requests == pytest.approx(0.02, rel=0.05)
    assert found.canary.bad / found.canary.requests == pytest.approx(0.06, rel=0.08)


def test_blocks_are_whole_scraped_and_inside_the_window() -> None:
    source = drawn(Traffic())
    found = measured(source, 100)
    assert found.length == 10
    assert found.blocks[0].start == math.ceil(BEGIN / 10) * 10
    assert BEGIN + 100 - 15 < found.blocks[-1].end <= BEGIN + 100
    assert all(block.start % 10 == 0 and block.end - block.start == 10 for block in found.blocks)
    assert measured(source, 130, since=100).blocks[0].start >= BEGIN + 100


def test_looks_see_the_same_blocks_however_often_they_look() -> None:
    often, once = drawn(Traffic()), drawn(Traffic())
    for seconds in range(10, 300, 10):
        measured(often, seconds)
    assert measured(often, 300).blocks == measured(once, 300).blocks


def test_the_weight_is_that_of_the_time() -> None:
    blocks = measured(drawn(Traffic()), 3000).blocks
    early = {len(block.canary) for block in blocks if block.end <= BEGIN + 1500}
    late = {len(block.canary) for block in blocks if block.start >= BEGIN + 1500}
    assert (early, late) == ({1}, {2}), "a canary of three pods has one at 10 % and two at 50 %"


def test_pods_have_cells_of_their_own_and_proxies_share_one() -> None:
    block = measured(drawn(Traffic(pods=4)), 60).blocks[0]
    assert [cell.unit for cell in block.stable] == [f"stable-{number}" for number in range(4)]
    block = measured(drawn(Traffic(), shapes=PROXY), 60).blocks[0]
    assert [cell.unit for cell in (*block.canary, *block.stable)] == ["proxy", "proxy"]


def test_errors_in_clusters_vary_more() -> None:
    """A compound Poisson law of geometric sizes of mean M: the variance is 2M - 1 times the mean."""
    for size, factor in ((1.0, 1.0), (4.0, 7.0)):
        source = drawn(Traffic(errors=0.02, cluster=size), shapes=PROXY)
        bad = np.array([block.stable[0].bad for block in [*source.history, *measured(source, 3500).blocks[:140]]])
        mean = bad[: len(source.history)].mean()
        assert mean == pytest.approx(200 * 10 * 0.02, rel=0.1)
        assert bad[: len(source.history)].var() / mean == pytest.approx(factor, rel=0.3)


def test_latencies_are_log_normal_and_cumulative() -> None:
    found = measured(drawn(Traffic(latency=0.1), Regression(latency=2.5)), 1500)
    assert found.canary is not None
    assert found.stable is not None
    for arm, median in ((found.stable, 0.1), (found.canary, 0.25)):
        below = dict(arm.buckets)
        assert tuple(below) == BUCKETS
        assert list(below.values()) == sorted(below.values())
        assert below[math.inf] == arm.requests
        assert below[median] / arm.requests == pytest.approx(0.5, abs=0.02)


def test_a_regression_begins_when_it_is_said_to() -> None:
    source = drawn(Traffic(errors=0.02), Regression(errors=20.0, after=600.0))
    early, late = measured(source, 600), measured(source, 1500, since=620)
    assert early.canary is not None
    assert late.canary is not None
    assert early.canary.bad / early.canary.requests == pytest.approx(0.02, rel=0.3)
    assert late.canary.bad / late.canary.requests == pytest.approx(0.4, rel=0.1)


def test_an_hour_of_stable_lies_before() -> None:
    history = measured(drawn(Traffic()), 60).history
    assert len(history) == 360
    assert not any(block.canary for block in history)
    assert history[-1].end <= BEGIN


def test_totals_without_a_block_are_no_data() -> None:
    found = measured(drawn(Traffic()), 5, block=None)
    assert (found.outcome, found.canary) == (Outcome.NO_DATA, None)
    assert measured(drawn(Traffic()), 60, block=None).blocks == ()
