"""What the query API answered, as values: samples, numbers, or why there are none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from truststream.canary.observation import Outcome
from truststream.errors import MetricError
from truststream.metrics import native
from truststream.metrics.counters import Series

_NATIVE: Final = "is a native histogram, which is no number: take one out of it, e.g. with histogram_count()"


class NoAnswerError(MetricError):
    """A question without a usable answer; `outcome` says which kind, the message why.

    `alone_may_help`: the source has read the question and refused it, or gave up over it.
    """

    def __init__(self, outcome: Outcome, message: str, *, alone_may_help: bool = False) -> None:
        super().__init__(message)
        self.outcome, self.alone_may_help = outcome, alone_may_help


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of one query, nothing dropped. `numbers` of an instant vector or scalar, `series` of a range."""

    kind: str  # matrix | vector | scalar
    series: tuple[Series, ...] = ()
    numbers: tuple[tuple[Mapping[str, str], float], ...] = ()
    notes: tuple[str, ...] = ()  # the source's warnings and infos about a whole answer
    skew: float = 0.0  # seconds by which the source's clock is at least ahead of ours


def decode(status: int, body: bytes, where: str) -> Answer:
    """The answer in an HTTP response.

    Raises:
        NoAnswerError: the source is down, refuses us, rejects the query, or answered in part.
    """
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict) or data.get("status") not in ("success", "error"):
        # A proxy may refuse a body that is too long for it.
        raise NoAnswerError(Outcome.SOURCE_DOWN, _strange(status, where), alone_may_help=status in (413, 414))
    if status == 200 and data["status"] == "success":
        return _answer(data, where)
    text = f"{data.get('errorType', 'error')}: {data.get('error', 'without a reason')}"
    if status in (400, 422):
        raise NoAnswerError(Outcome.INVALID, f"{where} rejects the query ({text})", alone_may_help=True)
    gave_up = data.get("errorType") in ("timeout", "canceled")
    raise NoAnswerError(Outcome.SOURCE_DOWN, f"{_strange(status, where)} ({text})", alone_may_help=gave_up)


def _strange(status: int, where: str) -> str:
    if status in (401, 403):
        return f"{where} refuses our credentials (HTTP {status}): check the Secret that prometheus names"
    if status == 429:
        return f"{where} is asked too often (HTTP 429)"
    if status >= 500:
        return f"{where} fails (HTTP {status})"
    return f"{where} does not speak Prometheus' query API (HTTP {status}): check prometheus.address"


def _answer(data: Mapping[str, Any], where: str) -> Answer:
    notes = _notes(data, where)
    try:
        kind, result = data["data"]["resultType"], data["data"]["result"]
        if kind == "matrix":
            return Answer(kind, series=_matrix(result), notes=notes)
        if kind == "vector":
            return Answer(kind, numbers=_vector(result), notes=notes)
        if kind == "scalar":
            return Answer(kind, numbers=(({}, float(result[1])),), notes=notes)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NoAnswerError(
            Outcome.SOURCE_DOWN, f"{where} answers in an unknown form: check prometheus.address"
        ) from error
    raise NoAnswerError(Outcome.INVALID, f"the query gives a {kind}; it has to give numbers")


def _notes(data: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Remarks about PromQL are kept. Any other warning means that a part of the data is missing: no answer at all.

    Half the data may hold the errors of one arm and the requests of the other.
    """
    warnings = [str(text) for text in data.get("warnings") or ()]
    partial = [text for text in warnings if not text.startswith("PromQL ")]
    if partial:
        raise NoAnswerError(Outcome.SOURCE_DOWN, f"{where} answers in part only: {'; '.join(partial)}")
    return (*warnings, *(str(text) for text in data.get("infos") or ()))


def _matrix(result: Sequence[Mapping[str, Any]]) -> tuple[Series, ...]:
    """Series by their labels. A bound written in two ways (le "1" and "1.0", before and after an upgrade) is one."""
    found: dict[frozenset[tuple[str, str]], Series] = {}
    for one in result:
        labels = _labels(one["metric"])
        series = native.series_of(labels, one["histograms"]) if "histograms" in one else []
        if values := one.get("values"):
            series.append(Series(labels, tuple([(float(time), float(value)) for time, value in values])))
        for each in series:
            _add(found, each)
    return tuple(found.values())


def _add(found: dict[frozenset[tuple[str, str]], Series], one: Series) -> None:
    key = frozenset(one.labels.items())
    if key in found:
        one = replace(one, samples=tuple(sorted({*found[key].samples, *one.samples})))
    found[key] = one


def _labels(metric: Mapping[str, str]) -> dict[str, str]:
    labels = dict(metric)
    if "le" in labels:
        labels["le"] = f"{float(labels['le']):.17g}".replace("inf", "+Inf")
    return labels


def _vector(result: Sequence[Mapping[str, Any]]) -> tuple[tuple[Mapping[str, str], float], ...]:
    for one in result:
        if "histogram" in one:
            raise NoAnswerError(Outcome.INVALID, f"{Series(one['metric'], ()).text} {_NATIVE}")
    return tuple((one["metric"], float(one["value"][1])) for one in result)
