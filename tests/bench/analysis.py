"""What a look costs: CPU time of the judge for one canary and for a thousand, beside plain numpy in the same run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.judging.judge import MetricShape, Situation
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import Block, Cell, Measurement, Outcome
from truststream.stats.keys.counts import Floats

LENGTH: Final = 10.0
BEGIN: Final = 1_800_000_000.0
METRICS: Final = (
    MetricShape("errorRate", "%", gateway=True),
    MetricShape("checkoutErrors", "%"),
    MetricShape("searchSuccess", "%", higher_is_better=True),
    MetricShape("latency", "ms", quantile=0.99),
    MetricShape("checkoutLatency", "ms", quantile=0.95),
)
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
_SPEC: Final = CanaryDeploymentSpec.model_validate({"targetRef": {"name": "shop"}})
_EARLIER: Final = 30

Evidence = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU, and those of the plain reference on the same counts."""

    name: str
    seconds: float
    goal: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference."""
        return self.seconds / self.reference


def costs() -> list[Cost]:
    """Both goals."""
    return [_one_canary(), _a_thousand()]


def _one_canary(looks: int = 60) -> Cost:
    """A look of one canary with five metrics: one new block each, evidence read from status and written to it."""
    generator = np.random.default_rng(1)
    blocks = [[_block(shape, number, generator) for number in range(_EARLIER + looks)] for shape in METRICS]
    text, spent = json.dumps(_look({}, METRICS, [one[:_EARLIER] for one in blocks])), []
    for number in range(_EARLIER, _EARLIER + looks):
        fresh = [one[number - 1 : number + 1] for one in blocks]
        before = time.process_time()
        text = json.dumps(_look(json.loads(text), METRICS, fresh))
        spent.append(time.process_time() - before)
    counts = np.array([_counts(one[-1:]) for one in blocks])
    return Cost("one look of one canary, five metrics", median(spent), 0.002, _spent(lambda: _plain(counts), 200))


def _a_thousand(canaries: int = 1000, number: int = 20) -> Cost:
    """A thousand canaries with one metric, twenty new blocks each."""
    generator = np.random.default_rng(2)
    shape = METRICS[0]
    given = [[_block(shape, block, generator) for block in range(number)] for _ in range(canaries)]
    before = time.process_time()
    for blocks in given:
        json.dumps(_look({}, METRICS[:1], [blocks]))
    spent = time.process_time() - before
    counts = np.array([_counts(blocks) for blocks in given[:50]])
    reference = _spent(lambda: [_plain(one) for one in counts], 5) * canaries / len(counts)
    return Cost("1,000 canaries, 20 blocks each", spent, 3.0, reference)


def _look(evidence: Evidence, shapes: Sequence[MetricShape], blocks: Sequence[Sequence[Block]]) -> Evidence:
    end = blocks[0][-1].end
    measurements = [
        Measurement(shape.name, Outcome.OK, length=LENGTH, blocks=tuple(some))
        for shape, some in zip(shapes, blocks, strict=True)
    ]
    situation = Situation(weight=5.0, since=BEGIN, now=end, seed="1")
    answer = every_mode().assess(_SPEC, {shape.name: shape for shape in shapes}, measurements, evidence, situation)
    return dict(answer.evidence)


def _block(shape: MetricShape, number: int, generator: np.random.Generator) -> Block:
    begin = BEGIN + number * LENGTH
    canary, stable = (_cell(unit, mean, shape, generator) for unit, mean in (("c", 100), ("s", 1900)))
    return Block(begin, begin + LENGTH, canary=(canary,), stable=(stable,))


def _cell(unit: str, mean: float, shape: MetricShape, generator: np.random.Generator) -> Cell:
    requests = int(generator.poisson(mean))
    if shape.unit == "%":
        return Cell(unit, requests, int(generator.binomial(requests, 0.005)))
    taken = np.sort(generator.lognormal(-2.5, 1.0, requests))
    below = [(bound, float(np.searchsorted(taken, bound, side="right"))) for bound in _BUCKETS]
    return Cell(unit, requests, buckets=tuple(below))


def _counts(blocks: Sequence[Block]) -> Floats:
    """n_c, e_c, n_b, e_b by block; of a latency the requests above a bound."""
    return np.array([[*_pair(block.canary[0]), *_pair(block.stable[0])] for block in blocks])


def _pair(cell: Cell) -> tuple[float, float]:
    return cell.requests, cell.requests - dict(cell.buckets)[0.25] if cell.buckets else cell.bad


def _plain(counts: Floats) -> float:
    """The two keys' sums over blocks (last axis but one), written down in numpy and nothing else."""
    ratios, stakes = np.geomspace(1.08, 16.0, 18), np.array([0.01, 0.03, 0.1, 0.3, 0.6, 0.98])
    n_c, e_c, n_b, e_b = np.moveaxis(counts, -1, 0)
    total, share = e_c + e_b, 1.25 * n_c / (1.25 * n_c + n_b)
    poisson = e_c[..., None] * np.log(ratios) - total[..., None] * np.log1p((ratios - 1.0) * share[..., None])
    odds = np.where(total > 0, e_c / np.maximum(total, 1.0) / share, 1.0)
    bets = np.log1p(stakes * (odds[..., None] - 1.0))
    first, second = np.exp(poisson.sum(axis=-2) / 2.0).mean(axis=-1), np.exp(bets.sum(axis=-2)).mean(axis=-1)
    return float(np.log(np.minimum(first, second)).sum())


def _spent(work: Callable[[], object], times: int) -> float:
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times
