"""Two proportions, block by block, when the common success probability may drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import xlog1py, xlogy

from truststream.errors import InputError
from truststream.stats.guards import FloatArray, count, counts, positive
from truststream.stats.result import SequentialResult


@dataclass(frozen=True, slots=True)
class BetaPriors:
    """Successes and failures that are imagined beforehand, in arms a and b."""

    a1: float = 0.18
    a2: float = 0.18
    b1: float = 0.18
    b2: float = 0.18

    def __post_init__(self) -> None:
        for name in ("a1", "a2", "b1", "b2"):
            positive(name, getattr(self, name))


def _predicted(successes: FloatArray, size: float, prior: tuple[float, float]) -> FloatArray:
    """The success probability of each block, as the blocks before it and the prior tell."""
    past = np.concatenate(([0.0], np.cumsum(successes)[:-1]))
    seen = size * np.arange(successes.size)
    predicted: FloatArray = (past + prior[0]) / (seen + prior[0] + prior[1])
    return predicted


def _log_likelihood(successes: FloatArray, size: float, theta: FloatArray) -> FloatArray:
    value: FloatArray = xlogy(successes, theta) + xlog1py(size - successes, -theta)
    return value


def block_log_path(
    ya: Sequence[float], yb: Sequence[float], sizes: tuple[float, float], prior: BetaPriors | None = None
) -> FloatArray:
    """log of the e-process after each block of `sizes` = (na, nb) observations; see `block_2x2`."""
    na, nb = (_size(name, size) for name, size in zip(("na", "nb"), sizes, strict=True))
    a, b = _successes("ya", ya, na), _successes("yb", yb, nb)
    if a.size != b.size:
        raise InputError("yb", f"has {b.size} blocks, ya has {a.size}")
    beliefs = prior or BetaPriors()
    theta_a = _predicted(a, na, (beliefs.a1, beliefs.a2))
    theta_b = _predicted(b, nb, (beliefs.b1, beliefs.b2))
    common = (na * theta_a + nb * theta_b) / (na + nb)
    alternative = _log_likelihood(a, na, theta_a) + _log_likelihood(b, nb, theta_b)
    path: FloatArray = np.cumsum(alternative - _log_likelihood(a + b, na + nb, common))
    return path


def block_2x2(
    ya: Sequence[float], yb: Sequence[float], sizes: tuple[float, float], prior: BetaPriors | None = None
) -> SequentialResult:
    """Evidence against "in every block both arms have the same success probability".

    Formula: per block of na and nb observations with ya and yb successes, the likelihood ratio of (theta_a, theta_b)
    to theta_0 = (na theta_a + nb theta_b)/(na + nb), the thetas being posterior means of the blocks before.
    Assumptions: observations inside a block are independent; the common probability may differ from block to block.
    Wrong when: successes come in clusters. Weak for rare events: use it above about 5 %.
    Source: Turner, Ly & Grünwald 2021 (arXiv 2106.02693), Theorem 1 and section 2, with learned thetas.
    """
    path = block_log_path(ya, yb, sizes, prior)
    n = path.size * (sizes[0] + sizes[1])
    difference = float(np.sum(yb)) / (path.size * sizes[1]) - float(np.sum(ya)) / (path.size * sizes[0])
    return SequentialResult("block-2x2", float(n), float(path[-1]), difference)


def _size(name: str, size: float) -> float:
    return count(name, positive(name, size))


def _successes(name: str, values: Sequence[float], size: float) -> FloatArray:
    array = counts(name, values)
    if (array > size).any():
        raise InputError(
            name, f"block {int(np.argmax(array > size))} has more successes than its {size:.0f} observations"
        )
    return array
