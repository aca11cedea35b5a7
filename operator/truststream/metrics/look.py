"""One question about counters, from its raw samples to its measurement: totals of the window, and blocks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from truststream.api.canarydeployment import MetricKind
from truststream.canary.observation import ArmReading, Block, Measurement, Outcome
from truststream.metrics import blocks, counters, grid, totals
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.base import Question
from truststream.metrics.counters import InvalidSamplesError
from truststream.metrics.fetch import Ask, Fetched, Fetcher, reach_for_blocks, reach_for_totals, work
from truststream.metrics.growth import Rules

_CLOCKS: Final = 1.0  # seconds that clocks may differ however often is scraped

_Both = tuple[Fetched | None, Fetched | None]


@dataclass(frozen=True, slots=True)
class _InBlocks:
    """What a measurement says in blocks."""

    length: float = 0.0
    blocks: tuple[Block, ...] = ()


class Look:
    """Answers one question; `hint` is the scrape interval until the samples tell it themselves."""

    def __init__(self, question: Question, ask: Ask, hint: float) -> None:
        self._question, self._ask, self._hint = question, ask, hint
        self._since, self._until = question.since.timestamp(), question.until.timestamp()

    async def measure(self) -> Measurement:
        """A failure of the totals does not hide the blocks: each of these says for itself whether it can be used."""
        found = _InBlocks()
        try:
            fetcher, both = await self._fetch()
            self._check_clocks(both)
            if self._question.block is not None:
                found = await self._in_blocks(fetcher, both)
            canary, stable = await self._totals(fetcher, both)
        except NoAnswerError as error:
            return self._measured(error.outcome, str(error), found)
        except InvalidSamplesError as error:
            return self._measured(Outcome.INVALID, str(error), found)
        notes = dict.fromkeys((*canary.notes, *stable.notes))
        return self._measured(Outcome.OK, "; ".join(notes), found, canary.counts, stable.counts)

    def _measured(
        self,
        outcome: Outcome,
        message: str,
        found: _InBlocks,
        canary: ArmReading | None = None,
        stable: ArmReading | None = None,
    ) -> Measurement:
        name = self._question.query.name
        return Measurement(name, outcome, message, stable, canary, length=found.length, blocks=found.blocks)

    async def _fetch(self) -> tuple[Fetcher, _Both]:
        block = self._question.block
        reach = reach_for_totals(self._hint) if block is None else reach_for_blocks(self._hint, block)
        fetcher = Fetcher(self._question, self._ask, reach)
        both = await fetcher.both()
        if block is not None and (wider := reach_for_blocks(self._hint, self._length(both))) > reach:
            # The interval is much longer than the configuration said: look as far back as with this length given.
            fetcher = Fetcher(self._question, self._ask, wider)
            both = await fetcher.both()
        return fetcher, both

    def _check_clocks(self, both: _Both) -> None:
        """A window of our clock on samples of another one would count what happened at another weight.

        Raises:
            NoAnswerError: they differ by more than a scrape.
        """
        for arm in both:
            if arm is None or arm.failure:
                continue
            future = counters.newest(arm.total) - self._until
            skew = max(arm.skew, future, key=abs) if future > 0 else arm.skew
            if abs(skew) > max(counters.interval_of(arm.total, self._hint), _CLOCKS):
                raise NoAnswerError(
                    Outcome.INVALID,
                    f"{arm.arm}: the clocks of Prometheus and of the operator differ by about {abs(skew):.0f}s "
                    f"({'Prometheus' if skew > 0 else 'the operator'} is ahead): set both by NTP",
                )

    def _length(self, both: _Both) -> float:
        """Of a block: as asked, or by the interval of the arm that is scraped less often."""
        if self._question.block:
            return self._question.block
        intervals = [counters.interval_of(arm.total, self._hint) for arm in both if arm and arm.total]
        return grid.length_for(max(intervals, default=self._hint))

    # Totals of the window

    async def _totals(self, fetcher: Fetcher, both: _Both) -> tuple[totals.Reading, totals.Reading]:
        counted = totals.Totals(self._question, fetcher, self._hint)
        answers = await asyncio.gather(*(counted.arm(arm) for arm in both), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        canary, stable = (answer for answer in answers if isinstance(answer, totals.Reading))
        if both[0] and both[1]:
            return totals.compared(both[0], both[1], canary, stable)
        return canary, stable

    # Blocks

    async def _in_blocks(self, fetcher: Fetcher, both: _Both) -> _InBlocks:
        for arm in both:
            if arm and arm.failure and arm.failure.outcome is not Outcome.NO_DATA:
                raise arm.failure  # half the arms are no blocks
        length = self._length(both)
        ours, theirs = (blocks.Counters(arm.total, arm.bad) if arm else blocks.Counters() for arm in both)
        whole = grid.grid(length, self._since, self._until)
        where = grid.clip(whole, blocks.complete_until((ours, theirs), fetcher.reach, self._hint))
        rules = Rules(fetcher.reach, where.start, self._hint)
        canary, stable = await asyncio.gather(
            self._arm_in_blocks(fetcher, ours, where, rules), self._arm_in_blocks(fetcher, theirs, where, rules)
        )
        samples = sum(arm.samples for arm in both if arm)
        return _InBlocks(length, await work(samples, blocks.blocks, where, canary, stable))

    async def _arm_in_blocks(
        self, fetcher: Fetcher, found: blocks.Counters, where: grid.Grid, rules: Rules
    ) -> blocks.Arm:
        samples = sum(batch.values.size for batch in found.all)
        grown = await work(samples, found.grown, rules)
        if opened := grown.open:
            records = await fetcher.records(found.all, opened)
            grown = await work(samples, found.grown, rules, records)
        query = self._question.query
        if query.kind is MetricKind.RATIO:
            return await work(samples, blocks.ratio, grown, where)
        return await work(samples, blocks.distribution, grown, where, query.scale)
