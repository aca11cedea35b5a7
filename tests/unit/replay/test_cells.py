"""One version dealt out to two arms: nothing is lost, and which unit is chosen has nothing to do with its counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truststream.canary.observation import Block, Cell, Measurement, Outcome
from truststream.replay.cells import dealt, dealt_out, reading, weight_at
from truststream.replay.outcome import Stage


def block(units: int, start: float = 0.0) -> Block:
    cells = tuple(Cell(f"pod-{n}", 100.0 + n, float(n), ((0.1, 90.0), (float("inf"), 100.0 + n))) for n in range(units))
    return Block(start, start + 10, stable=cells)


@given(st.integers(2, 30), st.floats(0.1, 99.9), st.text(max_size=5))
def test_every_cell_stands_in_one_arm(units: int, weight: float, seed: str) -> None:
    found = dealt(block(units), weight, seed)
    assert sorted(cell.unit for cell in (*found.canary, *found.stable)) == sorted(c.unit for c in block(units).stable)
    assert found.canary
    assert found.stable
    assert len(found.canary) >= min(units - 1, units * weight / 100 - 1e-6)


@given(st.integers(2, 30), st.floats(0.1, 99.9), st.floats(0.1, 99.9))
def test_a_higher_weight_takes_no_unit_away(units: int, one: float, other: float) -> None:
    low, high = ({c.unit for c in dealt(block(units), w, "s").canary} for w in sorted((one, other)))
    assert low <= high


def test_another_seed_chooses_other_units() -> None:
    chosen = {frozenset(c.unit for c in dealt(block(10), 50, seed).canary) for seed in "abcdef"}
    assert len(chosen) > 1


def test_one_unit_is_no_two_arms() -> None:
    found = dealt(block(1), 50, "s")
    assert not found.canary
    assert not found.stable
    assert "two arms need two" in found.fault


def test_blocks_go_by_the_weight_of_their_time() -> None:
    stages = (Stage(0.0, 10.0), Stage(20.0, 50.0))
    measured = Measurement("m", Outcome.OK, length=10.0, blocks=tuple(block(10, at) for at in (0.0, 10.0, 20.0)))
    found = dealt_out(measured, stages, "s")
    assert [len(one.canary) for one in found.blocks] == [1, 1, 5]
    assert found.canary is not None
    assert found.stable is not None
    assert found.canary.requests + found.stable.requests == sum(c.requests for b in measured.blocks for c in b.stable)
    assert weight_at(stages, -5.0) == 10.0


def test_a_question_that_failed_stays_one() -> None:
    failed = Measurement("m", Outcome.NO_DATA, "nothing")
    assert dealt_out(failed, (Stage(0, 5),), "s") is failed


def test_readings_add_requests_and_buckets() -> None:
    found = reading(block(3).stable)
    assert (found.requests, found.bad) == (303.0, 3.0)
    assert found.buckets == ((0.1, 270.0), (float("inf"), 303.0))
    assert reading([]).requests == pytest.approx(0.0)
