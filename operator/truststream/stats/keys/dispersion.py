"""How lumpy errors are: Pearson's dispersion of one arm's share of the errors, over windows of several lengths.

A cluster that lasts longer than a block looks small in every block: the maximum over windows sees it whole.
Source: McCullagh and Nelder, Generalized Linear Models, section 4.5 (Pearson's X^2 over its degrees of freedom).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    found = [_batch(counts, _blocks_in(window, length)) for window in WINDOWS]
    worst = np.nanmax(np.where(np.isnan(np.stack(found)), -np.inf, np.stack(found)), axis=0)
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
        moments = [part.sum(axis=-1)[..., None] for part in _moments(counts)]
        pending = replace(
            self,
            observed=self.observed + moments[0],
            expected=self.expected + moments[1],
            variance=self.variance + moments[2],
            blocks=self.blocks + 1,
        )
        ends = np.array([pending.blocks % _blocks_in(window, length) == 0 for window in WINDOWS])
        return pending._closed(ends) if ends.any() else pending

    def _closed(self, ends: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Running:
        used = ends & (self.variance > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            square = np.where(used, (self.observed - self.expected) ** 2 / self.variance, 0.0)
        return replace(
            self,
            squares=self.squares + square,
            number=self.number + used,
            observed=np.where(ends, 0.0, self.observed),
            expected=np.where(ends, 0.0, self.expected),
            variance=np.where(ends, 0.0, self.variance),
        )

    @property
    def dispersion(self) -> Floats:
        """The largest over the windows that were seen often enough; 0 while none was."""
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(self.number >= _LEAST, self.squares / self.number, 0.0)
        worst: Floats = each.max(axis=-1)
        return worst
