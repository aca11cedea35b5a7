"""The kernel on many releases at once: when each of its modes would first have decided."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from tests.bench.judge.plan import BLOCKS, LENGTH, Plan
from tests.bench.judge.streams import Stream
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.dispersion import Running
from truststream.stats.keys.promotion import LEAST_ERRORS, Promotion, Proof, expected_errors
from truststream.stats.keys.rollback import Keys, Rollback, Wealth

ALPHA: Final = 0.01
ALPHA_PROMOTION: Final = 0.05
BURN_IN: Final = 30
CAUTION: Final = 1.5
"""Times the running dispersion: phi of the promotion, at least."""

Looks = npt.NDArray[np.int64]
"""Number of the look (1 is the end of the first block) of the first decision of every run; 0: none within the hour."""

_State = TypeVar("_State")
_CROWD = 0.7
"""Share of the rows that must still be undecided; below it the decided ones are dropped."""


@dataclass(slots=True)
class _Undecided:
    """Which runs still need a decision, of which mode."""

    decided: dict[str, Looks]
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, modes: tuple[str, ...], runs: int) -> _Undecided:
        return cls({mode: np.zeros(runs, np.int64) for mode in modes}, np.arange(runs))

    def note(self, look: int, among: npt.NDArray[np.int64], crossed: dict[str, npt.NDArray[np.bool_]]) -> None:
        """`crossed` is about the present rows `among`."""
        for mode, now in crossed.items():
            first = self.decided[mode]
            hit = self.rows[among[now]]
            first[hit[first[hit] == 0]] = look

    def kept(self) -> npt.NDArray[np.int64] | None:
        """Which of the present rows to go on with; None: all of them."""
        waiting = np.zeros(len(self.rows), bool)
        for first in self.decided.values():
            waiting |= first[self.rows] == 0
        if waiting.mean() > _CROWD:
            return None
        self.rows = self.rows[waiting]
        return np.flatnonzero(waiting)


def _thinned(state: _State, kept: npt.NDArray[np.int64]) -> _State:
    """The rows `kept` of every array of a dataclass."""
    changes: dict[str, Any] = {}
    for each in dataclasses.fields(state):  # type: ignore[arg-type]
        value = getattr(state, each.name)
        if isinstance(value, np.ndarray):
            changes[each.name] = value[kept]
    return dataclasses.replace(state, **changes)  # type: ignore[type-var]


def rolled_back(stream: Stream, plan: Plan, tolerance: float, phi: Floats | float) -> dict[str, Looks]:
    """First look at which the two-key value ("two") and the mean of both keys ("fast") reach 1/alpha."""
    open_runs = _Undecided.of(("two", "fast"), stream.runs)
    sizes = np.broadcast_to(np.asarray(phi, dtype=np.float64), (stream.runs,))
    test, wealth, level = Rollback(tolerance, sizes), Wealth.begin((stream.runs,)), math.log(1 / ALPHA)
    test_sizes, exchange, starts = sizes, plan.exchange, plan.starts
    for block in range(BLOCKS):
        counts = stream.block(block, open_runs.rows)
        wealth = test.step(wealth, counts, exchange=bool(exchange[block]), start=block in starts)
        high = _reaching(level, wealth.poisson, wealth.share, wealth.exchange)
        if high.size:
            keys = Rollback(tolerance, test_sizes[high]).keys(_thinned(wealth, high))
            open_runs.note(block + 1, high, {"two": keys.two >= level, "fast": keys.fast >= level})
            kept = open_runs.kept()
            if kept is not None:
                wealth, test_sizes = _thinned(wealth, kept), sizes[open_runs.rows]
                test = Rollback(tolerance, test_sizes)
        if not len(open_runs.rows):
            break
    return open_runs.decided


def _reaching(level: float, *wealth: Floats) -> npt.NDArray[np.int64]:
    """Rows with an alternative that is high enough: a mean of several, and what is not placed, is never higher.

    Only to save time: hardly any row is, and for the others no mixture has to be summed up.
    """
    needed = math.log(math.exp(level) - 1.0)
    return np.flatnonzero(np.any([(each >= needed).any(axis=-1) for each in wealth], axis=0))


def promoted(stream: Stream, plan: Plan, margin: float, phi: Floats | float) -> dict[str, Looks]:
    """First look at which the two-key value ("two") and E_ph alone ("poisson") prove non-inferiority.

    The proof begins anew at each stage; only the last stage's opens the way to 100 %. No decision before 30 blocks, and
    none before a canary at the boundary should have had 80 errors.
    """
    open_runs = _Undecided.of(("two", "poisson"), stream.runs)
    floor = np.broadcast_to(np.asarray(phi, dtype=np.float64), (stream.runs,))
    test, level = Promotion(margin), math.log(1 / ALPHA_PROMOTION)
    proof, running = Proof.begin((stream.runs,)), Running.begin((stream.runs,))
    last = max(plan.stages)
    told = _told(stream, last, margin)
    for block in range(BLOCKS):
        counts = stream.block(block, open_runs.rows)
        proof = Proof.begin((len(open_runs.rows),)) if block in plan.stages else proof
        running, proof = running.add(counts, LENGTH), test.step(proof, counts)
        if block + 1 < max(BURN_IN, last):
            continue
        lowest = floor[open_runs.rows]
        high = _reaching(level, proof.poisson / lowest[:, None])
        high = high[told[block, open_runs.rows[high]]]
        if high.size:
            sizes = np.maximum(lowest[high], CAUTION * _thinned(running, high).dispersion)
            keys = test.keys(_thinned(proof, high), sizes)
            open_runs.note(block + 1, high, {"two": keys.two >= level, "poisson": keys.poisson >= level})
            kept = open_runs.kept()
            if kept is not None:
                proof, running = _thinned(proof, kept), _thinned(running, kept)
        if not len(open_runs.rows):
            break
    return open_runs.decided


def _told(stream: Stream, begin: int, margin: float) -> npt.NDArray[np.bool_]:
    """By block and run: enough errors were to be expected since block `begin`."""
    parts = (stream.n_c, stream.e_c, stream.n_b, stream.e_b)
    totals = np.zeros((4, BLOCKS, stream.runs))
    for place, part in enumerate(parts):
        totals[place, begin:] = np.cumsum(part[begin:].sum(axis=-1), axis=0)
    return expected_errors(Counts(*totals), margin) >= LEAST_ERRORS


def evidence(stream: Stream, plan: Plan, tolerance: float, phi: Floats | float) -> list[Keys]:
    """Both keys of all runs at every look, whatever they would have decided."""
    test, wealth, keys = Rollback(tolerance, phi), Wealth.begin((stream.runs,)), []
    for block in range(BLOCKS):
        exchange, start = bool(plan.exchange[block]), block in plan.starts
        wealth = test.step(wealth, stream.block(block), exchange=exchange, start=start)
        keys.append(test.keys(wealth))
    return keys
