"""The controller's own path: a sample of the simulated releases goes through TwoKeyJudge.assess, look by look.

Counts become blocks of cells as a metric source gives them, evidence goes through JSON between looks as it does through
`.status`, looks come every 10, 30 or 60 seconds. The log-evidence must be the one that the kernel gives for all
releases at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.bench.judge import judged
from tests.bench.judge.plan import BLOCKS, LENGTH, Plan
from tests.bench.judge.streams import Stream
from truststream.api.canarydeployment import Analysis, CanaryDeploymentSpec, Mode
from truststream.canary.judging import pairing
from truststream.canary.judging.judge import MetricShape, Situation
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import Block, Cell, Measurement, Outcome
from truststream.stats.keys.counts import Counts

AGREEMENT: Final = 1e-9
EVERY: Final = (3, *(6,) * 19)
"""Blocks between two looks, taken in turn by the releases of the sample."""

BEGIN: Final = 1_800_000_000.0
SHAPE: Final = MetricShape(name="errorRate", unit="%", gateway=True)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far both paths were apart, at worst."""

    runs: int
    looks: int
    worst: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Some releases of a cell, with the hour before them."""

    stream: Stream
    history: Counts
    plan: Plan
    tolerance: float
    label: str
    often: bool = False  # the first of them is looked at after every block

    def agreement(self) -> Agreement:
        """Both modes, all releases of the sample."""
        modes = [Mode.FAST if row % 10 == 9 else Mode.TWO_KEY for row in range(self.stream.runs)]
        looked = [self._looked(row, mode) for row, mode in enumerate(modes)]
        phi = np.array([phi for _, phi in looked])
        keys = judged.evidence(self._paired(), self.plan, self.tolerance, phi)
        worst = 0.0
        for row, (logs, _) in enumerate(looked):
            for block, log in logs.items():
                other = keys[block].fast[row] if modes[row] is Mode.FAST else keys[block].two[row]
                worst = max(worst, abs(log - float(other)))
        return Agreement(self.stream.runs, sum(len(logs) for logs, _ in looked), worst)

    def _looked(self, row: int, mode: Mode) -> tuple[dict[int, float], float]:
        """log-evidence by number of the last block that a look saw, and phi."""
        spec, judge = _spec(mode, self.tolerance), every_mode()
        evidence: dict[str, Any] = {}
        history, logs = self._history(row), {}
        every = 1 if self.often and row == 0 else EVERY[row % len(EVERY)]
        for situation, blocks, last in self._looks(row, every):
            earlier = () if evidence else history
            measurement = Measurement(SHAPE.name, Outcome.OK, length=LENGTH, blocks=blocks, history=earlier)
            answer = judge.assess(spec, {SHAPE.name: SHAPE}, [measurement], evidence, situation)
            evidence = json.loads(json.dumps(answer.evidence))
            logs[last] = float(evidence["against"])
        return logs, float(evidence["metrics"][SHAPE.name]["phi"][0])

    def _looks(self, row: int, every: int) -> Iterator[tuple[Situation, tuple[Block, ...], int]]:
        """Each look sees the blocks since the last one, and the one before them again; a stage is looked at apart."""
        stages = sorted(self.plan.stages)
        seen = 0
        for last in range(BLOCKS):
            stage = max(begin for begin in stages if begin <= last)
            if (last + 1 - stage) % every and last + 1 not in stages and last + 1 != BLOCKS:
                continue
            situation = Situation(
                weight=100 * float(self.plan.weights[last]),
                since=BEGIN + stage * LENGTH,
                now=BEGIN + (last + 1) * LENGTH,
                seed=self._seed(row),
            )
            yield situation, tuple(self._block(row, number) for number in range(max(0, seen - 1), last + 1)), last
            seen = last + 1

    def _seed(self, row: int) -> str:
        return f"{self.label}/{row}"

    def _block(self, row: int, number: int) -> Block:
        stream, begin = self.stream, BEGIN + number * LENGTH
        arms = (("c", stream.n_c, stream.e_c), ("s", stream.n_b, stream.e_b))
        canary, stable = (
            tuple(
                Cell(f"{arm}{pod}", float(n[number, row, pod]), float(e[number, row, pod]))
                for pod in range(self.plan.pods)
            )
            for arm, n, e in arms
        )
        return Block(begin, begin + LENGTH, canary=canary, stable=stable)

    def _history(self, row: int) -> tuple[Block, ...]:
        counts, blocks = self.history, []
        for number in range(BLOCKS):
            begin = BEGIN + (number - BLOCKS) * LENGTH
            halves = (
                Cell("s0", float(counts.n_c[row, number]), float(counts.e_c[row, number])),
                Cell("s1", float(counts.n_b[row, number]), float(counts.e_b[row, number])),
            )
            blocks.append(Block(begin, begin + LENGTH, stable=halves))
        return tuple(blocks)

    def _paired(self) -> Stream:
        """The pods of each block in the order in which the controller draws its pairs."""
        if self.plan.pods == 1:
            return self.stream
        counts = np.empty((4, BLOCKS, self.stream.runs, self.plan.pods))
        for number in range(BLOCKS):
            for row in range(self.stream.runs):
                pairs = pairing.pair(self._block(row, number), self._seed(row)).pairs
                counts[:, number, row] = [
                    [getattr(pair[side][0], name) for pair in pairs]
                    for side, name in ((0, "requests"), (0, "bad"), (1, "requests"), (1, "bad"))
                ]
        return Stream(*counts)


def _spec(mode: Mode, tolerance: float) -> CanaryDeploymentSpec:
    return CanaryDeploymentSpec.model_validate(
        {
            "targetRef": {"name": "shop"},
            "analysis": Analysis(mode=mode, tolerance=100 * tolerance).model_dump(by_alias=True, mode="json"),
        }
    )
