"""Blocks of counts by recipe, and a judge that is asked look by look with its evidence through JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.judging.judge import Assessment, MetricShape, Situation
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import ArmReading, Block, Cell, Measurement, Outcome

LENGTH = 10.0
BEGIN = 1000 * LENGTH
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, math.inf)
SHAPES = {
    "errorRate": MetricShape("errorRate", "%", gateway=True),
    "successRate": MetricShape("successRate", "%", higher_is_better=True, gateway=True),
    "responseTime": MetricShape("responseTime", "ms", gateway=True),
    "queue": MetricShape("queue", ""),
}


def spec(**more: Any) -> CanaryDeploymentSpec:
    base: dict[str, Any] = {"targetRef": {"name": "web"}, "traffic": {"provider": "GatewayAPI"}}
    return CanaryDeploymentSpec.model_validate({**base, **more})


def block(number: int, canary: tuple[float, float], stable: tuple[float, float], *, fault: str = "") -> Block:
    """(requests, bad) of each arm, at one proxy."""
    start = BEGIN + number * LENGTH
    return Block(start, start + LENGTH, (Cell("envoy", *canary),), (Cell("envoy", *stable),), fault)


def slow_block(number: int, canary: Sequence[float], stable: Sequence[float]) -> Block:
    """Cumulative counts by `BOUNDS` of each arm."""
    start = BEGIN + number * LENGTH
    ours, theirs = (
        (Cell("envoy", counts[-1], buckets=tuple(zip(BOUNDS, counts, strict=True))),) for counts in (canary, stable)
    )
    return Block(start, start + LENGTH, ours, theirs)


def blocks(canary: tuple[float, float], stable: tuple[float, float], numbers: Iterable[int]) -> tuple[Block, ...]:
    return tuple(block(number, canary, stable) for number in numbers)


@dataclass
class Bench:
    """One release under the judge of its mode."""

    spec: CanaryDeploymentSpec
    weight: float = 10.0
    since: float = BEGIN
    evidence: dict[str, Any] = field(default_factory=dict)

    def look(self, *measurements: Measurement) -> Assessment:
        situation = Situation(self.weight, self.since, BEGIN + 10_000, "uid")
        answer = every_mode().assess(self.spec, SHAPES, measurements, self.evidence, situation)
        self.evidence = json.loads(json.dumps(answer.evidence, allow_nan=False))
        return answer

    def counted(
        self, found: Sequence[Block], metric: str = "errorRate", history: Sequence[Block] = (), **more: Any
    ) -> Assessment:
        outcome = more.pop("outcome", Outcome.OK)
        return self.look(
            Measurement(metric, outcome, length=LENGTH, blocks=tuple(found), history=tuple(history), **more)
        )

    def raise_to(self, weight: float, number: int) -> None:
        """A new weight from the middle of block `number` on."""
        self.weight, self.since = weight, BEGIN + number * LENGTH + 3.0


def value(number: float) -> Measurement:
    return Measurement("queue", Outcome.OK, canary=ArmReading(value=number))
