"""From a statistic to a p-value, from an estimate to an interval, on the side that the alternative asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from truststream.stats.guards import finite, open_unit
from truststream.stats.result import Alternative, Interval, TestResult

OPPOSITE = {
    Alternative.TWO_SIDED: Alternative.TWO_SIDED,
    Alternative.GREATER: Alternative.LESS,
    Alternative.LESS: Alternative.GREATER,
}


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is tested: the value under the null, the side that speaks against it, the level of the interval."""

    null: float = 0.0
    alternative: Alternative = Alternative.TWO_SIDED
    level: float = 0.95

    def __post_init__(self) -> None:
        finite("null", self.null)
        open_unit("level", self.level)


EQUAL = Hypothesis()


def normal_p(z: float, alternative: Alternative = Alternative.TWO_SIDED) -> float:
    """P-value of a standard normal statistic; the far tail keeps its digits."""
    return _p(z, alternative, special.ndtr)


def student_p(t: float, degrees: float, alternative: Alternative = Alternative.TWO_SIDED) -> float:
    """P-value of Student's t."""
    return _p(t, alternative, lambda x: special.stdtr(degrees, x))


def _p(x: float, alternative: Alternative, cdf: Callable[[float], float]) -> float:
    # both distributions are symmetric: the upper tail is the lower tail of -x, without 1 - cdf and its lost digits
    if alternative is Alternative.GREATER:
        return float(cdf(-x))
    if alternative is Alternative.LESS:
        return float(cdf(x))
    return min(1.0, 2.0 * float(cdf(-abs(x))))


def normal_quantile(level: float, alternative: Alternative = Alternative.TWO_SIDED) -> float:
    """The critical value z of an interval of this level, e.g. 1.96 for .95 two-sided."""
    return float(special.ndtri(_upper(level, alternative)))


def student_quantile(level: float, degrees: float, alternative: Alternative = Alternative.TWO_SIDED) -> float:
    """The critical value t of an interval of this level."""
    return float(special.stdtrit(degrees, _upper(level, alternative)))


def _upper(level: float, alternative: Alternative) -> float:
    return (1.0 + level) / 2.0 if alternative is Alternative.TWO_SIDED else level


def around(estimate: float, margin: float, level: float, alternative: Alternative) -> Interval:
    """estimate ± margin; a one-sided interval is open on the side that the alternative favours."""
    lower = -math.inf if alternative is Alternative.LESS else estimate - margin
    upper = math.inf if alternative is Alternative.GREATER else estimate + margin
    return Interval(lower, upper, level)


def normal_result(method: str, estimate: float, error: float, n: float, asked: Hypothesis) -> TestResult:
    """A test and interval by the normal law: z = (estimate - null) / error."""
    z = (estimate - asked.null) / error
    margin = normal_quantile(asked.level, asked.alternative) * error
    return TestResult(
        method=method,
        n=n,
        p=normal_p(z, asked.alternative),
        estimate=estimate,
        standard_error=error,
        interval=around(estimate, margin, asked.level, asked.alternative),
        statistic=z,
    )


def student_result(
    method: str, estimate: float, error: float, degrees: float, n: float, asked: Hypothesis
) -> TestResult:
    """A test and interval by Student's law: t = (estimate - null) / error."""
    t = (estimate - asked.null) / error
    margin = student_quantile(asked.level, degrees, asked.alternative) * error
    return TestResult(
        method=method,
        n=n,
        p=student_p(t, degrees, asked.alternative),
        estimate=estimate,
        standard_error=error,
        interval=around(estimate, margin, asked.level, asked.alternative),
        statistic=t,
        degrees_of_freedom=degrees,
    )
