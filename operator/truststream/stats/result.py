"""What a method answers: an estimate with its interval and evidence, or the reason why it cannot tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Alternative(StrEnum):
    """Which side of the null hypothesis counts as evidence against it."""

    TWO_SIDED = "two-sided"
    GREATER = "greater"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval with its nominal level, e.g. 0.95; an open side is infinite."""

    lower: float
    upper: float
    level: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True)
class TestResult:
    """The answer of a test at one look that was fixed in advance.

    `p` is only a p-value for that one look. A result that cannot tell has `reason` set and NaN where a number would
    be: never a made-up 1.
    """

    __test__ = False  # not a class of tests, whatever pytest thinks of its name

    method: str
    n: float
    p: float = math.nan
    estimate: float = math.nan
    standard_error: float = math.nan
    interval: Interval | None = None
    statistic: float = math.nan
    degrees_of_freedom: float = math.nan
    reason: str = ""
    details: Mapping[str, float] = field(default_factory=dict)  # what belongs to this method only

    @property
    def can_tell(self) -> bool:
        """There is a verdict in it."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """The answer of a method that may be asked at any time, as often as one likes.

    `log_e` is the natural logarithm of the e-process; `p` the always-valid p-value min(1, exp(-log_e)) of this look
    alone: the running minimum over looks is one, too (Ville's inequality).
    """

    method: str
    n: float
    log_e: float = 0.0
    estimate: float = math.nan
    interval: Interval | None = None
    reason: str = ""
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def p(self) -> float:
        """Always-valid p-value of this look."""
        return math.exp(-self.log_e) if self.log_e > 0 else 1.0

    @property
    def can_tell(self) -> bool:
        """There is evidence in it."""
        return not self.reason
