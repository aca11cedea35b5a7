"""Label selectors, as Services and Deployments write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches_map(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """A Service's selector; an empty one selects nothing here."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """A `LabelSelector` with matchLabels and matchExpressions; an empty one selects everything."""
    fixed = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in fixed.items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def to_text(selector: Mapping[str, Any]) -> str:
    """As a LIST request's `labelSelector` spells it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        sets = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(sets.get(expression["operator"], f"!{key}"))
    return ",".join(parts)
