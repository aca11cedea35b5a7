"""The rollback statistic over several blocks: where it starts, what may be exchanged, how wealth is handed over."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.keys.drawn import SIZES, TOLERANCES, Block, counts, sequences
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.rollback import Keys, Rollback, Wealth
from truststream.stats.keys.starts import FIRST, log_sum, start_weight, unplaced

BAD: Block = (1000, 20, 1000, 5)
FINE: Block = (1000, 5, 1000, 5)


def _run(test: Rollback, given_blocks: list[Block], *, exchange: bool, starts: frozenset[int] = frozenset({0})) -> Keys:
    wealth = Wealth.begin()
    for number, block in enumerate(given_blocks):
        wealth = test.step(wealth, counts(block), exchange=exchange, start=number in starts)
    return test.keys(wealth)


def _both(keys: Keys) -> tuple[float, float]:
    return float(keys.poisson), float(keys.second)


@given(SIZES, TOLERANCES)
def test_evidence_is_1_before_anything_was_seen(phi: float, tolerance: float) -> None:
    keys = Rollback(tolerance, phi).keys(Wealth.begin((3,)))
    assert np.array_equal(keys.poisson, np.zeros(3))
    assert np.array_equal(keys.second, np.zeros(3))


@pytest.mark.parametrize("exchange", [False, True])
@pytest.mark.parametrize("starts", [frozenset({0}), frozenset({0, 1, 2}), frozenset({3})])
def test_evidence_is_1_while_blocks_say_nothing(exchange: bool, starts: frozenset[int]) -> None:
    keys = _run(Rollback(0.1, 1.3), [(100, 0, 900, 0), (0, 0, 900, 9)] * 3, exchange=exchange, starts=starts)
    assert _both(keys) == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("exchange", [False, True])
@given(sequences(), st.randoms(use_true_random=False), SIZES, TOLERANCES)
def test_the_order_of_blocks_does_not_matter_within_one_start(
    exchange: bool, given_blocks: list[Block], random: object, phi: float, tolerance: float
) -> None:
    shuffled = list(given_blocks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    test = Rollback(tolerance, phi)
    there, back = (_both(_run(test, order, exchange=exchange)) for order in (given_blocks, shuffled))
    assert there == pytest.approx(back, abs=1e-8)


@pytest.mark.parametrize("exchange", [False, True])
@given(sequences(most=5), SIZES)
def test_many_runs_at_once_are_the_same_as_one_by_one(exchange: bool, given_blocks: list[Block], phi: float) -> None:
    """Each run has its own phi, too."""
    runs = [given_blocks, [BAD] * len(given_blocks)]
    sizes = np.array([phi, 2.0])
    test, wealth = Rollback(0.1, sizes), Wealth.begin((2,))
    for number in range(len(given_blocks)):
        stacked = Counts.of(*(np.array([[run[number][field]] for run in runs]) for field in range(4)))
        wealth = test.step(wealth, stacked, exchange=exchange, start=number % 2 == 0)
    together = test.keys(wealth)
    for row, run in enumerate(runs):
        starts = frozenset(range(0, len(given_blocks), 2))
        alone = _run(Rollback(0.1, float(sizes[row])), run, exchange=exchange, starts=starts)
        assert (together.poisson[row], together.second[row]) == pytest.approx(_both(alone), abs=1e-12)


@pytest.mark.parametrize("exchange", [False, True])
def test_pairs_multiply_when_disjoint_and_are_averaged_when_not(exchange: bool) -> None:
    test = Rollback(0.0, 1.3)
    pairs = counts(BAD, FINE)
    alone = [test.step(Wealth.begin(), counts(pair), exchange=exchange, start=True) for pair in (BAD, FINE)]
    product = test.step(Wealth.begin(), pairs, exchange=exchange, start=True)
    average = test.step(Wealth.begin(), pairs, exchange=exchange, start=True, disjoint=False)

    def second(wealth: Wealth) -> Floats:
        return (wealth.exchange if exchange else wealth.share) - math.log(FIRST)

    assert second(product) == pytest.approx(second(alone[0]) + second(alone[1]))
    assert np.exp(second(average)) == pytest.approx((np.exp(second(alone[0])) + np.exp(second(alone[1]))) / 2)


@given(st.integers(1, 400))
def test_the_weights_of_all_starts_sum_to_1(starts: int) -> None:
    placed = sum(start_weight(number) for number in range(starts))
    assert placed + unplaced(starts) == pytest.approx(1.0)
    assert start_weight(0) == FIRST
    assert 0 < unplaced(starts) < 1


@given(sequences(most=6), st.sets(st.integers(0, 5)))
def test_one_number_per_alternative_is_the_sum_over_all_starts(given_blocks: list[Block], later: set[int]) -> None:
    """The recursion against its definition: the sum of each start's own e-process times its weight, and the rest."""
    test, places = Rollback(0.1, 1.3), sorted({0} | {place for place in later if place < len(given_blocks)})
    total = np.full(2, unplaced(len(places)))
    for number, place in enumerate(places):
        alone = _run(test, given_blocks[place:], exchange=False)  # its own start has 1/2, the rest waits
        total += start_weight(number) * (np.exp(_both(alone)) - (1 - FIRST)) / FIRST
    run = _run(test, given_blocks, exchange=False, starts=frozenset(places))
    assert np.exp(_both(run)) == pytest.approx(total, rel=1e-9)


def test_a_late_regression_is_met_sooner_with_starts() -> None:
    run = [FINE] * 60 + [BAD] * 6
    test = Rollback(0.0, 1.3)
    one = _run(test, run, exchange=True)
    several = _run(test, run, exchange=True, starts=frozenset({0, 20, 40, 60}))
    assert several.two > one.two


@pytest.mark.parametrize("exchange", [False, True])
def test_a_change_of_the_key_keeps_what_was_won(exchange: bool) -> None:
    test = Rollback(0.0, 1.3)
    wealth = Wealth.begin()
    for number in range(3):
        wealth = test.step(wealth, counts(BAD), exchange=exchange, start=number == 0)
    before = test.keys(wealth)
    silent = test.step(wealth, counts((1000, 0, 1000, 0)), exchange=not exchange, start=False)
    after = test.keys(silent)
    assert _both(after) == pytest.approx(_both(before), abs=1e-12)
    assert before.second > 0.5
    back = test.keys(test.step(silent, counts((1000, 0, 1000, 0)), exchange=exchange, start=False))
    assert _both(back) == pytest.approx(_both(before), abs=1e-12)


def test_two_is_the_smaller_key_and_fast_the_mean() -> None:
    keys = Keys(np.array([0.0, 3.0]), np.array([2.0, -1.0]))
    assert np.array_equal(keys.two, [0.0, -1.0])
    assert np.exp(keys.fast) == pytest.approx((np.exp(keys.poisson) + np.exp(keys.second)) / 2)


@pytest.mark.parametrize("exchange", [False, True])
def test_a_milliard_events_a_block_do_not_overflow(exchange: bool) -> None:
    huge: list[Block] = [(10**9, 10**9, 10**9, 10), (10**9, 10, 10**9, 10**9)] * 3
    keys = _run(Rollback(0.25, 1.3), huge, exchange=exchange, starts=frozenset({0, 3}))
    assert np.isfinite(_both(keys)).all()
    against = _run(Rollback(0.25, 1.3), huge[1:2] * 5, exchange=exchange)
    assert _both(against) == pytest.approx((math.log(1 - FIRST),) * 2, abs=0.7)


def test_wealth_is_a_value() -> None:
    """A step leaves what it was given as it was: a run may be repeated from any saved state."""
    test = Rollback(0.1, 1.3)
    wealth = test.step(Wealth.begin(), counts(BAD), exchange=False, start=True)
    saved = {field.name: np.copy(getattr(wealth, field.name)) for field in dataclasses.fields(wealth)}
    test.step(wealth, counts(BAD), exchange=True, start=True)
    assert all(np.array_equal(getattr(wealth, name), value) for name, value in saved.items())


def test_running_p_is_monotone_and_rarely_small_under_the_hypothesis() -> None:
    """Ville's inequality on seeded runs at the boundary: at most alpha of them ever see p <= alpha."""
    runs, generator = 2000, np.random.default_rng(20240607)
    test, wealth = Rollback(0.0, 1.0), Wealth.begin((runs,))
    logs = []
    for number in range(60):
        errors = generator.poisson([2.0, 8.0], size=(runs, 2))
        block = Counts.of(np.full((runs, 1), 200), errors[:, :1], np.full((runs, 1), 800), errors[:, 1:])
        wealth = test.step(wealth, block, exchange=False, start=number % 20 == 0)
        logs.append(test.keys(wealth))
    for each in ([keys.poisson for keys in logs], [keys.second for keys in logs]):
        running = np.minimum.accumulate(np.exp(-np.maximum(np.array(each), 0.0)), axis=0)
        assert np.all(np.diff(running, axis=0) <= 0)
        assert np.all((running > 0) & (running <= 1))
        for alpha in (0.2, 0.05, 0.01):
            assert np.mean(running[-1] <= alpha) <= alpha


def test_a_mean_over_alternatives_survives_one_that_lost_all() -> None:
    assert log_sum(np.array([-np.inf, 0.0])) == pytest.approx(math.log(0.5))
    assert log_sum(np.array([-np.inf, -np.inf])) == -np.inf
