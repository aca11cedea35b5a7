"""What an anomaly detector answers. Every detector may be asked after every value, for as long as data come.

Each keeps an e-process: a bet that cannot win on average while nothing is wrong. By Ville's inequality the chance that
it ever reaches 1/α is at most α, so α is the rate of false alarms of a whole run, not of one look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]

_CRITICAL = math.log(100.0)  # an alarm that would also have been one at a hundredth of the false-alarm rate


class AnomalyKind(StrEnum):
    """What may be wrong with data."""

    LEVEL_SHIFT = "level-shift"
    DRIFT = "drift"
    GAP = "gap"
    DUPLICATE = "duplicate"
    LATE = "late"
    NOVELTY = "novelty"


class Severity(StrEnum):
    """How sure an alarm is."""

    NONE = "none"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One detector's answer over all data so far.

    `log_e` is the largest logarithm of the e-process so far, which keeps the guarantee. `found_at` is the index of the
    value that raised the alarm.
    """

    kind: AnomalyKind
    n: float
    alpha: float
    assumption: str
    log_e: float = 0.0
    found_at: int | None = None
    estimate: float = math.nan
    details: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def found(self) -> bool:
        """There is an alarm."""
        return self.found_at is not None

    @property
    def severity(self) -> Severity:
        """Warning at E >= 1/α, critical at E >= 100/α."""
        if not self.found:
            return Severity.NONE
        return Severity.CRITICAL if self.log_e >= _CRITICAL - math.log(self.alpha) else Severity.WARNING

    @property
    def guarantee(self) -> str:
        """What is promised, in words."""
        return f"P(ever a false alarm) is at most {self.alpha:g}, however often it is asked, if {self.assumption}"


def first_alarm(path: Path, alpha: float) -> int | None:
    """Index of the first value at which the e-process reaches 1/α."""
    above = np.flatnonzero(path >= -math.log(alpha))
    return int(above[0]) if len(above) else None


def peak(path: Path) -> float:
    """The largest log e so far, the start (0) included."""
    return max(0.0, float(path.max())) if len(path) else 0.0
