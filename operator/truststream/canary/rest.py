"""No release runs: adopt, notice a new revision, or say why neither."""

from __future__ import annotations

from truststream.api.names import ENABLED, OFF, PROMOTING
from truststream.api.status import Phase
from truststream.canary.actions import ReleaseHold, ScaleReplicaSet, SetTargetLabel
from truststream.canary.begin import begin
from truststream.canary.flag_release import rest_flag
from truststream.canary.observation import WorkloadView
from truststream.canary.turn import Turn


def rest(turn: Turn) -> None:
    """One run without a release; may begin one (phase Starting)."""
    if turn.releases_flag:
        rest_flag(turn)
    elif turn.releases_services:
        _rest_services(turn)
    elif turn.seen.target is None:
        turn.halt(
            "TargetMissing", f"Deployment {turn.spec.target_name} is not in namespace {turn.seen.namespace}; create it"
        )
    elif turn.seen.target.label == OFF:
        turn.halt(
            "BreakGlass",
            f"label truststream.dev/canary is off on Deployment {turn.spec.target_name}; set it to enabled",
        )
    elif turn.seen.target.label is None:
        _adopt(turn, turn.seen.target)
    else:
        _rest_deployment(turn, turn.seen.target)


def _adopt(turn: Turn, target: WorkloadView) -> None:
    refusal = _refusal(turn, target)
    if refusal:
        turn.halt(*refusal)
        return
    turn.do(SetTargetLabel(ENABLED))
    turn.set(stable_revision=target.revision, weight=0.0)
    turn.enter(Phase.IDLE, f"watching Deployment {target.name}; a change of its template starts a release")
    turn.say(
        "Adopted", f"Deployment {target.name} at revision {target.revision}; template changes are held from now on"
    )


def _refusal(turn: Turn, target: WorkloadView) -> tuple[str, str] | None:
    if not turn.seen.hold_served:
        return (
            "HoldNotServed",
            "this cluster does not hold template changes: MutatingAdmissionPolicy (admissionregistration.k8s.io/v1) "
            "needs Kubernetes 1.36 and the chart's policies; kind Services works without",
        )
    if target.refusals:
        return "TargetRefused", f"Deployment {target.name}: " + "; ".join(target.refusals)
    if target.paused and _serving(target) != target.revision:
        return "PausedByUser", f"Deployment {target.name} is paused in the middle of a change; resume or revert it"
    if len(target.active) > 1 or not target.current:
        return "RolloutInProgress", f"Deployment {target.name} is rolling; it is adopted when its rollout has ended"
    return _service_refusal(turn)


def _serving(target: WorkloadView) -> str:
    """The revision whose pods run: of the only active ReplicaSet, else the template's."""
    return target.active[0].revision if len(target.active) == 1 else target.revision


def _service_refusal(turn: Turn) -> tuple[str, str] | None:
    if not turn.meshed:
        return None
    if turn.seen.service_missing:
        missing = f"Service {turn.seen.service_missing} is not in namespace {turn.seen.namespace}"
        return "ServiceMissing", f"{missing}; create it or set spec.service"
    for service in turn.seen.services:
        if service.name == turn.spec.service_name and service.refusal:
            return "ServiceRefused", f"Service {service.name}: {service.refusal}"
    if turn.seen.route.problem:
        return "RouteProblem", turn.seen.route.problem
    return None


def _rest_deployment(turn: Turn, target: WorkloadView) -> None:
    if target.label == PROMOTING:
        turn.do(SetTargetLabel(ENABLED))  # left over from a release that ended between two writes
    if not turn.status.stable_revision:
        turn.set(stable_revision=_serving(target))  # the label outlived its CanaryDeployment
    if not target.held:
        _follow(turn, target)
        return
    if repair_stable(turn, target):
        return
    if target.revision == turn.status.stable_revision:
        _lift(turn, target)
    elif target.revision in turn.status.rejected:
        _refuse_rejected(turn, target)
    elif refusal := _refusal_to_start(turn, target):
        turn.halt(*refusal)
    else:
        begin(turn, target.revision)


def _refusal_to_start(turn: Turn, target: WorkloadView) -> tuple[str, str] | None:
    if target.desired == 0:
        return "NothingServes", f"held: Deployment {target.name} has no replicas; the release starts when it has"
    if target.refusals:
        return "TargetRefused", f"held: Deployment {target.name}: " + "; ".join(target.refusals)
    if turn.seen.canary_taken:
        return "NameTaken", f"held: {turn.seen.canary_taken} exists and is not ours; rename or delete it"
    return _service_refusal(turn)


def _follow(turn: Turn, target: WorkloadView) -> None:
    """The template is free to roll: remember what serves once it does."""
    rolled = target.current and target.updated >= target.desired and len(target.active) <= 1
    if target.revision != turn.status.stable_revision and rolled and not target.paused:
        turn.say(
            "ReleasedOutside", f"revision {target.revision} of {target.name} rolled out without a verdict", warn=True
        )
        turn.set(stable_revision=target.revision)
    if turn.status.phase is not Phase.SUCCEEDED:
        turn.enter(Phase.IDLE, f"watching Deployment {target.name}; a change of its template starts a release")


def _lift(turn: Turn, target: WorkloadView) -> None:
    """A revert, or a restart alone: nothing new to judge."""
    turn.do(ReleaseHold(target.template))
    turn.say(
        "HoldLifted",
        f"the template of {target.name} is the one that serves (revision {target.revision})",
        on_target=True,
    )
    turn.set(verdict=None, metrics=[])  # those of a version that is no longer asked for
    turn.enter(Phase.IDLE, f"watching Deployment {target.name}; a change of its template starts a release")


def _refuse_rejected(turn: Turn, target: WorkloadView) -> None:
    why = next((h.reason for h in turn.status.history if h.revision == target.revision), "")
    held = f"Deployment {target.name} stays held on {turn.status.stable_revision}"
    rejected = f"revision {target.revision} was rejected ({why})"
    turn.enter(Phase.FAILED, f"{rejected}; {held}: revert it in Git, apply a new one, or say retry")


def repair_stable(turn: Turn, target: WorkloadView) -> bool:
    """A held Deployment scaled to zero and back may start another ReplicaSet: stable up first, then the other down."""
    others = [rs for rs in target.active if rs.revision != turn.status.stable_revision]
    stable = next((rs for rs in target.replica_sets if rs.revision == turn.status.stable_revision), None)
    if not others or stable is None or not target.paused:
        return False
    text = f"ReplicaSet {stable.name} takes over from {others[0].name}, whose template was not released"
    if stable.desired < target.desired:
        turn.do(ScaleReplicaSet(stable.name, target.desired))
        if turn.before.message != text:  # its Deployment's controller takes some of the pods back, more than once
            turn.say("StableRepaired", text, warn=True)
    elif stable.ready >= min(stable.desired, target.desired):
        turn.do(*(ScaleReplicaSet(rs.name, 0) for rs in others if rs.desired))
    turn.set(message=text)
    return True


def _rest_services(turn: Turn) -> None:
    ref, seen = turn.spec.target_ref, turn.seen
    if seen.service_missing:
        turn.halt("ServiceMissing", f"Service {seen.service_missing} is not in namespace {seen.namespace}; create it")
    elif seen.route.problem:
        turn.halt("RouteProblem", seen.route.problem)
    elif not turn.status.stable_revision:
        turn.set(stable_revision=ref.revision, active_service=ref.stable)
        turn.enter(Phase.IDLE, f"Service {ref.stable} serves revision {ref.revision}; a new revision starts a release")
        turn.say("Adopted", f"Services {ref.stable} and {ref.canary} at revision {ref.revision}")
    elif ref.revision == turn.status.stable_revision:
        if turn.status.phase is not Phase.SUCCEEDED:
            turn.enter(Phase.IDLE, f"Service {turn.status.active_service} serves revision {ref.revision}")
    elif ref.revision in turn.status.rejected:
        turn.enter(Phase.FAILED, f"revision {ref.revision} was rejected; set another one, or say retry")
    else:
        begin(turn, ref.revision or "")
