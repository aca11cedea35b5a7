"""How fast evidence can grow at best: what "needs about 7 more minutes" and every score of the judge rest on.

Source: Wald's bound, E[tau] >= log(1/alpha)/I; for Poisson arms conditioning on the total loses nothing, so I is the
Kullback-Leibler divergence of the share of the errors times their rate.
"""

from __future__ import annotations

import math

from truststream.errors import InputError


def divergence(truth: float, null: float) -> float:
    """KL of two Bernoulli laws in nats; infinite where the null cannot give what the truth does."""
    return _part(truth, null) + _part(1.0 - truth, 1.0 - null)


def _part(truth: float, null: float) -> float:
    if truth == 0.0:
        return 0.0
    return truth * math.log(truth / null) if null > 0 else math.inf


def information(errors: float, weight: float, ratio: float, boundary: float) -> float:
    """Nats a second against "rate ratio = boundary" when it is `ratio`.

    Args:
        errors: errors a second over all traffic at the baseline's rate (R p0).
        weight: the canary's share of the requests, above 0 and below 1.
    """
    if not 0.0 < weight < 1.0:
        raise InputError("weight", f"is {weight:g}; a share between 0 and 1 (both excluded) is needed")
    mean = weight * ratio + 1.0 - weight
    null = weight * boundary / (weight * boundary + 1.0 - weight)
    return errors * mean * divergence(weight * ratio / mean, null)


def least_time(alpha: float, information_rate: float) -> float:
    """Seconds that any rule of level alpha needs on average; infinite without information."""
    return math.log(1.0 / alpha) / information_rate if information_rate > 0 else math.inf
