"""Views as tables and trees for people. Messages are text, never markup: they may hold brackets."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from truststream.api.canarydeployment import FLAG_PROVIDER
from truststream.cli.view import Arm, MetricRow, View

_COLOURS: Final = {
    "Good": "green",
    "Healthy": "green",
    "Succeeded": "green",
    "Promoted": "green",
    "Bad": "red",
    "Critical": "red",
    "Failed": "red",
    "RollingBack": "red",
    "RolledBack": "red",
    "NotEnoughData": "yellow",
    "SourceDown": "yellow",
    "Warning": "yellow",
    "Paused": "yellow",
}
_BAR: Final = 20
_PIPED_WIDTH: Final = 160


def console() -> Console:
    """Where tables go; what is piped into a file or another program is not folded at 80 columns."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)


def word(text: str) -> Text:
    """A word of a closed list, in its colour."""
    return Text(text or "-", style=_COLOURS.get(text, ""))


def number(value: float) -> str:
    """As people write it: no point where there is nothing behind it."""
    return f"{value:.6g}"


def listing(views: Iterable[View], *, namespaces: bool) -> Table:
    """One line a canary."""
    table = _table(*(["NAMESPACE"] if namespaces else []), "NAME", "PHASE", "WEIGHT", "STEP", "VERDICT", "SAMPLES")
    table.add_column("HEALTH", no_wrap=True)
    table.add_column("MESSAGE")
    for view in views:
        where = [Text(view.namespace)] if namespaces else []
        table.add_row(
            *where,
            Text(view.name),
            word(view.phase),
            Text(f"{number(view.weight)} %"),
            Text(view.step or "-"),
            word(view.verdict),
            Text(view.samples or "-"),
            word(view.health),
            Text(view.message),
        )
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table


def detail(view: View) -> RenderableType:
    """Everything about one canary."""
    head = Text.assemble((f"{view.namespace}/{view.name}", "bold"), "  ", word(view.phase), "  ", word(view.health))
    tree = Tree(head, guide_style="dim")
    for name, value in _facts(view):
        tree.add(Text.assemble((f"{name:<9}", "dim"), " ", value))
    parts: list[RenderableType] = [tree]
    if view.metrics:
        parts += ["", _metrics(view.metrics)]
    if view.history:
        parts += ["", _history(view)]
    return Group(*parts, "", Text.assemble(("next  ", "bold"), view.advice))


def _facts(view: View) -> Iterator[tuple[str, str | Text]]:
    yield "target", f"{view.target}, traffic by {view.provider}"
    yield (
        "variant" if view.provider == FLAG_PROVIDER else "revision",
        f"{view.revision} against {view.stable_revision}" if view.revision else view.stable_revision or "-",
    )
    yield "weight", _progress(view)
    yield "verdict", Text.assemble(word(view.verdict), f"  {view.samples} requests" if view.samples else "")
    yield "message", Text(view.message)
    if view.problem:
        yield "stalled", Text(view.problem, style="red")
    for warning in view.warnings:
        yield "warning", Text(warning, style="yellow")
    if view.pending_command:
        yield "command", f"{view.pending_command}: not taken yet"
    if last := view.last_command:
        answer = "accepted" if last.accepted else "refused"
        yield "command", f"{last.command}{f' by {last.by}' if last.by else ''} at {last.at}: {answer}, {last.message}"


def _progress(view: View) -> Text:
    filled = round(_BAR * min(max(view.weight, 0), 100) / 100)
    plan = " · ".join(number(weight) for weight in view.weights)
    bar = Text("█" * filled, style="cyan") + Text("░" * (_BAR - filled), style="dim")
    step = f"  step {view.step}" if view.step else ""
    return Text.assemble(bar, f"  {number(view.weight)} %{step}", (f"  of {plan}" if plan else "", "dim"))


def _metrics(rows: Iterable[MetricRow]) -> Table:
    table = _table("METRIC", "VERDICT", "CANARY", "STABLE", "LIMIT")
    table.add_column("MESSAGE")
    for row in rows:
        cells = (Text(_arm(row.canary, row.unit)), Text(_arm(row.stable, row.unit)), Text(row.limit or "-"))
        table.add_row(Text(row.name), word(row.verdict), *cells, Text(row.message))
    return table


def _arm(arm: Arm | None, unit: str) -> str:
    if arm is None:
        return "-"
    value = "-" if arm.value is None else f"{number(arm.value)} {unit}".rstrip()
    if not arm.requests:
        return value
    bad = f"{number(arm.bad)} of " if unit == "%" else ""
    return f"{value} ({bad}{number(arm.requests)})"


def _history(view: View) -> Table:
    table = _table("REVISION", "OUTCOME", "WEIGHT", "ENDED")
    table.add_column("REASON")
    for entry in view.history:
        weight = Text(f"{number(entry.weight)} %")
        table.add_row(Text(entry.revision), word(entry.outcome), weight, Text(entry.ended_at[:19]), Text(entry.reason))
    return table
