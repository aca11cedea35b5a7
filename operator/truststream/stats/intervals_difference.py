"""Intervals of the difference of two proportions, treatment - control."""

from __future__ import annotations

import math

from truststream.errors import InputError
from truststream.stats.guards import open_unit
from truststream.stats.intervals_proportion import wilson
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion
from truststream.stats.tails import normal_quantile


def wald(treatment: Proportion, control: Proportion, level: float = 0.95) -> Interval:
    """d ± z √(p_t(1-p_t)/n_t + p_c(1-p_c)/n_c).

    Assumptions: independent trials, both outcomes frequent in both arms.
    Wrong when: counts are small or shares extreme: too short, and may leave [-1, 1].
    Source: Newcombe (1998), Statistics in Medicine 17:873, method 1.
    """
    check(treatment, control, level)
    half = normal_quantile(level) * math.sqrt(treatment.variance / treatment.n + control.variance / control.n)
    return Interval(treatment.mean - control.mean - half, treatment.mean - control.mean + half, level)


def agresti_caffo(treatment: Proportion, control: Proportion, level: float = 0.95) -> Interval:
    """Wald's interval after one success and one failure were added to each arm.

    Assumptions: independent trials; good down to n of about 10.
    Wrong when: both shares are extreme and n small: then conservative. The centre is shrunk towards 0.
    Source: Agresti & Caffo (2000), The American Statistician 54:280, section 3.
    """
    check(treatment, control, level)
    more = [Proportion(arm.successes + 1.0, arm.n + 2.0) for arm in (treatment, control)]
    return wald(more[0], more[1], level)


def newcombe(treatment: Proportion, control: Proportion, level: float = 0.95) -> Interval:
    """Wilson's two intervals, put together by squares.

    Formula: d - √((p_t - l_t)² + (u_c - p_c)²), d + √((u_t - p_t)² + (p_c - l_c)²) with Wilson bounds l, u.
    Assumptions: independent trials; good for all shares; stays in [-1, 1].
    Wrong when: trials are clustered.
    Source: Newcombe (1998), Statistics in Medicine 17:873, method 10.
    """
    check(treatment, control, level)
    t, c, d = wilson(treatment, level), wilson(control, level), treatment.mean - control.mean
    lower = d - math.hypot(treatment.mean - t.lower, c.upper - control.mean)
    upper = d + math.hypot(t.upper - treatment.mean, control.mean - c.lower)
    return Interval(lower, upper, level)


def check(treatment: Proportion, control: Proportion, level: float) -> None:
    """Both arms have trials."""
    open_unit("level", level)
    for name, arm in (("treatment", treatment), ("control", control)):
        if not arm.n:
            raise InputError(f"{name}.n", "is 0; an interval needs at least one trial in each arm")
