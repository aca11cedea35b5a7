"""Where on a user's route the traffic is split: pure reading of an HTTPRoute or GRPCRoute.

What cannot be found is a SpecError that says what there is instead and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from truststream.errors import SpecError
from truststream.traffic.base import Manifest, Split
from truststream.traffic.gateway_config import GatewayAPIConfig

CONFIG: Final = "spec.traffic.config"
Ref = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """One rule of a route with the positions of our two backends; None where one is not on it."""

    route: Manifest
    index: int
    stable: int | None
    canary: int | None

    @property
    def rule(self) -> Mapping[str, Any]:
        """The rule itself."""
        rule: Mapping[str, Any] = rules_of(self.route)[self.index]
        return rule

    @property
    def refs(self) -> Sequence[Ref]:
        """The rule's backends."""
        return backends_of(self.rule)

    @property
    def title(self) -> str:
        """For messages: ``rule "web" of HTTPRoute shop/public``."""
        return f"{rule_title(self.index, self.rule)} of {route_title(self.route)}"

    def weight(self, position: int | None) -> int:
        """Of the backend at that position; 0 where there is none, 1 where the route does not say."""
        return 0 if position is None else effective(self.refs[position])


def find(route: Manifest, config: GatewayAPIConfig, split: Split) -> Place:
    """The rule that the config names, with the stable Service on it.

    Raises:
        SpecError: no such rule, the stable Service is not on it or more than once, or the canary is on another rule.
    """
    place = place_at(route, locate(route, config), split)
    stable = [i for i, ref in enumerate(place.refs) if is_service(ref, split.stable, split.namespace, route)]
    if len(stable) != 1:
        raise _unclear_stable(place, split, len(stable))
    strayed = find_canary(route, config, split)
    if place.canary is None and strayed is not None:
        raise SpecError(
            f"the canary's backend is on {strayed.title}, not on the rule meant here; "
            "the rules were moved during the release: put them back, or roll back",
            path=_field(config),
        )
    return place


def find_canary(route: Manifest, config: GatewayAPIConfig, split: Split) -> Place | None:
    """The rule that carries our canary: the one meant, else (rules are moved and renamed) the one it is found on."""
    places = [place_at(route, index, split) for index in range(len(rules_of(route)))]
    carrying = {place.index: place for place in places if place.canary is not None}
    meant = _index_or_none(route, config)
    if meant in carrying:
        return carrying[meant]
    return next((place for place in carrying.values() if _is_ours(place, split, meant)), None)


def _is_ours(place: Place, split: Split, meant: int | None) -> bool:
    """A Service that we made is ours wherever it is; one that the user made may well have rules of its own."""
    if split.canary_workload:
        return True
    return meant is None and bool(split.memory) and place.stable is not None


def place_at(route: Manifest, index: int, split: Split) -> Place:
    """The rule at that index and where our backends are on it."""
    refs = backends_of(rules_of(route)[index])

    def position(service: str) -> int | None:
        return next((i for i, ref in enumerate(refs) if is_service(ref, service, split.namespace, route)), None)

    return Place(route=route, index=index, stable=position(split.stable), canary=position(split.canary))


def locate(route: Manifest, config: GatewayAPIConfig) -> int:
    """Index of the rule that the config means.

    Raises:
        SpecError: there is none, or more than one.
    """
    rules = rules_of(route)
    if config.rule is not None:
        named = [index for index, rule in enumerate(rules) if rule.get("name") == config.rule]
        if not named:
            raise SpecError(f"no rule {config.rule!r}; {_what_there_is(route)}", path=_field(config))
        return named[0]
    if config.rule_index is not None:
        return _by_index(route, config, config.rule_index)
    if len(rules) != 1:
        raise SpecError(f"which rule? {_what_there_is(route)}", path=_field(config))
    return 0


def rules_of(route: Manifest) -> Sequence[Mapping[str, Any]]:
    """Empty when there are none."""
    return route.get("spec", {}).get("rules") or ()


def backends_of(rule: Mapping[str, Any]) -> Sequence[Ref]:
    """Empty when there are none."""
    return rule.get("backendRefs") or ()


def effective(ref: Ref) -> int:
    """A backend's weight; absent means 1."""
    return int(ref.get("weight", 1))


def identity(ref: Ref, route: Manifest) -> tuple[str, str, str, str]:
    """What a backend is, whatever its port, weight and filters: group, kind, namespace, name."""
    namespace = ref.get("namespace") or route["metadata"]["namespace"]
    return ref.get("group") or "", ref.get("kind") or "Service", namespace, ref["name"]


def is_service(ref: Ref, name: str, namespace: str, route: Manifest) -> bool:
    """Whether the backend is that Service."""
    return identity(ref, route) == ("", "Service", namespace, name)


def route_title(route: Manifest) -> str:
    """``HTTPRoute shop/public``."""
    meta = route["metadata"]
    return f"{route['kind']} {meta['namespace']}/{meta['name']}"


def rule_title(index: int, rule: Mapping[str, Any]) -> str:
    """``rule "web"``, or ``rule 1`` where it has no name."""
    return f'rule "{rule["name"]}"' if rule.get("name") else f"rule {index}"


def _by_index(route: Manifest, config: GatewayAPIConfig, index: int) -> int:
    rules = rules_of(route)
    if index >= len(rules):
        raise SpecError(f"no rule {index}; {_what_there_is(route)}", path=_field(config))
    found = rules[index].get("matches")
    if config.matches is not None and _normal(config.matches) != _normal(found):
        raise SpecError(
            f"rule {index} of {route_title(route)} has other matches: {found}; "
            "correct ruleIndex, or set matches to these",
            path=f"{CONFIG}.matches",
        )
    return index


def _index_or_none(route: Manifest, config: GatewayAPIConfig) -> int | None:
    try:
        return locate(route, config)
    except SpecError:
        return None


def _what_there_is(route: Manifest) -> str:
    rules = rules_of(route)
    if not rules:
        return f"{route_title(route)} has no rules: give it one with the Service as backend"
    listed = ", ".join(
        f"{index} {rule['name']!r}" if rule.get("name") else f"{index} (no name)" for index, rule in enumerate(rules)
    )
    remedy = (
        "set config.rule to a name"
        if any(rule.get("name") for rule in rules)
        else "set config.ruleIndex and config.matches"
    )
    return f"{route_title(route)} has the rules {listed}: {remedy}"


def _unclear_stable(place: Place, split: Split, times: int) -> SpecError:
    if times:
        text = f"{times} times a backend of {place.title}; make it one backend, so that its share is one number"
    else:
        names = ", ".join(repr(ref["name"]) for ref in place.refs) or "none"
        text = f"not a backend of {place.title} (there: {names}); add it there, or correct spec.service or the rule"
    return SpecError(f"Service {split.namespace}/{split.stable} is {text}", path=f"{CONFIG}.route")


def _field(config: GatewayAPIConfig) -> str:
    return f"{CONFIG}.ruleIndex" if config.rule_index is not None else f"{CONFIG}.rule"


def _normal(matches: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Matches with the API's defaults written out, so that a person may leave them out."""
    return [_normal_match(match) for match in matches or ({},)]


def _normal_match(match: Mapping[str, Any]) -> dict[str, Any]:
    normal = {
        key: [{"type": "Exact", **item} for item in match[key]] for key in ("headers", "queryParams") if match.get(key)
    }
    method = match.get("method")
    if isinstance(method, Mapping):  # a GRPCRoute; there is no default for the whole
        return {**match, **normal, "method": {"type": "Exact", **method}}
    path = {"type": "PathPrefix", "value": "/", **match.get("path", {})}
    return {**match, **normal, "path": path}
