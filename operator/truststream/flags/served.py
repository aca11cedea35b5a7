"""Which spec of a FeatureFlag is served: the newest that is fine and approved. For the server and the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from truststream.flags.digests import spec_digest
from truststream.flags.source import FlagSource

Raw = Mapping[str, Any]


class Why(StrEnum):
    """What became of the newest spec."""

    CURRENT = "Current"  # it is served
    AWAITING_APPROVAL = "AwaitingApproval"  # it has to be approved first
    INVALID = "Invalid"  # it cannot be carried out


@dataclass(frozen=True, slots=True)
class Served:
    """What is served instead of, or as, the newest spec; `spec` is raw, None when nothing can be.

    `switched_off`: it is the earlier spec with `enabled: false`, for that the newest one says so; no approval is asked
    for that. `why` stays AWAITING_APPROVAL only where the newest spec changes more than that.
    """

    spec: Raw | None
    why: Why
    switched_off: bool = False


def served(source: FlagSource, *, valid: bool = True) -> Served:
    """What is served of a resource.

    Args:
        source: the resource.
        valid: whether its newest spec can be carried out; see `flags.problems` and `FlagSet.problems`.
    """
    last = last_served(source)
    waits = needs_approval(source)
    if valid and not waits:
        return Served(source.spec, Why.CURRENT)
    why = Why.AWAITING_APPROVAL if waits else Why.INVALID
    if last is None or source.spec.get("enabled") is not False:
        return Served(last, why)
    off = {**last, "enabled": False}
    alone = waits and spec_digest(off) == spec_digest(source.spec)
    return Served(off, Why.CURRENT if alone else why, switched_off=True)


def last_served(source: FlagSource) -> Raw | None:
    """The spec in status.served."""
    spec = (source.served or {}).get("spec")
    return spec if isinstance(spec, Mapping) else None


def needs_approval(source: FlagSource) -> bool:
    """Whether the newest spec has to be approved before it is served; who approves one puts it into status.served."""
    last = last_served(source)
    in_force = last if last is not None else source.spec
    return bool(in_force.get("approval")) and spec_digest(source.spec) != (source.served or {}).get("digest")
