"""More bad items than are tolerated: what gaps, duplicates and late data have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from truststream.stats.anomaly import Anomaly, AnomalyKind, Path, first_alarm, peak
from truststream.stats.anomaly_wealth import from_any_start
from truststream.stats.guards import open_unit

_EXCESS = np.array([0.03, 0.1, 0.3, 0.6, 0.95])


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The share of bad items that is no news, and the false-alarm rate."""

    share: float = 0.01
    alpha: float = 0.001

    def __post_init__(self) -> None:
        open_unit("tolerance.share", self.share)
        open_unit("tolerance.alpha", self.alpha)


USUAL = Tolerance()


def too_many(
    kind: AnomalyKind, bad: Sequence[bool], tolerance: Tolerance, details: Mapping[str, float] | None = None
) -> Anomaly:
    """Are more items bad than tolerated, now or from some moment on?

    Hypothesis: each item is bad with probability of at most the tolerated share, given all before it.
    Formula: likelihood ratios of shares q above the tolerated m, (q/m) for a bad item and (1-q)/(1-m) for a good one,
    mixed over q and over starts; alarm at E >= 1/alpha. Their expectation grows with the true share and is 1 at m.
    Assumptions: only the hypothesis; items may depend on each other otherwise.
    Wrong when: bad items come in bursts that one cause explains (an outage of a minute): that is an alarm, rightly.
    Source: Wald (1945), Annals of Mathematical Statistics 16:117; starts: Shin, Ramdas & Rinaldo (2024).
    """
    flags = np.array(bad, dtype=bool)
    path = from_any_start(_log_ratios(flags, tolerance.share))
    return Anomaly(
        kind=kind,
        n=float(len(flags)),
        alpha=tolerance.alpha,
        assumption=f"each item is bad with probability of at most {tolerance.share:g}, whatever came before it",
        log_e=peak(path),
        found_at=first_alarm(path, tolerance.alpha),
        estimate=float(flags.mean()) if len(flags) else math.nan,
        details={"bad": float(flags.sum()), **(details or {})},
        reason="" if len(flags) else "no items",
    )


def _log_ratios(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], share: float) -> Path:
    alternatives = share + (1.0 - share) * _EXCESS
    wins, losses = np.log(alternatives / share), np.log1p(-alternatives) - math.log1p(-share)
    return np.where(flags[:, None], wins, losses)
