"""Anomalies: alarms come when something is wrong, and rarely otherwise, however often one looks.

A detector's answer covers every look at its data: `log_e` is the largest so far. So one run to the end counts each
false alarm that any schedule of looks would have raised.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient
from truststream.errors import InputError
from truststream.stats.anomaly import Anomaly, AnomalyKind, Severity
from truststream.stats.anomaly_conformal import log_bets, sequential_ranks
from truststream.stats.anomaly_drift import drift
from truststream.stats.anomaly_duplicates import duplicates
from truststream.stats.anomaly_gap import gap
from truststream.stats.anomaly_late import late
from truststream.stats.anomaly_level import level_shift
from truststream.stats.anomaly_novelty import novelty
from truststream.stats.anomaly_share import Tolerance, too_many
from truststream.stats.anomaly_wealth import from_any_start, from_the_start

ALPHA = 0.05
ROUGH = Tolerance(0.05, ALPHA)
Detector = Callable[..., Anomaly]


def _laws(rng: np.random.Generator, n: int) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    return [rng.normal(size=n), rng.standard_cauchy(size=n), rng.poisson(1.0, n).astype(float)]


def _false_alarms(detect: Callable[[np.random.Generator], bool], runs: int) -> float:
    return sum(detect(np.random.default_rng(seed)) for seed in range(runs)) / runs


@pytest.mark.parametrize("detector", [level_shift, drift])
@pytest.mark.parametrize("law", [0, 1, 2])
def test_any_exchangeable_series_alarms_as_rarely_as_stated(detector: Detector, law: int) -> None:
    """Heavy tails and ties, too. 400 runs at 5 %: two standard deviations are 2.2 %."""
    rate = _false_alarms(lambda rng: detector(_laws(rng, 150)[law], rng, ALPHA).found, 400)
    assert rate <= ALPHA + 0.022


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_tolerated_shares_alarm_as_rarely_as_stated(share: float) -> None:
    kind = AnomalyKind.LATE
    rate = _false_alarms(lambda rng: too_many(kind, list(rng.random(400) < share), ROUGH).found, 400)
    assert rate <= ALPHA + 0.022


def test_gaps_alarm_as_rarely_as_stated() -> None:
    def alarm(rng: np.random.Generator) -> bool:
        times = np.arange(300) * 10.0 + rng.uniform(-3, 3, 300)
        kept = times[rng.random(300) >= 0.05]
        return gap(list(kept), 10.0, 3000.0, ROUGH).found

    assert _false_alarms(alarm, 300) <= ALPHA + 0.026


def test_a_constant_effect_is_no_novelty_more_often_than_stated() -> None:
    def alarm(rng: np.random.Generator) -> bool:
        errors = rng.uniform(0.1, 0.5, 28)
        return novelty(list(rng.normal(0.4, errors)), list(errors), ALPHA).found

    assert _false_alarms(alarm, 1000) <= ALPHA + 0.014


@pytest.mark.parametrize("size", [2.0, -2.0])
def test_a_level_shift_is_found_and_placed(size: float) -> None:
    rng = np.random.default_rng(1)
    data = rng.normal(size=300)
    data[200:] += size
    answer = level_shift(list(data), rng, 0.001)
    assert answer.kind is AnomalyKind.LEVEL_SHIFT
    assert answer.found_at is not None
    assert 200 <= answer.found_at < 240
    assert abs(answer.details["since"] - 200) <= 3
    assert answer.estimate == pytest.approx(size, abs=0.5)
    assert answer.severity is Severity.CRITICAL
    assert not level_shift(list(data[:200]), np.random.default_rng(1), 0.001).found


@pytest.mark.parametrize("slope", [0.02, -0.02])
def test_a_drift_is_found_with_its_slope(slope: float) -> None:
    rng = np.random.default_rng(2)
    answer = drift(list(rng.normal(size=300) + slope * np.arange(300)), rng, 0.001)
    assert answer.found
    assert answer.estimate == pytest.approx(slope, rel=0.2)


def test_asking_early_and_late_gives_the_same_alarm() -> None:
    data = np.random.default_rng(3).normal(size=200)
    data[100:] += 2.0
    whole = level_shift(list(data), np.random.default_rng(9), 0.01)
    assert whole.found_at is not None
    before = level_shift(list(data[: whole.found_at]), np.random.default_rng(9), 0.01)
    upto = level_shift(list(data[: whole.found_at + 1]), np.random.default_rng(9), 0.01)
    assert not before.found
    assert upto.found_at == whole.found_at


@patient
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(0, 99))
def test_ranks_ignore_monotone_changes_and_lie_inside(data: list[float], seed: int) -> None:
    ranks = sequential_ranks(data, np.random.default_rng(seed))
    scaled = sequential_ranks([value * 0.5 for value in data], np.random.default_rng(seed))
    assert ((ranks > 0) & (ranks <= 1)).all()
    if len({value * 0.5 for value in data}) == len(set(data)):
        assert ranks == pytest.approx(scaled)


def test_every_bet_is_fair() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # u = v^8 flattens the peak of the powers at 0
    v = (nodes + 1.0) / 2.0
    half = log_bets(v**8).shape[1] // 2
    means = (weights / 2.0 * 8.0 * v**7) @ np.exp(log_bets(v**8)[:, :half])
    assert means == pytest.approx(np.ones(half), abs=1e-6)
    mirrored = (weights / 2.0 * 8.0 * v**7) @ np.exp(log_bets(1.0 - v**8)[:, half:])
    # 1 - v^8 has lost the digits of the smallest v
    assert mirrored == pytest.approx(np.ones(half), abs=1e-4)


def test_wealth_starts_at_one_and_every_start_is_paid_for() -> None:
    idle = np.zeros((50, 3))
    assert from_the_start(idle) == pytest.approx(np.zeros(50))
    assert from_any_start(idle) == pytest.approx(np.zeros(50), abs=1e-12)
    assert len(from_the_start(np.zeros((0, 3)))) == len(from_any_start(np.zeros((0, 3)))) == 0
    # a doubling at place j is won by the weight of all starts up to j
    late_win = idle.copy()
    late_win[9] = math.log(2.0)
    started = 0.5 + 0.5 * (1.0 - 1.0 / 10.0)
    assert from_any_start(late_win)[9] == pytest.approx(math.log1p(started))


def test_an_outage_is_a_gap() -> None:
    times = [10.0 * k for k in range(100) if not 40 <= k < 52]
    answer = gap(times, 10.0, 990.0)
    assert answer.found
    assert answer.details == {"bad": 12.0, "longest_seconds": 120.0}
    assert answer.found_at is not None
    assert 40 <= answer.found_at < 52
    assert not gap([10.0 * k for k in range(100)], 10.0, 990.0).found


def test_silence_at_the_end_is_a_gap_and_an_open_slot_is_none() -> None:
    times = [10.0 * k for k in range(100)]
    assert gap(times, 10.0, 1100.0).found
    assert gap(times, 10.0, 994.0).details["bad"] == 0


def test_repeated_keys_are_duplicates() -> None:
    clean = [f"request-{k}" for k in range(500)]
    answer = duplicates(clean + clean[:20])
    assert answer.kind is AnomalyKind.DUPLICATE
    assert answer.found
    assert answer.details == {"bad": 20.0, "distinct": 500.0}
    assert answer.found_at is not None
    assert answer.found_at >= 500
    assert not duplicates(clean).found


def test_late_items_are_found() -> None:
    answer = late([0.2] * 300 + [90.0] * 10, 30.0)
    assert answer.kind is AnomalyKind.LATE
    assert answer.found
    assert (answer.details["longest"], answer.details["bad"]) == (90.0, 10.0)
    assert not late([29.9] * 300, 30.0).found


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_fading_effect_is_a_novelty(sign: float) -> None:
    effects = [sign * 2.0 * 0.8**k for k in range(14)]
    answer = novelty(effects, [0.2] * 14)
    assert answer.found
    assert answer.estimate == pytest.approx(0.8**13)
    assert not novelty(effects[::-1], [0.2] * 14).found


def test_severity_follows_the_evidence() -> None:
    plain = Anomaly(AnomalyKind.DRIFT, 10.0, 0.01, "x")
    assert (plain.found, plain.severity) == (False, Severity.NONE)
    sure = Anomaly(AnomalyKind.DRIFT, 10.0, 0.01, "x", log_e=math.log(101.0), found_at=3)
    surer = Anomaly(AnomalyKind.DRIFT, 10.0, 0.01, "x", log_e=math.log(10_001.0), found_at=3)
    assert (sure.severity, surer.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert "at most 0.01" in sure.guarantee


def test_too_little_data_says_so() -> None:
    rng = np.random.default_rng(1)
    for answer in (
        level_shift([1.0], rng),
        drift([], rng),
        novelty([1.0], [0.1]),
        gap([], 10.0, 100.0),
        duplicates([]),
        late([], 1.0),
    ):
        assert answer.reason
        assert not answer.found


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: level_shift([1.0, math.nan], np.random.default_rng(1)), r"values\[1\]"),
        (lambda: drift([1.0], np.random.default_rng(1), 0.0), "alpha"),
        (lambda: gap([1.0], 0.0, 5.0), "interval"),
        (lambda: gap([10.0], 1.0, 5.0), "until"),
        (lambda: gap([10.0], 1.0, math.inf), "until"),
        (lambda: late([math.inf], 1.0), r"delays\[0\]"),
        (lambda: late([1.0], -1.0), "allowed"),
        (lambda: novelty([1.0], [0.0]), r"errors\[0\]"),
        (lambda: novelty([1.0], []), "errors"),
        (lambda: Tolerance(0.0), r"tolerance\.share"),
        (lambda: Tolerance(0.1, 1.0), r"tolerance\.alpha"),
    ],
)
def test_refuses_by_name(make: object, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        make()  # type: ignore[operator]
