"""What applications tell of exposures: read, and held against the flags."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from truststream.api.featureflag import ENVIRONMENT
from truststream.flags.bucketing import unit_of
from truststream.flags.flagset import CompiledFlag
from truststream.serving.base import Refused, Scope
from truststream.store.base import MAX_UNIT, Exposure, window_start

MAX_ITEMS: Final = 10_000
FUTURE: Final = 300.0
"""Seconds that an application's clock may be ahead of ours."""

_LINES: Final = ("application/x-ndjson", "application/jsonl", "application/ndjson")
_SHAPE: Final = 'send {"exposures": [{"flag": …, "variant": …, "unit": …}]}, one such object, or a line of JSON each'
_ENVIRONMENT: Final = re.compile(ENVIRONMENT)
_read_unit: Final = unit_of("unit")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One that is not kept: its place in the request, a word and a sentence."""

    index: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Told:
    """One as it was sent. `environment` None, `at` None and an empty `namespace`: the request's."""

    index: int
    flag: str
    variant: str
    unit: str
    environment: str | None
    at: float | None
    namespace: str


class _Bad(ValueError):
    """An item that says too little, or nonsense."""


def read_items(body: bytes, content_type: str) -> list[Told | Rejected]:
    """The items of a request: one, a batch or a line each.

    Raises:
        Refused: 400 the body is neither; 413 more than MAX_ITEMS.
    """
    lines = content_type.partition(";")[0].strip().lower() in _LINES
    raw = _lines(body) if lines else _batch(_parsed(body))
    if len(raw) > MAX_ITEMS:
        raise Refused(413, f"at most {MAX_ITEMS} exposures fit into one request; these are {len(raw)}")
    return [_item(index, one) for index, one in enumerate(raw)]


def checked(item: Told, scope: Scope, flag: CompiledFlag | None, now: float, oldest: float) -> Exposure | Rejected:
    """The exposure, or why it is not kept.

    Args:
        flag: what the scope serves under the item's key.
        now: seconds since the epoch.
        oldest: how old an exposure may be, in seconds.
    """
    at = now if item.at is None else item.at
    if problem := _problem(item, scope, flag) or _time_problem(at, now, oldest):
        return Rejected(item.index, *problem)
    assert flag is not None  # said by _problem
    return Exposure(
        namespace=scope.namespace,
        flag=item.flag,
        environment=scope.environment,
        variant=item.variant,
        unit=item.unit,
        at=at,
        window=window_start(at, flag.spec.exposure_window),
    )


def _problem(item: Told, scope: Scope, flag: CompiledFlag | None) -> tuple[str, str] | None:
    if flag is None:
        return "UnknownFlag", f"no FeatureFlag in namespace {scope.namespace} has the key {item.flag!r}"
    if item.variant not in flag.spec.variants:
        return "UnknownVariant", f"flag {item.flag!r} has no variant {item.variant!r}"
    if not flag.spec.record_exposures:
        return "NotRecorded", f"flag {item.flag!r} keeps no exposures: set spec.recordExposures to true"
    return None


def _time_problem(at: float, now: float, oldest: float) -> tuple[str, str] | None:
    if at > now + FUTURE:
        return "InTheFuture", f"at is more than {FUTURE:.0f} seconds ahead of the server's clock"
    if at < now - oldest:
        return "TooOld", f"at is longer ago than exposures are kept ({oldest / 86400:g} days)"
    return None


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON ({error}); {_SHAPE}") from error


def _batch(body: Any) -> Sequence[Any]:
    if isinstance(body, Mapping) and "exposures" not in body:
        return [body]
    items = body.get("exposures") if isinstance(body, Mapping) else body
    if not isinstance(items, list):
        raise Refused(400, _SHAPE)
    return items


def _lines(body: bytes) -> Sequence[Any]:
    """A line that is no JSON is that line's problem."""
    items = list[Any]()
    for line in body.splitlines():
        if line.strip():
            try:
                items.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                items.append(_Bad(f"is not JSON: {error}"))
    return items


def _item(index: int, raw: Any) -> Told | Rejected:
    try:
        return _told(index, raw)
    except _Bad as bad:
        return Rejected(index, "Malformed", str(bad))


def _told(index: int, raw: Any) -> Told:
    if isinstance(raw, _Bad):
        raise raw
    if not isinstance(raw, Mapping):
        raise _Bad("must be an object")
    environment = raw.get("environment")
    if environment is not None and not _is_environment(environment):
        raise _Bad("environment must be a name like production")
    return Told(
        index=index,
        flag=_text(raw, "flag", 253),
        variant=_text(raw, "variant", 63),
        unit=_unit(raw.get("unit")),
        environment=environment,
        at=_moment(raw.get("at")),
        namespace=_text(raw, "namespace", 63) if raw.get("namespace") is not None else "",
    )


def _is_environment(value: Any) -> bool:
    return value == "" or (isinstance(value, str) and len(value) <= 63 and _ENVIRONMENT.match(value) is not None)


def _text(raw: Mapping[str, Any], name: str, longest: int) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise _Bad(f"{name} must be a text of 1 to {longest} characters")
    return value


def _unit(value: Any) -> str:
    """As evaluations take units: a text, or an integer as its decimal digits."""
    unit = _read_unit({"unit": value})
    if unit is None or len(unit) > MAX_UNIT or "\0" in unit:
        raise _Bad(f"unit must be a text of 1 to {MAX_UNIT} characters without NUL, or an integer")
    return unit


def _moment(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise _Bad("at must be a moment such as 2026-11-23T09:00:00Z, or seconds since the epoch") from None
