"""Specs put together at random: what `parse_spec` takes, the API server takes, and the other way round."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.cluster import Cluster
from tests.unit.api.bad_specs import manifest
from truststream.api.validate import examine

SEED = 20260101
SPECS = 300

# Paths that only the operator checks: no structural schema can say it.
BEYOND_THE_SCHEMA = ("spec.rollbackThresholds.", "].threshold")

CHOICES: dict[str, list[Any]] = {
    "targetRef": [
        {"name": "shop"},
        {"kind": "Services", "stable": "a", "canary": "b", "revision": "1"},
        {"kind": "Services", "stable": "a", "canary": "a", "revision": "1"},
        {"kind": "Services", "name": "a"},
        {"name": "a.b"},
        {"name": "-a"},
    ],
    "service": ["shop", "Shop", "", "a.b", "1a"],
    "traffic": [{"provider": "GatewayAPI"}, {"config": {"any": [1, {"x": None}]}}, {"provider": ""}, {}],
    "initialTraffic": [0, 0.1, 5, 12.5, 100, 101, "5", True],
    "increments": [[10, 100], [100], [5.5, 5.6], [10, 10], [20, 10], [], [101], ["10"]],
    "stepDuration": ["1s", "0.5s", "1h30m", "0s", "00s", "1.5h", "90", "", "1us", "1m ", "+1s", "9999999s", 5],
    "automaticPromotion": [True, False, "true"],
    "monitoringMetrics": [
        [{"name": "errorRate"}],
        [{"name": "responseTime", "quantile": 0.5}],
        [{"name": "successRate", "quantile": 0.5}],
        [{"name": "own", "kind": "Value", "query": "x", "direction": "HigherIsBetter"}, {"name": "successRate"}],
        [{"name": "own", "kind": "Distribution", "buckets": "x", "quantile": 1}, {"name": "errorRate"}],
        [{"name": "own", "kind": "Ratio", "bad": "x", "total": ""}, {"name": "errorRate"}],
        [{"name": "1own"}, {"name": "errorRate"}],
        [],
    ],
    "promotionCriteria": [
        [],
        [{"metric": "errorRate", "threshold": 1}],
        [{"metric": "errorRate", "threshold": "1%", "comparison": "LessThan", "window": "5m"}],
        [{"metric": "own", "threshold": 3, "window": "0s"}],
        [{"metric": "responseTime", "threshold": "250ms"}],
        [{"metric": "", "threshold": 1}],
    ],
    "rollbackThresholds": [{}, {"errorRate": 5}, {"errorRate": "5%"}, {"errorRate": "x"}, {"errorRate": True}],
    "rollbackCriteria": [
        {"onNoData": "Rollback"},
        {"onInconclusive": "Promote", "deadline": "1ms"},
        {"onSourceDown": "Promote"},
        {"automatic": False, "deadline": "0h"},
        {},
    ],
    "analysis": [
        {"interval": "1s"},
        {"interval": "999ms"},
        {"minimumRequests": 1.5},
        {"warmup": "0s"},
        {"mode": "Guess"},
    ],
    "canaryReplicas": [1, "Full", "MatchWeight", 0, "3", 1.5, -1],
    "gates": [[], [{"step": 5}], [{"step": 100, "approval": "Manual"}], [{"step": 7}], [{"step": 5, "approval": "No"}]],
    "paused": [True, False],
}


def _specs() -> list[dict[str, Any]]:
    """Few fields each, so that many are good and most bad ones are bad for one reason."""
    dice = random.Random(SEED)
    specs = []
    for _ in range(SPECS):
        fields = dice.sample(sorted(CHOICES), k=dice.randint(1, 4))
        specs.append({"targetRef": {"name": "shop"}} | {field: dice.choice(CHOICES[field]) for field in fields})
    return specs


def test_both_sides_agree(cluster: Cluster, namespace: str) -> None:
    specs = _specs()
    objects = [manifest(spec, f"spec-{index}") for index, spec in enumerate(specs)]
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    answer = cluster.kubectl(
        "create", "-n", namespace, "--dry-run=server", "--validate=false", "-f", "-", input=everything, check=False
    )
    differences = []
    for spec, whole in zip(specs, objects, strict=True):
        refused = f'"{whole["metadata"]["name"]}" is invalid' in answer.stderr
        problems = [
            problem for problem in examine(whole)[1] if not any(part in problem.path for part in BEYOND_THE_SCHEMA)
        ]
        beyond = examine(whole)[1] and not problems
        if refused != bool(problems) and not beyond:
            differences.append((spec, refused, [str(problem) for problem in problems]))
    assert differences == []
    accepted = answer.stdout.count("created")
    assert 0.1 * SPECS < accepted < 0.9 * SPECS
