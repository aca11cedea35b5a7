"""What the person sees: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tests.load import Load
from tests.product import Canary

_COLOURS = {"Good": "green", "Bad": "red", "SourceDown": "yellow", "NotEnoughData": "cyan"}
_LINES = 9


class Screen:
    """`say` tells what happens; `show` takes every new status."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live: Live | None = None
        self._started = time.monotonic()
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._last = ""
        self.canary: Canary | None = None
        self.load: Load | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, sentence: str) -> None:
        """One line of the story."""
        line = f"{time.monotonic() - self._started:6.1f} s  {sentence}"
        self._lines.append(line)
        if self._live is None:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, canary: Canary) -> None:
        """A new status; where nothing moves on the screen it is a line, if it says something new."""
        self.canary = canary
        text = canary.describe()
        if self._live is None and text != self._last:
            self._last = text
            self.say(f"  {text}{self._traffic()}")

    def _traffic(self) -> str:
        if self.load is None:
            return ""
        recent = self.load.last(3)
        shares = ", ".join(f"{version} {recent.share(version):.0f} %" for version in sorted(recent.versions))
        return f"  [{recent.rate:.0f} requests/s: {shares}; {len(self.load.tally().lost)} lost in all]"

    def _picture(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self.canary is not None:
            parts += [_release(self.canary), _metrics(self.canary)]
        if self.load is not None:
            parts.append(Text(f"clients {self._traffic().strip()}"))
        parts.append(Text("\n" + "\n".join(self._lines), style="dim"))
        return Panel(Group(*parts), title="TrustStream: a release that has to prove itself", border_style="blue")


def _release(canary: Canary) -> Table:
    table = Table.grid(padding=(0, 2))
    colour = _COLOURS.get(canary.verdict, "white")
    table.add_row("phase", Text(canary.phase or "-", style="bold"), f"step {canary.step}" if canary.step else "")
    table.add_row("weight", ProgressBar(total=100, completed=canary.weight, width=40), f"{canary.weight:g} %")
    table.add_row("verdict", Text(canary.verdict or "-", style=colour), "")
    table.add_row("message", Text(canary.message), "")
    return table


def _metrics(canary: Canary) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("metric", "stable", "canary", "verdict", "in words"):
        table.add_column(heading)
    for row in canary.metrics:
        verdict = str(row["verdict"])
        arms = [_arm(row.get(arm), str(row.get("unit", ""))) for arm in ("stable", "canary")]
        table.add_row(row["name"], *arms, Text(verdict, style=_COLOURS.get(verdict, "white")), row.get("message", ""))
    return table


def _arm(counts: dict[str, float] | None, unit: str) -> str:
    if not counts:
        return "-"
    value = counts.get("value")
    shown = "" if value is None else f"{value:.3g} {unit} of "
    return f"{shown}{counts.get('requests', 0):.0f} requests, {counts.get('bad', 0):.0f} bad"
