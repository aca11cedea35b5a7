"""What the fields of a FeatureFlag must be to each other: every rule once, in CEL for the API server and in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from truststream.api.base import ApiModel
from truststream.api.rules import Rule

RULES: Final[Mapping[type[ApiModel], tuple[Rule, ...]]] = {}

_KEY: Final = "(has({0}.spec.key) ? {0}.spec.key : {0}.metadata.name)"
ROOT: Final = (
    {
        "rule": f"{_KEY.format('self')} == {_KEY.format('oldSelf')}",
        "message": "the key cannot be changed, for applications ask for it; make a new FeatureFlag for another one",
        "fieldPath": ".spec.key",
        "reason": "FieldValueForbidden",
    },
)
"""Rules about the object itself."""
