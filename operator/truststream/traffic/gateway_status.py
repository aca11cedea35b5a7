"""What the gateways' controllers say about a route: pure reading of its status and managedFields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from truststream.api import names
from truststream.traffic.base import Manifest, Split
from truststream.traffic.gateway_rule import route_title

_CONDITIONS: Final = ("Accepted", "ResolvedRefs")
_GROUP: Final = "gateway.networking.k8s.io"
_RULES: Final = "f:rules"


def waiting_for(route: Manifest, split: Split) -> str:
    """What no controller has accepted yet of the route as it is now; empty when all have."""
    parents = route.get("spec", {}).get("parentRefs") or ()
    if not parents:
        return f"{route_title(route)} has no parentRefs: no gateway serves it"
    return next((text for parent in parents if (text := _parent_waits(route, parent, split))), "")


def rejected(route: Manifest) -> str:
    """The controller's own words when it refuses the route as it is now; empty when it does not."""
    for entry in _entries(route):
        condition = _condition(entry, "Accepted")
        if condition and _current(route, condition) and condition.get("status") == "False":
            by = _parent_title(entry["parentRef"])
            return f"{route_title(route)} is rejected by {by}: {_words(condition)}; correct the route"
    return ""


def controllers(route: Manifest) -> list[str]:
    """Names of the controllers that serve the route now, each once."""
    return sorted({entry["controllerName"] for entry in _entries(route)})


def reset_by(route: Manifest) -> str:
    """The field manager that last wrote the rules, when it is not us; empty when it is."""
    owners = [entry for entry in route["metadata"].get("managedFields") or () if _owns_rules(entry)]
    if not owners or any(entry.get("manager") == names.FIELD_MANAGER for entry in owners):
        return ""
    last = max(owners, key=lambda entry: entry.get("time") or "")
    return str(last.get("manager") or "unknown")


def _owns_rules(entry: Mapping[str, Any]) -> bool:
    """`rules` is an atomic list: whoever owns it wrote all of it."""
    return not entry.get("subresource") and _RULES in entry.get("fieldsV1", {}).get("f:spec", {})


def _entries(route: Manifest) -> Iterator[Mapping[str, Any]]:
    """Status of the parents that the spec still names."""
    wanted = [_parent_key(parent, route) for parent in route.get("spec", {}).get("parentRefs") or ()]
    for entry in route.get("status", {}).get("parents") or ():
        if _parent_key(entry["parentRef"], route) in wanted:
            yield entry


def _parent_waits(route: Manifest, parent: Mapping[str, Any], split: Split) -> str:
    entries = [
        entry for entry in _entries(route) if _parent_key(entry["parentRef"], route) == _parent_key(parent, route)
    ]
    if not entries:
        return f"{_parent_title(parent)} has not seen {route_title(route)} yet"
    checks = ((entry, kind) for entry in entries for kind in _CONDITIONS)
    return next((text for entry, kind in checks if (text := _condition_waits(route, entry, kind, split))), "")


def _condition_waits(route: Manifest, entry: Mapping[str, Any], kind: str, split: Split) -> str:
    condition, who = _condition(entry, kind), _parent_title(entry["parentRef"])
    if condition is None or not _current(route, condition):
        generation = route["metadata"].get("generation")
        return f"{who} has not answered {kind} for generation {generation} of {route_title(route)} yet"
    if condition.get("status") == "True":
        return ""
    text = f"{who} says {kind}={condition.get('status')} for {route_title(route)}: {_words(condition)}"
    return f"{text}; {_grant(route, split)}" if condition.get("reason") == "RefNotPermitted" else text


def _grant(route: Manifest, split: Split) -> str:
    """The remedy: a controller without this grant sends all to stable and says so only here."""
    return (
        f"create a ReferenceGrant in namespace {split.namespace} with "
        f"from [group {_GROUP}, kind {route['kind']}, namespace {route['metadata']['namespace']}] and "
        f'to [group "", kind Service], or name Service {split.canary} in the one there is'
    )


def _condition(entry: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    conditions: Sequence[Mapping[str, Any]] = entry.get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def _current(route: Manifest, condition: Mapping[str, Any]) -> bool:
    return bool(condition.get("observedGeneration") == route["metadata"].get("generation"))


def _words(condition: Mapping[str, Any]) -> str:
    return f"{condition.get('reason', '')}: {condition.get('message', '')}".strip(": ")


def _parent_key(parent: Mapping[str, Any], route: Manifest) -> tuple[object, ...]:
    return (
        parent.get("group", _GROUP),
        parent.get("kind") or "Gateway",
        parent.get("namespace") or route["metadata"]["namespace"],
        parent["name"],
        parent.get("sectionName"),
        parent.get("port"),
    )


def _parent_title(parent: Mapping[str, Any]) -> str:
    space = f"{parent['namespace']}/" if parent.get("namespace") else ""
    section = f" listener {parent['sectionName']}" if parent.get("sectionName") else ""
    return f"{parent.get('kind') or 'Gateway'} {space}{parent['name']}{section}"
