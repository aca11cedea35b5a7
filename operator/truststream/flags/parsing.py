"""From a raw spec to the model: strict, as the API server would admit it, with sentences that name the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from truststream.api.featureflag import FeatureFlagSpec
from truststream.flags.source import FlagProblem


def parse(raw: Mapping[str, Any]) -> tuple[FeatureFlagSpec | None, list[FlagProblem]]:
    """The spec, or why it is none."""
    try:
        return FeatureFlagSpec.model_validate_json(json.dumps(raw, allow_nan=False), strict=True), []
    except ValidationError as error:
        listed = error.errors(include_url=False)
        return None, [FlagProblem(path_of("spec", details), sentence_of(details, "FeatureFlag")) for details in listed]
    except (TypeError, ValueError, RecursionError):
        return None, [FlagProblem("spec", "must be what JSON can say: no NaN, no infinity, no endless nesting")]


def path_of(root: str, details: ErrorDetails) -> str:
    """The field as it stands in the YAML."""
    path = root
    for part in details["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def sentence_of(details: ErrorDetails, kind: str) -> str:
    """pydantic speaks of inputs; the user has fields."""
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is no field of a {kind}"
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            return f"must be {context['expected']}, not {details['input']!r}"
    return details["msg"].replace("Input should", "should", 1)
