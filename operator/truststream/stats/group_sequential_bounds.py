"""Boundaries of z-statistics: from a spending function, by a shape with one constant, or the last one given others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtr

from truststream.errors import InputError
from truststream.stats.crossing import root
from truststream.stats.group_sequential import Path, check_times, crossing
from truststream.stats.guards import open_unit
from truststream.stats.spending import Spending

_HIGHEST_Z = 40.0  # its tail, 1e-349, is below what a number can hold: spending less than that is spending nothing


@dataclass(frozen=True, slots=True)
class Boundary:
    """Critical values of |Z| (of Z when one-sided) at each look, and the error spent by then under the null."""

    t: tuple[float, ...]
    z: tuple[float, ...]
    spent: tuple[float, ...]
    two_sided: bool

    @property
    def nominal_p(self) -> tuple[float, ...]:
        """The p-value that a look has to beat, were it the only one."""
        return tuple((2 if self.two_sided else 1) * float(ndtr(-z)) for z in self.z)


def _bound(path: Path, t: float, error: float, two_sided: bool) -> float:
    """The z that spends `error` at t, of both tails when two-sided; infinite when there is nothing to spend."""
    if error <= 0:
        return math.inf
    target = math.log(error / (2 if two_sided else 1))
    lowest = 0.0 if two_sided else -_HIGHEST_Z
    if path.log_above(t, lowest) <= target:
        return lowest
    if path.log_above(t, _HIGHEST_Z) >= target:
        return math.inf
    return root(lambda z: path.log_above(t, z) - target, lowest, _HIGHEST_Z)


def spending_boundary(times: Sequence[float], spending: Spending) -> Boundary:
    """Bounds that spend exactly what the function allows at each look.

    Hypothesis: no difference, with z-statistics as in `crossing`. Two-sided bounds are symmetric.
    Formula: z_k solves P(crossed nothing before k, |Z_k| >= z_k) = spent(t_k) - spent(t_{k-1}).
    Assumptions: information fractions are known at each look; later looks need not be planned.
    Wrong when: a look is taken because of what the last one showed; or the final information misses t = 1, which
    spends too little or, when overrun, too much.
    Source: Lan & DeMets 1983; Jennison & Turnbull 2000, section 7.2.
    """
    t, path, z = check_times(times).tolist(), Path.start(), []
    spent = [spending.spent(min(time, 1.0)) for time in t]
    for k, time in enumerate(t):
        bound = _bound(path, time, spent[k] - (spent[k - 1] if k else 0.0), spending.two_sided)
        z.append(bound)
        if k + 1 < len(t):
            path = path.advance(time, (-bound if spending.two_sided else -math.inf, bound), t[k + 1])
    return Boundary(tuple(t), tuple(z), tuple(spent), spending.two_sided)


def last_bound(times: Sequence[float], fixed: Sequence[float], alpha: float, two_sided: bool = True) -> Boundary:
    """The bound of the last look that uses up `alpha`, given the bounds of all looks before it.

    Example: 3, 3, ... and then nearly the usual 1.96 (Haybittle 1971, Peto et al. 1976).
    Hypothesis, assumptions and source as for `spending_boundary`.
    """
    t = check_times(times).tolist()
    if len(fixed) != len(t) - 1:
        raise InputError("fixed", f"has {len(fixed)} bounds, but {len(t) - 1} looks come before the last")
    before = crossing(t[:-1], fixed, 0.0, two_sided).cumulative if fixed else ()
    left = open_unit("alpha", alpha) - (before[-1] if before else 0.0)
    if left <= 0:
        raise InputError("fixed", f"spends {before[-1]} before the last look, alpha is {alpha}; raise the bounds")
    path = Path.start()
    for k, bound in enumerate(fixed):
        path = path.advance(t[k], (-bound if two_sided else -math.inf, bound), t[k + 1])
    z = _bound(path, t[-1], left, two_sided)
    return Boundary(tuple(t), (*fixed, z), (*before, alpha), two_sided)
