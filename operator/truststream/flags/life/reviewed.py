"""What goes into a review of a FeatureFlag, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from truststream.api import names
from truststream.api.flagstatus import FeatureFlagStatus, FlagUsage
from truststream.flags.flagset import CompiledFlag
from truststream.flags.moments import moment
from truststream.flags.source import FlagProblem, FlagSource, source_of


@dataclass(frozen=True, slots=True)
class FlagView:
    """One FeatureFlag as the API server has it. `created` in seconds since the epoch; the rest are its annotations."""

    source: FlagSource
    created: float = 0.0
    changed_by: str = ""
    changed_with: tuple[str, ...] = ()  # who else wrote a part of it since the last review
    approve: str = ""
    approve_by: str = ""
    approve_groups: tuple[str, ...] = ()


def view_of(manifest: Mapping[str, Any]) -> FlagView:
    """From its manifest."""
    metadata = manifest["metadata"]
    notes: Mapping[str, str] = metadata.get("annotations") or {}
    groups = (one.strip() for one in notes.get(names.APPROVE_GROUPS_ANNOTATION, "").split(","))
    return FlagView(
        source=source_of(manifest),
        created=moment(metadata.get("creationTimestamp")) or 0.0,
        changed_by=notes.get(names.CHANGED_BY_ANNOTATION, ""),
        changed_with=tuple(one for one in notes.get(names.CHANGED_WITH_ANNOTATION, "").split("\n") if one),
        approve=notes.get(names.APPROVE_ANNOTATION, ""),
        approve_by=notes.get(names.APPROVE_BY_ANNOTATION, ""),
        approve_groups=tuple(one for one in groups if one),
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a review rests on besides the object itself.

    `flag` is what is served where no environment is named, None when nothing is. `counted_until` is when all servers
    last told what they counted; None: not since the operator started.
    """

    problems: Sequence[FlagProblem] = ()
    flag: CompiledFlag | None = None
    warnings: tuple[str, ...] = ()
    usage: FlagUsage | None = None
    write_usage: bool = False
    counted_until: float | None = None
    overlay_orphaned: bool = False  # its CanaryDeployment is gone


@dataclass(frozen=True, slots=True)
class FlagEvent:
    """An event on the FeatureFlag."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """What to write and to tell.

    `acknowledge`: the approval's annotations were read and have to go. `adopts`: an approved spec comes into force that
    the facts do not know yet; review once more with facts of `status.served`. `wake_at` in seconds since the epoch.
    """

    status: FeatureFlagStatus
    events: tuple[FlagEvent, ...] = ()
    acknowledge: bool = False
    adopts: bool = False
    wake_at: float | None = None
