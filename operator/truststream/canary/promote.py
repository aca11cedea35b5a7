"""Promoting: requests to the canary, the Deployment rolls by its own strategy, requests home, ours goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from truststream.api.names import ENABLED, PROMOTING
from truststream.api.status import Phase, Stage
from truststream.canary import plan
from truststream.canary.actions import (
    DeleteCanaryDeployment,
    DeleteCanaryService,
    ReleaseHold,
    RestoreRoute,
    ScaleCanary,
    SetTargetLabel,
    SetWeight,
    UnpinService,
)
from truststream.canary.endings import Ending, conclude, roll_back, stage_before_roll
from truststream.canary.flag_release import finish_flag
from truststream.canary.observation import PodProblem, WorkloadView
from truststream.canary.size import can_take_more
from truststream.canary.turn import Turn
from truststream.canary.watchdogs import capacity, contested, evidence, interrupted, patience, relieved, route_problem
from truststream.canary.wording import titled


def begin_promotion(turn: Turn, why: str) -> None:
    """The verdict is in, or a person decided."""
    turn.set_release(stage=Stage.TO_CANARY, stalled_for="", stalled_since=None, outcome_reason=why)
    turn.enter(Phase.PROMOTING, f"promoting: {why}")
    turn.say("Promoting", f"{titled(turn, turn.release.revision)}: {why}", on_target=True)


def promote(turn: Turn) -> None:
    """One run of phase Promoting."""
    if stage_before_roll(turn):
        if interrupted(turn) or evidence(turn):
            return
        if route_problem(turn) or contested(turn):
            return
    _STAGES[turn.release.stage or Stage.TO_CANARY](turn)


def _to_canary(turn: Turn) -> None:
    if turn.releases_flag:
        finish_flag(turn)
        return
    if turn.releases_services:
        _finish_services(turn)
        return
    if not turn.meshed:
        turn.set_release(stage=Stage.RELEASING, drain_since=turn.stamp)
        return
    need = plan.canary_pods(turn.spec, turn.seen, plan.FULL)
    if can_take_more(turn, need):
        _all_requests(turn)
    else:
        turn.set(message=f"promoting: waiting for {need} ready canary pods before all requests go there")
        capacity(turn)


def _all_requests(turn: Turn) -> None:
    relieved(turn)
    turn.do(SetWeight(plan.FULL))
    weights = plan.weights(turn.spec, turn.seen)
    turn.set(weight=plan.FULL, step=f"{len(weights) + 1}/{len(weights) + 1}")
    turn.set_release(
        stage=Stage.RELEASING, drain_since=turn.stamp, weight_since=turn.stamp, highest_weight=plan.FULL, told=[]
    )
    turn.enter(Phase.PROMOTING, "promoting: all requests go to the canary while the Deployment rolls")
    turn.say("WeightChanged", f"100 % of the requests go to revision {turn.release.revision}")


def _finish_services(turn: Turn) -> None:
    turn.do(SetWeight(plan.FULL))
    ref, release = turn.spec.target_ref, turn.release
    active = ref.canary if turn.status.active_service == ref.stable else ref.stable
    turn.set_release(highest_weight=plan.FULL)
    conclude(turn, Ending.PROMOTED, release.outcome_reason)
    turn.set(stable_revision=release.revision, active_service=active)
    turn.enter(Phase.SUCCEEDED, f"Service {active} serves revision {release.revision}")
    turn.say("Promoted", f"Service {active} is stable now (revision {release.revision})")


def _releasing(turn: Turn) -> None:
    if _settling(turn):
        return
    target = turn.seen.target
    assert target is not None, "a vanished target is interrupted before this"
    turn.do(SetTargetLabel(PROMOTING))
    if target.held:
        turn.do(ReleaseHold(target.template))
    turn.do(*_unpins(turn))
    turn.set_release(stage=Stage.ROLLING, stalled_for="", stalled_since=None, drain_since=None)
    turn.enter(Phase.PROMOTING, f"promoting: Deployment {target.name} rolls to revision {turn.release.revision}")


def _settling(turn: Turn) -> bool:
    if turn.draining > 0 and turn.meshed:
        turn.wake_in(turn.draining)
        return True
    return False


def _unpins(turn: Turn) -> list[UnpinService]:
    return [UnpinService(s.name) for s in turn.seen.services if s.marked or s.pinned]


def _rolling(turn: Turn) -> None:
    target = turn.seen.target
    turn.do(*_unpins(turn))
    _without_canary(turn)
    if target is None:
        turn.halt(
            "TargetMissing",
            f"Deployment {turn.spec.target_name} was deleted while it rolled; the canary serves, create it again",
        )
    elif target.held and target.revision != turn.release.revision:
        roll_back(
            turn,
            Ending.SUPERSEDED,
            f"a newer template came (revision {target.revision}) while the promotion was blocked",
        )
    elif _rolled(target):
        turn.set_release(stage=Stage.RETURNING, drain_since=turn.stamp, stalled_for="", stalled_since=None)
        turn.set(message=f"promoting: {target.available} new pods are ready, requests return to them")
    else:
        turn.set(message=f"promoting: Deployment {target.name} rolls to revision {turn.release.revision}")
        _blocked(turn, target)


def _without_canary(turn: Turn) -> None:
    """The canary's pods died under all requests: the Service's own pods, old and judged, take them at once."""
    if turn.meshed and turn.status.weight > 0 and turn.seen.canary_endpoints == 0 and turn.seen.stable_endpoints > 0:
        turn.first(SetWeight(0))
        turn.set(weight=0.0)
        turn.say("CanaryLost", "no ready endpoint of the canary is left; requests returned early", warn=True)


def _rolled(target: WorkloadView) -> bool:
    new = target.current and not target.paused and target.updated >= target.desired
    return new and target.available >= target.desired and target.total <= target.updated


def _blocked(turn: Turn, target: WorkloadView) -> None:
    """No room, a bad image, a deadline: the canary keeps serving; once it makes room, then a person is asked."""
    problem = next(iter(turn.seen.problems), None)
    why = (
        target.failed_create
        or _words(problem)
        or ("ProgressDeadlineExceeded" if target.progress_deadline_exceeded else "")
    )
    canary = turn.seen.canary
    if why and not turn.release.shrunk and canary is not None and canary.desired > target.max_surge:
        turn.do(ScaleCanary(canary.desired - target.max_surge))
        turn.set_release(shrunk=True)
        turn.say(
            "CanaryShrunk",
            f"to {canary.desired - target.max_surge} pods, so that the promotion has room: {why}",
            warn=True,
        )
    text = f"Deployment {target.name} cannot finish its rollout: {why}; the canary keeps serving" if why else ""
    if patience(turn, "PromotionBlocked", text) and turn.stall and target.label == PROMOTING:
        turn.do(SetTargetLabel(ENABLED))


def _words(problem: PodProblem | None) -> str:
    return f"{problem.reason}: {problem.message}" if problem else ""


def _returning(turn: Turn) -> None:
    if _settling(turn):
        return
    if turn.meshed:
        turn.do(SetWeight(0))
    turn.set(weight=0.0)
    turn.set_release(stage=Stage.CLEANING, drain_since=turn.stamp)
    turn.enter(Phase.PROMOTING, "promoting: requests are home, the canary goes")


def _cleaning(turn: Turn) -> None:
    """Second backend, pods, Service: each only when nothing uses it any more."""
    if turn.meshed and turn.seen.route.found and turn.seen.route.weight > 0:
        turn.do(SetWeight(0))
    if _settling(turn):
        return
    if turn.meshed and turn.seen.route.attached:
        turn.do(RestoreRoute())
        turn.set_release(drain_since=turn.stamp)
        turn.wake_in(turn.seen.settle)
    elif turn.seen.canary is not None and not turn.seen.canary.deleting:
        turn.do(DeleteCanaryDeployment())
    elif turn.seen.canary is None or turn.seen.canary_endpoints == 0:
        _finish(turn)


def _finish(turn: Turn) -> None:
    if turn.seen.canary_service:
        turn.do(DeleteCanaryService())
    turn.do(*_unpins(turn))
    target, release = turn.seen.target, turn.release
    if target is not None and target.label == PROMOTING:
        turn.do(SetTargetLabel(ENABLED))
    conclude(turn, Ending.PROMOTED, release.outcome_reason)
    turn.set(stable_revision=release.revision)
    turn.enter(Phase.SUCCEEDED, f"revision {release.revision} is released")
    turn.say("Promoted", f"revision {release.revision} serves all requests", on_target=True)


_STAGES: Final[Mapping[Stage, Callable[[Turn], None]]] = {
    Stage.TO_CANARY: _to_canary,
    Stage.RELEASING: _releasing,
    Stage.ROLLING: _rolling,
    Stage.RETURNING: _returning,
    Stage.CLEANING: _cleaning,
}
