"""How a release ends: decided in one place, carried out over several runs, written into the history."""

from __future__ import annotations

from enum import StrEnum

from truststream.api.status import HistoryEntry, Phase, Stage, Verdict
from truststream.canary.actions import SetWeight
from truststream.canary.turn import Turn
from truststream.canary.wording import titled

HISTORY = 10


class Ending(StrEnum):
    """Outcomes in `status.history`."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    REVERTED = "Reverted"
    ABORTED = "Aborted"


def roll_back(turn: Turn, ending: Ending, reason: str) -> None:
    """Put the traffic back before anything else, with no precondition; the rest follows in the next runs."""
    turn.first(SetWeight(0))
    rejected = ending is Ending.ROLLED_BACK
    bad = {"verdict": Verdict.BAD} if rejected and turn.status.verdict is Verdict.BAD else {}
    turn.set_release(
        outcome=ending.value, outcome_reason=reason, reject=rejected, weight_since=turn.stamp, drain_since=turn.stamp
    )
    turn.set(weight=0.0, **bad)
    turn.enter(Phase.ROLLING_BACK, f"{_WORDS[ending]}: {reason}")
    turn.say(_EVENTS[ending], f"{titled(turn, turn.release.revision)}: {reason}", warn=rejected, on_target=rejected)


_WORDS = {
    Ending.ROLLED_BACK: "rolling back",
    Ending.SUPERSEDED: "starting over with a newer revision",
    Ending.REVERTED: "going back, the change was reverted",
    Ending.ABORTED: "aborting",
}
_EVENTS = {
    Ending.ROLLED_BACK: "RollingBack",
    Ending.SUPERSEDED: "Superseded",
    Ending.REVERTED: "Reverted",
    Ending.ABORTED: "Aborted",
}


def conclude(turn: Turn, ending: Ending, reason: str) -> None:
    """Write the history and forget the release; the phase says how it ended."""
    release = turn.release
    entry = HistoryEntry(
        revision=release.revision,
        outcome=ending.value,
        reason=reason,
        started_at=release.started_at,
        ended_at=turn.stamp,
        weight=release.highest_weight,
    )
    rejected = [r for r in turn.status.rejected if r != release.revision]
    if release.reject:
        rejected = [release.revision, *rejected][:HISTORY]
    turn.set(
        history=[entry, *turn.status.history][:HISTORY],
        rejected=rejected,
        release=None,
        weight=0.0,
        step="",
        samples="",
    )


def stage_before_roll(turn: Turn) -> bool:
    """Whether the target's own pods are still all of the stable version."""
    return turn.release.stage in (None, Stage.TO_CANARY, Stage.RELEASING)
