"""What a served flag gives out now and will next: for people who read status, and for judging whether it is stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec
from truststream.flags.effective import effective, read_overlay, timetable
from truststream.flags.life.staleness import only_variant
from truststream.flags.parsing import parse


@dataclass(frozen=True, slots=True)
class Outlook:
    """`enabled`, `default` and `rollout` as of now, where no environment is named; `next_change` by the schedule.

    `spec` is what is in force, before environments, overlay and schedule. `only` is the variant that everybody gets in
    every environment, as long as the spec is as it is; else empty.
    """

    spec: FeatureFlagSpec
    enabled: bool
    default: str
    rollout: str
    next_change: float | None
    only: str


def outlook(raw: Mapping[str, Any], overlay: Mapping[str, Any] | None, now: float) -> Outlook | None:
    """Of the raw spec in force, under the overlay in status; None of one that cannot be read."""
    spec, _ = parse(raw)
    if spec is None:
        return None
    held, _ = read_overlay(overlay, spec)
    plain, later = scheduled(effective(spec, "", held), now)
    others = [scheduled(effective(spec, name, held), now)[0] for name in spec.environments]
    return Outlook(
        spec=spec,
        enabled=plain.enabled,
        default=plain.default_variant,
        rollout=_rollout(plain),
        next_change=later,
        only="" if later is not None else only_variant([plain, *others]),
    )


def scheduled(spec: FeatureFlagSpec, now: float) -> tuple[FeatureFlagSpec, float | None]:
    """An effective spec as its schedule has it now, and when that changes next."""
    table = timetable(spec)
    phase = table.phases[table.index(now)]
    update = {
        "enabled": phase.enabled,
        "default_variant": phase.default_variant,
        "rollout_percentage": phase.rollout_percentage,
        "rollout_variant": phase.rollout_variant,
    }
    return spec.model_copy(update=update), table.next_change(now)


def _rollout(spec: FeatureFlagSpec) -> str:
    """Who gets something else than the default."""
    if not spec.enabled:
        return ""
    rules = len(spec.rules)
    parts = [f"{rules} rule{'s' if rules > 1 else ''}"] if rules else []
    if spec.rollout_percentage and spec.rollout_variant:
        parts.append(f"{spec.rollout_percentage:g} % {spec.rollout_variant}")
    return ", ".join(parts)
