"""The canary's size: pods first, requests second."""

from __future__ import annotations

from truststream.canary.actions import ScaleCanary
from truststream.canary.turn import Turn


def grow(turn: Turn, need: int) -> None:
    """Ask for so many pods, unless as many or more are wanted already."""
    canary = turn.seen.canary
    if canary is not None and canary.desired < need:
        turn.do(ScaleCanary(need))


def can_take_more(turn: Turn, need: int) -> bool:
    """Whether so many pods are ready endpoints, and the route's controller follows; asks for pods that are missing."""
    grow(turn, need)
    canary = turn.seen.canary
    ready = min(canary.ready if canary else 0, turn.seen.canary_endpoints)
    return ready >= need and turn.seen.route.ready
