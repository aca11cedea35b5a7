"""The spec as it holds in one environment, under a release's overlay; and the phases of its schedule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from truststream.api.featureflag import FeatureFlagSpec, FlagEnvironment, FlagOverrides
from truststream.api.flagstatus import FlagOverlay
from truststream.flags.moments import moment
from truststream.flags.source import FlagProblem

_FIELDS: Final = tuple(FlagOverrides.model_fields)
_SCHEDULED: Final = ("enabled", "default_variant", "rollout_percentage", "rollout_variant")
_ROLLOUT: Final[Mapping[str, None]] = {"rollout_percentage": None, "rollout_variant": None}


def lineage(environments: Mapping[str, FlagEnvironment], name: str) -> Iterator[FlagEnvironment]:
    """An environment and what it inherits, the nearest first; ends before it would repeat itself."""
    seen: set[str] = set()
    next_name: str | None = name
    while next_name is not None and next_name in environments and next_name not in seen:
        seen.add(next_name)
        yield environments[next_name]
        next_name = environments[next_name].inherits


def overrides(spec: FeatureFlagSpec, environment: str) -> dict[str, Any]:
    """What an environment replaces, its ancestors included; nothing for one that the flag does not name."""
    found: dict[str, Any] = {}
    for one in lineage(spec.environments, environment):
        for name in _FIELDS:
            if (value := getattr(one, name)) is not None:
                found.setdefault(name, value)
    return found


def read_overlay(raw: Mapping[str, Any] | None, spec: FeatureFlagSpec) -> tuple[FlagOverlay | None, list[FlagProblem]]:
    """The overlay as far as it can hold: what names a variant that the spec does not have does not, and is told."""
    if not raw:
        return None, []
    try:
        overlay = FlagOverlay.model_validate(raw)
    except ValidationError as error:
        return None, [FlagProblem("status.overlay", f"cannot be read: {error.errors()[0]['msg']}", "BadOverlay")]
    problems, held = [], overlay.model_dump()
    for name, label, lost in (
        ("default_variant", "defaultVariant", ("default_variant",)),
        ("variant", "variant", ("variant", "percentage")),
    ):
        if held[name] is not None and held[name] not in spec.variants:
            text = f"{overlay.owner} holds the variant {held[name]!r}, which the spec does not have: it is not served"
            problems.append(FlagProblem(f"status.overlay.{label}", text, "VariantGone"))
            held |= dict.fromkeys(lost)
    return FlagOverlay.model_validate(held), problems


def effective(spec: FeatureFlagSpec, environment: str, overlay: FlagOverlay | None) -> FeatureFlagSpec:
    """The spec with environment and overlay applied, the schedule not.

    What the schedule may not say is taken out of it: `enabled` while the spec itself is off, the rollout while a
    release holds it.
    """
    update = overrides(spec, environment)
    taken: set[str] = set()
    if not spec.enabled:
        update["enabled"] = False
        taken.add("enabled")
    if overlay is not None and overlay.default_variant is not None:
        update["default_variant"] = overlay.default_variant
    if overlay is not None and overlay.variant is not None and overlay.percentage is not None:
        update["rollout_variant"] = overlay.variant
        update["rollout_percentage"] = min(100.0, max(0.0, round(overlay.percentage, 3)))
        taken |= set(_ROLLOUT)
    if taken and spec.schedule:
        update["schedule"] = [entry.model_copy(update=dict.fromkeys(taken)) for entry in spec.schedule]
    return spec.model_copy(update=update) if update else spec


@dataclass(frozen=True, slots=True)
class Phase:
    """What a schedule makes of a flag from one boundary to the next."""

    enabled: bool
    default_variant: str
    rollout_percentage: float | None
    rollout_variant: str | None


@dataclass(frozen=True, slots=True)
class Timetable:
    """`phases[i]` holds from `boundaries[i - 1]` (epoch seconds) until before `boundaries[i]`."""

    boundaries: tuple[float, ...]
    phases: tuple[Phase, ...]

    def index(self, now: float) -> int:
        """Which phase holds."""
        return bisect_right(self.boundaries, now)

    def next_change(self, now: float) -> float | None:
        """The first boundary after now."""
        index = self.index(now)
        return self.boundaries[index] if index < len(self.boundaries) else None


def timetable(spec: FeatureFlagSpec) -> Timetable:
    """Of an effective spec whose schedule has no problems."""
    entries = []
    for entry in spec.schedule:
        begin, end = moment(entry.at), moment(entry.until)
        entries.append((begin if begin is not None else float("inf"), end if end is not None else float("inf"), entry))
    entries.sort(key=lambda one: one[0])  # stable: of two that begin together the later in the list wins
    finite = {at for begin, end, _ in entries for at in (begin, end) if at != float("inf")}
    boundaries = tuple(sorted(finite))
    phases = []
    for at in (float("-inf"), *boundaries):
        values = {name: getattr(spec, name) for name in _SCHEDULED}
        for begin, end, entry in entries:
            if begin <= at < end:
                values |= {name: value for name in _SCHEDULED if (value := getattr(entry, name)) is not None}
        phases.append(Phase(**values))
    return Timetable(boundaries, tuple(phases))
