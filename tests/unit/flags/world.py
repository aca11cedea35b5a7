"""Flags as tests write them: what is not said is a Boolean flag that is off by default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from truststream.api.featureflag import Segment
from truststream.flags.build import build
from truststream.flags.evaluation import Evaluation
from truststream.flags.flagset import FlagSet
from truststream.flags.source import FlagSource

NAMESPACE = "shop"
Segments = Mapping[str, Segment]


def spec(**more: Any) -> dict[str, Any]:
    base = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    return base | more


def letters(**more: Any) -> dict[str, Any]:
    """A flag with the variants a, b and c; a by default."""
    base = {"type": "String", "variants": {"a": "A", "b": "B", "c": "C"}, "defaultVariant": "a"}
    return base | more


def source(name: str, raw: dict[str, Any] | None = None, **fields: Any) -> FlagSource:
    known: dict[str, Any] = {"uid": name, "generation": 1, "created": "2026-01-01T00:00:00Z"}
    return FlagSource(NAMESPACE, name, spec=spec() if raw is None else raw, **(known | fields))


def rule(name: str = "rule", variant: str | None = "on", *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "conditions": list(conditions)} | ({"variant": variant} if variant else {}) | more


def condition(operator: str, value: Any = ..., field: str | None = "x", zone: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"operator": operator}
    found |= {} if field is None else {"field": field}
    found |= {} if value is ... else {"value": value}
    return found | ({} if zone is None else {"timeZone": zone})


def flags(*sources: FlagSource, segments: Segments | None = None, environment: str = "", now: float = 0.0) -> FlagSet:
    return build(sources, segments or {}, namespace=NAMESPACE, environment=environment, now=now)


def evaluate(
    raw: dict[str, Any],
    context: Mapping[str, Any] | None = None,
    now: float = 0.0,
    *,
    overlay: Mapping[str, Any] | None = None,
    environment: str = "",
    segments: Segments | None = None,
) -> Evaluation:
    """One flag, that has to be without problems."""
    found = flags(source("flag", raw, overlay=overlay), segments=segments, environment=environment, now=now)
    assert not found.problems, found.problems
    return found.evaluate("flag", context or {}, now)


def at(text: str) -> float:
    """Epoch seconds of an RFC 3339 text."""
    return datetime.fromisoformat(text).timestamp()


def segment(**fields: Any) -> Segment:
    return Segment.model_validate(fields)
