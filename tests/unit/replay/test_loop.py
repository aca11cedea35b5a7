"""The release loop over drawn counts: deterministic, by the plan, and right about what is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from truststream.api.canarydeployment import CanaryDeploymentSpec, Policy, TargetRef
from truststream.api.status import Verdict
from truststream.canary.judging.judge import MetricShape
from truststream.errors import SpecError
from truststream.replay.model import Regression, Traffic
from truststream.replay.outcome import Ending, Run
from truststream.replay.played import by_pods, held, planned
from truststream.replay.simulation import Scenario, one

SHAPES = {"errorRate": MetricShape("errorRate", "%", gateway=True)}


def spec(**fields: object) -> CanaryDeploymentSpec:
    return CanaryDeploymentSpec.model_validate({"targetRef": {"name": "web"}, **fields})


def scenario(ratio: float = 1.0, duration: float = 3600.0, **fields: object) -> Scenario:
    return Scenario(0, "test", planned(spec(**fields)), SHAPES, Traffic(), Regression(ratio), duration, seed=1)


def weights(run: Run) -> list[float]:
    return [stage.weight for stage in run.stages]


def test_the_same_run_is_the_same() -> None:
    assert one(scenario(2.0), 3) == one(scenario(2.0), 3)
    assert one(scenario(2.0), 3) != one(scenario(2.0), 4)


def test_a_good_release_climbs_the_plan_and_is_promoted() -> None:
    run = one(scenario(), 0)
    assert run.ending is Ending.PROMOTED
    assert weights(run) == [5, 10, 25, 50]
    assert not run.by_policy
    assert run.looks[-1].proven
    assert run.looks[-1].verdict is Verdict.GOOD
    steps = [later.since - stage.since for stage, later in zip(run.stages, run.stages[1:], strict=False)]
    assert min(steps) >= 60


def test_a_bad_release_is_rolled_back_and_the_last_look_says_why() -> None:
    run = one(scenario(5.0), 0)
    assert run.ending is Ending.ROLLED_BACK
    assert run.looks[-1].verdict is Verdict.BAD
    assert run.looks[-1].against >= run.looks[-1].needed
    assert all(look.against < look.needed for look in run.looks[:-1])
    assert "worse than stable" in run.reason


def test_time_that_is_over_decides_nothing() -> None:
    run = one(scenario(duration=45.0), 0)
    assert (run.ending, run.decided) == (Ending.UNDECIDED, False)
    assert run.seconds == pytest.approx(45.0)
    assert len(run.looks) == 1
    assert "at least 1m" in run.reason


def test_a_deadline_decides_by_policy() -> None:
    criteria = {"deadline": "2m", "onInconclusive": Policy.ROLLBACK}
    undecidable = [{"metric": "errorRate", "margin": 1}]
    run = one(scenario(rollbackCriteria=criteria, promotionCriteria=undecidable, increments=[100]), 0)
    assert (run.ending, run.by_policy) == (Ending.ROLLED_BACK, True)
    assert run.reason.startswith("no proof for 2m at 5 %")


def test_a_deadline_that_promotes_is_by_policy_too() -> None:
    criteria = {"deadline": "2m", "onInconclusive": Policy.PROMOTE}
    undecidable = [{"metric": "errorRate", "margin": 1}]
    run = one(scenario(rollbackCriteria=criteria, promotionCriteria=undecidable, increments=[100]), 0)
    assert (run.ending, run.by_policy) == (Ending.PROMOTED, True)


def test_what_a_person_would_do_is_done_at_once() -> None:
    attended = scenario(automaticPromotion=False, paused=True, gates=[{"step": 25}])
    assert one(attended, 0).ending is Ending.PROMOTED


def test_the_other_modes_judge_as_well() -> None:
    for mode in ("Fast", "Threshold"):
        assert one(scenario(analysis={"mode": mode}), 1).ending is Ending.PROMOTED
        assert one(scenario(30.0, analysis={"mode": mode}), 1).ending is Ending.ROLLED_BACK


def test_a_regression_that_begins_late_is_not_seen_before() -> None:
    late = replace(
        scenario(20.0, promotionCriteria=[{"metric": "errorRate", "margin": 1}]),
        regression=Regression(20.0, after=600.0),
    )
    run = one(late, 2)
    assert run.ending is Ending.ROLLED_BACK
    assert run.seconds > 600


def test_pods_and_latencies_are_drawn_as_they_are_counted() -> None:
    shapes = {"errorRate": MetricShape("errorRate", "%"), "responseTime": MetricShape("responseTime", "ms")}
    slow = replace(scenario(), shapes=shapes, regression=Regression(latency=2.0), traffic=Traffic(pods=4))
    slow = replace(slow, spec=planned(spec(monitoringMetrics=[{"name": "errorRate"}, {"name": "responseTime"}])))
    run = one(slow, 0)
    assert run.ending is Ending.ROLLED_BACK
    assert "responseTime" in [row.name for row in run.looks[-1].rows if row.verdict is Verdict.BAD]


def test_weights_that_do_not_rise_are_refused() -> None:
    for wrong in ([], [100.0], [10.0, 5.0], [5.0, 5.0]):
        with pytest.raises(SpecError, match=r"spec\.increments: needs weights that rise"):
            planned(spec(), wrong)


def test_other_weights_and_held_ones() -> None:
    assert planned(spec(), [20.0, 40.0]).increments == [40.0, 100.0]
    assert held(spec(), 12.0).increments == [100.0]
    assert not held(spec(), 12.0).automatic_promotion
    assert by_pods([5.0, 10.0, 25.0, 50.0], 4) == (20.0, 50.0)
    assert TargetRef(name="web") == spec().target_ref
