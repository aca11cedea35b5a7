"""How long a plan takes at the traffic there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from truststream.errors import InputError
from truststream.stats.guards import closed_unit, positive
from truststream.stats.sample_size import SampleSize


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the traffic for treatment, held for a time; the last step is held as long as needed."""

    weight: float
    seconds: float = math.inf

    def __post_init__(self) -> None:
        closed_unit("weight", self.weight)
        if not self.seconds > 0:
            raise InputError("seconds", f"is {self.seconds}; a step takes time")


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds until both arms have their units; infinite with a reason when they never do."""

    seconds: float
    treatment_seconds: float
    control_seconds: float
    reason: str = ""


def duration(size: SampleSize, units_per_second: float, steps: Sequence[Step]) -> Duration:
    """Time until treatment and control have the units of a plan.

    Formula: units of treatment grow by traffic x weight, those of control by traffic x (1 - weight); the time is the
    later of both. A step with an end is left at its end.
    Assumptions: steady traffic; every request is a new unit (for users give new users per second).
    Wrong when: traffic has a daily cycle and the time is shorter than it: give the lowest traffic to be safe.
    Source: arithmetic.
    """
    positive("units_per_second", units_per_second)
    if not steps:
        raise InputError("steps", "is empty; give at least one weight")
    treatment = _time(size.treatment, [(units_per_second * s.weight, s.seconds) for s in steps])
    control = _time(size.control, [(units_per_second * (1.0 - s.weight), s.seconds) for s in steps])
    arms = [name for name, seconds in (("treatment", treatment), ("control", control)) if math.isinf(seconds)]
    reason = f"the steps never give {' and '.join(arms)} enough units; hold a step longer" if arms else ""
    return Duration(max(treatment, control), treatment, control, reason)


def _time(units: float, flows: Sequence[tuple[float, float]]) -> float:
    passed = 0.0
    for flow, seconds in flows:
        if units <= flow * seconds and flow:
            return passed + units / flow
        units -= flow * seconds if flow else 0.0
        passed += seconds
    return math.inf if units > 0 else passed
