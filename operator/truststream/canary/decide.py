"""The one entry of the core: a pure function from what is asked, remembered and seen to what is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.api.status import CanaryDeploymentStatus, Phase
from truststream.canary.actions import AddFinalizer
from truststream.canary.commands import obey
from truststream.canary.conditions import report
from truststream.canary.decision import Decision
from truststream.canary.judging.judge import Judge, MetricShape
from truststream.canary.leave import leave
from truststream.canary.look import look_windows, next_look
from truststream.canary.observation import Observation
from truststream.canary.progress import progress
from truststream.canary.promote import promote
from truststream.canary.rest import rest
from truststream.canary.rollback import continue_rollback
from truststream.canary.start import start
from truststream.canary.turn import Turn

__all__ = ["decide", "look_windows", "next_look"]


def decide(
    spec: CanaryDeploymentSpec,
    status: CanaryDeploymentStatus,
    seen: Observation,
    now: datetime,
    *,
    judge: Judge,
    shapes: Mapping[str, MetricShape],
) -> Decision:
    """What to do now.

    Args:
        spec: what the user asks for; when `seen.spec_problem` is set only `target_ref` and names are used.
        status: what was remembered.
        seen: the world, read in this run.
        now: the time, timezone-aware.
        judge: who turns measurements into a verdict.
        shapes: what the judge has to know of each metric of `spec.monitoring_metrics`.
    """
    turn = Turn(spec, status, seen, now)
    if seen.deleting or seen.ejected or seen.namespace_terminating:
        leave(turn)
    elif not _blocked(turn):
        _advance(turn, judge, shapes)
    report(turn)
    return turn.decision()


def _blocked(turn: Turn) -> bool:
    """What the schema could not catch, or somebody else's target: say so, change nothing."""
    seen = turn.seen
    if seen.spec_problem:
        turn.halt(seen.spec_problem_reason, seen.spec_problem)
    elif seen.managed_by and turn.status.release is None:
        turn.halt("AlreadyManaged", _managed(turn))
    return turn.stall is not None


def _managed(turn: Turn) -> str:
    return (
        f"{turn.spec.target_ref.kind} {turn.spec.target_name} is already released by the older CanaryDeployment "
        f"{turn.seen.managed_by}; delete one of the two"
    )


def _advance(turn: Turn, judge: Judge, shapes: Mapping[str, MetricShape]) -> None:
    if not turn.seen.finalizer:
        turn.do(AddFinalizer())
    obey(turn)
    if turn.status.release is None:
        rest(turn)  # a release that begins here is saved before anything is made for it: nothing is left unremembered
    elif turn.status.phase is Phase.STARTING:
        start(turn)
    elif turn.status.phase in (Phase.PROGRESSING, Phase.PAUSED):
        progress(turn, judge, shapes)
    elif turn.status.phase is Phase.PROMOTING:
        promote(turn)
    elif turn.status.phase is Phase.ROLLING_BACK:
        continue_rollback(turn)
