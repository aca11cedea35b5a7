"""The raw samples of one question, and what Prometheus records about their targets."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from truststream.api.canarydeployment import MetricKind
from truststream.canary.observation import Outcome
from truststream.metrics.answers import Answer, NoAnswerError
from truststream.metrics.base import Arm, Question
from truststream.metrics.counters import Batch, Target, batches
from truststream.metrics.growth import Records
from truststream.metrics.promql import render
from truststream.metrics.targets import query_for, records_in

Ask = Callable[[str, datetime], Awaitable[Answer]]
"""Answers a query at a time, or raises a NoAnswerError."""

_T = TypeVar("_T")
_MANY: Final = 20_000  # samples: some milliseconds
_REACH: Final = 4  # scrape intervals before the window in which the sample to count from is looked for
_REACH_FLOOR: Final = 60.0
_BLOCK_REACH: Final = 8  # blocks look back alike wherever the question begins, over some missed scrapes
_BLOCK_REACH_FLOOR: Final = 180.0
_LENGTHS: Final = 2  # and over so many blocks


@dataclass(frozen=True, slots=True)
class Fetched:
    """The raw counters of one arm, or why there are none."""

    arm: str
    selector: str
    total: tuple[Batch, ...] = ()
    bad: tuple[Batch, ...] = ()
    notes: tuple[str, ...] = ()
    skew: float = 0.0  # seconds by which the source's clock is ahead of ours
    failure: NoAnswerError | None = None

    @property
    def samples(self) -> int:
        """How many there are to count."""
        return sum(batch.values.size for batch in (*self.total, *self.bad))


async def work(samples: int, function: Callable[..., _T], *args: object) -> _T:
    """Count: at once where that takes less than a change of threads, else where it does not block the event loop."""
    return function(*args) if samples < _MANY else await asyncio.to_thread(function, *args)


def reach_for_totals(hint: float) -> float:
    """Seconds before the window."""
    return max(_REACH * hint, _REACH_FLOOR)


def reach_for_blocks(hint: float, length: float) -> float:
    """The same for blocks: a number that depends on nothing but the configuration and the blocks."""
    return max(_BLOCK_REACH * hint, _BLOCK_REACH_FLOOR, _LENGTHS * length)


class Fetcher:
    """Asks for one question, always back to `reach` seconds before its window."""

    def __init__(self, question: Question, ask: Ask, reach: float) -> None:
        self._question, self._ask, self.reach = question, ask, reach

    async def both(self) -> tuple[Fetched | None, Fetched | None]:
        """Canary and stable, as far as they exist."""
        canary, stable = await asyncio.gather(self._arm(self._question.canary), self._arm(self._question.stable))
        return canary, stable

    async def _arm(self, arm: Arm | None) -> Fetched | None:
        if arm is None:
            return None
        query = self._question.query
        ratio = query.kind is MetricKind.RATIO
        selector = render(query.total if ratio else query.buckets, arm)
        try:
            total = await self._samples(selector)
            if not total.series:
                message = f"{arm.arm}: no series matches {selector}: no request counted yet, or nothing scrapes it"
                raise NoAnswerError(Outcome.NO_DATA, message)
            if ratio and (native := next((one for one in total.series if one.native), None)):
                message = f"{native.text} is a native histogram: kind Ratio needs counters, kind Distribution takes it"
                raise NoAnswerError(Outcome.INVALID, f"{arm.arm}: {message}")
            # After the total, not beside it: then no scrape of the total can be missing from the bad ones.
            bad = await self._samples(render(query.bad, arm)) if ratio else Answer("matrix")
        except NoAnswerError as error:
            return Fetched(arm.arm, selector, failure=error)
        whole, part = batches(total.series, of_histograms=not ratio), batches(bad.series)
        notes = (*total.notes, *bad.notes)
        return Fetched(arm.arm, selector, tuple(whole), tuple(part), notes, total.skew)

    async def records(self, found: Sequence[Batch], targets: set[Target]) -> Mapping[Target, Records]:
        """Prometheus' own records, to be asked only where the series themselves leave a question."""
        selector = query_for(targets, (one for batch in found for one in batch.series if batch.target in targets))
        if not selector:
            return {target: Records() for target in targets}
        return records_in((await self._samples(selector)).series, targets)

    async def _samples(self, selector: str) -> Answer:
        """Raw samples of the window, and of some scrapes before it: the last of those is what counts start from."""
        width = max(0.0, (self._question.until - self._question.since).total_seconds()) + self.reach
        return await self._ask(f"{selector}[{math.ceil(width)}s]", self._question.until)
