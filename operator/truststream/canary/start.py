"""Starting: label, pin, make the canary, attach it at weight 0, wait until it can take requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from truststream.api.status import Phase
from truststream.canary import plan
from truststream.canary.actions import (
    ApplyCanaryDeployment,
    ApplyCanaryService,
    AttachRoute,
    LabelPods,
    PinService,
    SetWeight,
    UnpinService,
)
from truststream.canary.clock import stamp
from truststream.canary.endings import Ending, roll_back
from truststream.canary.size import grow
from truststream.canary.turn import Turn
from truststream.canary.watchdogs import capacity, evidence, interrupted, patience, relieved, route_problem
from truststream.canary.wording import given, reaching

Step = Callable[[Turn], bool]
"""Does or waits for one thing; False when it is done and the next step may go on."""


def start(turn: Turn) -> None:
    """One run of phase Starting; leaves it for Progressing when the first weight is set."""
    if interrupted(turn) or evidence(turn) or capacity(turn):
        return
    if turn.meshed and route_problem(turn):
        return
    for step in _steps(turn):
        if step(turn):
            return
    _first_weight(turn)


def _steps(turn: Turn) -> Sequence[Step]:
    if turn.releases_flag:
        return (_attach, _accepted)
    if turn.releases_services:
        return (_attach, _accepted, _endpoints)
    if turn.meshed:
        return (_label, _pin, _pinned_well, _make, _attach, _accepted, _pods, _endpoints)
    return (_make,)


def _label(turn: Turn) -> bool:
    if not turn.seen.unlabelled_pods:
        return False
    turn.do(LabelPods(turn.seen.unlabelled_pods))
    turn.set(message="labelling the stable pods")
    return True


def _pin(turn: Turn) -> bool:
    loose = [s.name for s in turn.seen.services if s.selects_target and not s.pinned and not s.refusal]
    if not loose:
        return False
    if not turn.release.endpoints:
        turn.set_release(endpoints=turn.seen.stable_endpoints)
    turn.do(*(PinService(name) for name in loose))
    return False


def _pinned_well(turn: Turn) -> bool:
    """The pin must not take an endpoint away; when it does it goes at once and somebody is told."""
    target = turn.seen.target
    expected = min(turn.release.endpoints, target.ready if target else 0)
    if turn.seen.stable_endpoints >= expected:
        return False
    lost = (
        f"Service {turn.spec.service_name} has {turn.seen.stable_endpoints} of {expected} endpoints since it was pinned"
    )
    if turn.seen.stable_endpoints == 0:
        turn.do(*(UnpinService(s.name) for s in turn.seen.services if s.pinned))
        turn.wake_in(5)
    return patience(turn, "PinLosesEndpoints", lost)


def _make(turn: Turn) -> bool:
    target, canary = turn.seen.target, turn.seen.canary
    if turn.seen.canary_taken:
        turn.halt("NameTaken", f"{turn.seen.canary_taken} exists and is not ours; rename or delete it")
        return True
    if canary is not None and canary.deleting:
        turn.set(message="waiting until the previous canary is gone")
        return True
    assert target is not None, "a Deployment's release without a Deployment is interrupted before this"
    if turn.meshed and not turn.seen.canary_service:
        turn.do(ApplyCanaryService())
    if canary is None or canary.revision != turn.release.revision:
        pods = plan.canary_pods(turn.spec, turn.seen, turn.spec.initial_traffic) if turn.meshed else 0
        turn.do(ApplyCanaryDeployment(target.template, turn.release.revision, pods))
    return False


def _attach(turn: Turn) -> bool:
    if turn.seen.route.attached:
        return False
    if turn.seen.route.foreign:
        turn.halt("RouteTaken", f"another CanaryDeployment is using {_WHAT[turn.releases_flag]}")
        return True
    turn.do(AttachRoute())
    return False


_WHAT: Final = {
    False: "the same rule of the route; give each its own rule",
    True: "the same flag; delete one of the two",
}


def _accepted(turn: Turn) -> bool:
    """No weight before the controller accepted our backend: a missing ReferenceGrant sends all to stable in silence."""
    if turn.seen.route.attached and turn.seen.route.ready:
        return False
    waiting = turn.seen.route.waiting_for or "waiting until the route is accepted"
    return patience(turn, "RouteNotAccepted", waiting)


def _pods(turn: Turn) -> bool:
    canary = turn.seen.canary
    need = plan.canary_pods(turn.spec, turn.seen, turn.spec.initial_traffic)
    grow(turn, need)
    if canary is not None and canary.ready >= need:
        return False
    turn.set(message=f"waiting for {need} ready canary pods")
    return True


def _endpoints(turn: Turn) -> bool:
    if turn.seen.canary_endpoints > 0:
        return False
    where = turn.spec.target_ref.canary or "the canary"
    return patience(turn, "CanaryWithoutEndpoints", f"Service of {where} has no ready endpoint")


def _first_weight(turn: Turn) -> None:
    weights = plan.weights(turn.spec, turn.seen)
    if not weights:
        roll_back(turn, Ending.ABORTED, "there is no weight below 100 in initialTraffic and increments")
        return
    relieved(turn)
    turn.do(SetWeight(weights[0]))
    mark_weight(turn, weights, 0)
    turn.set_release(judged_since=stamp(turn.now + timedelta(seconds=turn.spec.analysis.warmup)))
    turn.enter(Phase.PROGRESSING, reaching(turn, weights[0]))
    turn.say("WeightChanged", given(turn, weights[0]))
    turn.wake_in(turn.spec.analysis.interval)


def mark_weight(turn: Turn, weights: Sequence[float], index: int) -> None:
    """Write down a new weight: what is told and measured starts anew with it."""
    weight = weights[index]
    turn.set(weight=weight if turn.meshed else round(turn.seen.route.weight, 1), step=f"{index + 1}/{len(weights) + 1}")
    turn.set_release(
        step=index,
        weight_since=turn.stamp,
        looked_at=None,
        skip=False,
        told=[],
        cleared=False,
        proven=False,
        starved=True,
        highest_weight=max(weight, turn.release.highest_weight),
    )
