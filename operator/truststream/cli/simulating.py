"""Releases to draw: what a file or the defaults plan, and the drawing on many processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, TargetRef
from truststream.api.canarydeployment import Traffic as TrafficSpec
from truststream.api.configuration import Configuration
from truststream.api.quantities import format_duration
from truststream.canary.judging.judge import MetricShape
from truststream.cli.backtesting import wanted_of
from truststream.cli.manifest import NoCluster, UsageError, resource_in
from truststream.cli.replay_view import Tell
from truststream.replay.model import Regression, Traffic
from truststream.replay.played import by_pods, planned
from truststream.replay.simulation import Result, Scenario, simulate

_TRACED: Final = 20
_CHUNK: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is released: the spec as it is played, and what its metrics are."""

    name: str
    spec: CanaryDeploymentSpec
    shapes: dict[str, MetricShape]


def plan_of(
    file: Path | None, name: str, configuration: Configuration, weights: list[float] | None, traffic: Traffic
) -> Plan:
    """What a file plans, or a spec that says nothing.

    Raises:
        UsageError, SpecError: it cannot be drawn.
    """
    if file is None:
        spec = CanaryDeploymentSpec(target_ref=TargetRef(name="release"), traffic=TrafficSpec(provider="GatewayAPI"))
        return Plan(
            "the default spec", planned(spec, weights), {"errorRate": MetricShape("errorRate", "%", gateway=True)}
        )
    resource = resource_in(file, name, NoCluster(), configuration, "")
    shapes = dict(wanted_of(resource, configuration, split=False).shapes)
    numbers = [shape.name for shape in shapes.values() if not shape.counted]
    if numbers:
        raise UsageError(f"metric {numbers[0]} is a Value, which nobody can draw: leave it out of the file")
    if weights is None and resource.traffic is not None and resource.traffic.weight_by_replicas:
        wanted = [w for w in (resource.spec.initial_traffic, *resource.spec.increments) if w < 100]
        weights = list(by_pods(wanted, traffic.pods))
    return Plan(resource.name, planned(resource.spec, weights), shapes)


def scenarios_of(plan: Plan, traffic: Traffic, worse: Regression, duration: float, seed: int) -> list[Scenario]:
    """As good as stable, and with the regression."""
    same = Scenario(0, "no regression", plan.spec, plan.shapes, traffic, Regression(), duration, seed)
    if not worse.present:
        return [same]
    return [same, replace(same, number=1, name=_named(worse), regression=worse)]


def _named(worse: Regression) -> str:
    parts = [
        f"{worse.errors:g}x errors" if worse.errors != 1 else "",
        f"{worse.latency:g}x latency" if worse.latency != 1 else "",
    ]
    late = f" after {format_duration(worse.after)}" if worse.after else ""
    return " and ".join(part for part in parts if part) + late


def check(scenarios: Sequence[Scenario]) -> None:
    """Refuse a regression that nothing could show.

    Raises:
        UsageError: no metric watches it, or it begins too late.
    """
    for scenario in scenarios:
        units = {shape.unit for shape in scenario.shapes.values()}
        if scenario.regression.latency != 1 and "ms" not in units:
            raise UsageError("--latency-regression: no metric of the spec watches latencies: add responseTime to it")
        if scenario.regression.errors != 1 and "%" not in units:
            raise UsageError("--regression: no metric of the spec watches errors: give --regression 1x")
        if scenario.regression.after >= scenario.duration:
            raise UsageError("--at: the regression would begin after --duration is over")


def draw(scenarios: Sequence[Scenario], runs: int, jobs: int, tell: Tell) -> list[list[Result]]:
    """Results of every scenario, in the order of the runs, whoever drew them."""
    work = [
        (place, list(range(first, min(first + _CHUNK, runs))))
        for place in range(len(scenarios))
        for first in range(0, runs, _CHUNK)
    ]
    found: dict[tuple[int, int], list[Result]] = {}
    for done, (place, numbers, results) in enumerate(_drawn(scenarios, work, jobs or os.cpu_count() or 1), start=1):
        found[place, numbers[0]] = results
        tell(done / len(work))
    return [
        [result for place, first in sorted(found) if place == wanted for result in found[place, first]]
        for wanted in range(len(scenarios))
    ]


def _drawn(
    scenarios: Sequence[Scenario], work: Sequence[tuple[int, list[int]]], jobs: int
) -> Iterator[tuple[int, list[int], list[Result]]]:
    if jobs == 1:
        for place, numbers in work:
            yield place, numbers, simulate(scenarios[place], numbers, _TRACED)
        return
    # Spawned: the bar runs in a thread of its own, and a fork would copy its locks as they happen to be.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {
            pool.submit(simulate, scenarios[place], numbers, _TRACED): (place, numbers) for place, numbers in work
        }
        for done in as_completed(waiting):
            yield *waiting[done], done.result()
