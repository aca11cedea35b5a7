"""The promotion statistic: the mirrored tails, read at the decision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.stats.keys.drawn import SIZES, Block, counts, sequences
from truststream.stats.keys.conditional_poisson import not_worse
from truststream.stats.keys.counts import Counts
from truststream.stats.keys.promotion import LEAST_ERRORS, Promotion, Proof, expected_errors
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


def test_what_the_canary_should_have_had_at_the_boundary() -> None:
    totals = Counts.of([100.0, 0.0, 100.0], [0, 0, 0], [1900.0, 1900.0, 0.0], [38.0, 38.0, 0.0])
    assert expected_errors(totals, 0.5) == pytest.approx([3.0, 0.0, 0.0])


def test_lumps_of_a_rare_canary_promote_it_unless_it_should_have_had_some_errors() -> None:
    """Twice as many errors as allowed, in lumps of ten: at first most such canaries have shown none."""
    runs, generator, test = 400, np.random.default_rng(5), Promotion(0.5)
    proof, plain, guarded = Proof.begin((runs,)), np.zeros(runs, bool), np.zeros(runs, bool)
    canary, stable = np.zeros(runs), np.zeros(runs)
    for _ in range(200):
        lumps, smooth = generator.poisson(0.06, (runs, 1)) * 10.0, generator.poisson(4.0, (runs, 1))
        requests = np.full((runs, 1), 1000.0)
        proof = test.step(proof, Counts.of(requests, lumps, 20 * requests, smooth))
        canary, stable = canary + requests[:, 0], stable + smooth[:, 0]
        proven = test.keys(proof, 1.3).poisson >= np.log(20)
        totals = Counts.of(canary, np.zeros(runs), 20 * canary, stable)
        plain |= proven
        guarded |= proven & (expected_errors(totals, 0.5) >= LEAST_ERRORS)
    assert plain.mean() > 0.15
    assert guarded.mean() < 0.05


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
