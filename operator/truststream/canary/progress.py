"""Progressing and Paused: look, advance by the plan, or say what is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from truststream.api.canarydeployment import Policy
from truststream.api.quantities import format_duration
from truststream.api.status import Phase, Verdict
from truststream.canary import plan
from truststream.canary.actions import ScaleCanary, SetWeight
from truststream.canary.clock import moment
from truststream.canary.endings import Ending, roll_back
from truststream.canary.judging.judge import Judge, MetricShape
from truststream.canary.look import take_look
from truststream.canary.promote import begin_promotion
from truststream.canary.size import can_take_more
from truststream.canary.start import mark_weight
from truststream.canary.turn import Turn
from truststream.canary.watchdogs import (
    TOLERANCE,
    capacity,
    contested,
    evidence,
    interrupted,
    relieved,
    route_problem,
)
from truststream.canary.wording import given, standing


def progress(turn: Turn, judge: Judge, shapes: Mapping[str, MetricShape]) -> None:
    """One run at a weight below 100."""
    if interrupted(turn) or evidence(turn):
        return
    if route_problem(turn) or contested(turn):
        return
    if not turn.meshed:
        turn.set(weight=round(turn.seen.route.weight, 1))  # what the ready pods really hold
    answer = take_look(turn, judge, shapes)
    if answer is not None and answer.verdict is Verdict.BAD and turn.spec.rollback_criteria.automatic:
        roll_back(turn, Ending.ROLLED_BACK, answer.reason)
        return
    waiting = _paused(turn) or _undecided(turn)
    if waiting:
        _wait(turn, waiting)
    else:
        _next(turn)


def _paused(turn: Turn) -> str:
    if turn.spec.paused:
        return "paused by spec.paused"
    return "paused by command; say resume" if turn.release.paused else ""


def _undecided(turn: Turn) -> str:
    """Why the weight may not change yet; empty when it may."""
    release = turn.release
    if turn.status.verdict is Verdict.BAD:
        return "the verdict is Bad and rollbackCriteria.automatic is false; say rollback or promote"
    if release.skip and not _last(turn):
        return ""  # a person may leave a weight early, but promotion needs proof or the command promote
    left = turn.spec.step_duration - turn.since(release.weight_since)
    if left > 0 and not release.skip:
        turn.wake_in(left)
        return f"at least {format_duration(turn.spec.step_duration)} at this weight"
    if not release.cleared:
        return _missing(turn)
    if _last(turn) and not release.proven:
        return f"promotion needs proof: {_missing(turn)}"
    return ""


def _missing(turn: Turn) -> str:
    """The first metric that is not good yet, in its own words."""
    row = next((m for m in turn.status.metrics if m.verdict is not Verdict.GOOD), None)
    if turn.release.looked_at is None or row is None:
        return "waiting for the next look"
    return f"{row.name}: {row.message}"


def _last(turn: Turn) -> bool:
    return turn.release.step + 1 >= len(plan.weights(turn.spec, turn.seen))


def _wait(turn: Turn, why: str) -> None:
    paused = bool(_paused(turn))
    turn.remark(Phase.PAUSED if paused else Phase.PROGRESSING, f"{standing(turn)}; {why}")
    _keep_size(turn)
    if not paused:
        _deadline(turn)


def _keep_size(turn: Turn) -> None:
    """The canary follows the target's size; it shrinks only when even the next weight does not need its pods."""
    canary = turn.seen.canary
    if canary is None or not turn.meshed or not turn.makes_pods or capacity(turn):
        return
    need = plan.canary_pods(turn.spec, turn.seen, turn.status.weight)
    most = max(need, plan.canary_pods(turn.spec, turn.seen, _next_weight(turn)))
    if canary.desired < need:
        turn.do(ScaleCanary(need))
    elif canary.desired > most:
        turn.do(ScaleCanary(most))


def _next_weight(turn: Turn) -> float:
    weights = plan.weights(turn.spec, turn.seen)
    index = turn.release.step + 1
    return weights[index] if index < len(weights) else plan.FULL


def _deadline(turn: Turn) -> None:
    criteria, release = turn.spec.rollback_criteria, turn.release
    due = moment(release.weight_since or turn.stamp) + timedelta(seconds=criteria.deadline)
    if turn.now < due:
        turn.wake(due)
        return
    what, policy = _policy(turn)
    reason = f"{what} for {format_duration(criteria.deadline)} at {turn.status.weight:g} %: {_missing(turn)}"
    if policy is Policy.ROLLBACK:
        roll_back(turn, Ending.ROLLED_BACK, reason)
    elif policy is Policy.PROMOTE:
        begin_promotion(turn, reason)
    else:
        turn.say_once("DeadlineExceeded", f"{reason}; the weight is held")


def _policy(turn: Turn) -> tuple[str, Policy]:
    criteria = turn.spec.rollback_criteria
    if turn.status.verdict is Verdict.SOURCE_DOWN:
        return "the metric source did not answer", Policy(criteria.on_source_down)
    if turn.release.starved:
        return "not enough requests", Policy(criteria.on_no_data)
    if turn.status.verdict is Verdict.BAD:
        return "a bad verdict waited", Policy.HOLD
    return "no proof", criteria.on_inconclusive


def _next(turn: Turn) -> None:
    weight = _next_weight(turn)
    if _gated(turn, weight) or _waits_for_promotion(turn, weight):
        return
    if weight >= plan.FULL:
        begin_promotion(turn, "every criterion holds")
    elif _sized_for(turn, weight):
        _raise(turn, weight)


def _gated(turn: Turn, weight: float) -> bool:
    """A gate names a weight of the spec; with replicas as weight the gate of the nearest planned one counts."""
    gates = [g.step for g in turn.spec.gates if turn.release.highest_weight < g.step <= weight]
    closed = [step for step in gates if step not in turn.release.approved]
    if closed:
        _ask(turn, f"gate before {closed[0]:g} %: say promote to let it pass", "GateWaiting")
    return bool(closed)


def _waits_for_promotion(turn: Turn, weight: float) -> bool:
    waits = weight >= plan.FULL and not turn.spec.automatic_promotion
    if waits:
        _ask(turn, "ready to promote; automaticPromotion is false: say promote", "PromotionWaiting")
    return waits


def _ask(turn: Turn, message: str, reason: str) -> None:
    turn.enter(Phase.PAUSED, f"{standing(turn)}; {message}")
    turn.say_once(reason, message)


def _sized_for(turn: Turn, weight: float) -> bool:
    """Pods first, requests second: whether the canary has the pods for this weight."""
    if not turn.makes_pods:
        return turn.seen.route.ready
    if not turn.meshed:
        return _replicas_settled(turn)
    need = plan.canary_pods(turn.spec, turn.seen, weight)
    if can_take_more(turn, need):
        relieved(turn)
        return True
    waiting = turn.seen.route.waiting_for or f"waiting for {need} ready canary pods before {weight:g} %"
    turn.remark(Phase.PROGRESSING, f"{standing(turn)}; {waiting}")
    capacity(turn)
    return False


def _replicas_settled(turn: Turn) -> bool:
    weights = plan.weights(turn.spec, turn.seen)
    planned = weights[min(turn.release.step, len(weights) - 1)]
    settled = turn.seen.route.weight >= planned - TOLERANCE
    if not settled:
        turn.remark(Phase.PROGRESSING, f"waiting until the canary's pods are {planned:g} % of the ready ones")
        capacity(turn)
    return settled


def _raise(turn: Turn, weight: float) -> None:
    weights = plan.weights(turn.spec, turn.seen)
    turn.do(SetWeight(weight))
    mark_weight(turn, weights, turn.release.step + 1)
    turn.enter(Phase.PROGRESSING, standing(turn))
    turn.say("WeightChanged", given(turn, weight))
