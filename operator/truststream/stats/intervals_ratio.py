"""Interval of the ratio of two proportions, treatment / control."""

from __future__ import annotations

import math

from truststream.errors import InputError
from truststream.stats.intervals_difference import check
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion
from truststream.stats.tails import normal_quantile


def log_ratio(treatment: Proportion, control: Proportion, level: float = 0.95, *, adjust: bool = False) -> Interval:
    """exp(log(p_t/p_c) ± z √(1/k_t - 1/n_t + 1/k_c - 1/n_c)); `adjust` adds 1/2 to every k and n.

    Assumptions: independent trials, successes in both arms.
    Wrong when: successes are few: use the score interval. Without successes in both arms there is no logarithm:
    refused, unless adjusted.
    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469, method C; adjusted: Walter (1975), Biometrika 62.
    """
    check(treatment, control, level)
    extra = 0.5 if adjust else 0.0
    arms = [(arm.successes + extra, arm.n + extra) for arm in (treatment, control)]
    (k_t, n_t), (k_c, n_c) = arms
    if not k_t or not k_c:
        raise InputError("successes", f"are {k_t:g} and {k_c:g}; a log ratio needs some in both arms, use the score")
    half = normal_quantile(level) * math.sqrt(1.0 / k_t - 1.0 / n_t + 1.0 / k_c - 1.0 / n_c)
    centre = math.log(k_t / n_t) - math.log(k_c / n_c)
    return Interval(math.exp(centre - half), math.exp(centre + half), level)
