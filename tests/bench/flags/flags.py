"""The flags that are measured."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def manifest(name: str, namespace: str = "bench", **spec: Any) -> Manifest:
    """A Boolean flag, off by default."""
    base = {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "FeatureFlag",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**base, **spec},
    }


def typical(name: str, namespace: str = "bench") -> Manifest:
    """A rule with two conditions, and a rollout for the others."""
    conditions = [
        {"field": "country", "operator": "In", "value": ["DE", "AT", "CH"]},
        {"field": "app.version", "operator": "SemVer", "value": ">=2.1.0"},
    ]
    rules = [{"name": "early", "conditions": conditions, "variant": "on"}]
    return manifest(name, namespace, rules=rules, rolloutVariant="on", rolloutPercentage=20)


def context(number: int) -> dict[str, Any]:
    """Of a unit; half of them fall under the rule's country, few under its version."""
    country = ("DE", "FR")[number % 2]
    return {"targetingKey": f"user-{number}", "country": country, "app": {"version": f"2.{number % 3}.0"}}
