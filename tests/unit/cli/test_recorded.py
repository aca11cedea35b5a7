"""Recorded samples answer selectors as Prometheus would, and stay what they were."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from truststream.api.canarydeployment import Direction, MetricKind
from truststream.canary.observation import Outcome
from truststream.cli.recorded import Recorded, Samples, load
from truststream.metrics.base import Query, Question

RESULT = [
    {"metric": {"__name__": "hits", "pod": "a-1", "code": "200"}, "values": [[10, "1"], [20.5, "3"], [30, "1e3"]]},
    {"metric": {"__name__": "hits", "pod": "b-1", "code": "500"}, "values": [[20.5, "7"]]},
    {"metric": {"__name__": "up", "pod": "a-1"}, "values": [[20.5, "1"]]},
]


def samples() -> Samples:
    found = Samples()
    found.add(RESULT)
    return found


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("selector", "pods"),
    [
        ("hits", ["a-1", "b-1"]),
        ('hits{pod="a-1"}', ["a-1"]),
        ('hits{pod!="a-1"}', ["b-1"]),
        ('hits{pod=~"a-.*"}', ["a-1"]),
        ('hits{pod=~"a"}', []),
        ('hits{pod!~"a-.*"}', ["b-1"]),
        ('hits{zone=""}', ["a-1", "b-1"]),
        ('hits{zone!=""}', []),
        ('{__name__=~"hits|down"}', ["a-1", "b-1"]),
        ('hits{pod="a-1" or code="500"}', ["a-1", "b-1"]),
        ('hits{pod="a-1",code="500"}', []),
    ],
)
async def test_selectors(selector: str, pods: list[str]) -> None:
    answer = await Recorded(samples(), 5.0).ask(f"{selector}[1m]", at(30))
    assert sorted(one.labels["pod"] for one in answer.series) == pods


async def test_ranges_are_open_at_their_beginning() -> None:
    source = Recorded(samples(), 5.0)
    (one,) = (await source.ask('hits{pod="a-1"}[20s]', at(30))).series
    assert one.samples == ((20.5, 3.0), (30.0, 1000.0))
    (one,) = (await source.ask('hits{pod="a-1"}[10s1ms]', at(20))).series
    assert one.samples == ((10.0, 1.0),)
    assert (await source.ask('hits{pod="b-1"}[5s]', at(20))).series == ()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = samples().write(tmp_path / "kept")
    assert sorted(file.name for file in written) == ["hits.json", "up.json"]
    assert load(tmp_path / "kept") == samples()
    assert samples().span() == (10.0, 30.0)


def test_the_same_series_may_come_twice(tmp_path: Path) -> None:
    found = samples()
    found.add([{"metric": {"code": "500", "pod": "b-1", "__name__": "hits"}, "values": [[30, "9"], [20.5, "7"]]}])
    key = (("__name__", "hits"), ("code", "500"), ("pod", "b-1"))
    assert found.series[key] == {(20.5, "values"): "7", (30.0, "values"): "9"}


def test_native_histograms_are_kept_as_they_are(tmp_path: Path) -> None:
    histogram = {"count": "3", "sum": "0.5", "buckets": [[0, "0.25", "0.5", "3"]]}
    found = Samples()
    found.add([{"metric": {"__name__": "took"}, "histograms": [[10, histogram]]}])
    found.write(tmp_path)
    assert load(tmp_path) == found


async def test_a_number_of_an_expression_is_not_recorded() -> None:
    source = Recorded(samples(), 5.0)
    query = Query("depth", MetricKind.VALUE, "", Direction.LOWER, expression="max(depth)")
    answer = await source.measure(Question(query, at(0), at(30), None))
    assert answer.outcome is Outcome.INVALID
    assert "use --prometheus" in answer.message
    assert await source.probe() == ""
    await source.close()
