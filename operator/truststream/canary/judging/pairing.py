"""From the cells of a block to pairs of one part of the canary with one part of stable; pure and repeatable."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from truststream.canary.observation import Block, Cell


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of one block; `disjoint` when no unit stands on both sides, so that the pairs are independent."""

    pairs: tuple[tuple[tuple[Cell, ...], tuple[Cell, ...]], ...]
    disjoint: bool


def pair(block: Block, seed: str) -> Pairing:
    """Proxies that count both arms are paired with themselves, pods with pods that the seed and the block draw.

    Drawn before the counts are looked at, anew for every block. With fewer pods on one side the others stand in
    groups: an event is never thrown away to make sizes equal, for that would tear clusters apart.
    """
    shared = {cell.unit for cell in block.canary} & {cell.unit for cell in block.stable}
    if shared:
        return _by_unit(block)
    groups = min(len(block.canary), len(block.stable))
    if groups <= 1:
        return Pairing(((block.canary, block.stable),), disjoint=True)
    drawn = random.Random(_number(seed, block.start))
    canary, stable = (_groups(drawn, cells, groups) for cells in (block.canary, block.stable))
    return Pairing(tuple(zip(canary, stable, strict=True)), disjoint=True)


def halves(cells: Sequence[str], seed: str) -> tuple[frozenset[str], frozenset[str]]:
    """Units of one arm in two halves, the same for a whole history; the second is empty with one unit."""
    drawn = sorted(cells)
    random.Random(_number(seed, 0.0)).shuffle(drawn)
    middle = (len(drawn) + 1) // 2
    return frozenset(drawn[:middle]), frozenset(drawn[middle:])


def _by_unit(block: Block) -> Pairing:
    units = sorted({cell.unit for cell in (*block.canary, *block.stable)})
    sides = ((_of(block.canary, unit), _of(block.stable, unit)) for unit in units)
    return Pairing(tuple(sides), disjoint=len(units) == 1)


def _of(cells: Sequence[Cell], unit: str) -> tuple[Cell, ...]:
    return tuple(cell for cell in cells if cell.unit == unit)


def _groups(drawn: random.Random, cells: Sequence[Cell], groups: int) -> list[tuple[Cell, ...]]:
    order = sorted(cells, key=lambda cell: cell.unit)
    drawn.shuffle(order)
    return [tuple(order[group::groups]) for group in range(groups)]


def _number(seed: str, start: float) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{start:.3f}".encode()).digest()[:8])
