"""Many drawn releases under one plan: what became of each, the same for the same seed however they are shared out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.judging.judge import MetricShape
from truststream.canary.judging.modes import every_mode
from truststream.replay.loop import Release, play
from truststream.replay.model import Drawn, Regression, Traffic
from truststream.replay.outcome import Ending, Run

_BEGIN: Final = 1_767_225_600.0
"""Midnight of 2026-01-01, UTC: a release of a simulation needs some time to begin at."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is released, under which traffic. `number` keeps the draws of two scenarios apart."""

    number: int
    name: str
    spec: CanaryDeploymentSpec
    shapes: Mapping[str, MetricShape]
    traffic: Traffic
    regression: Regression
    duration: float
    seed: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One run's evidence over time: seconds, logarithms."""

    seconds: tuple[float, ...]
    against: tuple[float, ...]
    proof: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one run; the trace of a few only."""

    ending: Ending
    seconds: float
    weight: float  # at the end
    by_policy: bool
    trace: Trace | None = None


def simulate(scenario: Scenario, numbers: Sequence[int], traced: int = 0) -> list[Result]:
    """The runs of these numbers; those below `traced` keep their trace."""
    return [_result(one(scenario, number), traced=number < traced) for number in numbers]


def one(scenario: Scenario, number: int) -> Run:
    """One drawn release, judged look by look."""
    generator = np.random.default_rng([scenario.seed, scenario.number, number])
    begin = _BEGIN + float(generator.uniform(0.0, scenario.traffic.block))
    drawn = Drawn(scenario.traffic, scenario.regression, scenario.shapes, begin, generator)
    release = Release(scenario.spec, scenario.shapes, begin, begin + scenario.duration, seed=f"run-{number}")
    player = play(release, every_mode())
    try:
        ask = next(player)
        while True:
            ask = player.send(drawn.measure(ask.windows, ask.now, ask.stages))
    except StopIteration as ended:
        run: Run = ended.value
        return run


def _result(run: Run, *, traced: bool) -> Result:
    return Result(run.ending, run.seconds, run.stages[-1].weight, run.by_policy, trace(run) if traced else None)


def trace(run: Run) -> Trace:
    """What a plot shows of a run."""
    return Trace(
        tuple(look.at - run.begin for look in run.looks),
        tuple(look.against for look in run.looks),
        tuple(look.proof for look in run.looks),
    )
