"""One cell: simulate it, count, and say what came out as a row."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from tests.bench.judge import judged, limits, rivals
from tests.bench.judge.cells import Cell, Kind
from tests.bench.judge.controller import Sample
from tests.bench.judge.judged import Looks
from tests.bench.judge.plan import BLOCKS, LENGTH, USUAL_ERRORS, Regression
from tests.bench.judge.streams import Stream, before, draw
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.dispersion import FLOOR, UNKNOWN, calibrated

Row = dict[str, Any]

TOLERANCE: Final = 0.25
MARGIN: Final = 0.5
CHUNK: Final = 1000
SAMPLE: Final = 0.01
SEED: Final = 20261123


def measure(cell: Cell) -> Row:
    """The row of a cell; the seed depends on the cell alone, so that its numbers do not change with the grid."""
    root = np.random.SeedSequence([SEED, zlib.crc32(cell.name.encode())])
    chunk = CHUNK // (1 if cell.plan.pods == 1 else 4)
    sizes = [min(chunk, cell.runs - done) for done in range(0, cell.runs, chunk)]
    looks: dict[str, list[Looks]] = {}
    sums: list[Floats] = []
    row: Row = {}
    for size, seed in zip(sizes, root.spawn(len(sizes)), strict=True):
        generator = np.random.default_rng(seed)
        history = before(cell.law, cell.plan, size, generator)
        phi = calibrated(history, LENGTH)
        sums.append(phi)
        stream = draw(cell.law, cell.plan, size, generator, cell.regression)
        for name, first in _CHUNKS[cell.kind](cell, phi, stream, generator).items():
            looks.setdefault(name, []).append(first)
        if not row:
            row = {"controller": _controller(cell, stream, history)}
    joined = {name: np.concatenate(parts) for name, parts in looks.items()}
    row |= {name: _summary(cell, first) for name, first in joined.items()}
    return _head(cell, np.concatenate(sums)) | row


def _controller(cell: Cell, stream: Stream, history: Counts) -> Row:
    """One release in a hundred takes the controller's own path."""
    few = math.ceil(cell.runs * SAMPLE)
    tolerance = TOLERANCE if cell.law.number % 2 else 0.0
    often = cell.plan.pods == 1 and cell.plan.rate == 200 and cell.plan.errors == USUAL_ERRORS
    return asdict(Sample(stream.first(few), history, cell.plan, tolerance, cell.name, often).agreement())


def _head(cell: Cell, phi: Floats) -> Row:
    plan, regression = cell.plan, cell.regression
    return {
        "name": cell.name,
        "kind": cell.kind.value,
        "law": cell.law.number,
        "law_name": cell.law.name,
        "promise": cell.law.promise.value,
        "plan": plan.label,
        "rate": plan.rate,
        "weight": plan.weight,
        "errors": plan.errors,
        "pods": plan.pods,
        "ratio": regression.ratio,
        "since": regression.since * LENGTH,
        "runs": cell.runs,
        "phi": float(np.mean(phi)),
    }


def _two_modes(prefix: str, found: dict[str, Looks]) -> dict[str, Looks]:
    return {f"{prefix} {mode}": first for mode, first in found.items()}


def _null(cell: Cell, phi: Floats, same: Stream, generator: np.random.Generator) -> dict[str, Looks]:
    """False decisions: of a rollback at r = 1 and at its boundary, of a promotion at its boundary."""
    law, plan, size = cell.law, cell.plan, same.runs
    found = _two_modes("d0 phi", judged.rolled_back(same, plan, 0.0, phi))
    found |= _two_modes("d25 phi", judged.rolled_back(same, plan, TOLERANCE, phi))
    found |= _two_modes("d25 2", judged.rolled_back(same, plan, TOLERANCE, UNKNOWN))
    found |= {"flagger": rivals.flagger(same), "z": rivals.peeked_z(same)}
    if plan.errors == USUAL_ERRORS and plan.pods == 1:
        edge = draw(law, plan, size, generator, Regression(1 + TOLERANCE))
        found |= _two_modes("edge phi", judged.rolled_back(edge, plan, TOLERANCE, phi))
        found |= _two_modes("edge 2", judged.rolled_back(edge, plan, TOLERANCE, UNKNOWN))
    worse = draw(law, plan, size, generator, Regression(1 + MARGIN))
    return found | _two_modes("promoted", judged.promoted(worse, plan, MARGIN, phi))


def _regression(cell: Cell, phi: Floats, worse: Stream, _: np.random.Generator) -> dict[str, Looks]:
    plan = cell.plan
    found = _two_modes("d0 1.3", judged.rolled_back(worse, plan, 0.0, FLOOR))
    found |= _two_modes("d0 phi", judged.rolled_back(worse, plan, 0.0, phi))
    found |= _two_modes("d25 phi", judged.rolled_back(worse, plan, TOLERANCE, phi))
    return found | {"flagger": rivals.flagger(worse), "z": rivals.peeked_z(worse)}


def _promotion(cell: Cell, phi: Floats, same: Stream, _: np.random.Generator) -> dict[str, Looks]:
    return _two_modes("promoted", judged.promoted(same, cell.plan, MARGIN, phi))


_CHUNKS = {Kind.NULL: _null, Kind.REGRESSION: _regression, Kind.PROMOTION: _promotion}


def _summary(cell: Cell, first: Looks) -> Row:
    """Share of decisions; for what should be decided, the delay from the change on and its score."""
    hits = int(np.count_nonzero(first))
    if cell.kind is Kind.NULL:
        return {"share": hits / cell.runs, "upper": limits.upper(hits, cell.runs)}
    begin = cell.regression.since
    late = first[(first == 0) | (first > begin)]  # the others were stopped before anything was wrong
    delays = np.where(late > 0, late, BLOCKS) - begin
    return {
        "delay": float(delays.mean() * LENGTH),
        "seen": float(np.mean(late > 0)),
        "early": 1.0 - len(late) / cell.runs,
    }
