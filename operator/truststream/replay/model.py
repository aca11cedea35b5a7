"""Counts of a release that never was: requests, errors in clusters and latencies, drawn block by block.

Requests and clusters of errors come as a Poisson process; the sizes of clusters are geometric. Latencies are
log-normal. The canary differs from stable by the regression alone, so everything else is what the judge assumes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from truststream.canary.judging.judge import MetricShape
from truststream.canary.look import Window
from truststream.canary.observation import Block, Cell, Measurement, Outcome
from truststream.replay.cells import reading
from truststream.replay.outcome import Stage

Floats = NDArray[np.float64]

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)
"""Seconds: the bounds that Prometheus' client libraries begin with."""

_PROXY: Final = "proxy"
_HISTORY: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What both arms have in common. `pods`: of stable, where pods are counted and not a proxy."""

    rps: float = 200.0
    errors: float = 0.005  # share of the requests
    cluster: float = 1.0  # mean size of a cluster of errors
    latency: float = 0.08  # seconds, median
    spread: float = 1.0  # standard deviation of the logarithm of latencies
    scrape: float = 5.0  # seconds between two scrapes
    block: float = 10.0
    pods: int = 3


@dataclass(frozen=True, slots=True)
class Regression:
    """What is wrong with the canary, from `after` seconds on; 1: nothing."""

    errors: float = 1.0
    latency: float = 1.0
    after: float = 0.0

    @property
    def present(self) -> bool:
        """Something is."""
        return self.errors != 1.0 or self.latency != 1.0


@dataclass(slots=True)
class Drawn:
    """One release's counts; `begin` lies anywhere in a block, and scrapes anywhere between."""

    traffic: Traffic
    regression: Regression
    shapes: Mapping[str, MetricShape]
    begin: float
    generator: np.random.Generator
    phase: float = field(init=False)
    blocks: list[Block] = field(default_factory=list)
    history: tuple[Block, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.phase = float(self.generator.uniform(0.0, self.traffic.scrape))
        length, first = self.traffic.block, self._first - math.ceil(_HISTORY / self.traffic.block)
        whole = range(first, self._first)
        self.history = tuple(
            Block(k * length, (k + 1) * length, stable=self._cells(self.traffic.rps * length, "stable", 1.0, 1.0))
            for k in whole
        )

    @property
    def _first(self) -> int:
        """Number of the block in which the release begins."""
        return math.floor(self.begin / self.traffic.block)

    def measure(self, windows: Mapping[str, Window], now: datetime, stages: Sequence[Stage]) -> list[Measurement]:
        """What a metric source would answer at that time."""
        self._draw(now.timestamp(), stages)
        return [self._measured(self.shapes[name], window) for name, window in windows.items()]

    def _measured(self, shape: MetricShape, window: Window) -> Measurement:
        since, until = window.since.timestamp(), window.until.timestamp()
        inside = tuple(block for block in self.blocks if block.start >= since and block.end <= until)
        if not any(block.canary for block in inside) and window.block is None:
            return Measurement(shape.name, Outcome.NO_DATA, "no complete block of counts yet")
        canary = reading([cell for block in inside for cell in block.canary])
        stable = reading([cell for block in inside for cell in block.stable])
        if window.block is None:
            return Measurement(shape.name, Outcome.OK, stable=stable, canary=canary)
        history = self.history if window.history is not None else ()
        length = self.traffic.block
        return Measurement(
            shape.name, Outcome.OK, stable=stable, canary=canary, length=length, blocks=inside, history=history
        )

    # Drawing

    def _draw(self, now: float, stages: Sequence[Stage]) -> None:
        """Blocks whose end a scrape has seen."""
        length, scrape = self.traffic.block, self.traffic.scrape
        seen = self.phase + math.floor((now - self.phase) / scrape) * scrape
        for place in range(self._first + len(self.blocks), math.floor(seen / length)):
            self.blocks.append(self._block(place * length, (place + 1) * length, stages))

    def _block(self, start: float, end: float, stages: Sequence[Stage]) -> Block:
        weight = _mean_weight(stages, start, end) / 100
        late = np.clip((end - self.begin - self.regression.after) / (end - start), 0.0, 1.0) if end > start else 0.0
        worse, slower = (1.0 + late * (ratio - 1.0) for ratio in (self.regression.errors, self.regression.latency))
        requests = self.traffic.rps * (end - start)
        canary = self._cells(requests * weight, "canary", worse, slower, weight) if weight > 0 else ()
        return Block(start, end, canary, self._cells(requests * (1.0 - weight), "stable", 1.0, 1.0))

    def _cells(self, requests: float, arm: str, worse: float, slower: float, weight: float = 1.0) -> tuple[Cell, ...]:
        units = self._units(arm, weight)
        counts = self.generator.poisson(requests / len(units), len(units)).astype(np.float64)
        bad = np.minimum(self._clusters(counts * min(1.0, self.traffic.errors * worse)), counts)
        buckets = self._latencies(counts, slower) if self._timed else [()] * len(units)
        columns = zip(units, counts.tolist(), bad.tolist(), buckets, strict=True)
        return tuple(Cell(unit, n, e, below) for unit, n, e, below in columns)

    def _units(self, arm: str, weight: float) -> list[str]:
        if any(shape.gateway for shape in self.shapes.values()):
            return [_PROXY]
        pods = self.traffic.pods if arm == "stable" else max(1, math.ceil(self.traffic.pods * weight - 1e-9))
        return [f"{arm}-{number}" for number in range(pods)]

    def _clusters(self, mean: Floats) -> Floats:
        size = self.traffic.cluster
        if size <= 1.0:
            return self.generator.poisson(mean).astype(np.float64)
        clusters = self.generator.poisson(mean / size)
        more = self.generator.negative_binomial(np.maximum(clusters, 1), 1.0 / size)
        return np.where(clusters > 0, clusters + more, 0).astype(np.float64)

    @property
    def _timed(self) -> bool:
        return any(shape.unit == "ms" for shape in self.shapes.values())

    def _latencies(self, counts: Floats, slower: float) -> list[tuple[tuple[float, float], ...]]:
        below = special.ndtr((np.log(BUCKETS) - math.log(self.traffic.latency * slower)) / self.traffic.spread)
        drawn = self.generator.multinomial(counts.astype(np.int64), np.diff(below, prepend=0.0))
        return [tuple(zip(BUCKETS, row.tolist(), strict=True)) for row in drawn.cumsum(axis=1).astype(np.float64)]


def _mean_weight(stages: Sequence[Stage], start: float, end: float) -> float:
    """Over the block: a weight may change in it."""
    total = 0.0
    for place, stage in enumerate(stages):
        until = stages[place + 1].since if place + 1 < len(stages) else math.inf
        total += stage.weight * max(0.0, min(end, until) - max(start, stage.since))
    return total / (end - start)
