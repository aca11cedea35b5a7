"""The judge of evidence, look by look."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.canary.judging import BEGIN, LENGTH, SHAPES, Bench, block, blocks, slow_block, spec, value
from truststream.api.canarydeployment import Mode
from truststream.api.status import Verdict
from truststream.canary.judging.proving import proofs
from truststream.canary.judging.record import load
from truststream.canary.judging.wishes import wishes
from truststream.canary.observation import Block, Cell, Measurement, Outcome
from truststream.errors import StateError
from truststream.stats.keys.promotion import Proof

SAME = ((200.0, 2.0), (1800.0, 18.0))
WORSE = ((200.0, 10.0), (1800.0, 18.0))
CLEAN = ((200.0, 0.0), (1800.0, 0.0))


def test_a_release_without_any_error_is_proven_by_the_number_of_its_requests() -> None:
    bench = Bench(spec())
    few = bench.counted(blocks(*CLEAN, range(3)))
    assert (few.verdict, few.may_advance, few.proven) == (Verdict.NOT_ENOUGH_DATA, True, False)
    assert "evidence 8.07 of 20 needed; needs about 10 seconds more at 10 %" in few.reason
    enough = bench.counted(blocks(*CLEAN, range(3, 5)))
    assert (enough.verdict, enough.proven) == (Verdict.GOOD, True)
    assert "proven: at most 50 % above stable, or bad below 1 %" in enough.metrics[0].message


def test_a_worse_release_is_bad_with_ratio_interval_and_evidence() -> None:
    bench = Bench(spec())
    answers = [bench.counted([block(number, *WORSE)]) for number in range(20)]
    verdicts = [answer.verdict for answer in answers]
    assert Verdict.BAD in verdicts
    found = answers[verdicts.index(Verdict.BAD)].metrics[0]
    assert "worse than stable by more than 25 %; evidence" in found.message
    assert found.evidence is not None
    assert found.evidence.ratio == pytest.approx(5)
    assert found.evidence.lower is not None
    assert found.evidence.upper is not None
    assert found.evidence.lower < 5 < found.evidence.upper
    assert found.evidence.against >= found.evidence.against_needed == pytest.approx(math.log(100), abs=1e-3)


def test_the_same_rate_is_neither_bad_nor_proven_soon_and_is_proven_later() -> None:
    bench = Bench(spec(), weight=50)
    answers = [bench.counted([block(number, (1000.0, 20.0), (1000.0, 20.0))]) for number in range(40)]
    assert all(answer.verdict is not Verdict.BAD for answer in answers)
    assert not any(answer.proven for answer in answers[:29])
    assert answers[-1].proven


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(1, 39), max_size=8), st.sampled_from(["TwoKey", "Fast"]))
def test_evidence_is_the_same_however_often_one_looks(cuts: set[int], mode: str) -> None:
    """And however often the operator was restarted: it goes through JSON at every look."""
    counts = [((200.0, float(3 + n % 5)), (1800.0, float(15 + n % 7))) for n in range(40)]
    found = [block(n, *one) for n, one in enumerate(counts)]
    whole, cut = Bench(spec(analysis={"mode": mode})), Bench(spec(analysis={"mode": mode}))
    whole.counted(found)
    for first, last in pairwise([0, *sorted(cuts), 40]):
        cut.counted(found[first:last])
    assert cut.evidence["against"] == pytest.approx(whole.evidence["against"], abs=1e-9)
    again, once = cut.counted([]).metrics[0].evidence, whole.counted([]).metrics[0].evidence
    assert again is not None
    assert once is not None
    assert again.proof == pytest.approx(once.proof, abs=1e-9)


def test_a_block_is_used_once_even_when_it_is_given_twice() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*WORSE, range(3)))
    before = bench.evidence
    bench.counted(blocks(*WORSE, range(3)))
    assert bench.evidence == before


def test_a_new_weight_begins_its_proof_anew_and_keeps_the_evidence_against() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*CLEAN, range(5)))
    against = bench.evidence["against"]
    bench.raise_to(25, 5)
    answer = bench.counted([])
    assert (answer.proven, answer.may_advance) == (False, False)
    straddling = bench.counted([block(5, *WORSE)])
    assert bench.evidence["against"] == pytest.approx(against)
    assert straddling.metrics[0].canary is not None
    assert straddling.metrics[0].canary.requests == 0
    after = bench.counted([block(6, (500.0, 0.0), (1500.0, 0.0))])
    assert after.metrics[0].canary is not None
    assert after.metrics[0].canary.requests == 500


def test_blocks_of_the_former_weight_that_come_late_count_against_but_prove_nothing() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*WORSE, range(3)))
    against = bench.evidence["against"]
    bench.raise_to(25, 5)
    answer = bench.counted([block(3, *WORSE), block(4, *WORSE)])
    assert bench.evidence["against"] > against
    assert answer.metrics[0].canary is not None
    assert answer.metrics[0].canary.requests == 0


def test_a_source_that_is_down_takes_nothing_away() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*SAME, range(5)))
    known = bench.evidence["metrics"]
    down = bench.look(Measurement("errorRate", Outcome.SOURCE_DOWN, "Prometheus does not answer"))
    assert (down.verdict, down.reason) == (Verdict.SOURCE_DOWN, "Prometheus does not answer")
    assert (down.may_advance, down.proven, down.starved) == (False, False, True)
    assert bench.evidence["metrics"] == known


def test_a_faulty_block_is_named_and_left_out() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*SAME, range(5)))
    against = bench.evidence["against"]
    answer = bench.counted([block(5, *WORSE, fault="bad{} goes down without a restart"), block(6, *SAME)])
    assert (answer.verdict, answer.reason) == (Verdict.NOT_ENOUGH_DATA, "bad{} goes down without a restart")
    assert not answer.may_advance
    assert bench.evidence["against"] <= against
    assert bench.counted([block(7, *SAME)]).may_advance


def test_arms_that_cannot_be_compared_are_named_and_nothing_is_counted() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*SAME, range(5)))
    known = bench.evidence["metrics"]
    answer = bench.counted(blocks(*WORSE, range(5, 30)), outcome=Outcome.INVALID, message="the arms have other labels")
    assert (answer.verdict, answer.reason) == (Verdict.NOT_ENOUGH_DATA, "the arms have other labels")
    assert bench.evidence["metrics"] == known


def test_faults_of_single_blocks_do_not_hide_the_others() -> None:
    bench = Bench(spec())
    found = [block(0, *SAME, fault="goes down"), *blocks(*SAME, range(1, 4))]
    bench.counted(found, outcome=Outcome.INVALID, message="goes down")
    assert bench.evidence["metrics"]["errorRate"]["blocks"] == 3


def test_more_errors_than_requests_are_named_with_their_field() -> None:
    answer = Bench(spec()).counted([block(0, (10.0, 11.0), (100.0, 1.0))])
    assert (answer.verdict, answer.may_advance) == (Verdict.NOT_ENOUGH_DATA, False)
    assert answer.reason.startswith("e_c: more errors than requests")


@pytest.mark.parametrize(("healthy", "blocks_to_alarm"), [(0, 6), (6, 9)])
def test_a_dead_canary_is_silence_within_three_blocks_and_then_a_mismatch(healthy: int, blocks_to_alarm: int) -> None:
    """At 200 requests a second: within a minute when it never lived, a little later when it dies."""
    bench = Bench(spec(), weight=5)
    bench.counted(blocks((100.0, 1.0), (1900.0, 19.0), range(healthy)))
    dead = range(healthy, healthy + blocks_to_alarm)
    answers = [bench.counted([block(number, (0.0, 0.0), (2000.0, 20.0))]) for number in dead]
    silent = [answer for answer in answers if "no request reached the canary" in answer.reason]
    assert silent
    assert silent[0] is answers[2]
    assert (silent[0].verdict, silent[0].may_advance) == (Verdict.NOT_ENOUGH_DATA, False)
    assert answers[-1].alarms
    assert answers[-1].alarms[0].startswith("sample ratio mismatch: ")
    assert all(answer.verdict is not Verdict.BAD for answer in answers)


def test_requests_that_do_not_follow_the_weight_hold_the_release() -> None:
    bench = Bench(spec())
    answer = bench.counted(blocks((1000.0, 0.0), (1000.0, 0.0), range(30)))
    assert answer.alarms
    assert "50 % of the requests reach the canary, 10 % were to" in answer.alarms[0]
    assert (answer.may_advance, answer.proven) == (False, False)


def test_a_shared_outage_rolls_nothing_back() -> None:
    bench = Bench(spec(), weight=50)
    bench.counted(blocks((1000.0, 5.0), (1000.0, 5.0), range(10)))
    outage = [bench.counted([block(n, (1000.0, 980.0), (1000.0, 975.0))]) for n in range(10, 16)]
    assert all(answer.verdict is not Verdict.BAD for answer in outage)


def test_a_rollback_threshold_counts_on_the_canary_alone() -> None:
    bench = Bench(spec(rollbackThresholds={"errorRate": 5}), weight=50)
    answers = [bench.counted([block(n, (1000.0, 200.0), (1000.0, 200.0))]) for n in range(6)]
    bad = next(answer for answer in answers if answer.verdict is Verdict.BAD)
    assert "beyond the rollback threshold of 5 %" in bad.reason


def test_a_criterion_with_a_threshold_asks_for_a_number_of_clean_requests() -> None:
    bench = Bench(spec(promotionCriteria=[{"metric": "errorRate", "threshold": "0.5%"}]), weight=50)
    answer = bench.counted([block(0, (1000.0, 4.0), (1000.0, 4.0))])
    assert not answer.proven
    assert bench.counted(blocks((1000.0, 0.0), (1000.0, 0.0), range(1, 6))).proven


def test_a_rate_above_its_criterion_says_that_it_will_not_be_proven() -> None:
    bench = Bench(spec(promotionCriteria=[{"metric": "errorRate", "threshold": "0.5%"}]), weight=50)
    answer = bench.counted(blocks((1000.0, 10.0), (1000.0, 10.0), range(3)))
    assert "at this rate it will not be (1403 requests without a bad one do)" in answer.reason


def test_a_margin_is_proven_against_stable_and_not_before_thirty_blocks() -> None:
    criteria = [{"metric": "errorRate", "margin": 100}]
    bench = Bench(spec(promotionCriteria=criteria), weight=50)
    proven = [bench.counted([block(n, (1000.0, 30.0), (1000.0, 30.0))]).proven for n in range(40)]
    assert not any(proven[:29])
    assert proven[-1]


def test_success_is_judged_like_errors_and_shown_as_success() -> None:
    bench = Bench(spec(monitoringMetrics=[{"name": "successRate"}]))
    answer = bench.counted(blocks(*SAME, range(5)), metric="successRate")
    assert answer.metrics[0].canary is not None
    assert answer.metrics[0].canary.value == 99


def _latencies(number: int, slow: float) -> Block:
    """Of 200 and 1800 requests; `slow` of the canary's are above half a second, one in a hundred of stable's."""
    return slow_block(number, (100, 150, 170, 200 - slow, 200, 200), (900, 1400, 1700, 1782, 1800, 1800))


def _before() -> list[Block]:
    """An hour of stable alone."""
    return [
        Block(BEGIN - 3600 + n * LENGTH, BEGIN - 3600 + (n + 1) * LENGTH, stable=_latencies(0, 2).stable)
        for n in range(360)
    ]


def test_latencies_are_compared_above_bounds_of_the_time_before_the_release() -> None:
    bench = Bench(spec(monitoringMetrics=[{"name": "responseTime"}]))
    same = bench.counted([_latencies(n, 2) for n in range(10)], "responseTime", history=_before())
    assert bench.evidence["metrics"]["responseTime"]["bounds"] == [0.05, 0.25, 0.5]
    assert same.verdict is Verdict.NOT_ENOUGH_DATA
    answers = [bench.counted([_latencies(n, 30)], "responseTime") for n in range(10, 30)]
    bad = next(answer for answer in answers if answer.verdict is Verdict.BAD)
    assert "slow of" in bad.reason


def test_without_a_time_before_bounds_are_learned_from_blocks_that_then_do_not_count() -> None:
    bench = Bench(spec(monitoringMetrics=[{"name": "responseTime"}]))
    first = bench.counted([_latencies(0, 2)], "responseTime")
    assert first.metrics[0].canary is not None
    assert first.metrics[0].canary.requests == 0
    second = bench.counted([_latencies(1, 2)], "responseTime")
    assert second.metrics[0].canary is not None
    assert second.metrics[0].canary.requests == 200


def test_a_latency_limit_above_every_bucket_is_named() -> None:
    wanted = spec(monitoringMetrics=[{"name": "responseTime"}], rollbackThresholds={"responseTime": "2s"})
    answer = Bench(wanted).counted([_latencies(0, 2)], "responseTime", history=_before())
    assert answer.reason == "threshold: no bucket of the histogram reaches 2000 ms: the highest is 1000 ms"


def test_a_latency_limit_is_proven_on_the_share_of_slow_requests() -> None:
    criteria = [{"metric": "responseTime", "threshold": "900ms"}]
    bench = Bench(spec(monitoringMetrics=[{"name": "responseTime"}], promotionCriteria=criteria))
    answer = bench.counted([_latencies(n, 2) for n in range(10)], "responseTime", history=_before())
    assert answer.proven
    assert "proven: p99 below 900 ms" in answer.metrics[0].message


def test_a_value_goes_by_its_threshold() -> None:
    wanted = spec(
        monitoringMetrics=[
            {"name": "errorRate"},
            {"name": "queue", "kind": "Value", "query": "1", "direction": "LowerIsBetter"},
        ],
        rollbackThresholds={"queue": 10},
    )
    clean = Measurement("errorRate", Outcome.OK, length=LENGTH, blocks=blocks(*CLEAN, range(5)))
    assert Bench(wanted).look(clean, value(5)).proven
    bad = Bench(wanted).look(clean, value(50))
    assert (bad.verdict, "rollback threshold is 10" in bad.reason) == (Verdict.BAD, True)


def test_pods_are_paired_and_a_proxy_is_paired_with_itself() -> None:
    """The same counts at one proxy and at ten pods: the pairs see more."""

    def by_pod(number: int) -> Block:
        start = BEGIN + number * LENGTH
        canary, stable = (
            tuple(Cell(f"{arm}-{n}", 100.0, bad) for n in range(10)) for arm, bad in (("canary", 3.0), ("stable", 1.0))
        )
        return Block(start, start + LENGTH, canary, stable)

    pods, proxy = Bench(spec(), weight=50), Bench(spec(), weight=50)
    pods.counted([by_pod(n) for n in range(5)])
    proxy.counted([block(n, (1000.0, 30.0), (1000.0, 10.0)) for n in range(5)])
    assert pods.evidence["against"] > proxy.evidence["against"]


def test_lumps_before_the_release_make_the_judge_more_careful() -> None:
    lumpy = [
        Block(
            BEGIN - 3600 + n * LENGTH, BEGIN - 3590 + n * LENGTH, stable=(Cell("envoy", 2000.0, 40.0 * (n % 4 == 0)),)
        )
        for n in range(360)
    ]
    careful, plain = Bench(spec()), Bench(spec())
    careful.counted(blocks(*WORSE, range(3)), history=lumpy)
    plain.counted(blocks(*WORSE, range(3)))
    assert careful.evidence["metrics"]["errorRate"]["phi"][0] > 10
    assert careful.evidence["against"] < plain.evidence["against"]


def test_another_mode_begins_anew() -> None:
    bench = Bench(spec())
    bench.counted(blocks(*WORSE, range(3)))
    bench.spec = spec(analysis={"mode": "Fast"})
    bench.counted([])
    assert bench.evidence["metrics"] == {}


@pytest.mark.parametrize("key", ["poisson", "totals", "bounds", "starts"])
def test_evidence_that_somebody_changed_is_said_to_be_unreadable(key: str) -> None:
    bench = Bench(spec())
    bench.counted(blocks(*SAME, range(3)))
    bench.evidence["metrics"]["errorRate"][key] = "nonsense"
    with pytest.raises(StateError, match=r"status\.release\.evidence cannot be read"):
        bench.counted([])


def test_a_forecast_that_was_too_bright_grows_with_the_time_that_proved_little() -> None:
    """With few errors a block the bets on the share lag far behind the other key: no eternal "5 seconds more"."""
    wanted = spec(promotionCriteria=[{"metric": "errorRate", "margin": 100}])
    bench = Bench(wanted, weight=50)
    bench.counted(blocks((1000.0, 20.0), (1000.0, 20.0), range(57)))
    record = load(bench.evidence["metrics"]["errorRate"])
    lagging = replace(record, proof=Proof(record.proof.poisson, np.full_like(record.proof.share, -0.4)))
    (found,) = proofs(lagging, wishes(wanted, SHAPES["errorRate"]), Mode.TWO_KEY)
    assert not found.holds
    assert found.seconds == pytest.approx(57 * LENGTH)
