"""Integer weights of a route: the least numbers that say a percentage and keep everyone else's proportion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final

MAX_WEIGHT: Final = 1_000_000  # what the Gateway API allows a backend
_WHOLE: Final = 1000  # weights are told in tenths of a percent


@dataclass(frozen=True, slots=True)
class Shares:
    """What stable and canary get; all other weights of the rule are multiplied by `factor`."""

    factor: int
    stable: int
    canary: int


def divide(share: int, others: Sequence[int], percent: float) -> Shares:
    """Split `share`, the weight that stable and canary have together, so that the canary gets `percent` of it.

    The factor is the smallest that makes a tenth of a percent exact; where the largest allowed weight forbids that,
    it is the largest possible and the split is the nearest one that leaves neither side without any.

    Raises:
        ValueError: percent is outside of 0 to 100.
    """
    tenths = _tenths(percent)
    factor = min(_WHOLE // gcd(_WHOLE, share * tenths), _largest_factor(share, others))
    total = factor * share
    canary = (total * tenths + _WHOLE // 2) // _WHOLE
    if 0 < tenths < _WHOLE and total > 1:
        canary = min(max(canary, 1), total - 1)
    return Shares(factor=factor, stable=total - canary, canary=canary)


def finest(share: int, others: Sequence[int]) -> float:
    """The smallest step in percent that this share can be split by, next to these others."""
    return 100 / (share * _largest_factor(share, others))


def percent_of(stable: int, canary: int) -> float:
    """The canary's part of both; 0 when there is nothing to share."""
    return 100 * canary / (stable + canary) if canary else 0.0


def _tenths(percent: float) -> int:
    """Whole tenths of a percent; only 0 and 100 themselves mean none and all."""
    if not 0 <= percent <= 100:
        raise ValueError(f"a weight is 0 to 100 percent, not {percent}")
    if percent in {0, 100}:
        return round(percent * 10)
    return min(max(round(percent * 10), 1), _WHOLE - 1)


def _largest_factor(share: int, others: Sequence[int]) -> int:
    return max(MAX_WEIGHT // max([share, 1, *others]), 1)
