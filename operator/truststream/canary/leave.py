"""Deletion or eject at any moment: all ends as the user's own, an unjudged template stays paused."""

from __future__ import annotations

from typing import Final

from truststream.api.status import Phase
from truststream.canary.actions import ReleaseHold, RemoveFinalizer, SetTargetLabel, SetWeight
from truststream.canary.endings import Ending
from truststream.canary.flag_release import hand_back_flag
from truststream.canary.observation import WorkloadView
from truststream.canary.rollback import canary_gone, traffic_home
from truststream.canary.turn import Turn

_WHY_EJECTED: Final = "ejected: remove the annotation truststream.dev/ejected to have it back"
_WHY_TERMINATING: Final = "the namespace is being deleted"


def leave(turn: Turn) -> None:
    """One run of leaving; the finalizer goes last, and at once in a terminating namespace."""
    seen = turn.seen
    not_ours = seen.managed_by and turn.status.release is None and not turn.releases_flag
    if seen.namespace_terminating or not_ours:
        _go(turn)
        return
    _open(turn)
    if turn.status.release is not None and not traffic_home(turn):
        return
    if turn.releases_flag:
        hand_back_flag(turn)
        _go(turn)
    elif turn.releases_services or canary_gone(turn):
        _hand_back(turn)
        _go(turn)


def _open(turn: Turn) -> None:
    """Mark the release as ending, traffic first."""
    release = turn.status.release
    if release is None or release.outcome:
        return
    turn.first(SetWeight(0))
    turn.set_release(outcome=Ending.ABORTED.value, outcome_reason="the CanaryDeployment goes", drain_since=turn.stamp)
    what = "the share of the flag is" if turn.releases_flag else "route, Services and Deployment are"
    turn.set(weight=0.0, message=f"leaving: {what} handed back")


def _hand_back(turn: Turn) -> None:
    target = turn.seen.target
    if target is None or turn.releases_services or target.label is None:
        return
    if target.held and target.revision == turn.status.stable_revision:
        turn.do(ReleaseHold(target.template))
    elif target.held:
        _leave_paused(turn, target)
    turn.do(SetTargetLabel(None))


def _leave_paused(turn: Turn, target: WorkloadView) -> None:
    turn.say(
        "LeftPaused",
        f"Deployment {target.name} stays paused with revision {target.revision}, which has no good verdict; "
        f"`kubectl rollout resume deployment/{target.name} -n {turn.seen.namespace}` releases it",
        warn=True,
        on_target=True,
    )


def _go(turn: Turn) -> None:
    turn.set(release=None, weight=0.0, step="")
    turn.enter(Phase.IDLE, _WHY_TERMINATING if turn.seen.namespace_terminating else _WHY_EJECTED)
    if turn.seen.finalizer:
        turn.do(RemoveFinalizer())
