"""From blocks of cells to arrays of counts: one row a term, one column a block, pairs on the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truststream.canary.judging.pairing import Pairing, pair
from truststream.canary.observation import Block, Cell
from truststream.errors import InputError
from truststream.stats.keys.counts import Counts, Floats


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of shape (terms, blocks, pairs)."""

    counts: Counts
    disjoint: bool


def tally(blocks: Sequence[Block], bounds: Sequence[float], seed: str) -> Tally:
    """Arrays of sound blocks.

    Raises:
        InputError: a cell has more errors than requests, or lacks a latency bound.
    """
    pairings = [pair(block, seed) for block in blocks]
    width = max(len(one.pairs) for one in pairings)
    whole = np.zeros((4, len(bounds) or 1, len(blocks), width))
    for column, pairing in enumerate(pairings):
        _fill(whole[:, :, column, :], pairing, bounds)
    return Tally(Counts.of(*whole), all(one.disjoint for one in pairings))


def _fill(whole: Floats, pairing: Pairing, bounds: Sequence[float]) -> None:
    for place, sides in enumerate(pairing.pairs):
        for side, cells in enumerate(sides):
            for cell in cells:
                whole[2 * side, :, place] += cell.requests
                whole[2 * side + 1, :, place] += _errors(cell, bounds)


def _errors(cell: Cell, bounds: Sequence[float]) -> list[float]:
    """The bad requests of a ratio, or those above each bound."""
    if not bounds:
        return [cell.bad]
    below = dict(cell.buckets)
    try:
        return [max(0.0, cell.requests - below[bound]) if cell.requests else 0.0 for bound in bounds]
    except KeyError as error:
        raise InputError("buckets", f"{cell.unit} has no bucket up to {error.args[0]:g} s any more") from None


def fault(block: Block, bounds: Sequence[float], seed: str) -> str:
    """Why a block cannot be counted; empty when it can."""
    try:
        tally([block], bounds, seed)
    except InputError as error:
        return str(error)
    return ""
