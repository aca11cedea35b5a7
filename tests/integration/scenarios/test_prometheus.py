"""A metric source that is down, silent or strange is no evidence: the weight is held, and goes on by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tests.contract.metrics.fake import Reply, error
from tests.integration.scenarios.source import matrix, service_of
from tests.integration.scenarios.world import World

Strange = Callable[[str], Reply | None]


def nan(_query: str) -> Reply:
    """A counter that is no number."""
    now = time.time()
    return matrix([(now - 2, "1"), (now - 1, "NaN")])


def one_arm(query: str) -> Reply | None:
    """Stable alone has series."""
    return matrix() if service_of(query) == "web-canary" else None


SILENT: list[tuple[Strange, str]] = [
    (error(503), "SourceDown"),
    (lambda _query: matrix(), "NotEnoughData"),
    (nan, "NotEnoughData"),
    (one_arm, "NotEnoughData"),
]


@pytest.mark.parametrize(("strange", "verdict"), SILENT, ids=["down", "empty", "NaN", "one-series"])
def test_no_answer_holds_the_weight_and_goes_on_by_itself(world: World, strange: Strange, verdict: str) -> None:
    world.open()
    world.source.strange(world.namespace, strange)
    world.release()
    world.weight(10)
    status = world.until(lambda s: s.get("verdict") == verdict, f"verdict {verdict}")
    if verdict == "SourceDown":
        available = world.condition("SourceAvailable", status)
        assert (available["status"], available["reason"]) == ("False", "SourceDown")
        assert "503" in available["message"]
        assert "held at 10 %" in world.told_once("SourceDown")
    world.stays(lambda: world.status()["weight"] == 10, 5, "held")
    assert world.status()["verdict"] == verdict
    world.source.well(world.namespace)
    status = world.ended()
    assert status["phase"] == "Succeeded", status
    assert world.condition("SourceAvailable", status)["status"] == "True"


def numbers(*values: str) -> Strange:
    """An instant vector with these values."""
    result = [{"metric": {"shard": str(shard)}, "value": [time.time(), value]} for shard, value in enumerate(values)]
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    return lambda query: (200, {"Content-Type": "application/json"}, body) if query.startswith("load") else None


@pytest.mark.parametrize("values", [("0.1", "0.2"), ("NaN",), ()], ids=["two-series", "NaN", "empty"])
def test_a_value_that_is_not_one_number_is_no_evidence(world: World, values: tuple[str, ...]) -> None:
    query = 'load{envoy_cluster_name="{{namespace}}_{{service}}_{{port}}"}'
    load = {"name": "load", "kind": "Value", "query": query, "direction": "LowerIsBetter"}
    world.source.strange(world.namespace, numbers(*values))
    world.open(
        monitoringMetrics=[{"name": "errorRate"}, load],
        promotionCriteria=[{"metric": "errorRate", "threshold": "1%"}, {"metric": "load", "threshold": 1}],
        rollbackThresholds={"load": 2},
    )
    world.release()
    world.weight(10)
    world.until(lambda s: s.get("verdict") == "NotEnoughData" and bool(s.get("metrics")), "a look")
    world.stays(lambda: world.status()["weight"] == 10, 5, "held")
    world.source.strange(world.namespace, numbers("0.1"))
    assert world.ended()["phase"] == "Succeeded"


def test_no_requests_hold_the_weight(world: World) -> None:
    world.open()
    world.release(rate=0)
    world.weight(10)
    status = world.until(lambda s: bool((s.get("release") or {}).get("lookedAt")), "a look")
    assert status["verdict"] == "NotEnoughData"
    world.stays(lambda: world.status()["weight"] == 10, 5, "held")
    world.traffic()
    assert world.ended()["phase"] == "Succeeded"
