"""Bootstrap intervals for statistics without a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from truststream.errors import InputError
from truststream.stats.guards import open_unit
from truststream.stats.result import Interval, TestResult
from truststream.stats.samples import all_finite

Statistic = Callable[..., NDArray[np.float64]]  # arrays and axis=... to numbers, as numpy.mean does


class BootstrapInterval(StrEnum):
    """How resampled statistics become an interval."""

    PERCENTILE = "percentile"
    BCA = "BCa"


def bootstrap(
    samples: Sequence[Sequence[float]],
    statistic: Statistic,
    rng: np.random.Generator,
    kind: BootstrapInterval = BootstrapInterval.BCA,
    level: float = 0.95,
    resamples: int = 2000,
) -> TestResult:
    """Interval of a statistic of one or several independent samples; the caller seeds the generator.

    Formula: percentile: quantiles (1 ∓ level)/2 of the resampled statistics; BCa: the same at levels moved by the
    bias z0 = Φ⁻¹(share below the estimate) and the acceleration a, the skewness of the jackknife values.
    Assumptions: independent units within a sample, statistic smooth in the data (means, ratios, inner quantiles).
    Wrong when: units are clustered, the statistic is an extreme (maximum, p99.9 of few values), samples have fewer
    than about 20 units.
    Source: Efron (1987), JASA 82:171, eqs. (2.3), (6.6); Efron & Tibshirani (1993), section 14.3.
    """
    open_unit("level", level)
    data = [np.array(all_finite(f"samples[{index}]", sample)) for index, sample in enumerate(samples)]
    if resamples < 100:
        raise InputError("resamples", f"is {resamples}; tail quantiles need at least 100")
    n = float(sum(len(sample) for sample in data))
    if not data or min(len(sample) for sample in data) < 2:
        return TestResult(method=f"bootstrap-{kind.value}", n=n, reason="every sample needs two values")
    if all(sample.min() == sample.max() for sample in data):
        return TestResult(method=f"bootstrap-{kind.value}", n=n, reason="no spread in any sample: nothing to resample")
    answer = stats.bootstrap(
        data, statistic, confidence_level=level, method=kind.value, n_resamples=resamples, rng=rng, batch=200
    )
    low, high = answer.confidence_interval
    return TestResult(
        method=f"bootstrap-{kind.value}",
        n=n,
        estimate=float(statistic(*data, axis=-1)),
        standard_error=float(answer.standard_error),
        interval=Interval(float(low), float(high), level),
    )
