"""What is released, in the words of its kind: requests go to revisions, units get variants."""

from __future__ import annotations

from truststream.canary.turn import Turn


def titled(turn: Turn, revision: str) -> str:
    """`revision 5f3a...`, or `variant blue`."""
    return f"{'variant' if turn.releases_flag else 'revision'} {revision}"


def given(turn: Turn, weight: float) -> str:
    """A new weight, for an event."""
    title = titled(turn, turn.release.revision)
    what = f"units get {title}" if turn.releases_flag else f"requests go to {title}"
    return f"{weight:g} % of the {what}"


def standing(turn: Turn) -> str:
    """The weight as it is, for the status."""
    return reaching(turn, turn.status.weight)


def reaching(turn: Turn, weight: float) -> str:
    """A weight, for the status."""
    to = f"get {titled(turn, turn.release.revision)}" if turn.releases_flag else "to the canary"
    return f"{weight:g} % {to}"
