"""From raw samples of counters to what was counted between two times; numbers only.

Why not `increase()`: it extrapolates, misses the first sample of a new series and gives fractions of requests.
Every rule here answers one question about one sample: by how much did the counter grow since the scrape before?
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from truststream.errors import MetricError

Labels = Mapping[str, str]
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

    @property
    def target(self) -> Target:
        """What it was scraped from."""
        return tuple(self.labels.get(name, "") for name in TARGET_LABELS)

    @property
    def text(self) -> str:
        """As Prometheus writes it."""
        inner = ",".join(f'{k}="{v}"' for k, v in sorted(self.labels.items()) if k != "__name__")
        return f"{self.labels.get('__name__', '')}{{{inner}}}"


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


def check(series: Iterable[Series]) -> None:
    """Refuse what no counter shows.

    Raises:
        InvalidSamplesError: a sample is NaN, infinite or negative.
    """
    for one in series:
        for _, value in one.samples:
            if not math.isfinite(value) or value < 0:
                raise InvalidSamplesError(
                    f"{one.text} has the sample {value:g}; a counter is finite and never negative"
                )


def interval_of(series: Iterable[Series], hint: float) -> float:
    """The usual time between two scrapes; `hint` while no series has two samples."""
    gaps = [b - a for one in series for (a, _), (b, _) in pairwise(one.samples)]
    return statistics.median(gaps) if gaps else hint


def newest(series: Iterable[Series]) -> float:
    """Time of the freshest sample; -inf without any."""
    return max((one.samples[-1][0] for one in series if one.samples), default=-math.inf)


def tolerated_age(interval: float) -> float:
    """How old the freshest sample may be before it counts as missing."""
    return max(_MISSED * interval, _FLOOR)


def scrapes_of(series: Iterable[Series]) -> dict[Target, Scrapes]:
    """What the series themselves tell about the scrapes of their targets: those of one scrape carry one time."""
    times: dict[Target, set[float]] = defaultdict(set)
    for one in series:
        times[one.target].update(time for time, _ in one.samples)
    return {target: Scrapes(tuple(sorted(found))) for target, found in times.items()}


def unexplained(series: Iterable[Series], known: Mapping[Target, Scrapes], window: Window) -> set[Target]:
    """Targets of series that begin in the window, or have a gap, while nothing tells whether they were scraped then."""
    return {one.target for one in series if not _explained(one, known.get(one.target, Scrapes()), window)}


def _explained(series: Series, scrapes: Scrapes, window: Window) -> bool:
    if series.samples and series.samples[0][0] > window.since and not _seen_before(series, scrapes, window):
        return False
    long = _GAP * window.interval
    gaps = [(a, b) for (a, _), (b, _) in pairwise(series.samples) if b > window.since and b - a > long]
    return all(_away(a, b, scrapes, window) for a, b in gaps)


def increments(series: Series, scrapes: Scrapes, window: Window) -> float:
    """What the counter counted in (since, until]."""
    return sum(amount for time, amount in _growth(series, scrapes, window) if window.since < time <= window.until)


def _seen_before(series: Series, scrapes: Scrapes, window: Window) -> bool:
    """The target was scraped before the series appeared, so the series began at 0 (Envoy's 5xx comes with the first).

    Half an interval of distance: replicas of a store may answer with times a moment apart.
    """
    return scrapes.any_in(-math.inf, series.samples[0][0] - window.interval / 2)


def _away(a: float, b: float, scrapes: Scrapes, window: Window) -> bool:
    """The target was scraped between the two samples without the series: it ended, and another one began."""
    half = window.interval / 2
    return scrapes.any_in(a + half, b - half)


def _growth(series: Series, scrapes: Scrapes, window: Window) -> Iterator[tuple[float, float]]:
    """(time, growth since the sample before) of every sample."""
    if not series.samples:
        return
    first_time, first = series.samples[0]
    from_zero = _seen_before(series, scrapes, window) or scrapes.started_in(window.since, first_time)
    yield first_time, first if from_zero else 0.0
    gap = _GAP * window.interval  # here, not in `_away`: this line runs for every sample of a long window
    for (a, before), (b, value) in pairwise(series.samples):
        anew = value < before or (b - a > gap and _away(a, b, scrapes, window))
        anew = anew or (bool(scrapes.starts) and scrapes.started_in(a, b))
        yield b, value if anew else value - before


@dataclass(frozen=True, slots=True)
class Ratio:
    """Counts of one arm."""

    requests: float
    bad: float


def ratio(total: Sequence[Series], bad: Sequence[Series], scrapes: Mapping[Target, Scrapes], window: Window) -> Ratio:
    """Bad and all of the same scrapes. A target without a bad series had no errors.

    Raises:
        InvalidSamplesError: more bad than all.
    """
    last = {target: times.times[-1] for target, times in scrapes_of(total).items() if times.times}
    requests, errors = defaultdict[Target, float](float), defaultdict[Target, float](float)
    for one in total:
        requests[one.target] += increments(one, scrapes.get(one.target, Scrapes()), window)
    for one in bad:
        # The answer about `bad` is the later one and may hold a scrape that the other does not.
        until = min(window.until, last.get(one.target, window.until))
        errors[one.target] += increments(
            one, scrapes.get(one.target, Scrapes()), Window(window.since, until, window.interval)
        )
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
