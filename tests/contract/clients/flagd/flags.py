"""The flags that every client asks for."""

from __future__ import annotations

from typing import Any

OBJECT = {"colour": "blue", "sizes": [1, 2.5, {"wide": True}], "none": None}


def always(kind: str, value: Any) -> dict[str, Any]:
    """One variant for everybody."""
    return {"type": kind, "variants": {"it": value}, "defaultVariant": "it"}


def split(version: str) -> dict[str, Any]:
    """Three variants by unit."""
    shares = [{"variant": "a", "weight": 20}, {"variant": "b", "weight": 30.5}, {"variant": "c", "weight": 49.5}]
    return {
        "type": "String",
        "variants": {"a": "A", "b": "B", "c": "C"},
        "defaultVariant": "a",
        "rules": [{"name": "all", "distribution": shares}],
        "bucketing": {"version": version},
    }


def flags(moving: str = "one") -> dict[str, dict[str, Any]]:
    """By name; `moving` is the value of the one that changes."""
    staff = {"field": "user.email", "operator": "EndsWith", "value": "@corp.example"}
    return {
        "bool": always("Boolean", True),
        "off": always("Boolean", False),
        "string": always("String", "blue é ∞"),
        "unasked": always("String", "text"),
        "integer": always("Number", 42),
        "float": always("Number", 1.5),
        "object": always("Object", OBJECT),
        "moving": always("String", moving),
        "disabled": {**always("String", "as if off"), "enabled": False},
        "where": {
            "type": "String",
            "variants": {"live": "live", "test": "test"},
            "defaultVariant": "test",
            "environments": {"prod": {"defaultVariant": "live"}},
        },
        "staff": {
            "type": "Boolean",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "rules": [{"name": "staff", "conditions": [staff], "variant": "on"}],
        },
        "regex": {
            "type": "Boolean",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "rules": [
                {
                    "name": "matching",
                    "conditions": [{"field": "page", "operator": "Matches", "value": "^/shop/[0-9]+$"}],
                    "variant": "on",
                }
            ],
        },
        "split-v2": split("FlagdV2"),
        "split-v3": split("FlagdV3"),
    }
