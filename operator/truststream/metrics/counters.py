"""From raw samples of counters to what was counted between two times; numbers only.

Why not `increase()`: it extrapolates, misses the first sample of a new series and gives fractions of requests.
Every rule here answers one question about one sample: by how much did the counter grow since the scrape before?
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.errors import MetricError

Labels = Mapping[str, str]
Floats = NDArray[np.float64]
Target = tuple[str, ...]
"""What was scraped: the values of `TARGET_LABELS`."""

TARGET_LABELS: Final = ("job", "instance", "pod")
_FLOOR: Final = 10.0  # seconds; below it a late sample says nothing about an outage
_MISSED: Final = 3  # scrape intervals without a sample: not late, but gone
_GAP: Final = 1.5  # scrape intervals between two samples: one is missing
_SLACK: Final = 1e-6  # counters are floats


class InvalidSamplesError(MetricError):
    """Samples that cannot be counts of anything; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Series:
    """One counter: its labels and its (time, value) samples, rising in time."""

    labels: Labels
    samples: tuple[tuple[float, float], ...]
    native: bool = False  # made of a native histogram: with others of its kind it counts by the bounds of both
    times: Floats = field(init=False, repr=False, compare=False)
    values: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Arrays are made once, where the answer is decoded: everything later is arithmetic on them."""
        table = np.array(self.samples, dtype=np.float64).reshape(-1, 2).T.copy()
        object.__setattr__(self, "times", table[0])
        object.__setattr__(self, "values", table[1])

    def between(self, after: float, until: float) -> Series:
        """Its samples in (after, until]."""
        if self.samples and after < self.samples[0][0] and self.samples[-1][0] <= until:
            return self
        first, end = np.searchsorted(self.times, (after, until), side="right")
        return replace(self, samples=self.samples[first:end])

    @property
    def target(self) -> Target:
        """What it was scraped from."""
        return tuple(self.labels.get(name, "") for name in TARGET_LABELS)

    @property
    def text(self) -> str:
        """As Prometheus writes it."""
        inner = ",".join(f'{k}="{v}"' for k, v in sorted(self.labels.items()) if k != "__name__")
        return f"{self.labels.get('__name__', '')}{{{inner}}}"


Identity = frozenset[tuple[str, str]]
"""The labels of a counter but its name and its bound."""


def identity(series: Series) -> Identity:
    """What a bucket has in common with its histogram, and a counter with the series that says when it began."""
    return frozenset((name, value) for name, value in series.labels.items() if name not in ("__name__", "le"))


def histogram_of(series: Series) -> Identity:
    """What the buckets of one histogram have in common."""
    return frozenset((name, value) for name, value in series.labels.items() if name != "le")


@dataclass(frozen=True, slots=True)
class Batch:
    """Counters of one target that were seen in exactly the same scrapes; a row of `values` each."""

    target: Target
    series: tuple[Series, ...]
    times: Floats
    values: Floats
    together: bool = False  # buckets of one histogram: when one begins anew, all do

    @property
    def native(self) -> bool:
        """Made of a native histogram."""
        return self.series[0].native

    def later(self, after: float) -> Batch:
        """Its samples after that."""
        if self.times[0] > after:
            return self
        first = int(self.times.searchsorted(after, side="right"))
        return replace(self, times=self.times[first:], values=self.values[:, first:])


@dataclass(frozen=True, slots=True)
class Scrapes:
    """When a target was scraped and when its process started, as far as is known."""

    times: tuple[float, ...] = ()  # rising
    starts: tuple[float, ...] = ()

    def any_in(self, after: float, before: float) -> bool:
        """A scrape strictly between the two times."""
        first = bisect_right(self.times, after)
        return first < bisect_left(self.times, before)

    def started_in(self, after: float, until: float) -> bool:
        """The process started between the two times."""
        return any(after <= start <= until for start in self.starts)

    def __or__(self, other: Scrapes) -> Scrapes:
        return Scrapes(tuple(sorted({*self.times, *other.times})), tuple(sorted({*self.starts, *other.starts})))


@dataclass(frozen=True, slots=True)
class Window:
    """Counts are wanted over (since, until]; `interval` is the time between two scrapes."""

    since: float
    until: float
    interval: float


def batches(series: Iterable[Series], *, of_histograms: bool = False) -> list[Batch]:
    """Series by target and times; buckets also by their histogram: one pass of arithmetic for all of its bounds."""
    groups: dict[tuple[Target, bytes, Identity | None], list[Series]] = defaultdict(list)
    for one in series:
        if one.samples:
            groups[one.target, one.times.tobytes(), histogram_of(one) if of_histograms else None].append(one)
    return [
        Batch(target, tuple(group), group[0].times, np.array([one.values for one in group]), of_histograms)
        for (target, _, _), group in groups.items()
    ]


def timelines(found: Iterable[Batch]) -> dict[Target, Floats]:
    """When each target was scraped, as far as its own series tell."""
    times: dict[Target, list[Floats]] = defaultdict(list)
    for batch in found:
        times[batch.target].append(batch.times)
    return {
        target: parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts)) for target, parts in times.items()
    }


def check(found: Iterable[Batch]) -> None:
    """Refuse what no counter shows.

    Raises:
        InvalidSamplesError: a sample is NaN, infinite or negative.
    """
    for batch in found:
        wrong = ~(np.isfinite(batch.values) & (batch.values >= 0))
        if wrong.any():
            row, place = np.argwhere(wrong)[0]
            raise InvalidSamplesError(
                f"{batch.series[row].text} has the sample {batch.values[row, place]:g}; "
                "a counter is finite and never negative"
            )


def interval_of(found: Iterable[Batch], hint: float) -> float:
    """The usual time between two scrapes; `hint` while no series has two samples."""
    gaps = [np.diff(batch.times).repeat(len(batch.series)) for batch in found]
    every = np.concatenate(gaps) if gaps else np.array([])
    return float(np.median(every)) if every.size else hint


def newest(found: Iterable[Batch]) -> float:
    """Time of the freshest sample; -inf without any."""
    return max((float(batch.times[-1]) for batch in found), default=-math.inf)


def tolerated_age(interval: float) -> float:
    """How old the freshest sample may be before it counts as missing."""
    return max(_MISSED * interval, _FLOOR)


def scrapes_of(found: Iterable[Batch]) -> dict[Target, Scrapes]:
    """What the series themselves tell about the scrapes of their targets: those of one scrape carry one time."""
    return {target: Scrapes(tuple(times.tolist())) for target, times in timelines(found).items()}


def unexplained(found: Iterable[Batch], known: Mapping[Target, Scrapes], window: Window) -> set[Target]:
    """Targets of series that begin in the window, or have a gap, while nothing tells whether they were scraped then."""
    return {batch.target for batch in found if not _explained(batch, known.get(batch.target, Scrapes()), window)}


def _explained(batch: Batch, scrapes: Scrapes, window: Window) -> bool:
    first = float(batch.times[0])
    if first > window.since and not _seen_before(first, scrapes, window):
        return False
    gaps = (batch.times[1:] - batch.times[:-1] > _GAP * window.interval) & (batch.times[1:] > window.since)
    return all(
        _away(float(batch.times[place]), float(batch.times[place + 1]), scrapes, window)
        for place in np.flatnonzero(gaps)
    )


def increments(series: Series, scrapes: Scrapes, window: Window) -> float:
    """What the counter counted in (since, until]."""
    return sum(float(increments_of(batch, scrapes, window).sum()) for batch in batches([series]))


def increments_of(batch: Batch, scrapes: Scrapes, window: Window) -> Floats:
    """What each counter of the batch counted in (since, until]."""
    first, end = np.searchsorted(batch.times, (window.since, window.until), side="right")
    counted = np.zeros(len(batch.series))
    if first == 0 and end > 0:
        begins = float(batch.times[0])
        if _seen_before(begins, scrapes, window) or scrapes.started_in(window.since, begins):
            counted += batch.values[:, 0]
        first = 1
    if first >= end:
        return counted
    times, values = batch.times[first - 1 : end], batch.values[:, first - 1 : end]
    step = values[:, 1:] - values[:, :-1]
    fell = step < 0
    anew = (fell.any(axis=0) if batch.together else fell) | _began_anew(times, scrapes, window)
    counted += np.where(anew, values[:, 1:], step).sum(axis=1)
    return counted


def _began_anew(times: Floats, scrapes: Scrapes, window: Window) -> NDArray[np.bool_]:
    """By pair of samples: another counter stands behind the second, whatever its value."""
    found = np.zeros(len(times) - 1, dtype=bool)
    for place in np.flatnonzero(times[1:] - times[:-1] > _GAP * window.interval):
        found[place] = _away(float(times[place]), float(times[place + 1]), scrapes, window)
    for start in scrapes.starts:
        found |= (times[:-1] <= start) & (start <= times[1:])
    return found


def _seen_before(first: float, scrapes: Scrapes, window: Window) -> bool:
    """The target was scraped before the series appeared, so the series began at 0 (Envoy's 5xx comes with the first).

    Half an interval of distance: replicas of a store may answer with times a moment apart.
    """
    return scrapes.any_in(-math.inf, first - window.interval / 2)


def _away(a: float, b: float, scrapes: Scrapes, window: Window) -> bool:
    """The target was scraped between the two samples without the series: it ended, and another one began."""
    half = window.interval / 2
    return scrapes.any_in(a + half, b - half)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Counts of one arm."""

    requests: float
    bad: float


def ratio(total: Sequence[Batch], bad: Sequence[Batch], scrapes: Mapping[Target, Scrapes], window: Window) -> Ratio:
    """Bad and all of the same scrapes. A target without a bad series had no errors.

    Raises:
        InvalidSamplesError: more bad than all.
    """
    last = {target: times.times[-1] for target, times in scrapes_of(total).items() if times.times}
    requests, errors = defaultdict[Target, float](float), defaultdict[Target, float](float)
    for batch in total:
        known = scrapes.get(batch.target, Scrapes())
        requests[batch.target] += float(increments_of(batch, known, window).sum())
    for batch in bad:
        # The answer about `bad` is the later one and may hold a scrape that the other does not.
        until = min(window.until, last.get(batch.target, window.until))
        known = scrapes.get(batch.target, Scrapes())
        errors[batch.target] += float(increments_of(batch, known, replace(window, until=until)).sum())
    for target, count in errors.items():
        if count > requests[target] + _SLACK:
            raise InvalidSamplesError(
                f"{count:g} bad of {requests[target]:g} requests at {_name(target)}: "
                "`bad` counts what `total` does not; use the same counter for both"
            )
    return Ratio(sum(requests.values()), sum(errors.values()))


def _name(target: Target) -> str:
    known = [f"{label} {value}" for label, value in zip(TARGET_LABELS, target, strict=True) if value]
    return ", ".join(known) or "a series without job and instance"
