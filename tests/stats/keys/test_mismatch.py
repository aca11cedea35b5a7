"""Requests that go elsewhere than planned: an alarm in a minute, and hardly ever a false one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from truststream.errors import InputError
from truststream.stats.keys.mismatch import ALPHA, Mismatch, Routed

ALARM = math.log(1 / ALPHA)


def _looks(test: Mismatch, counts: Sequence[tuple[float, float]]) -> list[float]:
    routed, logs = Routed.begin(), []
    for n_c, n_b in counts:
        routed = test.step(routed, n_c, n_b, start=True)
        logs.append(float(test.log_evidence(routed)))
    return logs


def test_evidence_is_1_at_the_start_and_while_nobody_asks() -> None:
    test = Mismatch(0.05)
    assert test.log_evidence(Routed.begin((2,))) == pytest.approx(0.0)
    assert _looks(test, [(0, 0)] * 5) == pytest.approx([0.0] * 5, abs=1e-12)


def test_a_dead_canary_is_seen_within_a_minute() -> None:
    """5 % of 200 requests a second; its requests fail over to stable, or are lost."""
    for to_stable in (2000, 1900):
        looks = _looks(Mismatch(0.05), [(0, to_stable)] * 6)
        assert looks[-1] >= ALARM


def test_a_canary_that_dies_late_is_seen_in_two_minutes() -> None:
    looks = _looks(Mismatch(0.05), [(100, 1900)] * 180 + [(0, 2000)] * 12)
    assert max(looks[:180]) < ALARM / 2
    assert looks[-1] >= ALARM


@pytest.mark.parametrize(("weight", "n_c", "n_b"), [(0.05, 200, 1800), (0.5, 1500, 500), (0.05, 2000, 0)])
def test_too_many_requests_are_seen_too(weight: float, n_c: int, n_b: int) -> None:
    assert _looks(Mismatch(weight), [(n_c, n_b)] * 60)[-1] >= ALARM


@pytest.mark.parametrize("odds", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_the_mean_of_a_factor_is_at_most_1_within_the_band(odds: float, weight: float) -> None:
    """Summed over the law: a Poisson number of sessions of 50 requests each, on either arm."""
    test, sessions = Mismatch(weight), np.arange(40)
    canary = weight * odds / (weight * odds + 1 - weight)
    n_c, n_b = np.meshgrid(sessions * 50.0, sessions * 50.0, indexing="ij")
    law = np.outer(stats.poisson.pmf(sessions, 12 * canary), stats.poisson.pmf(sessions, 12 * (1 - canary)))
    routed = test.step(Routed.begin(n_c.shape), n_c, n_b, start=True)
    for wealth in (routed.fewer, routed.more):
        assert np.all(np.einsum("ij,ijg->g", law, np.exp(wealth)) <= 0.5 * (1 + 1e-9))
    assert np.sum(law * np.exp(test.log_evidence(routed))) <= 1 + 1e-9


def test_sticky_sessions_at_the_ends_of_the_band_rarely_alarm() -> None:
    generator, runs = np.random.default_rng(11), 2000
    for odds in (0.9, 1.1):
        share = 0.05 * odds / (0.05 * odds + 0.95)
        test, routed, alarmed = Mismatch(0.05), Routed.begin((runs,)), np.zeros(runs, bool)
        for _ in range(60):
            n_c, n_b = generator.poisson([40 * share, 40 * (1 - share)], size=(runs, 2)).T * 50.0
            routed = test.step(routed, n_c, n_b, start=True)
            alarmed |= test.log_evidence(routed) >= ALARM
        assert alarmed.mean() <= ALPHA


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=5))
def test_many_at_once_are_the_same_as_one_by_one(counts: list[tuple[int, int]]) -> None:
    test, routed = Mismatch(0.25), Routed.begin((2,))
    for n_c, n_b in counts:
        routed = test.step(routed, [n_c, 100], [n_b, 300], start=True)
    together = test.log_evidence(routed)
    assert together[0] == pytest.approx(_looks(test, [(float(a), float(b)) for a, b in counts])[-1], abs=1e-12)
    assert together[1] == pytest.approx(_looks(test, [(100.0, 300.0)] * len(counts))[-1], abs=1e-12)


def test_a_milliard_requests_a_block_do_not_overflow() -> None:
    looks = _looks(Mismatch(0.05), [(1e9, 0), (0, 1e9), (1e9, 1e9)])
    assert np.isfinite(looks).all()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("weight", {"weight": 0.0}),
        ("weight", {"weight": 1.0}),
        ("weight", {"weight": math.nan}),
        ("band", {"weight": 0.5, "band": 1.0}),
        ("band", {"weight": 0.5, "band": -0.1}),
        ("phi", {"weight": 0.5, "phi": 0.5}),
        ("phi", {"weight": 0.5, "phi": math.inf}),
    ],
)
def test_plans_that_cannot_be_are_refused(field: str, values: dict[str, float]) -> None:
    with pytest.raises(InputError) as refused:
        Mismatch(**values)
    assert refused.value.field == field


@pytest.mark.parametrize(("field", "n_c", "n_b"), [("n_c", math.nan, 1.0), ("n_b", 1.0, math.inf), ("n_b", 1.0, -1.0)])
def test_what_is_no_count_is_refused(field: str, n_c: float, n_b: float) -> None:
    with pytest.raises(InputError) as refused:
        Mismatch(0.5).step(Routed.begin(), n_c, n_b, start=True)
    assert refused.value.field == field
