"""The rollback statistic of one metric: two keys over blocks, start times mixed in.

min(E_ph, E_second) has level alpha when *either* key's assumption holds for the whole run; E_second is the bet on the
share, and from planned shares of a half on the exchangeability key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from truststream.stats.keys import conditional_poisson, exchangeability, share_betting
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.starts import log_mixture, log_sum, place, start_weight, unplaced


@dataclass(frozen=True, slots=True)
class Wealth:
    """log-wealth per alternative: all that has to be kept between two blocks. Shapes (..., grid)."""

    poisson: Floats
    share: Floats
    exchange: Floats
    starts: int = 0

    @classmethod
    def begin(cls, shape: tuple[int, ...] = ()) -> Wealth:
        """Before anything was placed: evidence 1."""
        wide = np.full((*shape, len(conditional_poisson.WORSE)), -np.inf)
        return cls(wide, np.full((*shape, len(share_betting.STAKES)), -np.inf), wide)


@dataclass(frozen=True, slots=True)
class Keys:
    """log of both e-processes, shapes (...)."""

    poisson: Floats
    second: Floats

    @property
    def two(self) -> Floats:
        """log min: holds when one of the two assumptions does."""
        smaller: Floats = np.minimum(self.poisson, self.second)
        return smaller

    @property
    def fast(self) -> Floats:
        """log of the mean: sooner, but needs both assumptions at once."""
        mean: Floats = np.logaddexp(self.poisson, self.second) - np.log(2.0)
        return mean


@dataclass(frozen=True, slots=True)
class Rollback:
    """The test, for H0 "rate ratio at most 1 + tolerance".

    Args:
        tolerance: d, e.g. 0.25.
        phi: the largest cluster of errors, calibrated before the run; a number, or an array of shape (...).
    """

    tolerance: float
    phi: Floats | float

    def step(self, wealth: Wealth, counts: Counts, *, exchange: bool, start: bool, disjoint: bool = True) -> Wealth:
        """After one interval; `counts` has shape (..., pairs), the rest as for `advance`."""
        return self.advance(wealth, counts.as_one_block(), exchange=exchange, start=start, disjoint=disjoint)

    def advance(self, wealth: Wealth, counts: Counts, *, exchange: bool, start: bool, disjoint: bool = True) -> Wealth:
        """After several intervals of one stage; `counts` has shape (..., blocks, pairs).

        Args:
            exchange: the stage's planned share is a half or more.
            start: place the next start's weight before the first of these intervals.
            disjoint: the pairs are independent given the past; else their factors are averaged, not multiplied.
        """
        if start:
            wealth = _started(wealth, exchange)
        phi = np.asarray(self.phi, dtype=np.float64)
        plain = conditional_poisson.log_factors(counts, conditional_poisson.WORSE, self.tolerance)
        poisson = wealth.poisson + plain.sum(axis=(-3, -2)) / phi[..., None]
        if exchange:
            factors = exchangeability.log_factors(counts, self.tolerance, phi[..., None, None])
            moved = _moved(wealth.exchange, wealth.share, share_betting.STAKE_WEIGHTS)
            nothing = np.full_like(wealth.share, -np.inf)
            gained = moved + joined(factors, counts, disjoint).sum(axis=-2)
            return replace(wealth, poisson=poisson, share=nothing, exchange=gained)
        factors = share_betting.log_factors(counts, share_betting.STAKES, self.tolerance)
        moved = _moved(wealth.share, wealth.exchange, None)
        nothing = np.full_like(wealth.exchange, -np.inf)
        gained = moved + joined(factors, counts, disjoint).sum(axis=-2)
        return replace(wealth, poisson=poisson, exchange=nothing, share=gained)

    def keys(self, wealth: Wealth) -> Keys:
        """log evidence of both keys."""
        left = unplaced(wealth.starts)
        share = log_sum(wealth.share, share_betting.STAKE_WEIGHTS)
        exchange = log_sum(wealth.exchange)
        with np.errstate(divide="ignore"):
            second = np.logaddexp(np.logaddexp(share, exchange), np.log(left))
        return Keys(log_mixture(wealth.poisson, None, left), second)


def _started(wealth: Wealth, exchange: bool) -> Wealth:
    weight = start_weight(wealth.starts)
    return Wealth(
        poisson=place(wealth.poisson, weight),
        share=wealth.share if exchange else place(wealth.share, weight),
        exchange=place(wealth.exchange, weight) if exchange else wealth.exchange,
        starts=wealth.starts + 1,
    )


def _moved(to: Floats, rest: Floats, weights: Floats | None) -> Floats:
    """Wealth of the key that was used before, handed to the one in use: a predictable bet may be changed any time."""
    if np.all(np.isneginf(rest)):
        return to
    whole: Floats = np.logaddexp(to, log_sum(rest, weights)[..., None])
    return whole


def joined(factors: Floats, counts: Counts, disjoint: bool) -> Floats:
    """One log factor an interval from those of its pairs (axis -2): their product, or the mean by exposure."""
    if disjoint or factors.shape[-2] == 1:
        product: Floats = factors.sum(axis=-2)
        return product
    with np.errstate(divide="ignore"):
        weighted = factors + np.log(counts.exposure)[..., None]
    mean: Floats = np.logaddexp.reduce(weighted, axis=-2)
    return mean
