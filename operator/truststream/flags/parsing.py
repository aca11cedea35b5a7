"""From a raw spec to the model: strict, as the API server would admit it, with sentences that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec
from truststream.api.flagrules import KIND
from truststream.api.validate import read
from truststream.flags.source import FlagProblem


def parse(raw: Mapping[str, Any]) -> tuple[FeatureFlagSpec | None, list[FlagProblem]]:
    """The spec, or why its fields are none; what they must be to each other is `examine`'s."""
    try:
        spec, problems = read({"spec": raw}, FeatureFlagSpec, KIND)
    except (ValueError, RecursionError):
        return None, [FlagProblem("spec", "must be what JSON can say, and not nested without end")]
    return spec, [FlagProblem(problem.path, problem.message) for problem in problems]
