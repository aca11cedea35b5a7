"""Many questions in one request: selectors that differ only in the values of labels are sent as one.

The answer is taken apart by each question's own matchers and its own window, so everyone gets what the question alone
would have given.
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from truststream.metrics.answers import Answer, NoAnswerError
from truststream.metrics.counters import Series
from truststream.metrics.matchers import Selection, Shape, parsed, union

Send = Callable[[str, datetime], Awaitable[Answer]]

GATHER: Final = 0.05  # seconds that a question waits for others of its kind
_MOST: Final = 100  # selectors in one request
_LONGEST: Final = 8000  # characters of it
_TICK: Final = 60.0  # seconds between the times of questions that go together
_SPREAD: Final = 4.0  # nobody's answer is made of more than so many times the samples that were asked for


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One question that waits."""

    text: str
    selection: Selection
    at: datetime
    answer: asyncio.Future[Answer]

    @property
    def until(self) -> float:
        """The last moment that it is about, as it is sent: Prometheus' times are milliseconds."""
        return round(self.at.timestamp(), 3)

    @property
    def after(self) -> float:
        """The moment before the first."""
        return self.until - self.selection.width


class Grouping:
    """Stands between those who ask and the connection."""

    def __init__(self, send: Send, gather: float = GATHER) -> None:
        self._send, self._gather = send, gather
        self._asked: dict[tuple[str, datetime], asyncio.Future[Answer]] = {}
        self._waiting: list[_Wanted] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, promql: str, at: datetime) -> Answer:
        """One request for all who ask the same at the same time; who gives up does not end it for the others.

        Raises:
            NoAnswerError: there is no answer.
        """
        key = (promql, at)
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = self._begin(promql, at)
            answer.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(answer)

    def _begin(self, promql: str, at: datetime) -> asyncio.Future[Answer]:
        selection = parsed(promql)
        if selection is None:
            return asyncio.ensure_future(self._send(promql, at))
        loop = asyncio.get_running_loop()
        wanted = _Wanted(promql, selection, at, loop.create_future())
        if not self._waiting:
            loop.call_later(self._gather, self._flush)
        self._waiting.append(wanted)
        return wanted.answer

    def _forget(self, key: tuple[str, datetime], done: asyncio.Future[Answer]) -> None:
        del self._asked[key]
        if not done.cancelled():
            done.exception()  # seen, also when everyone who asked has gone

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for group in _groups(waiting):
            task = asyncio.create_task(self._together(group) if len(group) > 1 else self._alone(group[0]))
            self._running.add(task)
            task.add_done_callback(functools.partial(self._over, tuple(group)))

    def _over(self, group: Sequence[_Wanted], done: asyncio.Task[None]) -> None:
        """Whatever went wrong, nobody is left waiting for an answer that will not come."""
        self._running.discard(done)
        error = None if done.cancelled() else done.exception()
        for one in group:
            if one.answer.done():
                continue
            if error is None:
                one.answer.cancel()
            else:
                one.answer.set_exception(error)

    async def _alone(self, wanted: _Wanted) -> None:
        try:
            answer = await self._send(wanted.text, wanted.at)
        except NoAnswerError as error:
            wanted.answer.set_exception(error)
        else:
            wanted.answer.set_result(answer)

    async def _together(self, group: Sequence[_Wanted]) -> None:
        until, after = max(one.until for one in group), min(one.after for one in group)
        text = f"{union([one.selection for one in group])}[{math.ceil(until - after)}s]"
        try:
            answer = await self._send(text, datetime.fromtimestamp(until, UTC))
        except NoAnswerError as error:
            await self._failed(group, error)
            return
        # In a thread: with hundreds of canaries the parts are many thousand series.
        parts = await asyncio.to_thread(_parts, group, answer)
        for one, part in zip(group, parts, strict=True):
            one.answer.set_result(part)

    async def _failed(self, group: Sequence[_Wanted], error: NoAnswerError) -> None:
        """Ask once more singly where being together may be the reason.

        One question may be too large or malformed, or all of them together too many samples: the others are not to
        pay for it. A source that cannot be reached is not asked hundreds of times what it did not answer once.
        """
        if error.alone_may_help:
            await asyncio.gather(*(self._alone(one) for one in group))
            return
        for one in group:
            one.answer.set_exception(NoAnswerError(error.outcome, str(error)))


def _groups(waiting: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """Of one shape, about one time, of windows of a like length, and no longer than a request may be."""
    alike: dict[tuple[Shape, int], list[_Wanted]] = defaultdict(list)
    for one in sorted(waiting, key=lambda one: one.at):
        alike[one.selection.shape, math.ceil(math.log(max(one.selection.width, 1.0), _SPREAD))].append(one)
    for found in alike.values():
        group: list[_Wanted] = []
        for one in found:
            if group and (one.until - group[0].until > _TICK or len(group) == _MOST):
                yield from _short(group)
                group = []
            group.append(one)
        yield from _short(group)


def _short(group: list[_Wanted]) -> Iterator[list[_Wanted]]:
    if len(group) > 1 and len(union([one.selection for one in group])) > _LONGEST:
        half = len(group) // 2
        yield from _short(group[:half])
        yield from _short(group[half:])
    else:
        yield group


def _parts(group: Sequence[_Wanted], answer: Answer) -> list[Answer]:
    """What each would have got. Labels that all compare by equality are looked up, the others matched."""
    exact = sorted(set.intersection(*(set(one.selection.exact) for one in group)))
    places: dict[tuple[str, ...], list[Series]] = defaultdict(list)
    for series in answer.series:
        places[tuple(series.labels.get(name, "") for name in exact)].append(series)
    parts = []
    for one in group:
        near = places.get(tuple(one.selection.exact[name] for name in exact), ())
        cut = (series.between(one.after, one.until) for series in near if one.selection.matches(series.labels))
        parts.append(replace(answer, series=tuple(found for found in cut if found.samples)))
    return parts
