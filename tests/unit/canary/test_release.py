"""Whole releases on the model cluster: each scenario of the life of a canary, without I/O."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.canary.world import Killed, World
from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.api.status import Health, Phase, Verdict
from truststream.canary import actions as act
from truststream.canary.observation import Cause, Command, Outcome, PodProblem


@pytest.fixture(autouse=True, params=list(Mode))
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mode:
    """Every scenario under every judge."""
    monkeypatch.setattr(f"{__name__}.MODE", request.param)
    chosen: Mode = request.param
    return chosen


MODE = Mode.TWO_KEY


def make(**spec: Any) -> World:
    base: dict[str, Any] = {
        "targetRef": {"name": "web"},
        "traffic": {"provider": "GatewayAPI"},
        "stepDuration": "30s",
        "analysis": {"interval": "10s", "mode": MODE},
    }
    world = World(CanaryDeploymentSpec.model_validate({**base, **spec}))
    world.settle()
    return world


def released(world: World, image: str = "web:2") -> World:
    world.allowed.add(image)
    world.push(image)
    return world


def clean(world: World) -> None:
    """Every object is what Git says, apart from our label."""
    assert (world.attached, world.weight, world.pinned, world.marked) == (False, 0.0, False, False)
    assert world.canary_image is None
    assert not world.canary_service
    assert not world.unjudged_rolls


def test_adoption_changes_only_the_label() -> None:
    world = make()
    assert {type(a) for a in world.log} == {act.AddFinalizer, act.SetTargetLabel}
    assert world.label == "enabled"
    assert world.status.phase is Phase.IDLE


def test_a_good_release_takes_every_step_and_is_promoted() -> None:
    world = released(make())
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED
    assert [w for w in dict.fromkeys(world.weights) if w] == [5, 10, 25, 50, 100]
    assert world.running == "web:2"
    assert world.status.history[0].outcome == "Promoted"
    clean(world)


def test_errors_roll_back_traffic_first_and_keep_the_hold() -> None:
    world = released(make())
    world.until("Progressing")
    world.counts = (1000, 300)
    world.log.clear()
    world.until("RollingBack")
    assert world.log[0] == act.SetWeight(0)
    world.settle()
    assert world.status.phase is Phase.FAILED
    assert (world.held, world.paused, world.running) == (True, True, "web:1")
    assert "30 % (" in world.status.history[0].reason
    clean(world)


def test_the_backend_goes_only_when_every_proxy_has_heard_of_weight_0() -> None:
    world = released(make())
    world.until("Progressing")
    world.counts = (1000, 300)
    world.until("RollingBack")
    world.log.clear()
    decision = world.turn()
    assert act.RestoreRoute() not in world.log
    assert decision.wake_at is not None
    world.now = decision.wake_at
    world.turn()
    assert world.log[0] == act.RestoreRoute()
    world.settle()
    clean(world)


def test_a_rejected_revision_is_refused_until_retry() -> None:
    world = released(make())
    world.until("Progressing")
    world.counts = (1000, 300)
    world.until("Failed")
    world.settle()
    world.counts = (1000, 0)
    world.command = Command("retry", by="ann")
    world.settle()
    assert world.command is None
    assert world.status.last_command is not None
    assert world.status.last_command.accepted
    assert world.status.phase is Phase.SUCCEEDED


def test_revert_in_git_lifts_the_hold() -> None:
    world = released(make())
    world.until("Progressing")
    world.counts = (1000, 300)
    world.until("Failed")
    world.push("web:1")
    world.settle()
    assert (world.status.phase, world.held, world.paused) == (Phase.IDLE, False, False)
    assert (world.status.verdict, world.status.health) == (None, Health.HEALTHY)


def test_a_release_begins_while_the_previous_canary_is_leaving_and_is_not_called_stalled() -> None:
    world = released(make())
    world.settle()
    world.canary_image, world.canary_deleting = "web:2", True
    released(world, "web:3")
    for _ in range(4):
        world.turn()
        assert next(c for c in world.status.conditions if c.type == "Stalled").status == "False"
    assert world.status.phase is Phase.PROGRESSING


def test_revert_in_mid_flight_ends_without_rejecting() -> None:
    world = released(make())
    world.until("Progressing")
    world.push("web:1")
    world.settle()
    assert world.status.phase is Phase.IDLE
    assert world.status.rejected == []
    assert world.status.history[0].outcome == "Reverted"
    clean(world)


def test_new_template_in_mid_flight_starts_over() -> None:
    world = released(make())
    world.until("Progressing")
    released(world, "web:3")
    world.settle()
    assert world.running == "web:3"
    assert [h.outcome for h in world.status.history] == ["Promoted", "Superseded"]


@pytest.mark.parametrize("outcome", [Outcome.SOURCE_DOWN, Outcome.NO_DATA, Outcome.INVALID])
def test_no_answer_holds_the_weight_and_goes_on_by_itself(outcome: Outcome) -> None:
    world = released(make())
    world.until("Progressing")
    world.outcome = outcome
    for _ in range(20):
        decision = world.turn()
        world.now = decision.wake_at or world.now
    assert (world.weight, world.status.phase) == (5, Phase.PROGRESSING)
    assert world.status.verdict is (Verdict.SOURCE_DOWN if outcome is Outcome.SOURCE_DOWN else Verdict.NOT_ENOUGH_DATA)
    world.outcome = Outcome.OK
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


@pytest.mark.parametrize(("field", "outcome"), [("onNoData", Outcome.NO_DATA), ("onSourceDown", Outcome.SOURCE_DOWN)])
def test_the_deadline_policy_applies_only_when_asked_for(field: str, outcome: Outcome) -> None:
    world = released(make(rollbackCriteria={field: "Rollback", "deadline": "10m"}))
    world.until("Progressing")
    world.outcome = outcome
    world.until("Failed")
    assert "for 10m at 5 %" in world.status.history[0].reason
    held = released(make(rollbackCriteria={"deadline": "10m"}))
    held.until("Progressing")
    held.outcome = outcome
    for _ in range(200):
        held.now = held.turn().wake_at or held.now
    assert held.status.phase is Phase.PROGRESSING
    assert held.events.count("DeadlineExceeded") == 1


def test_inconclusive_may_promote_when_asked_for() -> None:
    spec = {"promotionCriteria": [{"metric": "errorRate", "threshold": 0.1}], "increments": [10, 100]}
    world = released(make(**spec, rollbackCriteria={"onInconclusive": "Promote", "deadline": "5m"}))
    world.until("Progressing")
    world.counts, world.stable_bad = (1000, 5), 0.005
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_crash_loop_is_evidence_at_once() -> None:
    world = released(make())
    world.until("Starting")
    world.pods_become_ready = False
    world.problems = (PodProblem(Cause.EVIDENCE, "CrashLoopBackOff", "exit code 1", "web-canary-x"),)
    world.settle()
    assert world.status.phase is Phase.FAILED
    assert "CrashLoopBackOff: exit code 1" in world.status.message
    clean(world)


def test_quota_is_no_verdict() -> None:
    world = released(make())
    world.until("Starting")
    world.pods_become_ready = False
    world.problems = (PodProblem(Cause.CAPACITY, "FailedCreate", "exceeded quota: pods"),)
    for _ in range(10):
        world.now = world.turn().wake_at or world.now
    world.wait(120)
    world.turn()
    assert world.status.phase is Phase.STARTING
    assert any(c.type == "Stalled" and c.status == "True" and "quota" in c.message for c in world.status.conditions)


def test_no_endpoint_under_weight_is_evidence() -> None:
    world = released(make())
    world.until("Progressing")
    world.canary_ready, world.pods_become_ready = 0, False
    world.settle()
    assert world.status.phase is Phase.FAILED
    assert "no ready endpoint" in world.status.message


def test_somebody_resets_the_route_once_then_again() -> None:
    world = released(make())
    world.until("Progressing")
    world.reset_route()
    world.turn()
    assert (world.attached, world.weight) == (True, 5)
    assert "PutBack" in world.events
    world.reset_route()
    world.turn()
    world.turn()
    assert (world.weight, world.canary_desired) == (0, 0)
    world.log.clear()
    for _ in range(5):
        world.wait(600)
        world.turn()
    assert world.log == [], "a write war"
    assert any(c.type == "Stalled" and "ignoreDifferences" in c.message for c in world.status.conditions)


def test_gate_and_manual_promotion() -> None:
    world = released(make(gates=[{"step": 25}], automaticPromotion=False))
    world.until("Paused")
    assert world.weight == 10
    world.command = Command("promote", by="ann")
    world.until("Progressing")
    world.until("Paused")
    assert world.weight == 50
    assert "say promote" in world.status.message
    world.command = Command("promote", by="ann")
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_pause_resume_rollback_by_command() -> None:
    world = released(make())
    world.until("Progressing")
    world.command = Command("pause")
    world.until("Paused")
    for _ in range(20):
        world.now = world.turn().wake_at or world.now
    assert world.weight == 5
    world.command = Command("resume")
    world.until("Progressing")
    world.command = Command("rollback", "too slow for marketing", "bob")
    world.until("Failed")
    assert world.status.history[0].reason == "too slow for marketing"


def test_unknown_command_is_refused_with_the_known_ones() -> None:
    world = make()
    world.command = Command("explode")
    world.settle()
    assert world.status.last_command is not None
    assert "known are promote" in world.status.last_command.message
    assert world.command is None


def test_replicas_merge_what_they_cannot_express() -> None:
    world = released(make(traffic={"provider": "Replicas"}))
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED
    assert not any(isinstance(a, act.PinService | act.AttachRoute) for a in world.log)
    assert [w for w in dict.fromkeys(world.weights) if w] == [20.0, 50.0]


PHASES = ["Starting", "Progressing", "Paused", "Promoting", "RollingBack", "Succeeded", "Failed"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kills", [0, 1, 2, 3])
def test_killed_in_every_phase_goes_on(phase: str, kills: int) -> None:
    world = released(make(gates=[{"step": 25}] if phase == "Paused" else []))
    if phase in ("RollingBack", "Failed"):
        world.until("Progressing")
        world.counts = (1000, 300)
    world.until(phase)
    step, weight = world.status.step, world.weight
    for after in range(kills + 1):
        with pytest.raises(Killed):
            world.turn(kill_after=after)
    if phase == "Paused":
        assert (world.status.step, world.weight) == (step, weight)
        world.command = Command("promote")
    world.settle()
    assert world.status.phase is (Phase.FAILED if phase in ("RollingBack", "Failed") else Phase.SUCCEEDED)
    clean(world)


@pytest.mark.parametrize("phase", ["Idle", *PHASES])
def test_deleted_in_every_phase_leaves_the_users_objects(phase: str) -> None:
    world = make(gates=[{"step": 25}] if phase == "Paused" else [])
    if phase != "Idle":
        released(world)
    if phase in ("RollingBack", "Failed"):
        world.until("Progressing")
        world.counts = (1000, 300)
    world.until(phase)
    before = world.image, world.paused
    world.deleting = True
    world.settle()
    assert world.gone
    assert world.label is None
    clean(world)
    if world.paused:
        assert "LeftPaused" in world.events
        assert before == (world.image, True)


def test_promotion_blocked_makes_room_once_then_asks() -> None:
    world = released(make())
    world.until("Promoting")
    world.roll_blocked = "exceeded quota: pods"
    for _ in range(30):
        decision = world.turn()
        world.now = max(decision.wake_at or world.now, world.now)
    world.wait(120)
    world.turn()
    assert world.canary_desired == 3
    assert world.weight == 100
    assert any(c.type == "Stalled" and c.reason == "PromotionBlocked" for c in world.status.conditions)
    assert world.label == "enabled"
    world.roll_blocked = ""
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED
    clean(world)


def test_missing_reference_grant_gets_no_weight() -> None:
    world = released(make())
    world.route_ready = False
    for _ in range(10):
        world.now = world.turn().wake_at or world.now
    assert world.weight == 0
    world.wait(120)
    world.turn()
    assert any(c.reason == "RouteNotAccepted" for c in world.status.conditions)


def test_without_the_hold_a_deployment_is_not_adopted() -> None:
    world = World(CanaryDeploymentSpec.model_validate({"targetRef": {"name": "web"}}), hold_served=False)
    world.settle()
    assert world.label is None
    assert any("1.36" in c.message for c in world.status.conditions)


def services(**target: str) -> CanaryDeploymentSpec:
    ref = {"kind": "Services", "stable": "blue", "canary": "green", "revision": "1", **target}
    return CanaryDeploymentSpec.model_validate(
        {
            "targetRef": ref,
            "traffic": {"provider": "GatewayAPI"},
            "stepDuration": "30s",
            "analysis": {"interval": "10s"},
        }
    )


def test_a_pair_of_services_swaps_roles_and_only_the_route_is_touched() -> None:
    world = World(services(), target_exists=False, canary_service=True, canary_ready=3, canary_desired=3)
    world.settle()
    assert (world.status.active_service, world.status.stable_revision) == ("blue", "1")
    world.spec = services(revision="2")
    world.settle()
    assert (world.status.phase, world.status.active_service) == (Phase.SUCCEEDED, "green")
    assert world.weight == 100
    touched = {type(a) for a in world.log}
    assert touched <= {act.AddFinalizer, act.AttachRoute, act.SetWeight}


def test_a_pair_of_services_goes_back_on_errors() -> None:
    world = World(services(), target_exists=False, canary_service=True, canary_ready=3, canary_desired=3)
    world.settle()
    world.spec = services(revision="2")
    world.until("Progressing")
    world.counts = (1000, 500)
    world.settle()
    assert (world.status.phase, world.status.active_service, world.weight) == (Phase.FAILED, "blue", 0)
    assert world.status.rejected == ["2"]


def test_an_older_owner_keeps_the_target() -> None:
    world = World(CanaryDeploymentSpec.model_validate({"targetRef": {"name": "web"}}), managed_by="older")
    world.settle()
    assert [c.reason for c in world.status.conditions if c.type == "Stalled"] == ["AlreadyManaged"]
    assert world.log == []


def test_waiting_writes_no_status_between_looks() -> None:
    """One step costs one status write; while it waits, only a look may write another."""
    world = released(make())
    world.until("Progressing")
    world.turn()
    world.pods_become_ready = False
    world.wait(1)
    before = world.status
    world.turn()
    assert world.status == before


def test_a_service_that_comes_later_is_pinned_too() -> None:
    world = released(make())
    world.until("Progressing")
    world.pinned = world.marked = False
    world.turn()
    assert world.pinned
    assert "PutBack" not in world.events


def test_nothing_serves_nothing_starts() -> None:
    world = released(make())
    world.replicas = 0
    world.settle()
    assert world.status.release is None
    assert any(c.reason == "NothingServes" for c in world.status.conditions)
    world.replicas = 2
    world.settle()
    assert world.status.phase is Phase.SUCCEEDED


def test_a_canary_lost_under_all_requests_sends_them_home() -> None:
    world = released(make())
    world.until("Promoting")
    world.roll_blocked = "exceeded quota"
    for _ in range(8):
        world.now = world.turn().wake_at or world.now
    assert world.weight == 100
    world.canary_ready, world.pods_become_ready = 0, False
    world.turn()
    assert world.weight == 0
    assert "CanaryLost" in world.events


def test_promoted_is_not_true_while_a_newer_revision_waits() -> None:
    world = released(make())
    world.until("Progressing")
    released(world, "web:3")
    seen = set()
    for _ in range(30):
        decision = world.turn()
        world.now = max(decision.wake_at or world.now, world.now)
        if world.running != "web:3":
            seen |= {c.status for c in world.status.conditions if c.type == "Promoted"}
    assert seen == {"False"}


def test_skip_leaves_a_weight_but_never_promotes_without_proof() -> None:
    world = released(make(increments=[10, 100], promotionCriteria=[{"metric": "errorRate", "threshold": 0.1}]))
    world.until("Progressing")
    world.counts = (10, 0)
    world.command = Command("skip", by="ann")
    for _ in range(4):
        world.turn()
    assert world.weight == 10
    world.command = Command("skip", by="ann")
    for _ in range(20):
        world.now = max(world.turn().wake_at or world.now, world.now)
    assert (world.status.phase, world.weight) == (Phase.PROGRESSING, 10)
