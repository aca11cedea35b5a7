"""Recorded samples as a metric source: the ranges that a Prometheus answered once, in its own JSON, asked again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import promql_parser
from numpy.typing import NDArray
from pydantic import BaseModel

from truststream.api.canarydeployment import MetricKind
from truststream.canary.observation import Measurement, Outcome
from truststream.errors import TrustStreamError
from truststream.metrics.answers import Answer, decode
from truststream.metrics.base import Question
from truststream.metrics.look import Look

Key = tuple[tuple[str, str], ...]
Moment = tuple[float, str]
"""A time, and which of `KINDS` was sampled then."""
KINDS: Final = ("values", "histograms")
_WHERE: Final = "the recorded data"
_SUFFIX: Final = ".json"


class RecordingError(TrustStreamError):
    """A directory that holds no recorded ranges, or a file that is none."""


@dataclass(slots=True)
class Samples:
    """Series by their labels; values as they were written, so that what is exported is what was answered."""

    series: dict[Key, dict[Moment, Any]] = field(default_factory=dict)

    def add(self, result: Any) -> None:
        """The `result` of a matrix.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        for one in result:
            key = tuple(sorted((str(name), str(value)) for name, value in one["metric"].items()))
            samples = self.series.setdefault(key, {})
            for kind in KINDS:
                samples.update(((float(time), kind), value) for time, value in one.get(kind) or ())

    def span(self) -> tuple[float, float]:
        """Times of the first and the last sample."""
        times = [time for samples in self.series.values() for time, _ in samples]
        return min(times), max(times)

    def write(self, folder: Path) -> list[Path]:
        """One file a metric name, as the query API would have answered."""
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, list[dict[str, Any]]] = {}
        for key, samples in sorted(self.series.items()):
            labels, ordered = dict(key), sorted(samples)
            values = {kind: [[at, samples[at, kind]] for at, of in ordered if of == kind] for kind in KINDS}
            kept = {kind: pairs for kind, pairs in values.items() if pairs}
            found.setdefault(labels.get("__name__", "unnamed"), []).append({"metric": labels, **kept})
        return [_write(folder / f"{_safe(name)}{_SUFFIX}", result) for name, result in found.items()]


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _write(file: Path, result: Any) -> Path:
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    file.write_text(json.dumps(body, separators=(",", ":")) + "\n", encoding="utf-8")
    return file


def load(folder: Path) -> Samples:
    """All ranges of a directory; the same series may stand in several files.

    Raises:
        RecordingError: there is none, or a file is no answer of the query API.
    """
    files = sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    if not files:
        raise RecordingError(
            f"{folder}: has no {_SUFFIX} files; put answers of /api/v1/query_range there, or write it with --export"
        )
    samples = Samples()
    for file in files:
        _read(file, samples)
    if not samples.series:
        raise RecordingError(f"{folder}: its files hold no series; widen the range or the selector that was exported")
    return samples


def _read(file: Path, samples: Samples) -> None:
    wanted = "an answer of /api/v1/query_range, or of /api/v1/query for `metric[range]`"
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
        if body["status"] != "success" or body["data"]["resultType"] != "matrix":
            raise RecordingError(f"{file}: its status has to be success and its resultType matrix: save {wanted}")
        samples.add(body["data"]["result"])
    except (OSError, UnicodeError) as error:
        raise RecordingError(f"{file}: cannot be read ({error})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(f"{file}: is no matrix ({type(error).__name__}: {error}); save {wanted}") from error


@dataclass(frozen=True, slots=True)
class _Stored:
    """One series, ready to be cut."""

    labels: Mapping[str, str]
    times: NDArray[np.float64]
    samples: tuple[tuple[Moment, Any], ...]

    def between(self, after: float, until: float) -> dict[str, Any] | None:
        """Samples in (after, until], as the API writes them; None without any."""
        first, end = np.searchsorted(self.times, (after, until), side="right")
        found: dict[str, Any] = {}
        for (time, kind), value in self.samples[first:end]:
            found.setdefault(kind, []).append([time, value])
        return {"metric": self.labels, **found} if found else None


class Recorded:
    """A MetricSource over recorded samples. It counts by the code that counts for Prometheus."""

    name: ClassVar[str] = "Recorded"
    Config: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, samples: Samples, scrape_interval: float) -> None:
        self._hint = scrape_interval
        self._series = [_stored(key, found) for key, found in samples.series.items()]
        self._chosen: dict[str, list[_Stored]] = {}

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`."""
        if question.query.kind is MetricKind.VALUE:
            said = "its expression can only be computed by Prometheus: leave the metric out, or use --prometheus"
            return Measurement(question.query.name, Outcome.INVALID, said)
        return await Look(question, self.ask, self._hint).measure()

    async def ask(self, promql: str, at: datetime) -> Answer:
        """The samples of a range selector, up to that time."""
        selector: Any = promql_parser.parse(promql)
        until, width = round(at.timestamp(), 3), selector.range.total_seconds()  # as it is written into a request
        chosen = self._select(selector.vector_selector)
        result = [cut for one in chosen if (cut := one.between(until - width, until)) is not None]
        body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return decode(200, json.dumps(body).encode(), _WHERE)

    async def probe(self) -> str:
        """It always answers."""
        return ""

    async def close(self) -> None:
        """Nothing is open."""

    def _select(self, selector: Any) -> list[_Stored]:
        text = str(selector)
        if text not in self._chosen:
            alternatives = [list(_matchers(selector, some)) for some in _alternatives(selector)]
            self._chosen[text] = [one for one in self._series if any(_fits(one, some) for some in alternatives)]
        return self._chosen[text]


def _stored(key: Key, samples: Mapping[Moment, Any]) -> _Stored:
    ordered = tuple(sorted(samples.items(), key=lambda sample: sample[0]))
    return _Stored(dict(key), np.array([time for (time, _), _ in ordered]), ordered)


Matcher = tuple[str, str, str]
"""Label, operator, value."""


def _alternatives(selector: Any) -> list[Any]:
    """Lists of matchers of which one has to hold: PromQL's `or` between matchers."""
    return list(selector.matchers.or_matchers) or [selector.matchers.matchers]


def _matchers(selector: Any, some: Any) -> Iterator[Matcher]:
    if selector.name:
        yield "__name__", "MatchOp.Equal", selector.name
    for one in some:
        yield one.name, str(one.op), one.value


def _fits(one: _Stored, matchers: list[Matcher]) -> bool:
    return all(_holds(one.labels.get(label, ""), how, wanted) for label, how, wanted in matchers)


def _holds(value: str, how: str, wanted: str) -> bool:
    """Regular expressions match the whole value; a label that is missing is an empty one."""
    match how:
        case "MatchOp.Equal":
            return value == wanted
        case "MatchOp.NotEqual":
            return value != wanted
        case "MatchOp.Re":
            return re.fullmatch(wanted, value, re.DOTALL) is not None
        case "MatchOp.NotRe":
            return re.fullmatch(wanted, value, re.DOTALL) is None
    raise RecordingError(f"{wanted!r}: the matcher {how} is not known; use =, !=, =~ or !~")
