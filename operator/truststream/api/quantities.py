"""How durations, percentages and limits are written in YAML, and what they are in Python."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
LATENCY_PATTERN: Final = DURATION_PATTERN


def parse_duration(text: object) -> float:
    """Seconds of a Go duration such as ``90s``, ``1h30m`` or ``250ms``; never negative.

    Raises:
        ValueError: the text is no such duration.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _not_negative(float(text))
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no duration; write it like 90s, 5m or 1h30m")
    parts = _PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is no duration; write it like 90s, 5m or 1h30m, without a sign")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _not_negative(seconds: float) -> float:
    if seconds < 0:
        raise ValueError("a duration is never negative")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest Go duration of whole milliseconds: ``90`` -> ``1m30s``, ``0.25`` -> ``250ms``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    left = round(seconds)
    hours, left = divmod(left, 3600)
    minutes, rest = divmod(left, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{rest}s" if rest else "")
    return text or "0s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""Seconds in Python, a Go duration string in YAML."""


def parse_limit(value: object) -> float:
    """A metric's limit in the metric's own unit: percent for ratios (``1``, ``"1%"``), milliseconds for latencies.

    Raises:
        ValueError: neither a number, a percentage nor a latency.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no limit; write a number, 1% or 250ms")
    try:
        if value.endswith("%"):
            return float(value[:-1])
        return float(value)
    except ValueError:
        return parse_duration(value) * 1000


def format_limit(value: float) -> float | int:
    """Whole numbers stay whole in YAML."""
    return int(value) if value == int(value) else value


Limit = Annotated[
    float,
    BeforeValidator(parse_limit),
    PlainSerializer(format_limit, return_type=float),
    WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True}),
]
"""A threshold: percent for ratios, milliseconds for latencies, the query's own unit for values."""

Percent = Annotated[float, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100})]
"""0 to 100."""
