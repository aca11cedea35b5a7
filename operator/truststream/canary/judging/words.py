"""What the counts say, in plain words."""

from __future__ import annotations

import math

from truststream.api.status import ArmCounts
from truststream.canary.judging.judge import MetricShape
from truststream.canary.judging.proving import Proof
from truststream.stats.result import Interval


def arm(counts: ArmCounts, shape: MetricShape) -> str:
    """``1.2 % (12 of 1000)``."""
    if counts.requests <= 0:
        return "no request"
    value = "" if counts.value is None else f"{counts.value:.4g} {shape.unit} "
    what = "slow" if shape.unit == "ms" else "bad"
    return f"{value}({counts.bad:.0f} {what} of {counts.requests:.0f})"


def ratio(estimate: float, interval: Interval) -> str:
    """``; 2.4 times stable's rate (95 %: 0.9 to 5.1)``; nothing while neither arm had an error."""
    if math.isnan(estimate):
        return ""
    level = f"{100 * interval.level:g} %"
    if math.isinf(estimate):
        return f"; stable has none ({level}: at least {interval.lower:.3g} times its rate)"
    upper = "any" if math.isinf(interval.upper) else f"{interval.upper:.3g}"
    return f"; {estimate:.3g} times stable's rate ({level}: {interval.lower:.3g} to {upper})"


def evidence(log: float, needed: float) -> str:
    """``evidence 3.1 of 20 needed``."""
    shown = math.exp(log) if log < math.log(1e6) else math.inf
    text = "over 1,000,000" if math.isinf(shown) else f"{shown:.3g}" if shown < 100 else f"{shown:,.0f}"
    return f"evidence {text} of {math.exp(needed):.3g} needed"


def missing(proof: Proof, weight: float, clean: int) -> str:
    """What a criterion still needs."""
    text = f"not proven yet: {proof.text}; {evidence(proof.log, proof.needed)}"
    if math.isinf(proof.seconds):
        return f"{text}; at this rate it will not be" + (f" ({clean} requests without a bad one do)" if clean else "")
    return f"{text}; needs about {duration(proof.seconds)} more at {weight:g} %"


def duration(seconds: float) -> str:
    """``7 minutes``."""
    for size, unit in ((3600.0, "hour"), (60.0, "minute"), (1.0, "second")):
        if seconds >= 1.5 * size or unit == "second":
            number = max(1, round(seconds / size))
            return f"{number} {unit}{'s' if number != 1 else ''}"
    raise AssertionError("seconds are the smallest unit")
