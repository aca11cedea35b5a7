"""What an evaluation is: a value with its variant and reason; never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Context = Mapping[str, Any]
"""As OpenFeature's evaluation context, with `targetingKey` among its fields."""


class Reason(StrEnum):
    """OpenFeature's words."""

    STATIC = "STATIC"  # depends on neither context nor time: clients may keep it until the configuration changes
    DEFAULT = "DEFAULT"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    ERROR = "ERROR"


class ErrorCode(StrEnum):
    """OpenFeature's words."""

    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    PARSE_ERROR = "PARSE_ERROR"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    PROVIDER_NOT_READY = "PROVIDER_NOT_READY"
    GENERAL = "GENERAL"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One flag for one context. With an `error` there is neither value nor variant.

    `rule` is the name of the rule that decided. `unit_missing`: a percentage was asked for a context without a unit,
    which is in none.
    """

    key: str
    value: Any
    variant: str
    reason: Reason
    rule: str = ""
    unit_missing: bool = False
    error: ErrorCode | None = None
    message: str = ""
