"""Line plots as inline SVG: no script, no font, no file besides the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Point = tuple[float, float]

_WIDTH: Final = 720.0
_HEIGHT: Final = 260.0
_LEFT: Final = 56.0
_RIGHT: Final = 16.0
_TOP: Final = 28.0
_BOTTOM: Final = 40.0
_TICKS: Final = 5
_MINUTE: Final = 60.0
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. Points are (seconds, value); those that are not finite are left out. Unnamed ones have no legend."""

    points: Sequence[Point]
    colour: str
    name: str = ""
    dashed: bool = False
    stairs: bool = False  # holds its value until the next point
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """The ranges of a plot, and where they lie on paper."""

    seconds: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        """From the left."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(1.0, max(0.0, seconds / self.seconds))

    def y(self, value: float) -> float:
        """From the top."""
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - self.low) / (self.high - self.low)


def plot(title: str, lines: Sequence[Line], *, unit: str, seconds: float, high: float | None = None) -> str:
    """A figure with axes and a legend; `high` fixes the upper end, else the data do."""
    values = [value for line in lines for _, value in line.points if math.isfinite(value)]
    low = min([0.0, *values])
    top = max([*values, low + 1e-9]) * 1.05 if high is None else high
    frame = Frame(max(seconds, 1.0), low, max(top, low + 1e-6))
    parts = [*_axes(frame, unit), *(_curve(line, frame) for line in lines), *_legend(lines)]
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def _curve(line: Line, frame: Frame) -> str:
    points = [(frame.x(at), frame.y(min(value, frame.high))) for at, value in line.points if math.isfinite(value)]
    if line.stairs:
        points = list(_stairs(points))
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = ' stroke-dasharray="6 4"' if line.dashed else ""
    style += ' opacity="0.25" stroke-width="1"' if line.faint else ' stroke-width="2"'
    return f'<polyline fill="none" stroke="{line.colour}"{style} points="{drawn}"/>'


def _stairs(points: Sequence[Point]) -> Iterator[Point]:
    for place, (x, y) in enumerate(points):
        if place:
            yield x, points[place - 1][1]
        yield x, y


def _axes(frame: Frame, unit: str) -> Iterator[str]:
    yield f'<text x="4" y="{_TOP - 10:g}" class="unit">{escape(unit)}</text>'
    for value in ticks(frame.low, frame.high):
        y = frame.y(value)
        yield f'<line x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{_LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    for minute in ticks(0.0, frame.seconds / _MINUTE):
        x = frame.x(minute * _MINUTE)
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18:g}" text-anchor="middle">{minute:g}</text>'
    yield f'<text x="{_WIDTH - _RIGHT:g}" y="{_HEIGHT - 6:g}" text-anchor="end" class="unit">minutes</text>'


def ticks(low: float, high: float) -> list[float]:
    """Round numbers in [low, high], about five of them."""
    rough = (high - low) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in _STEPS if size * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    x = _LEFT
    for line in (line for line in lines if line.name):
        dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
        yield f'<line x1="{x:g}" x2="{x + 18:g}" y1="12" y2="12" stroke="{line.colour}" stroke-width="2"{dashes}/>'
        yield f'<text x="{x + 23:g}" y="16">{escape(line.name)}</text>'
        x += 40 + 6.6 * len(line.name)
