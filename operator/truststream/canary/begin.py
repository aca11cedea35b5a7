"""A release is opened: the same for every kind of target."""

from __future__ import annotations

from truststream.api.status import Phase, ReleaseStatus
from truststream.canary.turn import Turn
from truststream.canary.wording import titled


def begin(turn: Turn, revision: str) -> None:
    """Open a release."""
    release = ReleaseStatus(revision=revision, started_at=turn.stamp)
    turn.set(release=release, verdict=None, metrics=[], samples="", weight=0.0)
    title = titled(turn, revision)
    turn.enter(Phase.STARTING, f"starting {title}")
    turn.say("Starting", f"{title} against {turn.status.stable_revision}", on_target=True)
