"""python -m tests.bench.judge: the whole protocol, or a part of it for a first look."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from tests.bench.judge import splits, tables
from tests.bench.judge.cells import Cell, Kind, cells
from tests.bench.judge.measure import Row, measure
from tests.bench.judge.targets import targets

ROOT: Final = Path(__file__).parents[3]
ANSWER: Final = ROOT / "build" / "bench" / "judge.json"
ROWS: Final = ROOT / "build" / "bench" / "judge.rows.jsonl"
PAGE: Final = ROOT / "docs" / "judge.md"


def main() -> int:
    """0 when every target is met, 1 when one is missed."""
    given = _given()
    grid = [replace(cell, runs=max(1, round(cell.runs * given.share))) for cell in cells()]
    began = time.monotonic()
    rows, split = _measured(grid, given.processes, resume=given.resume)
    took = time.monotonic() - began
    found = targets(rows, split)
    runs = sum(row["runs"] for row in rows)
    ANSWER.parent.mkdir(parents=True, exist_ok=True)
    whole = {"runs": runs, "targets": [asdict(one) | {"met": one.met} for one in found], "cells": rows, "split": split}
    ANSWER.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    for one in found:
        print(
            f"{'ok    ' if one.met else 'MISSED'} {one.what}: "
            f"{one.value:.4g} {one.unit} (limit {one.limit:g}; {one.where})"
        )
    print(f"{runs} releases in {took:.0f} s with {given.processes} processes: {ANSWER.relative_to(ROOT)}")
    if given.share == 1.0:
        note = f"{runs} simulated releases of an hour each, a look every 10 s."
        tables.write(PAGE, tables.everything(rows, split, found, note))
        print(f"tables written to {PAGE.relative_to(ROOT)}")
    return 0 if all(one.met for one in found) else 1


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judge", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the runs of each cell; tables are written at 1 only"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same code")
    return parser.parse_args()


def _measured(grid: Sequence[Cell], processes: int, *, resume: bool) -> tuple[list[Row], list[Row]]:
    """Dear cells first, rows in the grid's order; each row is kept as soon as it is there."""
    found = _kept(grid) if resume else {}
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    missing = sorted((cell for cell in grid if cell.name not in found), key=lambda cell: -cell.cost)
    with (
        multiprocessing.get_context("spawn").Pool(processes) as pool,
        ROWS.open("a" if resume else "w", encoding="utf-8") as kept,
    ):
        split = pool.apply_async(splits.measure)
        for row in pool.imap_unordered(measure, missing):
            found[row["name"]] = row
            kept.write(json.dumps(row) + "\n")
            kept.flush()
            print(_line(row), flush=True)
        return [found[cell.name] for cell in grid], split.get()


def _kept(grid: Sequence[Cell]) -> dict[str, Row]:
    """Rows of a run that was interrupted; only those of as many runs as are wanted now."""
    if not ROWS.exists():
        return {}
    wanted = {cell.name: cell.runs for cell in grid}
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    return {row["name"]: row for row in rows if wanted.get(row["name"]) == row["runs"]}


def _line(row: Row) -> str:
    head = f"{row['kind']:10s} {row['law']:2d} {row['plan']}"
    if row["kind"] == Kind.NULL:
        wrong = {name: row[name] for name in ("d0 phi two", "d25 phi two", "d25 2 two", "edge phi two", "promoted two")
                 if name in row}  # fmt: skip
        shares = ", ".join(f"{name} {c['share']:.4f} (<= {c['upper']:.4f})" for name, c in wrong.items())
        return f"{head}: {shares}"
    column = "d0 phi two" if row["kind"] == Kind.REGRESSION else "promoted two"
    return f"{head} {row['ratio']:g}x since {row['since']:g}: {row[column]['delay']:.0f} s, {row[column]['seen']:.0%}"


if __name__ == "__main__":
    sys.exit(main())
