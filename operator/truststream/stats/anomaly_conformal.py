"""Ranks that tell nothing while values are exchangeable, and bets against that."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

import numpy as np

from truststream.stats.anomaly import Path

EXCHANGEABLE = "the values are exchangeable: none depends on when it came"
_SLOPES = np.array([0.3, 0.6, 0.9])
_POWERS = np.array([0.3, 0.6])


def sequential_ranks(values: Sequence[float], rng: np.random.Generator) -> Path:
    """Conformal p-values: the share of values up to now that are larger, ties broken at random.

    While values are exchangeable they are independent and uniform on (0, 1), whatever the law of the values.
    Source: Vovk, Gammerman & Shafer (2022), Algorithmic Learning in a Random World, theorem 11.1.
    """
    seen: list[float] = []
    ranks = np.empty(len(values))
    for index, (value, coin) in enumerate(zip(values, rng.random(len(values)), strict=True)):
        insort(seen, value)
        after = bisect_right(seen, value)
        ties = after - bisect_left(seen, value)
        # 1 - coin is never 0: a power bet on it stays finite
        ranks[index] = (len(seen) - after + (1.0 - coin) * ties) / (index + 1.0)
    return ranks


def log_bets(ranks: Path) -> Path:
    """Logarithms of bets on ranks, one column a strategy, half of them for larger values and half for smaller.

    Lines 1 + s(1 - 2u) for small changes, powers κ u^(κ-1) for large ones; each has mean 1 for uniform u.
    """
    columns = []
    for u in (ranks, np.maximum(1.0 - ranks, np.finfo(float).eps)):
        columns.append(np.log1p(_SLOPES * (1.0 - 2.0 * u)[:, None]))
        columns.append(np.log(_POWERS) + (_POWERS - 1.0) * np.log(u)[:, None])
    return np.hstack(columns)
