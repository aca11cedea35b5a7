"""Numbers as options write them: percentages, factors, durations, weights."""

from __future__ import annotations

import math

from truststream.api.quantities import parse_duration
from truststream.cli.manifest import UsageError


def above(option: str, value: float, least: float, *, itself: bool = False) -> float:
    """The value.

    Raises:
        UsageError: it is too small.
    """
    if value > least or (itself and value == least):
        return value
    raise UsageError(f"{option} {value:g}: has to be {'at least' if itself else 'more than'} {least:g}")


def percent(option: str, text: str) -> float:
    """A fraction, of ``0.5%`` or ``0.5``.

    Raises:
        UsageError: it is neither.
    """
    value = _number(text, "%") / 100
    if not 0 <= value < 1:
        raise UsageError(f"{option} {text!r}: write a percentage like 0.5%, below 100%")
    return value


def times(option: str, text: str) -> float:
    """A factor, of ``2x`` or ``2``.

    Raises:
        UsageError: it is neither.
    """
    value = _number(text, "x")
    if not 0 <= value <= 1000:
        raise UsageError(f"{option} {text!r}: write how many times as much: 2x, 1.2x; 1x is no regression")
    return value


def _number(text: str, unit: str) -> float:
    """With its unit or without; NaN, which lies in no range, of what is none."""
    try:
        return float(text.removesuffix(unit))
    except ValueError:
        return math.nan


def seconds(option: str, text: str) -> float:
    """Of a Go duration.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def weights(text: str) -> list[float] | None:
    """Of percentages with commas between; None of an empty text.

    Raises:
        UsageError: one of them is no number.
    """
    if not text:
        return None
    try:
        return [float(part.strip().removesuffix("%")) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights {text!r}: write percentages below 100 that rise: 5,10,25,50") from None
