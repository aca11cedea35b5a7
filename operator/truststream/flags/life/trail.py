"""The audit trail of a flag: one entry a change of its spec, also of one that was made while nobody watched."""

from __future__ import annotations

from typing import Final

from truststream.api.flagstatus import FeatureFlagStatus, FlagChange
from truststream.flags.life.history import differences
from truststream.flags.life.reporting import stamp
from truststream.flags.life.reviewed import FlagView

KEPT: Final = 20


def noted(view: FlagView, status: FeatureFlagStatus, now: float) -> tuple[list[FlagChange], FlagChange | None]:
    """The trail, newest first, and its new entry if there is one. A spec is compared with the one served before it."""
    generation = view.source.generation
    if any(one.generation == generation for one in status.history):
        return list(status.history), None
    entry = FlagChange(generation=generation, by=view.changed_by, at=stamp(now), changes=_changes(view, status))
    others = [
        FlagChange(generation=generation, by=who, at=stamp(now), changes=[f"a part of generation {generation}"])
        for who in view.changed_with
    ]
    served = status.served.generation if status.served else 0
    return _shortened([entry, *others, *status.history], served), entry


def _shortened(trail: list[FlagChange], served: int) -> list[FlagChange]:
    """The newest, and of what waits one of every author: who wrote a part of it cannot approve it."""
    kept = trail[:KEPT]
    known = {one.by for one in kept if one.generation > served}
    for one in trail[KEPT:]:
        if one.generation > served and one.by not in known:
            known.add(one.by)
            kept.append(one)
    return kept


def _changes(view: FlagView, status: FeatureFlagStatus) -> list[str]:
    if status.served is not None:
        changed = differences(status.served.spec, view.source.spec)
        return changed or [f"back to what generation {status.served.generation} says"]
    if status.history:
        return ["written anew; nothing was served yet"]
    return ["created" if view.source.generation == 1 else "first seen"]
