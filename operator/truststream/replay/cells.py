"""Cells of blocks: added up, and dealt out to two arms."""

from __future__ import annotations

from collections.abc import Sequence

from truststream.canary.observation import ArmReading, Cell


def reading(cells: Sequence[Cell]) -> ArmReading:
    """One reading of many cells."""
    buckets: dict[float, float] = {}
    for cell in cells:
        for bound, count in cell.buckets:
            buckets[bound] = buckets.get(bound, 0.0) + count
    return ArmReading(sum(c.requests for c in cells), sum(c.bad for c in cells), tuple(sorted(buckets.items())))
