"""From many results to what a person wants to know: how often, and how soon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.replay.outcome import Ending
from truststream.replay.simulation import Result, Trace
from truststream.stats.intervals_proportion import clopper_pearson
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion

LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the runs ended so, and how soon: seconds, NaN where none did."""

    ending: Ending
    count: int
    runs: int
    by_policy: int
    median: float = math.nan
    p90: float = math.nan
    mean: float = math.nan

    @property
    def share(self) -> float:
        """A fraction."""
        return self.count / self.runs

    @property
    def interval(self) -> Interval:
        """Of the share: what so many runs can tell of it."""
        return clopper_pearson(Proportion(self.count, self.runs), LEVEL)


@dataclass(frozen=True, slots=True)
class Summary:
    """One scenario. `bound`: the least mean time of any judge for the decision that is right here."""

    name: str
    runs: int
    shares: tuple[Share, ...]
    bound: float
    right: Ending
    times: tuple[tuple[Ending, float], ...]  # of every decision, rising
    traces: tuple[Trace, ...] = ()

    def of(self, ending: Ending) -> Share:
        """The row of an ending."""
        return next(share for share in self.shares if share.ending is ending)

    def decided_by(self, ending: Ending, seconds: float) -> float:
        """The share of runs that had ended so by then."""
        return sum(kind is ending and at <= seconds for kind, at in self.times) / self.runs


def summarise(name: str, results: Sequence[Result], bound: float, right: Ending) -> Summary:
    """Of at least one result."""
    times = sorted(((r.ending, r.seconds) for r in results if r.ending is not Ending.UNDECIDED), key=lambda t: t[1])
    traces = tuple(r.trace for r in results if r.trace is not None)
    shares = tuple(_share(ending, results) for ending in Ending)
    return Summary(name, len(results), shares, bound, right, tuple(times), traces)


def _share(ending: Ending, results: Sequence[Result]) -> Share:
    found = [result for result in results if result.ending is ending]
    policies = sum(result.by_policy for result in found)
    if not found or ending is Ending.UNDECIDED:
        return Share(ending, len(found), len(results), policies)
    seconds = np.array([result.seconds for result in found])
    median, p90 = (float(np.quantile(seconds, q)) for q in (0.5, 0.9))
    return Share(ending, len(found), len(results), policies, median, p90, float(seconds.mean()))
