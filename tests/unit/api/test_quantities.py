"""Durations, limits and numbers of pods, as texts and as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.api.quantities import format_duration, format_limit, parse_duration, parse_limit, parse_replicas


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("1.5s", 1.5), ("0s", 0), ("5m", 300), (7, 7)],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "90", "-1s", "+1s", "1d", "1s ", "s", "1e3s", None, True, [], -1, float("nan"), "1" * 9 + "s"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_a_written_duration_reads_as_the_same(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (0.25, "250ms"), (1.5, "1s500ms"), (3600, "1h")]
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "limit"), [(1, 1), (0.5, 0.5), ("0.5%", 0.5), ("250ms", 250), ("1.5s", 1500), ("-3", -3), ("2", 2)]
)
def test_limits(value: object, limit: float) -> None:
    assert parse_limit(value) == pytest.approx(limit)


@pytest.mark.parametrize("value", ["", "low", "5 %", "nan", "inf", True, None, [], {}, "%"])
def test_no_limits(value: object) -> None:
    with pytest.raises(ValueError, match="number, a percentage like 1% or a latency"):
        parse_limit(value)


def test_whole_limits_stay_whole() -> None:
    assert repr(format_limit(5.0)) == "5"
    assert repr(format_limit(0.5)) == "0.5"


@pytest.mark.parametrize("value", [1, 100, "MatchWeight", "Full"])
def test_replicas(value: object) -> None:
    assert parse_replicas(value) == value


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "3", None])
def test_no_replicas(value: object) -> None:
    with pytest.raises(ValueError, match="MatchWeight, Full or a number of pods"):
        parse_replicas(value)
