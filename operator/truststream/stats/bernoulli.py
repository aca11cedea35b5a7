"""A confidence sequence for one proportion, from counts alone."""

from __future__ import annotations

import math
from collections.abc import Callable

from truststream.errors import InputError
from truststream.stats.beta_binomial_mixture import BetaBinomialMixture
from truststream.stats.crossing import root
from truststream.stats.guards import count, open_unit, positive
from truststream.stats.result import Interval

_EDGE = 1e-15  # a proportion closer to 0 or 1 than this is the end itself


def bernoulli_log_e(successes: float, trials: float, p0: float, t_opt: float, alpha_opt: float = 0.05) -> float:
    """Natural log of the two-sided beta-binomial e-process against "the success probability is `p0`".

    See `BetaBinomialMixture` for formula, assumptions and source. `t_opt` is the number of trials for which the test
    is tuned.
    """
    open_unit("p0", p0)
    _check(successes, trials)
    mixture = BetaBinomialMixture.tuned(p0 * (1 - p0) * positive("t_opt", t_opt), alpha_opt, (p0, 1 - p0), True)
    # Not successes - trials p0: of a billion trials nearly all of which succeed the difference would be noise.
    return mixture.log_e(successes * (1 - p0) - (trials - successes) * p0, p0 * (1 - p0) * trials)


def _check(successes: float, trials: float) -> None:
    if count("successes", successes) > count("trials", trials):
        raise InputError("successes", f"{successes} is more than the {trials} trials")


def bernoulli_confidence_sequence(
    successes: float, trials: float, alpha: float, t_opt: float, alpha_opt: float = 0.05
) -> Interval:
    """All success probabilities that the beta-binomial e-process has not rejected at this look.

    Hypothesis inverted: "the success probability, given the past, is p" for each p, rejected once E >= 1/alpha.
    Assumptions: a constant success probability. Wrong under clustered failures: a cluster is one event.
    Each look covers at all times together; the intersection over looks does, too.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), section 3.5 and Proposition 7, inverted for p.
    """
    nats = -math.log(open_unit("alpha", alpha))
    open_unit("alpha_opt", alpha_opt)
    positive("t_opt", t_opt)
    _check(successes, trials)
    if not trials:
        return Interval(0.0, 1.0, 1 - alpha)

    def excess(p: float) -> float:
        return bernoulli_log_e(successes, trials, p, t_opt, alpha_opt) - nats

    share = successes / trials
    lower = _end(excess, _EDGE, share) if successes else 0.0
    upper = _end(excess, 1 - _EDGE, share) if successes < trials else 1.0
    return Interval(lower, upper, 1 - alpha)


def _end(excess: Callable[[float], float], outer: float, share: float) -> float:
    """Where the evidence falls below the threshold between an end of [0, 1] and the observed share."""
    inner = min(max(share, _EDGE), 1 - _EDGE)
    if excess(outer) <= 0:
        return 0.0 if outer < share else 1.0
    return root(excess, outer, inner) if outer < inner else root(excess, inner, outer)
