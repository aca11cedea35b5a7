"""The ratio of pods as a weight."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truststream.canary.plan import pods_for, weight_of

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure


@pytest.mark.parametrize(
    ("weight", "stable", "pods"),
    [
        (0, 4, 0),
        (5, 4, 1),
        (20, 4, 1),
        (25, 4, 1),
        (30, 4, 2),
        (50, 4, 4),
        (75, 4, 12),
        (10, 9, 1),
        (100, 4, 4),
        (5, 0, 1),
    ],
)
def test_the_nearest_number_of_pods(weight: float, stable: int, pods: int) -> None:
    assert pods_for(weight, stable) == pods


@UNTIMED
@given(weight=st.floats(0.1, 99.9), stable=st.integers(1, 300))
def test_no_other_number_is_nearer(weight: float, stable: int) -> None:
    chosen = pods_for(weight, stable)
    error = abs(weight_of(chosen, stable) - weight)
    assert chosen >= 1
    for other in (chosen - 1, chosen + 1):
        assert other < 1 or error <= abs(weight_of(other, stable) - weight)


@UNTIMED
@given(stable=st.integers(1, 300), canary=st.integers(0, 300))
def test_what_is_asked_for_as_it_reads_comes_back(stable: int, canary: int) -> None:
    assert pods_for(weight_of(canary, stable), stable) == canary


def test_no_pods_no_weight() -> None:
    assert weight_of(0, 0) == 0
    assert weight_of(3, 0) == 100


@pytest.mark.parametrize("weight", [-1, 101])
def test_no_other_percentages(weight: float) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        pods_for(weight, 4)
