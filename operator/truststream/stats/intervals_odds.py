"""Interval of the odds ratio of two proportions, treatment / control."""

from __future__ import annotations

import math

from truststream.errors import InputError
from truststream.stats.intervals_difference import check
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion
from truststream.stats.tails import normal_quantile


def logit(treatment: Proportion, control: Proportion, level: float = 0.95, *, adjust: bool = False) -> Interval:
    """exp(log odds ratio ± z √(sum of the reciprocals of the four cells)); `adjust` adds 1/2 to every cell.

    Assumptions: independent trials, no empty cell.
    Wrong when: a cell is small: use the score interval. With an empty cell refused, unless adjusted.
    Source: Woolf (1955), Annals of Human Genetics 19:251; adjusted: Gart (1966), Biometrika 53.
    """
    check(treatment, control, level)
    extra = 0.5 if adjust else 0.0
    a, b, c, d = (
        cell + extra for cell in (treatment.successes, treatment.failures, control.successes, control.failures)
    )
    if not (a and b and c and d):
        raise InputError("cells", f"({a:g}, {b:g}, {c:g}, {d:g}) have an empty one; use the score interval")
    half = normal_quantile(level) * math.sqrt(1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d)
    centre = math.log(a) - math.log(b) - math.log(c) + math.log(d)
    return Interval(math.exp(centre - half), math.exp(centre + half), level)
