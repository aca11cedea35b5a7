"""flagd's JSON: what in-process clients evaluate; equal to our evaluation, or not delivered at all.

The format is that of flagd's published definition schema; its targeting language is JSONLogic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec, Segment
from truststream.flags.flagset import CompiledFlag


@dataclass(frozen=True, slots=True)
class Expressed:
    """A flag in flagd's language: its `entry`, or the `reasons` why there is none."""

    entry: Mapping[str, Any] | None
    reasons: tuple[str, ...] = ()


def express(
    spec: FeatureFlagSpec, key: str, segments: Mapping[str, Segment], prerequisites: Mapping[str, CompiledFlag]
) -> Expressed:
    """A flag's entry in flagd's JSON.

    Args:
        spec: the effective one: environment and overlay applied, schedule not. It has no problems.
        segments: those of the namespace, by name.
        prerequisites: compiled, by key.
    """
    depends = spec.rules or spec.rollout_percentage or spec.target_type or spec.schedule or spec.prerequisites
    if depends and spec.enabled:
        return Expressed(None, ("only flags without rules can be expressed yet",))
    entry = {"state": "ENABLED", "variants": spec.variants, "defaultVariant": spec.default_variant}
    return Expressed(entry)
