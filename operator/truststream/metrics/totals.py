"""Counts of one arm over the whole window of a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from truststream.api.canarydeployment import MetricKind
from truststream.api.quantities import format_duration
from truststream.canary.observation import ArmReading, Outcome
from truststream.metrics import counters, histograms
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.base import Question
from truststream.metrics.counters import (
    Batch,
    Floats,
    InvalidSamplesError,
    Scrapes,
    Target,
    Window,
    timelines,
)
from truststream.metrics.fetch import Fetched, Fetcher, reach_for_totals, work
from truststream.metrics.growth import Growth, Records, Rules, grow


@dataclass(frozen=True, slots=True)
class Reading:
    """One arm's counts, and what has to be told with them."""

    counts: ArmReading | None = None
    notes: tuple[str, ...] = ()


class Totals:
    """Counts the arms of one question."""

    def __init__(self, question: Question, fetcher: Fetcher, hint: float) -> None:
        self._question, self._fetcher, self._hint = question, fetcher, hint

    async def arm(self, fetched: Fetched | None) -> Reading:
        """Stable without numbers, e.g. without traffic at weight 100, does not keep the canary from being judged.

        Raises:
            NoAnswerError: no fresh samples.
            InvalidSamplesError: samples that are no counts.
        """
        if fetched is None:
            return Reading()
        try:
            return await self._read(fetched)
        except NoAnswerError as error:
            alone = self._question.canary is None or fetched.arm == self._question.canary.arm
            if alone or error.outcome is not Outcome.NO_DATA:
                raise
            return Reading(None, (str(error),))

    async def _read(self, fetched: Fetched) -> Reading:
        if fetched.failure:
            raise fetched.failure
        total, bad = self._near(fetched.total), self._near(fetched.bad)
        window = self._window(fetched, total, bad)
        scrapes = await self._scrapes((*total, *bad), window)
        if self._question.query.kind is MetricKind.RATIO:
            counts = await work(fetched.samples, counters.ratio, total, bad, scrapes, window)
            return Reading(ArmReading(requests=counts.requests, bad=counts.bad), fetched.notes)
        scale = self._question.query.scale
        found = await work(fetched.samples, histograms.buckets, total, scrapes, window, scale)
        return Reading(ArmReading(requests=found[-1][1], buckets=found), fetched.notes)

    def _near(self, found: Sequence[Batch]) -> tuple[Batch, ...]:
        """Blocks look back further than totals: what was wrong so long ago is not of this window."""
        after = self._question.since.timestamp() - reach_for_totals(self._hint) - 1
        return tuple(batch.later(after) for batch in found if batch.times[-1] > after)

    def _window(self, fetched: Fetched, total: Sequence[Batch], bad: Sequence[Batch]) -> Window:
        counters.check((*total, *bad))
        interval = counters.interval_of(total, self._hint)
        window = Window(self._question.since.timestamp(), self._question.until.timestamp(), interval)
        _check_fresh(fetched.total, window, f"{fetched.arm}: {fetched.selector}")
        return window

    async def _scrapes(self, found: Sequence[Batch], window: Window) -> Mapping[Target, Scrapes]:
        """Known from the series themselves; Prometheus' own records are asked only where these leave a question."""
        known = counters.scrapes_of(found)
        falling = _Falling.among(found, Rules(reach_for_totals(self._hint), window.since, self._hint))
        opened = counters.unexplained(found, known, window) | falling.open
        more = await self._fetcher.records(found, opened) if opened else {}
        falling.check(more)
        return {target: own | more[target].scrapes if target in more else own for target, own in known.items()}


@dataclass(frozen=True, slots=True)
class _Falling:
    """Counters that went down: those of a process that began anew, or no counters at all."""

    batches: tuple[Batch, ...]
    times: Mapping[Target, Floats]
    rules: Rules

    @classmethod
    def among(cls, found: Sequence[Batch], rules: Rules) -> _Falling:
        down = tuple(batch for batch in found if (batch.values[:, 1:] < batch.values[:, :-1]).any())
        return cls(down, timelines(found) if down else {}, rules)

    @property
    def open(self) -> set[Target]:
        """Targets whose restarts only Prometheus' records can tell."""
        return {growth.batch.target for growth in self._grown({}) if growth.open}

    def check(self, records: Mapping[Target, Records]) -> None:
        """Refuse what is no counter.

        Raises:
            InvalidSamplesError: it went down without a restart.
        """
        if faults := [fault for growth in self._grown(records) for fault in growth.faults]:
            raise InvalidSamplesError(min(faults, key=lambda fault: (fault.time, fault.text)).text)

    def _grown(self, records: Mapping[Target, Records]) -> list[Growth]:
        return [grow(batch, self.times[batch.target], self.rules, records.get(batch.target)) for batch in self.batches]


def compared(canary: Fetched, stable: Fetched, ours: Reading, theirs: Reading) -> tuple[Reading, Reading]:
    """Both, by the same bounds.

    Raises:
        InvalidSamplesError: they were not counted alike: other labels, or other buckets.
    """
    check_same_labels(canary.total, stable.total)
    if ours.counts is None or theirs.counts is None or not theirs.counts.buckets:
        return ours, theirs
    if all(batch.native for batch in (*canary.total, *stable.total)):
        both = histograms.common([ours.counts.buckets, theirs.counts.buckets])
        first, second = (ArmReading(requests=found[-1][1], buckets=found) for found in both)
        return replace(ours, counts=first), replace(theirs, counts=second)
    histograms.check_same_bounds(theirs.counts.buckets, ours.counts.buckets)
    return ours, theirs


def check_same_labels(canary: Iterable[Batch], stable: Iterable[Batch]) -> None:
    """Series with other labels come from other exporters, or were relabelled: they may count other things.

    Raises:
        InvalidSamplesError: one arm has label names that the other has not.
    """
    ours, theirs = ({name for batch in arm for one in batch.series for name in one.labels} for arm in (canary, stable))
    if not ours or not theirs or ours == theirs:
        return
    missing = [
        f"{arm} lacks {', '.join(sorted(names))}"
        for arm, names in (("canary", theirs - ours), ("stable", ours - theirs))
        if names
    ]
    raise InvalidSamplesError(
        f"the arms have different labels: {'; '.join(missing)}; scrape and relabel both alike, "
        "or narrow the selector to series that both have"
    )


def _check_fresh(found: Iterable[Batch], window: Window, what: str) -> None:
    age = window.until - counters.newest(found)
    if age > counters.tolerated_age(window.interval):
        raise NoAnswerError(
            Outcome.NO_DATA,
            f"{what}: the freshest sample is {format_duration(round(age))} old, scraped every "
            f"{format_duration(window.interval)} before: its target is gone, or the clocks of Prometheus and of the "
            f"operator differ by about {age:.0f}s",
        )
