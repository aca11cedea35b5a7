"""Which spec of a flag is in force after a review, and what status remembers of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truststream.api.flagstatus import FeatureFlagStatus, ServedSpec
from truststream.flags.digests import spec_digest
from truststream.flags.life.consent import Consents, consider
from truststream.flags.life.reporting import stamp
from truststream.flags.life.reviewed import FlagView
from truststream.flags.served import Why, needs_approval, served


@dataclass(frozen=True, slots=True)
class Ruling:
    """`why` says what became of the newest spec; `remembered` is the next status.served; `spec`, raw, is in force.

    `adopts`: the newest spec comes into force by approvals that the flags were not built with yet.
    """

    why: Why
    remembered: ServedSpec | None
    consents: Consents
    spec: Mapping[str, Any] | None
    switched_off: bool = False
    adopts: bool = False


def rule(view: FlagView, status: FeatureFlagStatus, now: float, *, valid: bool) -> Ruling:
    """What is in force; `valid`: the newest spec can be carried out."""
    waits = needs_approval(view.source)
    consents = consider(view, status, now, waits=waits)
    if valid and waits and consents.enough:
        by = [one.by for one in consents.approvals]
        return Ruling(Why.CURRENT, _remember(view, now, by), consents, view.source.spec, adopts=True)
    if valid and not waits:
        return Ruling(Why.CURRENT, _current(view, status, now), consents, view.source.spec)
    decided = served(view.source, valid=valid)
    return Ruling(decided.why, status.served, consents, decided.spec, switched_off=decided.switched_off)


def _current(view: FlagView, status: FeatureFlagStatus, now: float) -> ServedSpec:
    """Of a spec that was changed back it is the newest generation: what its authors wrote in between is gone."""
    if status.served is not None and status.served.digest == spec_digest(view.source.spec):
        return status.served.model_copy(update={"generation": view.source.generation})
    return _remember(view, now, [])


def _remember(view: FlagView, now: float, approved_by: list[str]) -> ServedSpec:
    return ServedSpec(
        generation=view.source.generation,
        digest=spec_digest(view.source.spec),
        spec=dict(view.source.spec),
        since=stamp(now),
        by=view.changed_by,
        approved_by=approved_by,
    )
