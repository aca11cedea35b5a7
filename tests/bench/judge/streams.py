"""Draws the counts of many releases at once. Arrays are laid out (block, run, pod): a look reads one slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.bench.judge.laws import Law, Lumps, Noise
from tests.bench.judge.plan import BLOCKS, LENGTH, NO_CHANGE, Plan, Regression
from truststream.stats.keys.counts import Counts, Floats

CLUSTER_MEAN = 4.0
_BURST = np.array([0.5, 1, 1, 1, 1, 1, 0.5]) / 6.0
"""Shares of a burst of 60 s that begins somewhere in a block, in that block and the six after it."""

_INCIDENT = 12
"""Blocks."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Counts of `runs` releases; every array has shape (block, run, pod)."""

    n_c: Floats
    e_c: Floats
    n_b: Floats
    e_b: Floats

    @property
    def runs(self) -> int:
        """How many."""
        return int(self.n_c.shape[1])

    def first(self, few: int) -> Stream:
        """The first releases alone."""
        return Stream(self.n_c[:, :few], self.e_c[:, :few], self.n_b[:, :few], self.e_b[:, :few])

    def block(self, number: int, rows: slice | npt.NDArray[np.int64] = slice(None)) -> Counts:
        """One block of the runs `rows`, as a look of the judge gets it."""
        return Counts(self.n_c[number, rows], self.e_c[number, rows], self.n_b[number, rows], self.e_b[number, rows])


def draw(law: Law, plan: Plan, runs: int, generator: np.random.Generator, regression: Regression = NO_CHANGE) -> Stream:
    """Releases under `law`."""
    load, incident = _shared(law, runs, generator)
    weights = plan.weights[:, None, None]
    requests = plan.rate * LENGTH * load / plan.pods
    n_c = _requests(requests * weights, plan.pods, generator)
    n_b = _requests(requests * (1.0 - weights), plan.pods, generator)
    canary = _arm_noise(law.noise, (runs, plan.pods), generator, canary=True)
    stable = _arm_noise(law.noise, (runs, plan.pods), generator, canary=False)
    rate = plan.errors * incident
    e_c = _errors(law.canary, n_c, rate * canary * regression.ratios[:, None, None], generator)
    e_b = _errors(law.baseline, n_b, rate * stable, generator)
    return Stream(n_c, e_c, n_b, e_b)


def before(law: Law, plan: Plan, runs: int, generator: np.random.Generator) -> Counts:
    """An hour of stable alone before the release, its pods split into two halves: shape (run, block).

    Unless the law says so, the halves have no noise of an arm of their own: what sets two versions apart is not seen in
    one version.
    """
    load, incident = _shared(law, runs, generator)
    halves = []
    for _ in range(2):
        requests = _requests(plan.rate * LENGTH * load / 2, 1, generator)
        noise = _arm_noise(law.noise if law.halves else Noise.NONE, (runs, 1), generator, canary=False)
        errors = _errors(law.baseline, requests, plan.errors * incident * noise, generator)
        halves += [requests[..., 0].T, errors[..., 0].T]
    return Counts.of(*halves)


def _shared(law: Law, runs: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Load and rate of errors that both arms have in common, as multiples; shapes (block, run, 1)."""
    if not law.shared:
        flat = np.ones((BLOCKS, runs, 1))
        return flat, flat
    phase = generator.uniform(0, 2 * np.pi, size=(1, runs, 1))
    block = np.arange(BLOCKS)[:, None, None]
    begin = generator.integers(0, BLOCKS - _INCIDENT, size=(1, runs, 1))
    during = (block >= begin) & (block < begin + _INCIDENT)
    return 1.0 + 0.6 * np.sin(2 * np.pi * block / BLOCKS + phase), np.where(during, 10.0, 1.0)


def _requests(mean: Floats, pods: int, generator: np.random.Generator) -> Floats:
    blocks, runs, _ = np.broadcast_shapes(mean.shape, (BLOCKS, 1, 1))
    return generator.poisson(mean, size=(blocks, runs, pods)).astype(np.float64)


def _arm_noise(noise: Noise, shape: tuple[int, int], generator: np.random.Generator, *, canary: bool) -> Floats:
    """Multiples of an arm's rate with mean 1; all pods of an arm share what is not fixed to a pod."""
    runs, pods = shape
    match noise:
        case Noise.BLOCK:
            return generator.gamma(1 / 0.09, 0.09, size=(BLOCKS, runs, 1))
        case Noise.AR1:
            return np.exp(_wandering(0.2, np.exp(-LENGTH / 60.0), runs, generator) - 0.02)
        case Noise.OFFSET if canary:
            return np.exp(generator.normal(-0.005, 0.1, size=(1, runs, pods)))
        case _:
            return np.ones((1, 1, 1))


def _wandering(deviation: float, memory: float, runs: int, generator: np.random.Generator) -> Floats:
    """An autoregression of order 1, from its stationary law on; shape (block, run, 1)."""
    steps = generator.normal(0.0, deviation * np.sqrt(1 - memory**2), size=(BLOCKS, runs, 1))
    steps[0] *= 1 / np.sqrt(1 - memory**2)
    for block in range(1, BLOCKS):
        steps[block] += memory * steps[block - 1]
    return steps


def _errors(lumps: Lumps, requests: Floats, rate: Floats, generator: np.random.Generator) -> Floats:
    mean = requests * rate
    match lumps:
        case Lumps.NONE:
            drawn = generator.poisson(mean).astype(np.float64)
        case Lumps.CLUSTERS:
            clusters = generator.poisson(mean / CLUSTER_MEAN)
            more = generator.negative_binomial(np.maximum(clusters, 1), 1 / CLUSTER_MEAN)
            drawn = np.where(clusters > 0, clusters + more, 0).astype(np.float64)
        case Lumps.BURSTS_10:
            drawn = _bursts(mean, 10, generator)
        case Lumps.BURSTS_20:
            drawn = _bursts(mean, 20, generator)
    return _within(drawn, requests)


def _bursts(mean: Floats, size: int, generator: np.random.Generator) -> Floats:
    """Bursts that began before the first block go on in it."""
    tail = len(_BURST) - 1
    padded = np.concatenate([np.repeat(mean[:1], tail, axis=0), mean])
    waiting = generator.poisson(padded / size) * size
    drawn = np.zeros((len(padded) + tail, *mean.shape[1:]))
    left = 1.0
    for later, part in enumerate(_BURST):
        now = generator.binomial(waiting, min(1.0, part / left))
        drawn[later : later + len(padded)] += now
        waiting, left = waiting - now, left - part
    return drawn[tail : tail + len(mean)]


def _within(errors: Floats, requests: Floats) -> Floats:
    """A request fails once: what a block has no requests for goes on in the next one."""
    if np.all(errors <= requests):
        return errors
    waiting = np.zeros(errors.shape[1:])
    for block in range(len(errors)):
        wanted = errors[block] + waiting
        errors[block] = np.minimum(wanted, requests[block])
        waiting = wanted - errors[block]
    return errors
