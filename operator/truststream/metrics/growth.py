"""By how much counters grew from scrape to scrape: the same raw samples give the same growth, whoever asks when.

Every judgement about a sample rests on what lies within `reach` seconds before it and on nothing else. So blocks that
are asked for one by one and blocks that are asked for together are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.metrics.counters import Batch, Floats, Identity, Scrapes, Series, identity

_LATE: Final = 1.5  # intervals between two samples: a scrape between them failed, or did not see the series
_MEMORY: Final = 12  # samples in which falls are counted: a process that restarts that often is seen by its gaps
_FALLS: Final = 3  # so many in the memory are the ups and downs of a gauge
_FEW: Final = 50.0  # requests that may come between two scrapes, whatever came before
_BURST: Final = 10.0  # times as many as in the scrapes before
_SAME: Final = 0.01  # seconds that a start may seem to lie before a scrape that saw the process before


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the counts at this time cannot be used."""

    time: float
    text: str


@dataclass(frozen=True, slots=True)
class Records:
    """What Prometheus, and the target itself, record about the target."""

    scrapes: Scrapes = field(default_factory=Scrapes)
    created: Mapping[Identity, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch's counters grew by since the scrape before, sample by sample."""

    batch: Batch
    amounts: Floats
    faults: tuple[Fault, ...] = ()
    open: bool = False  # a question is left that Prometheus' records of the target may answer


@dataclass(frozen=True, slots=True)
class Rules:
    """`reach`: how far back a judgement looks. `after`: samples up to it are only looked back at."""

    reach: float
    after: float
    hint: float  # the time between two scrapes where no two are known


def spacing(times: Floats, at: float, reach: float, hint: float) -> float:
    """The usual time between two scrapes in (at - reach, at]."""
    first = times.searchsorted(at - reach, side="right")
    near = times[first : times.searchsorted(at, side="right")]
    if len(near) < 2:
        return hint
    gaps = np.sort(near[1:] - near[:-1])  # an own median: that of numpy takes longer than all the rest
    return float(gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2


def grow(batch: Batch, timeline: Floats, rules: Rules, asked: Records | None = None) -> Growth:
    """The growth of every counter of the batch.

    Args:
        timeline: every scrape that is known to have seen the target.
        asked: Prometheus' own records about the target; None: not asked yet. Used only for what is open without.
    """
    usable = np.isfinite(batch.values) & (batch.values >= 0)
    values = batch.values if usable.all() else np.where(usable, batch.values, 0.0)
    judge = _Judge(timeline, rules, batch.series, asked)
    amounts = np.zeros_like(values)
    step = values[:, 1:] - values[:, :-1]
    fell = step < 0
    amounts[:, 1:] = np.where(fell.any(axis=0) if batch.together else fell, values[:, 1:], step)
    _mend_starts(batch, values, amounts, judge)
    faults = list(_unusable(batch, usable, amounts, rules)) if values is not batch.values else []
    if fell.any():
        faults.extend(_falls(batch, values, fell, judge))
    return Growth(batch, amounts, tuple(faults), judge.open)


def _mend_starts(batch: Batch, values: Floats, amounts: Floats, judge: _Judge) -> None:
    """Growth since nothing: the first sample, one after a long silence, and one of a counter that was away."""
    times, rules = batch.times, judge.rules
    gaps = times[1:] - times[:-1]
    for place in (0, *(np.flatnonzero(gaps > rules.reach) + 1)):
        if times[place] > rules.after:
            for row, began in enumerate(judge.began(float(times[place]), len(values))):
                amounts[row, place] = values[row, place] if began else 0.0
    if not gaps.size:
        return
    for place in np.flatnonzero((gaps > _LATE * judge.shortest) & (gaps <= rules.reach) & (times[1:] > rules.after)):
        if judge.away(float(times[place]), float(times[place + 1])):
            amounts[:, place + 1] = values[:, place + 1]


def _unusable(batch: Batch, usable: NDArray[np.bool_], amounts: Floats, rules: Rules) -> Iterator[Fault]:
    """A sample that no counter shows spoils its own growth and that of the next."""
    for row, place in zip(*np.nonzero(~usable), strict=True):
        sample = f"{batch.series[row].text} has the sample {batch.values[row, place]:g}"
        text = f"{sample}; a counter is finite and never negative: select a counter"
        for spoilt in range(place, min(place + 2, len(batch.times))):
            amounts[row, spoilt] = 0.0
            if batch.times[spoilt] > rules.after:
                yield Fault(float(batch.times[spoilt]), text)


def _falls(batch: Batch, values: Floats, fell: NDArray[np.bool_], judge: _Judge) -> Iterator[Fault]:
    """A counter that falls was started anew, or is no counter. For a histogram its count of all speaks."""
    if batch.together:
        fell = fell & (np.arange(len(values)) == values[:, -1].argmax())[:, None]
    for row, place in zip(*np.nonzero(fell), strict=True):
        a, b = float(batch.times[place]), float(batch.times[place + 1])
        before, value = values[row, place : place + 2]
        if b <= judge.rules.after or b - a > judge.rules.reach:
            continue
        recent = slice(max(0, place - _MEMORY + 1), place + 1)
        near = batch.times[1:][recent] > b - judge.rules.reach
        often = np.count_nonzero(fell[row, recent] & near) >= _FALLS
        whole = batch.times[:-1][recent] > b - judge.rules.reach
        most = np.diff(values[row])[recent][whole].max(initial=0.0)
        from_zero = value <= max(before / 2, _FEW, _BURST * most)  # Envoy drops a cluster and begins it anew
        if (often or not from_zero) and not judge.restarted(a, b, int(row)):
            yield Fault(
                b,
                f"{batch.series[row].text} goes down from {before:g} to {value:g} without a restart; "
                "a counter never does: select a counter, not a gauge",
            )


@dataclass(slots=True)
class _Judge:
    """Answers about one target; notes when an answer needs records that were not asked for."""

    timeline: Floats
    rules: Rules
    series: Sequence[Series]
    asked: Records | None
    open: bool = field(default=False, init=False)

    @property
    def shortest(self) -> float:
        """Between two scrapes of the target, not of one counter: that may have been away for every other."""
        return float((self.timeline[1:] - self.timeline[:-1]).min())

    def began(self, at: float, rows: int) -> list[bool]:
        """By row: the counter began at 0 since the scrape before `at`.

        The target was scraped before, without the series; or its process or the counter itself began just before.
        Half an interval of distance: replicas of a store may answer with times a moment apart.
        """
        if self._scraped(self.timeline, at - self.rules.reach, at - self._half(self.timeline, at)):
            return [True] * rows
        if self.asked is None:
            self.open = True
            return [False] * rows
        known = np.union1d(self.timeline, np.array(self.asked.scrapes.times, dtype=np.float64))
        process = self.asked.scrapes.started_in(at - self.rules.reach, at)
        if process or self._scraped(known, at - self.rules.reach, at - self._half(known, at)):
            return [True] * rows
        return [self._created(row, at - self.rules.reach, at) for row in range(rows)]

    def away(self, a: float, b: float) -> bool:
        """The target was scraped between the two without the series, or started anew: another counter began."""
        half = self._half(self.timeline, b)
        if b - a <= _LATE * 2 * half:
            return False
        if self._scraped(self.timeline, a + half, b - half):
            return True
        if self.asked is None:
            self.open = True
            return False
        scrapes = self.asked.scrapes
        return scrapes.any_in(a + half, b - half) or scrapes.started_in(a - _SAME, b)

    def restarted(self, a: float, b: float, row: int) -> bool:
        """There is a sign that the process began between the two: a scrape that failed, or its own word."""
        if b - a > _LATE * 2 * self._half(self.timeline, b):
            return True
        if self.asked is None:
            self.open = True
            return True
        return self.asked.scrapes.started_in(a - _SAME, b) or self._created(row, a - _SAME, b)

    def _created(self, row: int, after: float, until: float) -> bool:
        created = self.asked.created if self.asked else {}
        return bool(created) and any(after <= time <= until for time in created.get(identity(self.series[row]), ()))

    def _half(self, times: Floats, at: float) -> float:
        return spacing(times, at, self.rules.reach, self.rules.hint) / 2

    @staticmethod
    def _scraped(times: Floats, after: float, before: float) -> bool:
        """A scrape strictly between the two times."""
        return bool(np.searchsorted(times, after, side="right") < np.searchsorted(times, before, side="left"))
