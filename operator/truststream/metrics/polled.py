"""What the sources with a query language of their own have in common: from a question to a measurement."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, Field

from truststream.api.canarydeployment import MetricKind
from truststream.api.quantities import PositiveDuration, format_duration
from truststream.canary.observation import ArmReading, Measurement, Outcome
from truststream.metrics import counts, templates
from truststream.metrics.answers import NoAnswerError
from truststream.metrics.base import Arm, Question
from truststream.metrics.counts import Counted, Grid
from truststream.metrics.rest import Http, Place, RestConfiguration, Secrets

_WORKERS: Final = 4
_LISTED: Final = 3

C = TypeVar("C", bound=RestConfiguration)
T = TypeVar("T")
Points = Mapping[float, float]
"""Values by the time, in seconds since the epoch, at which their interval begins."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a Value is asked for: since the weight changed, without what may still come in."""

    since: float
    until: float


class SeriesConfiguration(RestConfiguration):
    """Of a source that keeps series of points."""

    lookback: PositiveDuration = Field(300.0, description="How old the newest point of a Value may be.")


class PolledSource(ABC, Generic[C]):
    """A MetricSource without histograms. Subclasses ask and read; they block and run in threads."""

    name: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    PLACEHOLDERS: ClassVar[tuple[str, ...]] = (
        "namespace", "service", "port", "target", "workload", "arm", "flag", "variant",
    )  # fmt: skip
    TIMES: ClassVar[tuple[str, ...]] = ()  # placeholders of the time, filled in when a request is made
    MOST: ClassVar[int] = 1000  # intervals of one request

    def __init__(self, config: C, secrets: Secrets, called: str) -> None:
        """`called`: its name in the configuration."""
        setting = f"sources.{called}.config"
        self._config = config
        self._http = Http(Place(f"{self.name} at {self._address()}", setting), config, secrets)
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"source-{called}")
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}
        self._closed = False

    @classmethod
    def problem(cls, kind: MetricKind, text: str, config: C) -> str:
        """Why a query of the configuration cannot be used; empty when it can."""
        if wrong := templates.unknown(text, (*cls.PLACEHOLDERS, *cls.TIMES)):
            return wrong
        missing = [name for name in cls._needed(kind, config) if name not in templates.used(text)]
        return f"has to use {{{{{missing[0]}}}}}: the times are ours to choose" if missing else ""

    @classmethod
    def _needed(cls, kind: MetricKind, config: C) -> tuple[str, ...]:
        """Placeholders that a query of this kind has to use."""
        del kind, config
        return ()

    @abstractmethod
    def _address(self) -> str:
        """For messages."""

    @abstractmethod
    def _value(self, text: str, window: Window) -> float | None:
        """The one number; None when there is none."""

    @abstractmethod
    def _counts(self, text: str, grid: Grid) -> Points | None:
        """Events by interval; None when no series answers the query."""

    @abstractmethod
    def _ping(self) -> None:
        """Ask what costs nothing and needs our credentials."""

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`."""
        try:
            match question.query.kind:
                case MetricKind.VALUE:
                    return await self._measure_value(question)
                case MetricKind.RATIO:
                    return await self._measure_ratio(question)
                case MetricKind.DISTRIBUTION:
                    raise NoAnswerError(Outcome.INVALID, f"{self.name} gives no histograms: ask for a Ratio or a Value")
        except NoAnswerError as error:
            return Measurement(question.query.name, error.outcome, str(error))

    async def probe(self) -> str:
        """Empty when the source answers, else why not."""
        try:
            await self._run(self._ping)
        except NoAnswerError as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Release connections. What was sent is still answered; a look that has more to ask finds the source down."""
        self._closed = True
        self._threads.shutdown(wait=False)
        self._http.close()

    async def _measure_value(self, question: Question) -> Measurement:
        window = Window(question.since.timestamp(), question.until.timestamp() - self._config.delay)

        async def read(arm: Arm) -> ArmReading:
            text = self._render(question.query.expression, arm)
            value = await self._run(self._value, text, window)
            if value is None:
                raise NoAnswerError(Outcome.NO_DATA, f"{arm.arm}: {text} gives nothing")
            return ArmReading(value=finite(value, f"{arm.arm}: {text}"))

        canary, stable, note = await _arms(question, read)
        return Measurement(question.query.name, Outcome.OK, note, stable=stable, canary=canary)

    async def _measure_ratio(self, question: Question) -> Measurement:
        grid = self._grid(question)

        async def read(arm: Arm) -> Counted:
            total, bad = await asyncio.gather(
                *(self._counted(text, arm, grid) for text in (question.query.total, question.query.bad))
            )
            if total is None:
                text = self._render(question.query.total, arm)
                raise NoAnswerError(Outcome.NO_DATA, f"{arm.arm}: nothing matches {text}: no request counted yet?")
            # A series of errors comes with the first error in most places: none of them is none.
            return Counted(total, bad or {})

        canary, stable, note = await _arms(question, read)
        made = counts.blocks(grid, canary or Counted(), stable or Counted())
        faults = [block.fault for block in made if block.fault]
        return Measurement(
            question.query.name,
            Outcome.INVALID if faults else Outcome.OK,
            faults[0] if faults else note,
            stable=stable.reading() if stable and not faults else None,
            canary=canary.reading() if canary and not faults else None,
            length=0.0 if question.block is None else float(grid.length),
            blocks=() if question.block is None else made,
        )

    def _grid(self, question: Question) -> Grid:
        length, own = question.block or self._config.interval, self._config.interval
        if length % own:
            raise NoAnswerError(
                Outcome.INVALID,
                f"blocks of {format_duration(length)} are no whole number of intervals of {format_duration(own)}: "
                f"change {self._http.place.setting}.interval",
            )
        grid = counts.complete(question.since, question.until, round(length), self._config.delay)
        if not grid.starts:
            late = format_duration(self._config.delay)
            said = f"no interval of {format_duration(length)} is complete yet; numbers may come in {late} late"
            raise NoAnswerError(Outcome.NO_DATA, said)
        return grid

    async def _counted(self, template: str, arm: Arm, grid: Grid) -> Mapping[int, float] | None:
        """Whole numbers by interval, of as many requests as it takes."""
        text = self._render(template, arm)
        parts = [await self._run(self._counts, text, part) for part in grid.parts(self.MOST)]
        found: dict[int, float] = {}
        for points in parts:
            found |= on_grid(points or {}, grid, f"{arm.arm}: {text}")
        return None if all(points is None for points in parts) else counts.whole(found, f"{arm.arm}: {text}")

    def _render(self, template: str, arm: Arm) -> str:
        """With the arm's values; the time's stay until a request is made."""
        times = {name: f"{{{{{name}}}}}" for name in self.TIMES}
        return templates.filled(template, placeholders(arm) | times).strip()

    async def _run(self, ask: Callable[..., T], *args: Hashable) -> T:
        """One request for all who ask the same at the same time; who gives up does not end it for the others."""
        key = (ask.__name__, args)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._in_thread(ask, args))
            task.add_done_callback(lambda done: self._forget(key, done))
        answer: T = await asyncio.shield(task)
        return answer

    def _forget(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # seen, also when everyone who asked has gone

    async def _in_thread(self, ask: Callable[..., T], args: Iterable[object]) -> T:
        if self._closed:
            raise self._http.down("is being configured anew")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, ask, args)

    def _read(self, ask: Callable[..., T], args: Iterable[object]) -> T:
        """In a thread. An answer that is not as documented comes from somebody else, or was changed since."""
        try:
            return ask(*args)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise self._http.strange(f"an unknown form ({type(error).__name__})") from error


async def _arms(question: Question, read: Callable[[Arm], Awaitable[T]]) -> tuple[T | None, T | None, str]:
    """Canary, stable and a note. Stable without numbers alone does not keep the canary from being judged."""

    async def one(arm: Arm | None) -> T | None:
        return await read(arm) if arm else None

    canary, stable = await asyncio.gather(one(question.canary), one(question.stable), return_exceptions=True)
    if isinstance(canary, BaseException):
        raise canary
    if isinstance(stable, BaseException):
        if question.canary is None or not isinstance(stable, NoAnswerError) or stable.outcome is not Outcome.NO_DATA:
            raise stable
        return canary, None, str(stable)
    return canary, stable, ""


def placeholders(arm: Arm) -> dict[str, str]:
    """An arm's values, as they can be written in any language.

    Names in Kubernetes need no escaping. In the regular expression of the pods' names a backslash means one thing in
    plain quotes and another in raw ones: without any it means the same everywhere.
    """
    return {**asdict(arm), "pods": arm.pods.replace(r"\-", "-").replace(r"\.", "[.]")}


def finite(value: object, what: str) -> float:
    """The number.

    Raises:
        NoAnswerError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NoAnswerError(Outcome.INVALID, f"{what} gives a {type(value).__name__}, which is no number")
    if not math.isfinite(value):
        said = f"{what} gives {value:g}, which is no number to judge by (often 0/0: no requests)"
        raise NoAnswerError(Outcome.INVALID, said)
    return float(value)


def single(series: Sequence[T], names: Iterable[str], what: str, advice: str) -> T | None:
    """The only one; None of none.

    Raises:
        NoAnswerError: there are several.
    """
    if len(series) > 1:
        listed = ", ".join(list(names)[:_LISTED]) + (", …" if len(series) > _LISTED else "")
        raise NoAnswerError(Outcome.INVALID, f"{what} gives {len(series)} series: {listed}; {advice}")
    return series[0] if series else None


def newest(points: Points) -> float | None:
    """The value of the last time."""
    return points[max(points)] if points else None


def on_grid(points: Points, grid: Grid, what: str) -> dict[int, float]:
    """Those of the intervals of the grid.

    Raises:
        NoAnswerError: some lie between: they are sums of other intervals.
    """
    inside = {time: value for time, value in points.items() if grid.start <= time < grid.end}
    for time in inside:
        if (time - grid.start) % grid.length:
            said = f"{what} gives a sum at {time:g}, which begins no interval of {grid.length}s"
            raise NoAnswerError(Outcome.INVALID, f"{said}: let the query sum by the interval")
    return {int(time): finite(value, what) for time, value in inside.items()}
