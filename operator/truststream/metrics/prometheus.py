"""Prometheus, and whatever speaks its query API: raw samples in, counts out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from pydantic import BaseModel

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import PrometheusConfiguration
from truststream.api.quantities import format_duration
from truststream.canary.observation import ArmReading, Measurement, Outcome
from truststream.metrics import counters, histograms
from truststream.metrics.answers import Answer, NoAnswerError, decode
from truststream.metrics.base import Arm, Question
from truststream.metrics.connection import Connection, Credentials
from truststream.metrics.counters import InvalidSamplesError, Scrapes, Series, Target, Window
from truststream.metrics.promql import render
from truststream.metrics.targets import query_for, scrapes_in

_WORKERS: Final = 4
_REACH: Final = 4  # scrape intervals before the window in which the sample to count from is looked for
_REACH_FLOOR: Final = 60.0
_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """One arm's counts, and what has to be told with them."""

    counts: ArmReading | None
    notes: tuple[str, ...] = ()


class Prometheus:
    """A MetricSource. `scrape_interval` is a hint until the samples tell it themselves."""

    name: ClassVar[str] = "Prometheus"
    Config: ClassVar[type[BaseModel]] = PrometheusConfiguration

    def __init__(
        self,
        config: PrometheusConfiguration,
        credentials: Credentials | None = None,
        *,
        scrape_interval: float = 15.0,
    ) -> None:
        self._connection = Connection(config, credentials or Credentials())
        self._hint = scrape_interval
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="prometheus")
        self._asked: dict[tuple[str, datetime], asyncio.Task[Answer]] = {}
        self._closed = False

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`. Gather the metrics of one look: a query that they share is sent once."""
        name = question.query.name
        answers = await asyncio.gather(
            self._read(question, question.canary), self._stable(question), return_exceptions=True
        )
        try:
            canary, stable = (_raised(answer) for answer in answers)
            _check_comparable(stable, canary)
        except NoAnswerError as error:
            return Measurement(name, error.outcome, str(error))
        except InvalidSamplesError as error:
            return Measurement(name, Outcome.INVALID, str(error))
        notes = "; ".join(dict.fromkeys((*canary.notes, *stable.notes)))
        return Measurement(name, Outcome.OK, notes, stable=stable.counts, canary=canary.counts)

    async def probe(self) -> str:
        """Empty when the source answers a query, else why not."""
        try:
            await self._send({"query": "vector(1)"})
        except NoAnswerError as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Release connections. What was sent is still answered; a look that has more to ask finds the source down."""
        self._closed = True
        self._threads.shutdown(wait=False)
        self._connection.close()

    async def _stable(self, question: Question) -> _Reading:
        """Stable without numbers, e.g. without traffic at weight 100, does not keep the canary from being judged."""
        if question.stable is None:
            return _Reading(None)
        try:
            return await self._read(question, question.stable)
        except NoAnswerError as error:
            if error.outcome is not Outcome.NO_DATA:
                raise
            return _Reading(None, (str(error),))

    async def _read(self, question: Question, arm: Arm) -> _Reading:
        match question.query.kind:
            case MetricKind.RATIO:
                return await self._ratio(question, arm)
            case MetricKind.DISTRIBUTION:
                return await self._distribution(question, arm)
            case MetricKind.VALUE:
                return await self._value(question, arm)

    async def _ratio(self, question: Question, arm: Arm) -> _Reading:
        total, window, notes = await self._counted(question, question.query.total, arm)
        # After the total, not beside it: then no scrape of the total can be missing from the bad ones.
        bad = await self._samples(question, render(question.query.bad, arm))
        counters.check(bad.series)
        scrapes = await self._scrapes(question, (*total, *bad.series), window)
        counts = await asyncio.to_thread(counters.ratio, total, bad.series, scrapes, window)
        return _Reading(ArmReading(requests=counts.requests, bad=counts.bad), (*notes, *bad.notes))

    async def _distribution(self, question: Question, arm: Arm) -> _Reading:
        series, window, notes = await self._counted(question, question.query.buckets, arm)
        scrapes = await self._scrapes(question, series, window)
        found = await asyncio.to_thread(histograms.buckets, series, scrapes, window, question.query.scale)
        return _Reading(ArmReading(requests=found[-1][1], buckets=found), notes)

    async def _value(self, question: Question, arm: Arm) -> _Reading:
        promql = render(question.query.expression, arm)
        answer = await self._ask(promql, question.until)
        return _Reading(ArmReading(value=_one_number(answer, promql, arm)), answer.notes)

    async def _counted(
        self, question: Question, template: str, arm: Arm
    ) -> tuple[tuple[Series, ...], Window, tuple[str, ...]]:
        """The arm's counters, fresh enough to count."""
        selector = render(template, arm)
        answer = await self._samples(question, selector)
        if not answer.series:
            message = f"{arm.arm}: no series matches {selector}: no request counted yet, or nothing scrapes it"
            raise NoAnswerError(Outcome.NO_DATA, message)
        counters.check(answer.series)
        interval = counters.interval_of(answer.series, self._hint)
        window = Window(question.since.timestamp(), question.until.timestamp(), interval)
        _check_fresh(answer.series, window, f"{arm.arm}: {selector}")
        return answer.series, window, answer.notes

    async def _samples(self, question: Question, selector: str) -> Answer:
        """Raw samples of the window, and of some scrapes before it: the last of those is what counts start from."""
        reach = max(_REACH * self._hint, _REACH_FLOOR)
        width = max(0.0, (question.until - question.since).total_seconds()) + reach
        return await self._ask(f"{selector}[{math.ceil(width)}s]", question.until)

    async def _scrapes(self, question: Question, series: Sequence[Series], window: Window) -> Mapping[Target, Scrapes]:
        """Known from the series themselves; Prometheus' own records are asked only where these leave a question."""
        known = counters.scrapes_of(series)
        open_questions = counters.unexplained(series, known, window)
        selector = query_for(open_questions)
        if not selector:
            return known
        more = scrapes_in((await self._samples(question, selector)).series, open_questions)
        return {target: scrapes | more.get(target, Scrapes()) for target, scrapes in known.items()}

    async def _ask(self, promql: str, at: datetime) -> Answer:
        """One request for all who ask the same at the same time; who gives up does not end it for the others."""
        key = (promql, at)
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._send({"query": promql, "time": f"{at.timestamp():.3f}"}))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[str, datetime], done: asyncio.Task[Answer]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # seen, also when everyone who asked has gone

    async def _send(self, form: Mapping[str, str]) -> Answer:
        if self._closed:
            raise NoAnswerError(Outcome.SOURCE_DOWN, f"{self._connection.where} is being configured anew")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._blocking, form)

    def _blocking(self, form: Mapping[str, str]) -> Answer:
        """In a thread, the decoding too: an answer may be megabytes."""
        status, body = self._connection.query(form)
        return decode(status, body, self._connection.where)


def _raised(answer: _Reading | BaseException) -> _Reading:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _check_comparable(stable: _Reading, canary: _Reading) -> None:
    if stable.counts and canary.counts and stable.counts.buckets:
        histograms.check_same_bounds(stable.counts.buckets, canary.counts.buckets)


def _check_fresh(series: Iterable[Series], window: Window, what: str) -> None:
    age = window.until - counters.newest(series)
    if age > counters.tolerated_age(window.interval):
        raise NoAnswerError(
            Outcome.NO_DATA,
            f"{what}: the freshest sample is {format_duration(round(age))} old, scraped every "
            f"{format_duration(window.interval)} before: its target is gone, or our clocks differ",
        )


def _one_number(answer: Answer, promql: str, arm: Arm) -> float:
    """The only number of an answer.

    Raises:
        NoAnswerError: none, several, or one that is no number.
    """
    if not answer.numbers:
        raise NoAnswerError(Outcome.NO_DATA, f"{arm.arm}: {promql} gives nothing")
    if len(answer.numbers) > 1:
        listed = ", ".join(Series(labels, ()).text for labels, _ in answer.numbers[:_LISTED])
        more = ", …" if len(answer.numbers) > _LISTED else ""
        count = len(answer.numbers)
        message = f"{arm.arm}: {promql} gives {count} series: {listed}{more}; aggregate them with sum() or max()"
        raise NoAnswerError(Outcome.INVALID, message)
    value = answer.numbers[0][1]
    if not math.isfinite(value):
        message = f"{arm.arm}: {promql} gives {value:g}, which is no number to judge by (often 0/0: no requests)"
        raise NoAnswerError(Outcome.INVALID, message)
    return value
