"""Cells of blocks: added up, and dealt out to two arms."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

from truststream.canary.observation import ArmReading, Block, Cell, Measurement, Outcome
from truststream.replay.outcome import Stage


def reading(cells: Sequence[Cell]) -> ArmReading:
    """One reading of many cells."""
    buckets: dict[float, float] = {}
    for cell in cells:
        for bound, count in cell.buckets:
            buckets[bound] = buckets.get(bound, 0.0) + count
    return ArmReading(sum(c.requests for c in cells), sum(c.bad for c in cells), tuple(sorted(buckets.items())))


def dealt(block: Block, weight: float, seed: str) -> Block:
    """One version's block as if `weight` percent of its units had been a canary: an A/A of what was counted.

    The order of units is a hash's, so that which unit becomes a canary has nothing to do with its counts, and a higher
    weight adds units and takes none away. Rounded up, as the pods of a real canary are.
    """
    order = sorted(
        {cell.unit for cell in block.stable}, key=lambda unit: hashlib.sha256(f"{seed}/{unit}".encode()).digest()
    )
    if len(order) < 2:
        return replace(block, stable=(), fault=block.fault or f"only {len(order)} unit was counted: two arms need two")
    share = min(len(order) - 1, max(1, math.ceil(len(order) * weight / 100 - 1e-9)))
    chosen = set(order[:share])
    ours = tuple(cell for cell in block.stable if cell.unit in chosen)
    theirs = tuple(cell for cell in block.stable if cell.unit not in chosen)
    return replace(block, canary=ours, stable=theirs)


def dealt_out(measured: Measurement, stages: Sequence[Stage], seed: str) -> Measurement:
    """A measurement of one version as one of two arms, every block by the weight that held when it began."""
    if measured.outcome is not Outcome.OK:
        return measured
    blocks = tuple(dealt(block, weight_at(stages, block.start), seed) for block in measured.blocks)
    canary = reading([cell for block in blocks for cell in block.canary])
    stable = reading([cell for block in blocks for cell in block.stable])
    return replace(measured, blocks=blocks, canary=canary, stable=stable)


def weight_at(stages: Sequence[Stage], time: float) -> float:
    """The weight that held then; before the first one that of the first."""
    past = [stage.weight for stage in stages if stage.since <= time]
    return past[-1] if past else stages[0].weight
