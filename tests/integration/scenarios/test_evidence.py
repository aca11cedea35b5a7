"""The default judge on a real API server: evidence decides, and what cannot be counted is named and decides nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final

import pytest

from tests.contract.metrics.fake import Reply, error
from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.clients import Clients
from tests.integration.scenarios.source import Twist, matrix
from tests.integration.scenarios.world import CDEP, World

RATE: Final = 500.0
BY_EVIDENCE: Final = {"mode": "TwoKey", "interval": "1s", "minimumRequests": 10}
BLOCK: Final = 5.0


@contextmanager
def released(world: World, *, stable_bad: float = 0.0, canary_bad: float = 0.0, **spec: Any) -> Iterator[Clients]:
    """A new version under way, and requests for both."""
    world.open(**{"analysis": BY_EVIDENCE, **spec})
    with Clients(world, RATE, stable_bad=stable_bad, canary_bad=canary_bad) as clients:
        world.api.apply(manifests.deployment(world.namespace, "web:2"))
        yield clients


def row(status: Object, name: str = "errorRate") -> Object:
    """Of the metric; empty before the first look."""
    return next((dict(m) for m in status.get("metrics") or [] if m["name"] == name), {})


def record(status: Object, name: str = "errorRate") -> Object:
    """What the judge has saved of the metric."""
    evidence = (status.get("release") or {}).get("evidence") or {}
    return dict((evidence.get("metrics") or {}).get(name) or {})


def test_a_good_version_is_promoted_and_says_why(world: World) -> None:
    with released(world):
        proven = world.until(lambda s: s.get("verdict") == "Good", "proof")
        assert "proven: at most 50 % above stable, or bad below 1 %" in row(proven)["message"]
        status = world.ended()
    assert status["phase"] == "Succeeded", status
    assert status["history"][0]["outcome"] == "Promoted"


def test_a_bad_version_is_rolled_back_by_the_evidence_it_names(world: World) -> None:
    with released(world, stable_bad=0.01, canary_bad=0.1, stepDuration="10m"):
        status = world.ended()
    assert status["phase"] == "Failed", status
    reason = status["history"][0]["reason"]
    assert "worse than stable by more than 25 %" in reason
    assert "times stable's rate (95 %: " in reason
    assert "of 100 needed" in reason


def test_equal_errors_are_no_evidence_however_many_there_are(world: World) -> None:
    with released(world, stable_bad=0.5, canary_bad=0.5, stepDuration="10m"):
        world.until(lambda s: record(s).get("blocks", 0) >= 4, "four blocks")
        status = world.status()
    assert (status["phase"], status["weight"]) == ("Progressing", 10)
    assert row(status)["evidence"]["against"] < row(status)["evidence"]["againstNeeded"]


def test_a_new_weight_begins_its_proof_anew_and_keeps_what_is_known_against_it(world: World) -> None:
    with released(world, stepDuration="20s"):
        world.until(lambda s: record(s).get("blocks", 0) >= 2, "two blocks at the first weight")
        world.weight(50)
        status = world.until(lambda s: record(s).get("weight") == 50, "a block at the second weight")
    first, second = (stage[0] for stage in record(status)["totals"])
    assert first[0] > 0
    assert second[0] == row(status)["canary"]["requests"] > 0
    blocks = round(sum(second[place] for place in (0, 2)) / RATE / BLOCK)
    assert record(status)["runningBlocks"] == blocks, "the proof counts what came before"
    assert record(status)["blocks"] > blocks, "what is known against it began anew"


# What cannot be counted -------------------------------------------------------------------------------------------


def of_canary(query: str) -> bool:
    return "_web-canary_" in query


def relabelled(query: str, series: list[Any]) -> list[Any]:
    """Another exporter counts the canary."""
    return [{**one, "metric": {**one["metric"], "zone": "a"}} for one in series] if of_canary(query) else series


def not_a_number(query: str, series: list[Any]) -> list[Any]:
    if of_canary(query):
        for one in series:
            one["values"] = [[at, "NaN"] for at, _ in one["values"]]
    return series


def gauge(query: str, series: list[Any]) -> list[Any]:
    """Up and down around a thousand."""
    if of_canary(query):
        for one in series:
            one["values"] = [[at, str(1000 - 10 * (int(at) % 3))] for at, _ in one["values"]]
    return series


def other_buckets(query: str, series: list[Any]) -> list[Any]:
    """The canary has a bound at 30 ms where stable has one at 25."""
    if of_canary(query):
        for one in series:
            if one["metric"].get("le") == "25":
                one["metric"]["le"] = "30"
    return series


def clock(ahead: float) -> Callable[[str], Reply]:
    """Prometheus' own clock is that many seconds fast, as its answers say."""

    def answer(_query: str) -> Reply:
        now = time.time() + ahead
        status, headers, body = matrix([(now - 2, "1"), (now - 1, "2")])
        return status, {**headers, "Date": formatdate(now, usegmt=True)}, body

    return answer


@dataclass(frozen=True)
class Strange:
    """What is answered instead, and how status names it."""

    words: str
    twist: Twist | None = None
    reply: Any = None
    verdict: str = "NotEnoughData"
    metric: str = "errorRate"

    def begin(self, world: World) -> None:
        if self.twist is not None:
            world.source.twist(world.namespace, self.twist)
        if self.reply is not None:
            world.source.strange(world.namespace, self.reply)


STRANGE: Final[dict[str, Strange]] = {
    "down": Strange("HTTP 503", reply=error(503), verdict="SourceDown"),
    "empty": Strange("no series matches", reply=lambda _query: matrix()),
    "NaN": Strange("a counter is finite and never negative", twist=not_a_number),
    "labels": Strange("the arms have different labels", twist=relabelled),
    "gauge": Strange("goes down from", twist=gauge),
    "buckets": Strange("the arms have different buckets", twist=other_buckets, metric="responseTime"),
    "clock-behind": Strange("the operator is ahead", reply=clock(-120)),
    "clock-ahead": Strange("Prometheus is ahead", reply=clock(120)),
}


@pytest.mark.parametrize("case", list(STRANGE))
def test_what_cannot_be_counted_is_named_and_not_judged(world: World, case: str) -> None:
    """From the first look on. The canary is so bad, or so good, that any judgement would end the release."""
    strange = STRANGE[case]
    strange.begin(world)
    by_latency = strange.metric == "responseTime"
    # By a limit: a comparison of latencies takes minutes.
    limits = [{"metric": "responseTime", "threshold": "100ms"}] if by_latency else []
    metrics = [{"name": strange.metric}]
    bad = 0.0 if by_latency else 0.3
    with released(world, canary_bad=bad, monitoringMetrics=metrics, promotionCriteria=limits):
        said = lambda s: strange.words in str(row(s, strange.metric).get("message"))  # noqa: E731 - one use
        named = world.until(said, f"{strange.words!r} in status")
        assert row(named, strange.metric)["verdict"] == strange.verdict
        world.stays(lambda: world.status()["weight"] == 10, 2 * BLOCK, "judged all the same")
        held = world.status()
        assert record(held, strange.metric).get("blocks", 0) == 0, record(held, strange.metric)
        world.source.well(world.namespace)
        status = world.ended()
    assert status["phase"] == ("Succeeded" if by_latency else "Failed"), status


def numbers(*values: str) -> Reply:
    """An instant vector with these values."""
    result = [{"metric": {"shard": str(shard)}, "value": [time.time(), value]} for shard, value in enumerate(values)]
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    return 200, {"Content-Type": "application/json"}, body


def test_a_value_of_two_series_is_named_and_holds_what_is_proven_otherwise(world: World) -> None:
    query = 'load{envoy_cluster_name="{{namespace}}_{{service}}_{{port}}"}'
    load = {"name": "load", "kind": "Value", "query": query, "direction": "LowerIsBetter"}
    world.source.strange(world.namespace, lambda asked: numbers("1", "2") if asked.startswith("load") else None)
    metrics = [{"name": "errorRate"}, load]
    with released(world, monitoringMetrics=metrics, rollbackThresholds={"load": 0.5}):
        named = world.until(lambda s: "gives 2 series" in str(row(s, "load").get("message")), "the vector in status")
        assert row(named, "load")["verdict"] == "NotEnoughData"
        world.until(lambda s: record(s).get("blocks", 0) >= 1, "counts of the other metric")
        assert world.status()["weight"] == 10
        world.source.strange(world.namespace, lambda asked: numbers("0.1") if asked.startswith("load") else None)
        assert world.ended()["phase"] == "Succeeded"


# What is saved ----------------------------------------------------------------------------------------------------


def test_evidence_that_somebody_changed_is_refused_and_nothing_moves(world: World) -> None:
    slow = {**BY_EVIDENCE, "interval": "5s"}  # time to change it between two looks
    with released(world, stable_bad=0.01, canary_bad=0.03, stepDuration="10m", analysis=slow):
        world.until(lambda s: record(s).get("blocks", 0) >= 1, "a block")
        change = {"status": {"release": {"evidence": {"metrics": {"errorRate": {"poisson": "AAAA"}}}}}}
        world.api.patch_status(CDEP, world.namespace, "web", change)
        assert "status.release.evidence" in world.stalled("StateUnreadable")
        held = world.status()["release"]
        assert held["evidence"]["metrics"]["errorRate"]["poisson"] == "AAAA"
        world.stays(lambda: world.status()["release"] == held, 2 * BLOCK, "moved on")
        assert world.status()["weight"] == 10
        world.api.patch_status(CDEP, world.namespace, "web", {"status": {"release": {"evidence": None}}})
        world.until(lambda s: record(s).get("blocks", 0) >= 1, "evidence that began anew")
        assert world.ended()["phase"] == "Failed"
