"""How durations, percentages and limits are written in YAML, and what they are in Python.

Every type carries the schema that the API server checks, so that both sides accept the same texts.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

_UNITS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)(ms|s|m|h)")
# Six digits keep the sum far from where Go's 64-bit nanoseconds end.
DURATION_PATTERN: Final = "^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$"
DURATION_LENGTH: Final = 16
LIMIT_PATTERN: Final = "^(-?[0-9]+([.][0-9]+)?%?|([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+)$"

DURATION_MESSAGE: Final = "must be a duration like 90s, 5m or 1h30m, without a sign"
POSITIVE_MESSAGE: Final = "must be longer than 0s"
INTERVAL_MESSAGE: Final = "must be at least 1s"
LIMIT_MESSAGE: Final = "must be a number, a percentage like 1% or a latency like 250ms"
REPLICAS_MESSAGE: Final = "must be MatchWeight, Full or a number of pods from 1 on"


def parse_duration(text: object) -> float:
    """Seconds of a Go duration such as ``90s``, ``1h30m`` or ``250ms``; never negative. Numbers are seconds.

    Raises:
        ValueError: the text is no such duration.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _not_negative(float(text))
    if not isinstance(text, str) or len(text) > DURATION_LENGTH or not re.match(DURATION_PATTERN, text):
        raise ValueError(f"{DURATION_MESSAGE}, not {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _not_negative(seconds: float) -> float:
    if not seconds >= 0:
        raise ValueError("a duration is never negative")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest Go duration of whole milliseconds: ``90`` -> ``1m30s``, ``1.5`` -> ``1s500ms``."""
    left = round(seconds * 1000)
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _duration(value: object, info: ValidationInfo) -> float:
    """A number is fine for callers in Python; in YAML it has no unit, and the API server refuses it too."""
    if info.mode == "json" and not isinstance(value, str):
        raise ValueError(f"{DURATION_MESSAGE}, not {value!r}")
    return parse_duration(value)


def _positive(value: object, info: ValidationInfo) -> float:
    seconds = _duration(value, info)
    if seconds <= 0:
        raise ValueError(POSITIVE_MESSAGE)
    return seconds


def _interval(value: object, info: ValidationInfo) -> float:
    seconds = _duration(value, info)
    if seconds < 1 and info.mode == "json":  # the bound is the API's; a caller in Python knows what it does
        raise ValueError(INTERVAL_MESSAGE)
    return seconds


def _duration_schema(*more: tuple[str, str]) -> dict[str, Any]:
    """A rule says what a pattern cannot: the sentence. The further rules only speak of what is a duration."""
    is_duration = f"self.matches('{DURATION_PATTERN}')"
    rules = [{"rule": is_duration, "message": DURATION_MESSAGE}]
    rules += [{"rule": f"!{is_duration} || {rule}", "message": message} for rule, message in more]
    return {"type": "string", "maxLength": DURATION_LENGTH, "x-kubernetes-validations": rules}


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_duration_schema()),
]
"""Seconds in Python, a Go duration string in YAML."""

PositiveDuration = Annotated[
    float,
    BeforeValidator(_positive),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_duration_schema(("duration(self) > duration('0s')", POSITIVE_MESSAGE))),
]
"""Longer than nothing."""

Interval = Annotated[
    float,
    BeforeValidator(_interval),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_duration_schema(("duration(self) >= duration('1s')", INTERVAL_MESSAGE))),
]
"""At least a second: metric sources are asked at this pace."""


def parse_limit(value: object) -> float:
    """A metric's limit in the metric's own unit: percent for ratios (``1``, ``"1%"``), milliseconds for latencies.

    Raises:
        ValueError: neither a number, a percentage nor a latency.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or not re.match(LIMIT_PATTERN, value):
        raise ValueError(f"{LIMIT_MESSAGE}, not {value!r}")
    if value.endswith("%"):
        return float(value[:-1])
    return parse_duration(value) * 1000 if value[-1].isalpha() else float(value)


def format_limit(value: float) -> float | int:
    """Whole numbers stay whole in YAML."""
    return int(value) if value == int(value) else value


# A structural schema knows no "number or string", and CEL sees nothing without a type: what JSON Schema checks by
# kind of value (a pattern for strings only, the bounds for lists and objects only) has to do.
_LIMIT_SCHEMA: Final[dict[str, Any]] = {
    "x-kubernetes-preserve-unknown-fields": True,
    "pattern": LIMIT_PATTERN,
    "maxItems": 0,
    "maxProperties": 0,
    "not": {"enum": [True, False]},
}

Limit = Annotated[
    float,
    BeforeValidator(parse_limit),
    PlainSerializer(format_limit, return_type=float),
    WithJsonSchema(_LIMIT_SCHEMA),
]
"""A threshold: percent for ratios, milliseconds for latencies, the query's own unit for values."""


def parse_replicas(value: object) -> object:
    """MatchWeight, Full, or a number of pods.

    Raises:
        ValueError: none of these.
    """
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if number or value in ("MatchWeight", "Full"):
        return value
    raise ValueError(f"{REPLICAS_MESSAGE}, not {value!r}")


REPLICAS_SCHEMA: Final[dict[str, Any]] = {
    "x-kubernetes-int-or-string": True,
    "x-kubernetes-validations": [
        {
            "rule": "type(self) == int ? int(self) >= 1 : string(self) in ['MatchWeight', 'Full']",
            "message": REPLICAS_MESSAGE,
        }
    ],
}

Percent = Annotated[float, Field(ge=0, le=100)]
"""0 to 100."""
