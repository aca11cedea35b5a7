"""RollingBack: the route went first; now the canary's pods, the pins and the canary's Service go."""

from __future__ import annotations

from truststream.api.names import ENABLED, PROMOTING
from truststream.api.status import Phase
from truststream.canary.actions import (
    DeleteCanaryDeployment,
    DeleteCanaryService,
    RestoreRoute,
    SetTargetLabel,
    SetWeight,
    UnpinService,
)
from truststream.canary.endings import Ending, conclude
from truststream.canary.turn import Turn
from truststream.canary.wording import titled


def continue_rollback(turn: Turn) -> None:
    """One run of phase RollingBack."""
    if not traffic_home(turn):
        return
    if not turn.makes_pods:
        if not turn.seen.route.attached or turn.seen.route.weight == 0:
            _finish(turn)
        return
    target = turn.seen.target
    if target is not None and target.label == PROMOTING:
        turn.do(SetTargetLabel(ENABLED))
    if canary_gone(turn):
        _finish(turn)


def traffic_home(turn: Turn) -> bool:
    """Weight 0, then the route as the user made it; False while the data plane is given time in between.

    A proxy hears of weights and of backends that go by different ways: one that still splits the requests and has
    already lost the backend answers some of them with 503.
    """
    route = turn.seen.route
    if not turn.meshed or not route.attached:
        return True
    if route.weight > 0:
        turn.do(SetWeight(0))
        turn.set_release(drain_since=turn.stamp)
    if turn.draining > 0:
        turn.wake_in(turn.draining)
        return False
    turn.do(RestoreRoute())
    return True


def canary_gone(turn: Turn) -> bool:
    """Delete the canary's pods, and once none is a ready endpoint, un-pin and delete its Service; True when done."""
    canary = turn.seen.canary
    if canary is not None and not canary.deleting:
        if turn.meshed and turn.seen.canary_endpoints > 0 and turn.draining > 0:
            turn.wake_in(turn.draining)  # requests under way at the canary get their answers
            return False
        turn.do(DeleteCanaryDeployment())
    if turn.seen.canary_endpoints > 0:
        return False
    turn.do(*(UnpinService(s.name) for s in turn.seen.services if s.marked or s.pinned))
    if turn.seen.canary_service:
        turn.do(DeleteCanaryService())
    return canary is None or canary.deleting


def _finish(turn: Turn) -> None:
    release = turn.release
    ending, reason = Ending(release.outcome), release.outcome_reason
    conclude(turn, ending, reason)
    if ending is Ending.ROLLED_BACK:
        kept = f"; Deployment {turn.spec.target_name} stays held: revert it in Git, apply a new one, or say retry"
        title = titled(turn, release.revision)
        turn.enter(Phase.FAILED, f"{title} was rejected: {reason}{kept if turn.makes_pods else ''}")
        turn.say("RolledBack", f"{title}: {reason}", warn=True)
    else:
        turn.enter(Phase.IDLE, f"{ending.value}: {reason}")
