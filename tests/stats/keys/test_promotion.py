"""The promotion statistic: the mirrored tails, read at the decision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.stats.keys.drawn import SIZES, Block, counts, sequences
from truststream.stats.keys.conditional_poisson import not_worse
from truststream.stats.keys.counts import Counts
from truststream.stats.keys.promotion import Promotion, Proof
from truststream.stats.keys.share_betting import MIRRORED_STAKES

GOOD: Block = (1000, 5, 1000, 5)
WORSE: Block = (1000, 15, 1000, 5)


def _proof(given_blocks: list[Block], margin: float = 0.5) -> Proof:
    test, proof = Promotion(margin), Proof.begin()
    for block in given_blocks:
        proof = test.step(proof, counts(block))
    return proof


@given(SIZES)
def test_evidence_is_1_at_the_start(phi: float) -> None:
    keys = Promotion(0.5).keys(Proof.begin((2,)), phi)
    assert keys.poisson == pytest.approx(np.zeros(2), abs=1e-12)
    assert keys.second == pytest.approx(np.zeros(2), abs=1e-12)


def test_the_grid_lies_below_the_boundary() -> None:
    """As ratios to 1 + margin; read with a different divisor the test would promote a canary that is twice as bad."""
    for margin in (0.25, 0.5, 1.0):
        assert not_worse(margin).max() < 1.0
        assert not_worse(margin)[4] == pytest.approx(1 / (1 + margin))


@given(sequences(), SIZES)
def test_phi_tempers_when_it_is_read(given_blocks: list[Block], phi: float) -> None:
    """It may change from look to look: nothing that was kept depends on it."""
    proof = _proof(given_blocks)
    keys = Promotion(0.5).keys(proof, phi)
    expected = np.log(np.mean(np.exp(proof.poisson / phi)))
    assert keys.poisson == pytest.approx(expected, abs=1e-9)


@given(sequences(most=6))
def test_the_order_of_blocks_does_not_matter(given_blocks: list[Block]) -> None:
    there, back = _proof(given_blocks), _proof(given_blocks[::-1])
    assert there.poisson == pytest.approx(back.poisson, abs=1e-9)
    assert there.share == pytest.approx(back.share, abs=1e-9)


def test_a_good_canary_is_proven_and_loses_it_when_it_turns() -> None:
    test, proof = Promotion(0.5), _proof([GOOD] * 60)
    proven = test.keys(proof, 1.3).two
    assert proven >= np.log(20)
    for _ in range(20):
        proof = test.step(proof, counts(WORSE))
    assert test.keys(proof, 1.3).two < np.log(20)


def test_a_bet_of_everything_that_is_lost_does_not_spoil_the_others() -> None:
    proof = _proof([(1000, 5, 1000, 0), *[(1000, 0, 1000, 5)] * 30])
    assert MIRRORED_STAKES[-1] == 1.0
    assert proof.share[-1] == -np.inf
    assert np.isfinite(Promotion(0.5).keys(proof, 1.3).second)


def test_pairs_multiply_when_disjoint_and_are_averaged_when_not() -> None:
    test, pairs = Promotion(0.5), counts(GOOD, WORSE)
    alone = [_proof([GOOD]).share, _proof([WORSE]).share]
    assert test.step(Proof.begin(), pairs).share == pytest.approx(alone[0] + alone[1])
    averaged = test.step(Proof.begin(), pairs, disjoint=False).share
    assert np.exp(averaged) == pytest.approx((np.exp(alone[0]) + np.exp(alone[1])) / 2)


def test_many_runs_at_once_are_the_same_as_one_by_one() -> None:
    test = Promotion(0.5)
    stacked = Counts.of(*(np.array([[a], [b]]) for a, b in zip(GOOD, WORSE, strict=True)))
    together = test.keys(test.step(Proof.begin((2,)), stacked), np.array([1.3, 4.0]))
    for row, (block, phi) in enumerate(((GOOD, 1.3), (WORSE, 4.0))):
        alone = test.keys(_proof([block]), phi)
        assert (together.poisson[row], together.second[row]) == pytest.approx((alone.poisson, alone.second))


def test_a_milliard_events_do_not_overflow() -> None:
    for phi in (1.0, 50.0):
        keys = Promotion(0.5).keys(_proof([(10**9, 10, 10**9, 10**9)] * 4), phi)
        assert np.isfinite([keys.poisson, keys.second]).all()
