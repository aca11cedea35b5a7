"""What hypothesis draws for statistical methods."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from truststream.stats.poisson import Rate
from truststream.stats.summary import Proportion

# busy machines draw slowly: how long a property takes says nothing about it
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def proportions(draw: st.DrawFn, smallest: int = 1, largest: int = 300) -> Proportion:
    """Successes among trials, the ends included."""
    n = draw(st.integers(smallest, largest))
    return Proportion(draw(st.integers(0, n)), n)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """A few events in some exposure."""
    return Rate(draw(st.integers(0, 60)), draw(st.floats(0.5, 500.0)))
