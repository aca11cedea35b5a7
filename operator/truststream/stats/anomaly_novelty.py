"""Novelty: an effect that fades as people get used to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from truststream.errors import InputError
from truststream.stats.anomaly import Anomaly, AnomalyKind, Path, first_alarm, peak
from truststream.stats.anomaly_wealth import from_the_start
from truststream.stats.guards import open_unit, positive
from truststream.stats.samples import all_finite

_STRENGTHS = np.array([0.25, 0.5, 1.0, 2.0])


def novelty(effects: Sequence[float], errors: Sequence[float], alpha: float = 0.001) -> Anomaly:
    """Does the effect of a treatment shrink from period to period?

    Hypothesis: the true effect is the same in all periods.
    Formula: the k-th effect d_k with standard error s_k is compared with the precision-weighted mean m of those
    before, w_k = (d_k - m)/√(s_k² + var m); under the hypothesis these are independent N(0, 1). The bet is that w_k
    has the sign opposite to m: E = mean over c of Π exp(-c sign(m) w_k - c²/2). `estimate` is the last effect over
    that of the first period (below 1: fading), `details` has the mean of all.
    Assumptions: estimates of the periods are independent and normal with known standard errors; each period's effect
    is measured on the same kind of units, best by time since their first exposure.
    Wrong when: weekdays differ in their effect; the same users are in all periods (errors are then dependent).
    Source: recursive residuals: Brown, Durbin & Evans (1975), JRSS B 37:149, eq. (2); the bet: Robbins (1970).
    """
    open_unit("alpha", alpha)
    d, s = all_finite("effects", effects), [positive(f"errors[{i}]", error) for i, error in enumerate(errors)]
    if len(d) != len(s):
        raise InputError("errors", f"{len(s)} for {len(d)} effects; give one for each")
    path, mean = _path(d, s)
    found = first_alarm(path, alpha)
    return Anomaly(
        kind=AnomalyKind.NOVELTY,
        n=float(len(d)),
        alpha=alpha,
        assumption="the effect is constant, and its estimates are independent and normal with these errors",
        log_e=peak(path),
        found_at=None if found is None else found + 1,  # the first period only makes a forecast
        estimate=d[-1] / d[0] if d and d[0] else math.nan,
        details={"mean": mean},
        reason="" if len(d) > 1 else "needs two periods",
    )


def _path(effects: Sequence[float], errors: Sequence[float]) -> tuple[Path, float]:
    precision, total = 0.0, 0.0
    residuals = []
    for effect, error in zip(effects, errors, strict=True):
        if precision:
            mean = total / precision
            residuals.append(-math.copysign(1.0, mean) * (effect - mean) / math.hypot(error, precision**-0.5))
        precision += error**-2
        total += effect * error**-2
    w = np.array(residuals)[:, None]
    path = from_the_start(_STRENGTHS * w - _STRENGTHS**2 / 2.0) if residuals else np.zeros(0)
    return path, total / precision if precision else math.nan
