"""What may happen to a release at any moment before its Deployment rolls: all phases ask this first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from truststream.api.canarydeployment import TargetKind
from truststream.api.names import ENABLED, PROMOTING
from truststream.canary.actions import AttachRoute, PinService, ScaleCanary, SetWeight
from truststream.canary.endings import Ending, roll_back
from truststream.canary.flag import trouble
from truststream.canary.flag_release import overtaken, released_outside
from truststream.canary.observation import Cause, PodProblem, ServiceView
from truststream.canary.plan import FULL
from truststream.canary.rest import repair_stable
from truststream.canary.turn import Turn

STALL_AFTER = 60.0
"""Seconds that quota, scheduling or a route's controller may take before it is called stalled."""
TOLERANCE = 0.06
"""Percent by which the route may differ from the weight asked for: rounding of integer weights."""
FINE: Final = 0.0005
"""The same for the share of a flag's units, which is exact to 0.001."""


def interrupted(turn: Turn) -> bool:
    """Whether the release was overtaken by the user: a newer revision, a revert, an override, a vanished target."""
    if turn.releases_flag and released_outside(turn):
        return True
    ending = _OVERTAKEN[turn.spec.target_ref.kind](turn)
    if ending:
        roll_back(turn, *ending)
    return ending is not None


def _overtaken_services(turn: Turn) -> tuple[Ending, str] | None:
    revision = turn.spec.target_ref.revision
    if revision == turn.release.revision:
        return None
    if revision == turn.status.stable_revision:
        return Ending.REVERTED, f"spec.targetRef.revision is {revision} again"
    return Ending.SUPERSEDED, f"revision {revision} came"


def _overtaken_deployment(turn: Turn) -> tuple[Ending, str] | None:
    target = turn.seen.target
    if target is None:
        return Ending.ABORTED, f"Deployment {turn.spec.target_name} was deleted"
    if target.label not in (ENABLED, PROMOTING):
        return Ending.ABORTED, f"label truststream.dev/canary of {target.name} is {target.label or 'gone'}"
    if target.revision == turn.status.stable_revision:
        return Ending.REVERTED, f"the template of {target.name} is the one that serves"
    if target.revision != turn.release.revision:
        return Ending.SUPERSEDED, f"a newer template came (revision {target.revision})"
    if not target.held and target.label == ENABLED:
        return Ending.ABORTED, f"the hold of {target.name} was lifted by somebody else; it rolls without a verdict"
    repair_stable(turn, target)
    return None


_OVERTAKEN: Final[Mapping[TargetKind, Callable[[Turn], tuple[Ending, str] | None]]] = {
    TargetKind.DEPLOYMENT: _overtaken_deployment,
    TargetKind.SERVICES: _overtaken_services,
    TargetKind.FEATURE_FLAG: overtaken,
}


def evidence(turn: Turn) -> bool:
    """Whether the canary's pods already say that the version is bad; rolls back."""
    problem = next((p for p in turn.seen.problems if p.cause is Cause.EVIDENCE), None)
    reason = _words(problem) if problem else _unreachable(turn)
    if reason:
        roll_back(turn, Ending.ROLLED_BACK, reason)
    return bool(reason)


def _words(problem: PodProblem) -> str:
    where = f"pod {problem.pod}: " if problem.pod else ""
    return f"{where}{problem.reason}: {problem.message}" if problem.message else f"{where}{problem.reason}"


def _unreachable(turn: Turn) -> str:
    """A weight above 0 without a ready endpoint answers with errors whatever the metrics say."""
    if turn.releases_flag or not turn.meshed or turn.status.weight <= 0 or turn.seen.canary_endpoints > 0:
        return ""
    return f"no ready endpoint of the canary at weight {turn.status.weight:g} %"


def capacity(turn: Turn) -> bool:
    """Whether the cluster refuses what the canary needs: no verdict, and after a while it is said to be stalled."""
    problem = next((p for p in turn.seen.problems if p.cause is Cause.CAPACITY), None)
    return patience(turn, "CanaryRefused", _words(problem) if problem else "")


def patience(turn: Turn, reason: str, message: str) -> bool:
    """Whether something is waited for; called Stalled when it takes longer than `STALL_AFTER`. Empty: it is over."""
    if not message:
        if turn.release.stalled_for == reason:
            relieved(turn)
        return False
    if turn.release.stalled_for != reason:
        turn.set_release(stalled_for=reason, stalled_since=turn.stamp)
    waited = turn.since(turn.release.stalled_since)
    turn.set(message=message)
    if waited >= STALL_AFTER:
        turn.halt(reason, message)
        turn.say_once(reason, message)
    else:
        turn.wake_in(STALL_AFTER - waited)
    return True


def relieved(turn: Turn) -> None:
    """Nothing is refused any more."""
    if turn.release.stalled_for:
        turn.set_release(stalled_for="", stalled_since=None)


def contested(turn: Turn) -> bool:
    """Whether somebody resets what the release needs. Put back once; then nothing is written or leaks."""
    if turn.release.contested:
        turn.halt("Contested", turn.release.contested)
        return True
    _pin_newcomers(turn)
    by = _reset_by(turn)
    if by is None:
        return False
    if by and turn.release.put_back:
        _give_way(turn, by)
        return True
    if by:
        turn.set_release(put_back=turn.release.put_back + 1)
        turn.say("PutBack", f"{by} reset what the release needs; put back once", warn=True)
    _put_back(turn)
    return False


def _pin_newcomers(turn: Turn) -> None:
    """A Service that came after the start would send requests to the canary whatever its weight."""
    if turn.meshed and turn.makes_pods:
        turn.do(*(PinService(s.name) for s in _loose(turn) if s.name != turn.spec.service_name))


def _loose(turn: Turn) -> list[ServiceView]:
    """Without our marker, and in front of the canary's pods, too."""
    return [s for s in turn.seen.services if s.selects_target and not s.marked and not s.pinned and not s.refusal]


def _lost(turn: Turn) -> list[ServiceView]:
    """Pins that somebody took away; a Service made anew under the same name has lost the marker with it."""
    if not turn.makes_pods:
        return []
    reset = [s for s in turn.seen.services if s.marked and not s.pinned]
    return reset + [s for s in _loose(turn) if s.name == turn.spec.service_name]


def _reset_by(turn: Turn) -> str | None:
    """None: all is as we left it. "": we were interrupted ourselves. Else: who changed it."""
    route = turn.seen.route
    if not turn.meshed or route.problem:
        return None
    lost = _lost(turn)
    if not route.attached or _off(turn):
        return route.reset_by
    return lost[0].reset_by if lost else None


def _off(turn: Turn) -> bool:
    """Whether the route has another weight. All of it at a promotion is what comes next: we were interrupted."""
    weight = turn.seen.route.weight
    if turn.release.stage is not None and weight >= FULL:
        return False
    return abs(weight - turn.status.weight) > (FINE if turn.releases_flag else TOLERANCE)


def _put_back(turn: Turn) -> None:
    turn.do(*(PinService(s.name) for s in _lost(turn)))
    route = turn.seen.route
    if not route.attached:
        turn.do(AttachRoute())
    if not route.attached or _off(turn):
        turn.do(SetWeight(turn.status.weight))


_REMEDY: Final = (
    "resets the route or a Service again and again; weight 0, no canary pods. In Argo CD add an "
    "ignoreDifferences entry for the rule's backendRefs with RespectIgnoreDifferences=true, in Flux annotate the "
    "route with kustomize.toolkit.fluxcd.io/ssa: IfNotPresent, or set traffic.config.holdRoute; then say resume"
)
_REMEDY_OF_A_FLAG: Final = (
    "resets status.overlay of the FeatureFlag again and again; nobody is given the variant. The share belongs to the "
    "release while it runs: keep others from writing the flag's status, then say resume"
)


def _give_way(turn: Turn, by: str) -> None:
    text = f"{by} {_REMEDY_OF_A_FLAG if turn.releases_flag else _REMEDY}"
    turn.first(SetWeight(0))
    if turn.makes_pods:
        turn.do(ScaleCanary(0))
    turn.set(weight=0.0)
    turn.set_release(contested=text, weight_since=turn.stamp)
    turn.say("Contested", text, warn=True, on_target=True)
    turn.halt("Contested", text)


def route_problem(turn: Turn) -> bool:
    """Whether the route itself is gone or wrong: nothing moves until it is mended."""
    if turn.releases_flag and turn.seen.flag is not None:
        problem = trouble(turn.seen.flag, turn.release.revision)
        if problem:
            turn.halt(*problem)
        return problem is not None
    if turn.seen.route.problem and turn.meshed:
        turn.halt("RouteProblem", turn.seen.route.problem)
        return True
    return False
