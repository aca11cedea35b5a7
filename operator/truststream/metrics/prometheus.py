"""Prometheus, and whatever speaks its query API: raw samples in, counts out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

from pydantic import BaseModel

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import ArmReading, Measurement, Outcome
from truststream.metrics.answers import Answer, NoAnswerError, decode
from truststream.metrics.base import Arm, Question
from truststream.metrics.connection import Connection, Credentials
from truststream.metrics.counters import Series
from truststream.metrics.grouping import Grouping
from truststream.metrics.look import Look
from truststream.metrics.promql import render

_WORKERS: Final = 4
_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class _Value:
    """One arm's number, and what has to be told with it."""

    reading: ArmReading | None = None
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
        self._ask = Grouping(self._query).ask
        self._closed = False

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`. Gather the metrics of one look: a query that they share is sent once."""
        if question.query.kind is MetricKind.VALUE:
            return await self._values(question)
        return await Look(question, self._ask, self._hint).measure()

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

    async def _values(self, question: Question) -> Measurement:
        name = question.query.name
        answers = await asyncio.gather(
            *(self._value(question, arm) for arm in (question.canary, question.stable)), return_exceptions=True
        )
        canary, stable = answers
        if isinstance(stable, NoAnswerError) and stable.outcome is Outcome.NO_DATA and question.canary is not None:
            stable = _Value(None, (str(stable),))  # it does not keep the canary from being judged
        try:
            ours, theirs = _raised(canary), _raised(stable)
        except NoAnswerError as error:
            return Measurement(name, error.outcome, str(error))
        notes = "; ".join(dict.fromkeys((*ours.notes, *theirs.notes)))
        return Measurement(name, Outcome.OK, notes, stable=theirs.reading, canary=ours.reading)

    async def _value(self, question: Question, arm: Arm | None) -> _Value:
        if arm is None:
            return _Value()
        promql = render(question.query.expression, arm)
        answer = await self._ask(promql, question.until)
        return _Value(ArmReading(value=_one_number(answer, promql, arm)), answer.notes)

    async def _query(self, promql: str, at: datetime) -> Answer:
        return await self._send({"query": promql, "time": f"{at.timestamp():.3f}"})

    async def _send(self, form: Mapping[str, str]) -> Answer:
        if self._closed:
            raise NoAnswerError(Outcome.SOURCE_DOWN, f"{self._connection.where} is being configured anew")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._blocking, form)

    def _blocking(self, form: Mapping[str, str]) -> Answer:
        """In a thread, the decoding too: an answer may be megabytes."""
        reply = self._connection.query(form)
        return replace(decode(reply.status, reply.body, self._connection.where), skew=reply.skew)


def _raised(answer: _Value | BaseException) -> _Value:
    if isinstance(answer, BaseException):
        raise answer
    return answer


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
