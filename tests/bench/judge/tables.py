"""The tables of docs/judge.md, between two markers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.bench.judge.cells import Kind
from tests.bench.judge.laws import NULLS, POISSON
from tests.bench.judge.measure import TOLERANCE, Row
from tests.bench.judge.scores import least, score
from tests.bench.judge.targets import Target

BEGIN: Final = "<!-- made by `make bench-judge`: begin -->"
END: Final = "<!-- made by `make bench-judge`: end -->"

_NULLS: Final = (
    ("d0 phi two", "d = 0"),
    ("d25 phi two", "d = .25"),
    ("d25 2 two", "d = .25, phi = 2"),
    ("edge phi two", "r = 1.25, d = .25"),
    ("edge 2 two", "r = 1.25, d = .25, phi = 2"),
    ("d0 phi fast", "fast, d = 0"),
    ("promoted two", "false promotion"),
    ("flagger", "Flagger's rule"),
    ("z", "z-test, peeked"),
)


def everything(rows: Sequence[Row], splits: Sequence[Row], found: Sequence[Target], note: str) -> str:
    """The part of the page that the benchmark makes."""
    parts = [
        note,
        "### Targets",
        _table(("Target", "Limit", "Worst", "Where", "Met"), (_target(one) for one in found)),
        "### Releases without a regression: worst share of wrong decisions within the hour",
        "In brackets the one-sided 99 % upper bound of that cell, in percent. "
        "phi is calibrated where nothing else is said. "
        "Flagger's rule is at its worst where stable itself fails in 1 % of the requests, its limit.",
        _table(("Null", "Why it should hold", *(name for _, name in _NULLS)), _nulls(rows)),
        "### Regressions: mean delay in seconds, S, share seen within the hour",
        "A run that saw nothing counts with the whole hour. Bound: what any method needs at least at phi = 1, d = 0.",
        _table(_REGRESSION_HEAD, _regressions(rows)),
        "### Promotion of a release that is as good as stable (margin 50 %)",
        _table(("Release", "Errors", "phi", "Bound, s", "Two keys: s, S, share", "E_ph alone"), _promotions(rows)),
        "### The split",
        _table(("Case", "Result"), _splits(splits)),
    ]
    return "\n\n".join(parts)


def write(page: Path, text: str) -> None:
    """Between the markers; what a person wrote around them stays."""
    whole = page.read_text(encoding="utf-8")
    before, _, rest = whole.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{page}: the markers {BEGIN} and {END} are missing; put them back where the tables belong")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _target(one: Target) -> Sequence[str]:
    digits = ".2g" if one.limit < 0.001 else ".4g"
    limit, value = (f"{number:{digits}} {one.unit}".strip() for number in (one.limit, one.value))
    return one.what, limit, value, one.where, "yes" if one.met else "**no**"


def _nulls(rows: Sequence[Row]) -> Iterable[Sequence[str]]:
    for law in NULLS:
        mine = [row for row in rows if row["kind"] == Kind.NULL and row["law"] == law.number]
        if mine:
            yield f"{law.number} {law.name}", law.promise.value, *(_worst(mine, column) for column, _ in _NULLS)


def _worst(rows: Sequence[Row], column: str) -> str:
    known = [row[column] for row in rows if column in row]
    if not known:
        return "-"
    worst = max(known, key=lambda cell: cell["share"])
    return f"{100 * worst['share']:.3g} % ({100 * worst['upper']:.3g})"


_REGRESSION_COLUMNS: Final = ("d0 1.3 two", "d0 phi two", "d25 phi two", "d0 1.3 fast", "flagger", "z")
_REGRESSION_HEAD: Final = (
    "Release",
    "Errors",
    "Regression",
    "Bound, s",
    "Two keys, d = 0, phi = 1.3",
    "Two keys, d = 0",
    f"Two keys, d = {TOLERANCE:g}",
    "Fast, d = 0, phi = 1.3",
    "Flagger's rule",
    "z-test, peeked",
)


def _regressions(rows: Sequence[Row]) -> Iterable[Sequence[str]]:
    for row in (row for row in rows if row["kind"] == Kind.REGRESSION):
        when = f" at {row['since'] / 60:g} min" if row["since"] else ""
        cells = (_delay(row, column) for column in _REGRESSION_COLUMNS)
        yield row["plan"], row["law_name"], f"{row['ratio']:g}x{when}", _number(least(row)), *cells


def _delay(row: Row, column: str) -> str:
    cell = row[column]
    if " 1.3 " in column and row["law"] != POISSON.number:
        return "-"  # no test at all: its phi is not that of these errors
    if cell["seen"] == 0.0:
        return "never"
    parts = [f"{cell['delay']:.0f}"]
    if column.startswith("d") and math.isfinite(value := score(row, column)):
        parts.append(f"S {value:.2f}")
    if cell["seen"] < 1.0:
        parts.append(f"{100 * cell['seen']:.0f} %")
    if cell["early"] > 0.0:
        parts.append(f"{100 * cell['early']:.2g} % too early")
    return ", ".join(parts)


def _promotions(rows: Sequence[Row]) -> Iterable[Sequence[str]]:
    for row in (row for row in rows if row["kind"] == Kind.PROMOTION):
        cells = (_promoted(row, column) for column in ("promoted two", "promoted poisson"))
        yield row["plan"], row["law_name"], f"{row['phi']:.2f}", _number(least(row)), *cells


def _promoted(row: Row, column: str) -> str:
    value = score(row, column)
    text = f"{row[column]['delay']:.0f}, S {value:.2f}" if math.isfinite(value) else f"{row[column]['delay']:.0f}"
    return f"{text}, {100 * row[column]['seen']:.0f} %"


def _splits(splits: Sequence[Row]) -> Iterable[Sequence[str]]:
    for row in splits:
        if row["kind"] == "dead":
            yield row["name"], f"alarm after {row['delay']:.0f} s on average, {row['latest']:.0f} s at the latest"
        else:
            yield row["name"], f"false alarms {100 * row['share']:.2g} % (at most {100 * row['upper']:.2g} %)"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
