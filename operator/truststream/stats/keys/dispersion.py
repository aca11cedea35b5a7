"""How lumpy errors are: Pearson's dispersion of one arm's share of the errors, over windows of several lengths.

A cluster that lasts longer than a block looks small in every block: the maximum over windows sees it whole.
Source: McCullagh and Nelder, Generalized Linear Models, section 4.5 (Pearson's X^2 over its degrees of freedom).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.stats.keys.counts import Counts, Floats

WINDOWS: Final = (0.0, 30.0, 60.0, 120.0)
"""Seconds; 0 stands for one block."""

SAFETY: Final = 1.2
FLOOR: Final = 1.3
UNKNOWN: Final = 2.0
"""phi when there is no A/A to learn it from."""

_LEAST: Final = 5
"""Windows below this number say nothing about a length."""


def calibrated(counts: Counts, length: float, floor: float = FLOOR) -> Floats:
    """phi from an A/A: `counts` of two halves of the baseline, blocks of `length` seconds on the last axis.

    1.2 times the largest dispersion over the windows, at least `floor`; `UNKNOWN` at least where nothing was counted.
    """
    return _phi([_batch(counts, _blocks_in(window, length)) for window in WINDOWS], floor)


def calibrated_alone(n: Floats, e: Floats, length: float, floor: float = FLOOR) -> Floats:
    """phi from one baseline that cannot be split into halves: windows are compared with their neighbours in time.

    `n`, `e`: requests and errors of blocks on the last axis. What the common rate changes from window to window adds
    to it, so it errs to the safe side: phi is too large after an incident, never too small.
    """
    found = [_neighbours(n, e, _blocks_in(window, length)) for window in WINDOWS]
    return _phi(found, floor)


def _neighbours(n: Floats, e: Floats, size: int) -> Floats:
    """Pearson's dispersion of windows 0, 2, 4 ... against 1, 3, 5 ..."""
    whole = n.shape[-1] // (2 * size) * 2 * size
    requests, errors = _folded(n[..., :whole], size), _folded(e[..., :whole], size)
    halves = Counts(requests[..., 0::2], errors[..., 0::2], requests[..., 1::2], errors[..., 1::2])
    return _batch(halves, 1)


def _phi(found: list[Floats], floor: float) -> Floats:
    worst = np.max(np.where(np.isnan(np.stack(found)), -np.inf, np.stack(found)), axis=0)
    return np.where(np.isneginf(worst), max(UNKNOWN, floor), np.maximum(SAFETY * worst, floor))


def _batch(counts: Counts, size: int) -> Floats:
    whole = counts.n_c.shape[-1] // size * size
    if whole < size * _LEAST:
        return np.full(counts.n_c.shape[:-1], np.nan)
    observed, expected, variance = (_folded(part[..., :whole], size) for part in _moments(counts))
    used = variance > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.where(used, (observed - expected) ** 2 / variance, 0.0)
        number = used.sum(axis=-1)
        return np.where(number >= _LEAST, squares.sum(axis=-1) / number, np.nan)


def _folded(values: Floats, size: int) -> Floats:
    folded: Floats = values.reshape(*values.shape[:-1], -1, size).sum(axis=-1)
    return folded


def _moments(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Observed errors of the first arm, expected ones given T, and their variance were they independent."""
    share = counts.share(0.0)
    total = np.where(counts.usable, counts.total, 0.0)
    return np.where(counts.usable, counts.e_c, 0.0), share * total, share * (1.0 - share) * total


def _blocks_in(window: float, length: float) -> int:
    return max(1, round(window / length))


@dataclass(frozen=True, slots=True)
class Running:
    """The same, block by block, with what is pending of every window; shapes (..., windows)."""

    squares: Floats
    number: Floats
    observed: Floats
    expected: Floats
    variance: Floats
    blocks: int = 0

    @classmethod
    def begin(cls, shape: tuple[int, ...] = ()) -> Running:
        """Nothing seen."""
        zeros = np.zeros((*shape, len(WINDOWS)))
        return cls(zeros, zeros, zeros, zeros, zeros)

    def add(self, counts: Counts, length: float) -> Running:
        """After one interval; `counts` has shape (..., pairs), of which the sums count."""
        return self.advance(counts.as_one_block(), length)

    def advance(self, counts: Counts, length: float) -> Running:
        """After several intervals; `counts` has shape (..., blocks, pairs)."""
        moments = [part.sum(axis=-1) for part in _moments(counts)]
        if counts.n_c.shape[-2] == 1:
            return self._after(moments, length)
        sizes = [_blocks_in(window, length) for window in WINDOWS]
        windows = [self._window(index, size, moments) for index, size in enumerate(sizes)]
        squares, number, *pending = (np.stack(column, axis=-1) for column in zip(*windows, strict=True))
        observed, expected, variance = pending
        return Running(squares, number, observed, expected, variance, self.blocks + counts.n_c.shape[-2])

    def _after(self, moments: list[Floats], length: float) -> Running:
        """After one interval: all windows at once."""
        observed, expected, variance = (
            pending + part for pending, part in zip((self.observed, self.expected, self.variance), moments, strict=True)
        )
        blocks = self.blocks + 1
        ends = np.array([blocks % _blocks_in(window, length) == 0 for window in WINDOWS])
        used = ends & (variance > 0)
        square = np.where(used, (observed - expected) ** 2, 0.0) / np.where(used, variance, 1.0)
        observed, expected, variance = (np.where(ends, 0.0, part) for part in (observed, expected, variance))
        return Running(self.squares + square, self.number + used, observed, expected, variance, blocks)

    def _window(self, index: int, size: int, moments: list[Floats]) -> tuple[Floats, ...]:
        """Squares, number and what is pending of one window length."""
        pending = (self.observed, self.expected, self.variance)
        whole = [np.concatenate([a[..., index, None], b], axis=-1) for a, b in zip(pending, moments, strict=True)]
        first = size - self.blocks % size + 1  # what is pending stands before the blocks
        ends = range(first, whole[0].shape[-1] + 1, size)
        edges = [0, *ends]
        if len(edges) == 1:
            return (self.squares[..., index], self.number[..., index], *(part.sum(axis=-1) for part in whole))
        observed, expected, variance = (np.add.reduceat(part[..., : edges[-1]], edges[:-1], axis=-1) for part in whole)
        used = variance > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            squares = np.where(used, (observed - expected) ** 2 / variance, 0.0).sum(axis=-1)
        left = (part[..., edges[-1] :].sum(axis=-1) for part in whole)
        return (self.squares[..., index] + squares, self.number[..., index] + used.sum(axis=-1), *left)

    @property
    def dispersion(self) -> Floats:
        """The largest over the windows that were seen often enough; 0 while none was."""
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(self.number >= _LEAST, self.squares / self.number, 0.0)
        worst: Floats = each.max(axis=-1)
        return worst
