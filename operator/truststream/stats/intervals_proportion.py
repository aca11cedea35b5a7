"""Intervals of one proportion."""

from __future__ import annotations

import math

from scipy import special

from truststream.errors import InputError
from truststream.stats.guards import open_unit
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion
from truststream.stats.tails import normal_quantile


def wald(sample: Proportion, level: float = 0.95) -> Interval:
    """p ± z √(p(1-p)/n), cut to [0, 1].

    Assumptions: independent trials, both outcomes frequent.
    Wrong when: p is near 0 or 1: the length is 0 at k=0, coverage far below the level (Brown, Cai & DasGupta 2001,
    Statistical Science 16, section 2). Kept for comparison only.
    Source: Laplace (1812); Newcombe (1998), Statistics in Medicine 17:857, method 1.
    """
    _check(sample, level)
    half = normal_quantile(level) * math.sqrt(sample.variance / sample.n)
    return Interval(max(0.0, sample.mean - half), min(1.0, sample.mean + half), level)


def wilson(sample: Proportion, level: float = 0.95) -> Interval:
    """All p that the score test does not reject.

    Formula: (k + z²/2 ± z √(k(n-k)/n + z²/4)) / (n + z²).
    Assumptions: independent trials; good down to n of about 5.
    Wrong when: trials are clustered; coverage dips slightly below the level for p very near 0 or 1.
    Source: Wilson (1927), JASA 22:209, eq. (5); Newcombe (1998), Statistics in Medicine 17:857, method 3.
    """
    _check(sample, level)
    z = normal_quantile(level)
    centre = sample.successes + z * z / 2.0
    half = z * math.sqrt(sample.successes * sample.failures / sample.n + z * z / 4.0)
    scale = sample.n + z * z
    # at an end the formula is exact, but rounding leaves a crumb
    lower = 0.0 if sample.successes == 0 else (centre - half) / scale
    upper = 1.0 if sample.failures == 0 else (centre + half) / scale
    return Interval(lower, upper, level)


def clopper_pearson(sample: Proportion, level: float = 0.95) -> Interval:
    """All p that neither exact one-sided binomial test rejects; never covers less than the level.

    Formula: quantiles of Beta(k, n-k+1) and Beta(k+1, n-k) at (1 ∓ level)/2.
    Assumptions: independent trials of one probability.
    Wrong when: trials are clustered; conservative, most of all for small n.
    Source: Clopper & Pearson (1934), Biometrika 26:404; Brown, Cai & DasGupta (2001), eq. (4.2.1).
    """
    _check(sample, level)
    tail = (1.0 - level) / 2.0
    k, rest = sample.successes, sample.failures
    lower = float(special.betaincinv(k, rest + 1.0, tail)) if k else 0.0
    upper = float(special.betainccinv(k + 1.0, rest, tail)) if rest else 1.0
    return Interval(lower, upper, level)


def _check(sample: Proportion, level: float) -> None:
    open_unit("level", level)
    if not sample.n:
        raise InputError("n", "is 0; an interval needs at least one trial")
