"""What tests of sequential methods share: how examples are drawn, and how often a test alarmed."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

drawn = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

levels = st.floats(1e-6, 0.49)
times = st.floats(1e-3, 1e9)
bits = st.lists(st.integers(0, 1), min_size=1, max_size=60)
units = st.lists(st.floats(0, 1), min_size=1, max_size=60)
BAD = (math.nan, math.inf, -math.inf)


def alarms(paths: FloatArray, alpha: float) -> float:
    """Share of the rows of log evidence that ever reach 1/alpha."""
    return float((paths.max(axis=1) >= -math.log(alpha)).mean())
