"""Weights of the past, read off the requests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from truststream.canary.observation import Block, Cell
from truststream.replay.shares import recorded_stages, release_end

PLAN = (5.0, 10.0, 25.0, 50.0)


def past(shares: Sequence[float], requests: float = 2000.0, seed: int = 1) -> list[Block]:
    """Blocks of 10 s with these percentages of the requests at the canary."""
    generator = np.random.default_rng(seed)
    found = []
    for place, share in enumerate(shares):
        canary = float(generator.binomial(int(requests), share / 100))
        ours = (Cell("c", canary),) if share else ()
        found.append(Block(10.0 * place, 10.0 * place + 10, ours, (Cell("s", requests - canary),)))
    return found


def test_stages_of_a_plan_are_found() -> None:
    blocks = past([0] * 5 + [5] * 12 + [10] * 12 + [25] * 12 + [50] * 12 + [0] * 20)
    stages = recorded_stages(blocks, PLAN)
    assert [(stage.since, stage.weight) for stage in stages] == [(50, 5), (170, 10), (290, 25), (410, 50)]
    assert release_end(blocks) == 530


def test_a_weight_that_changes_inside_a_block_begins_in_its_middle() -> None:
    stages = recorded_stages(past([2.5] + [5] * 10 + [15] + [25] * 10, 20_000.0), PLAN)
    assert [(stage.since, stage.weight) for stage in stages] == [(5, 5), (115, 25)]


def test_shares_that_no_plan_has_are_told_as_they_were() -> None:
    (stage,) = recorded_stages(past([17] * 30), PLAN)
    assert stage.weight == pytest.approx(17, abs=0.7)


def test_noise_and_one_odd_block_are_no_stages() -> None:
    shares = [10.0] * 20 + [30.0] + [10.0] * 20
    assert [stage.weight for stage in recorded_stages(past(shares), PLAN)] == [10]


@pytest.mark.parametrize("seed", range(20))
def test_a_constant_weight_is_one_stage_whatever_the_noise(seed: int) -> None:
    assert len(recorded_stages(past([5] * 360, 500.0, seed), PLAN)) == 1


def test_the_release_ends_where_the_canary_gets_all() -> None:
    blocks = past([50] * 10 + [100] * 10)
    assert [stage.weight for stage in recorded_stages(blocks, PLAN)] == [50]
    assert release_end(blocks) == 100


def test_a_pause_of_two_blocks_is_no_end() -> None:
    assert release_end(past([10] * 5 + [0] * 2 + [10] * 5)) == 120


def test_without_a_canary_there_is_none() -> None:
    assert recorded_stages(past([0] * 10), PLAN) == ()
    assert recorded_stages([], PLAN) == ()
    assert release_end([]) == float("-inf")


def test_blocks_with_a_fault_say_nothing() -> None:
    faulty = [Block(one.start, one.end, one.canary, one.stable, "broken") for one in past([90] * 3)]
    later = [Block(b.start + 30, b.end + 30, b.canary, b.stable) for b in past([10] * 9)]
    assert [stage.weight for stage in recorded_stages([*faulty, *later], PLAN)] == [10]
