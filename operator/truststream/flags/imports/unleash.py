"""Unleash's features: what its clients are sent, or an export, whose strategies stand apart by environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from truststream.api.featureflag import ENVIRONMENT, TARGETING_KEY
from truststream.flags.imports.base import Effect, Harvest, Imported, Unsupported, check_key, finished
from truststream.flags.imports.boolean import Every, Expression, TooMany, alternatives, condition
from truststream.flags.imports.constraints import Constraints, field_of
from truststream.flags.imports.growthbook import percent_shares
from truststream.flags.imports.variants import free_name

ON, OFF, NONE = "on", "off", "disabled"
_STICKY: Final = {"default": TARGETING_KEY, "userId": TARGETING_KEY, "": TARGETING_KEY}
_PERCENT: Final = {
    "flexibleRollout": "rollout",
    "gradualRolloutUserId": "percentage",
    "gradualRolloutSessionId": "percentage",
}


def import_unleash(content: Any, *, namespace: str | None = None) -> Imported:
    """Features of either form.

    Raises:
        Unsupported: it is neither.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("features"), list):
        raise Unsupported("features", "Unleash's files have a list of `features`")
    harvest = Harvest()
    segments = {one.get("id"): one.get("constraints") or [] for one in content.get("segments") or ()}
    for index, feature in enumerate(content["features"]):
        key = harvest.report.flag = str(feature.get("name", ""))
        try:
            check_key(key)
            _Feature(harvest, content, feature, f"features[{index}]", segments).add()
        except Unsupported as error:
            harvest.report.omit(error.path or f"features[{index}]", error.reason)
        except TooMany:
            said = "its constraints have too many alternatives for rules"
            harvest.report.omit(f"features[{index}]", said)
    return finished(harvest, namespace)


@dataclass(frozen=True, slots=True)
class _Place:
    """A feature in one environment; the name is empty for what clients are sent."""

    name: str
    enabled: bool
    strategies: Sequence[Any]
    variants: Sequence[Any]
    path: str


@dataclass(slots=True)
class _Feature:
    """One feature on its way: a Boolean flag, and a second one where it has variants."""

    harvest: Harvest
    content: Mapping[str, Any]
    feature: Mapping[str, Any]
    path: str
    segments: Mapping[Any, Sequence[Any]]
    by: str = ""
    variants: dict[str, str] = field(default_factory=dict)

    def add(self) -> None:
        """Into the harvest, as a whole or not at all."""
        if self.feature.get("dependencies"):
            raise Unsupported(f"{self.path}.dependencies", "depends on other features")
        key, places = str(self.feature["name"]), list(self._places())
        spec: dict[str, Any] = {
            "type": "Boolean",
            "variants": {ON: True, OFF: False},
            "defaultVariant": OFF,
            **self._by_place(places, self._rules),
        }
        spec |= {"description": self.feature["description"]} if self.feature.get("description") else {}
        spec |= {"bucketing": {"by": self.by}} if self.by not in ("", TARGETING_KEY) else {}
        second = self._variant_flag(key, places)
        self.harvest.specs[key] = spec
        if second is not None:
            self.harvest.specs[f"{key}.variant"] = second

    def _places(self) -> Iterator[_Place]:
        own = self.feature.get("variants") or []
        if "strategies" in self.feature or "featureEnvironments" not in self.content:
            enabled = bool(self.feature.get("enabled", True))
            yield _Place("", enabled, self.feature.get("strategies") or [], own, f"{self.path}.strategies")
            return
        for one in self.content["featureEnvironments"]:
            if self.feature["name"] not in (one.get("featureName"), one.get("name")):
                continue
            name = str(one.get("environment")).lower().replace("_", "-")
            if not re.match(ENVIRONMENT, name):
                raise Unsupported(f"{self.path}.environments", f"{name!r} cannot be the name of an environment")
            strategies = [
                strategy
                for strategy in self.content.get("featureStrategies") or ()
                if strategy.get("featureName") == self.feature["name"]
                and strategy.get("environment") == one.get("environment")
            ]
            path = f"featureStrategies[{self.feature['name']}, {name}]"
            yield _Place(name, bool(one.get("enabled")), strategies, one.get("variants") or own, path)

    def _by_place(self, places: Sequence[_Place], rules: Any) -> dict[str, Any]:
        """Of one place as the flag's own; of environments as overrides of a flag that is off."""
        if len(places) == 1 and not places[0].name:
            return {"enabled": places[0].enabled, "rules": rules(places[0])}
        return {"environments": {one.name: {"enabled": one.enabled, "rules": rules(one)} for one in places}}

    def _rules(self, place: _Place) -> list[dict[str, Any]]:
        """Strategies are alternatives; without one the feature is on for all."""
        if not place.strategies:
            return [{"name": "everybody", "conditions": [], "variant": ON}]
        found: list[dict[str, Any]] = []
        for index, strategy in enumerate(place.strategies):
            if strategy.get("disabled"):
                continue
            path = f"{place.path}[{index}]"
            lists, percent = self._strategy(strategy, path)
            for conditions in lists:
                rule = {"name": f"rule-{len(found) + 1}", "conditions": conditions, "variant": ON}
                found.append(rule | ({"rolloutPercentage": percent} if percent < 100 else {}))
            if strategy.get("variants"):
                said = "variants of a strategy are not carried over; those of the feature are"
                self._tell(f"{path}.variants", Effect.CHANGED, said)
        return found

    def _strategy(self, strategy: Mapping[str, Any], path: str) -> tuple[list[Any], float]:
        name = str(strategy.get("name") or strategy.get("strategyName"))
        parameters = strategy.get("parameters") or {}
        constraints = Constraints(self.harvest.report, self.segments)
        tests = [
            constraints.every(strategy.get("constraints"), f"{path}.constraints"),
            constraints.in_segments(strategy.get("segments"), f"{path}.segments"),
        ]
        percent = 100.0
        if name in _PERCENT:
            percent = self._dealt(name, parameters, path)
        elif name == "userWithId":
            tests.append(_listed(TARGETING_KEY, "In", parameters.get("userIds"), path))
        elif name == "remoteAddress":
            tests.append(_listed("remoteAddress", "Cidr", parameters.get("IPs"), path))
        elif name != "default":
            raise Unsupported(path, f"the strategy {name} is nothing that a FeatureFlag has")
        return alternatives(Every(tuple(tests)), self.harvest.segment_for), percent

    def _dealt(self, name: str, parameters: Mapping[str, Any], path: str) -> float:
        sticky = "sessionId" if name == "gradualRolloutSessionId" else str(parameters.get("stickiness") or "default")
        if sticky == "random":
            raise Unsupported(f"{path}.parameters.stickiness", "deals anew at random each time; flags here never do")
        try:
            percent = float(parameters.get(_PERCENT[name], 100))
        except (TypeError, ValueError):
            raise Unsupported(f"{path}.parameters", "its share is no number") from None
        if percent >= 100 and sticky == "default":
            return 100.0
        by = _STICKY.get(sticky) or field_of(sticky, path)
        if self.by and by != self.by:
            self._tell(path, Effect.CHANGED, f"a FeatureFlag deals by one field: {self.by}")
        self.by = self.by or by
        self._tell(path, Effect.REDEALT, "Unleash hashes in its own way: the shares stay, their members do not")
        if sticky == "default":
            said = "who has no user id is dealt by session there, or at random; here by nothing: they are out"
            self._tell(path, Effect.CHANGED, said)
        return percent

    def _variant_flag(self, key: str, places: Sequence[_Place]) -> dict[str, Any] | None:
        dealt = [place for place in places if place.variants]
        if not dealt:
            return None
        rules = self._by_place(places, self._variant_rules)
        values = {NONE: "", **self.variants}
        said = f"its variants are the flag {key}.variant, a text: the payload, or the variant's name where it has none"
        self._tell(f"{self.path}.variants", Effect.NOTE, said)
        self._tell(f"{self.path}.variants", Effect.REDEALT, "variants are dealt anew: shares stay, members do not")
        spec: dict[str, Any] = {"type": "String", "variants": values, "defaultVariant": NONE}
        spec |= {"prerequisites": [{"flag": key, "variants": [ON]}], **rules}
        return spec | ({"bucketing": {"by": self.by}} if self.by not in ("", TARGETING_KEY) else {})

    def _variant_rules(self, place: _Place) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for one in place.variants:
            name, path = self._variant(one, place.path), f"{self.path}.variants[{one.get('name')}]"
            for override in one.get("overrides") or ():
                test = _listed(field_of(str(override.get("contextName")), path), "In", override.get("values"), path)
                for conditions in alternatives(test, self.harvest.segment_for):
                    found.append({"name": f"override-{len(found) + 1}", "conditions": conditions, "variant": name})
        if place.variants:
            shares = percent_shares([float(one.get("weight", 0)) for one in place.variants], f"{self.path}.variants")
            names = [self._variant(one, place.path) for one in place.variants]
            parts = [{"variant": name, "weight": share} for name, share in zip(names, shares, strict=True)]
            found.append({"name": "variants", "conditions": [], "distribution": parts})
        return found

    def _variant(self, one: Mapping[str, Any], path: str) -> str:
        payload = one.get("payload") or {}
        value = str(payload.get("value", one.get("name", "")))
        for name, known in self.variants.items():
            if name == free_name(str(one.get("name", "")), [NONE]) and known == value:
                return name
        name = free_name(str(one.get("name", "")), [NONE, *self.variants])
        if name != one.get("name"):
            self._tell(path, Effect.CHANGED, f"the variant {one.get('name')!r} is called {name}")
        self.variants[name] = value
        return name

    def _tell(self, path: str, effect: Effect, reason: str) -> None:
        self.harvest.report.add(path, effect, reason)


def _listed(name: str, operator: str, values: Any, path: str) -> Expression:
    """Of a list, or of a text with commas between."""
    texts = values if isinstance(values, list) else str(values or "").split(",")
    found = [str(one).strip() for one in texts if str(one).strip()]
    if not found:
        raise Unsupported(path, f"the list for {name} is empty: {json.dumps(values)}")
    return condition(name, operator, found)
