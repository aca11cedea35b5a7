"""GrowthBook's features: the answer of its API (a list), or what its SDKs are sent (an object by key)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from truststream.api.featureflag import ENVIRONMENT, TARGETING_KEY
from truststream.flags.imports.base import Effect, Harvest, Imported, Unsupported, check_key, finished
from truststream.flags.imports.boolean import ALWAYS, Every, Expression, TooMany, alternatives
from truststream.flags.imports.mongo import Query
from truststream.flags.imports.variants import free_name, kind_of, type_of

_TYPES: Final = {"boolean": "Boolean", "string": "String", "number": "Number", "json": "Object"}
_REFUSED: Final = {
    "parentConditions": "asks for the value of another feature",
    "prerequisites": "asks for the value of another feature",
    "savedGroups": "asks for a saved group, which the file does not hold",
    "savedGroupTargeting": "asks for a saved group, which the file does not hold",
    "filters": "deals by filters, which a FeatureFlag does not have",
    "ranges": "deals by ranges, which a FeatureFlag does not have",
}
_FULL: Final = 100_000


def import_growthbook(content: Any, *, namespace: str | None = None) -> Imported:
    """Features of either form.

    Raises:
        Unsupported: it is neither.
    """
    features = content.get("features") if isinstance(content, Mapping) else None
    harvest = Harvest()
    for key, feature, path in _entries(features):
        harvest.report.flag = key
        try:
            check_key(key)
            harvest.specs[key] = _Feature(harvest, feature, path).spec()
        except Unsupported as error:
            harvest.report.omit(error.path or path, error.reason)
        except TooMany:
            harvest.report.omit(path, "its conditions have too many alternatives for rules")
    return finished(harvest, namespace)


def _entries(features: Any) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    if isinstance(features, Mapping):
        for key, feature in features.items():
            yield key, feature, f"features.{key}"
    elif isinstance(features, list):
        for index, feature in enumerate(features):
            yield str(feature.get("id", "")), feature, f"features[{index}]"
    else:
        raise Unsupported("features", "GrowthBook's files have `features`, an object or a list")


@dataclass(slots=True)
class _Feature:
    """One feature on its way."""

    harvest: Harvest
    feature: Mapping[str, Any]
    path: str
    kind: str = ""
    variants: dict[str, Any] = field(default_factory=dict)
    by: str = ""

    def spec(self) -> dict[str, Any]:
        """As a FeatureFlag has it."""
        for name in sorted(_REFUSED.keys() & self.feature.keys()):
            if self.feature[name]:
                raise Unsupported(f"{self.path}.{name}", _REFUSED[name])
        self.kind = _TYPES.get(str(self.feature.get("valueType")), "")
        default = self._variant(self.feature.get("defaultValue"), f"{self.path}.defaultValue", "default")
        rules = self._rules(self.feature.get("rules") or [], f"{self.path}.rules")
        environments = dict(self._environments())
        spec: dict[str, Any] = {
            "type": self.kind or type_of(self.variants.values(), self.path),
            "variants": self.variants,
            "defaultVariant": default,
            "rules": rules,
        }
        spec |= {"description": self.feature["description"]} if self.feature.get("description") else {}
        spec |= {"owner": self.feature["owner"]} if self.feature.get("owner") else {}
        spec |= {"environments": environments} if environments else {}
        return spec | ({"bucketing": {"by": self.by}} if self.by and self.by != TARGETING_KEY else {})

    def _environments(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, one in (self.feature.get("environments") or {}).items():
            path = f"{self.path}.environments.{name}"
            found = name.lower().replace("_", "-")
            if found != name:
                self._tell(path, Effect.NOTE, f"the environment is called {found}")
            if not re.match(ENVIRONMENT, found):
                raise Unsupported(path, f"{name!r} cannot be the name of an environment")
            override: dict[str, Any] = {"rules": self._rules(one.get("rules") or [], f"{path}.rules")}
            if one.get("enabled") is False:
                said = "a feature that is off leaves the value to the application there; here it gives the default"
                self._tell(path, Effect.CHANGED, said)
                override["enabled"] = False
            yield found, override

    def _rules(self, rules: Sequence[Any], path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for index, rule in enumerate(rules):
            if rule.get("enabled") is not False:
                found += self._rule(rule, f"{path}[{index}]", len(found))
        return found

    def _rule(self, rule: Mapping[str, Any], path: str, number: int) -> list[dict[str, Any]]:
        for name in sorted(_REFUSED.keys() & rule.keys()):
            if rule[name]:
                raise Unsupported(f"{path}.{name}", _REFUSED[name])
        lists = alternatives(self._condition(rule.get("condition"), f"{path}.condition"), self.harvest.segment_for)
        given = self._given(rule, path)
        return [
            {"name": f"rule-{number + place + 1}", "conditions": conditions, **given}
            for place, conditions in enumerate(lists)
        ]

    def _condition(self, condition: Any, path: str) -> Expression:
        if isinstance(condition, str):
            try:
                condition = json.loads(condition) if condition.strip() else {}
            except ValueError as error:
                raise Unsupported(path, f"is no JSON: {error}") from error
        if not condition:
            return ALWAYS
        return Every((Query(self.harvest.report, self._field).read(condition, path),))

    def _field(self, attribute: str) -> str:
        if attribute != "id":
            return attribute
        self._tell(self.path, Effect.NOTE, "the attribute id is the targeting key here")
        return TARGETING_KEY

    def _given(self, rule: Mapping[str, Any], path: str) -> dict[str, Any]:
        if "variations" in rule or rule.get("type") in ("experiment", "experiment-ref"):
            return self._experiment(rule, path)
        name = "force" if "force" in rule else "value"
        if name not in rule:
            raise Unsupported(path, "neither forces a value nor deals variations")
        given: dict[str, Any] = {"variant": self._variant(rule[name], f"{path}.{name}")}
        coverage = rule.get("coverage", 1)
        if coverage < 1:
            given["rolloutPercentage"] = self._dealt(rule, coverage, path)
        return given

    def _experiment(self, rule: Mapping[str, Any], path: str) -> dict[str, Any]:
        values = rule.get("variations") or rule.get("value")
        if not isinstance(values, list) or not values:
            raise Unsupported(path, "the experiment's variations are not in the file")
        weights = rule.get("weights") or [
            one.get("weight", 1 / len(values)) if isinstance(one, Mapping) else 1 / len(values) for one in values
        ]
        if isinstance(values[0], Mapping) and "value" in values[0] and "variations" not in rule:
            values = [one["value"] for one in values]
        namespace = rule.get("namespace")
        if namespace and (not isinstance(namespace, Mapping) or namespace.get("enabled", True)):
            self._tell(f"{path}.namespace", Effect.CHANGED, "experiments do not exclude each other here")
        percent = self._dealt(rule, rule.get("coverage", 1), path)
        names = [self._variant(value, f"{path}.variations[{index}]") for index, value in enumerate(values)]
        parts = zip(names, percent_shares(weights, f"{path}.weights"), strict=True)
        given: dict[str, Any] = {"distribution": [{"variant": name, "weight": share} for name, share in parts]}
        return given | ({"rolloutPercentage": percent} if percent < 100 else {})

    def _dealt(self, rule: Mapping[str, Any], coverage: float, path: str) -> float:
        by = self._field(str(rule.get("hashAttribute") or "id"))
        if self.by and by != self.by:
            self._tell(f"{path}.hashAttribute", Effect.CHANGED, f"a FeatureFlag deals by one field: {self.by}")
        self.by = self.by or by
        self._tell(path, Effect.REDEALT, "GrowthBook hashes in its own way: the shares stay, their members do not")
        return round(max(0.0, coverage) * 100, 3)

    def _variant(self, value: Any, path: str, wanted: str = "") -> str:
        parsed = self._parsed(value, path)
        for name, known in self.variants.items():
            if known == parsed and isinstance(known, bool) is isinstance(parsed, bool):
                return name
        if kind_of(parsed) == "" or (self.variants and kind_of(parsed) != kind_of(next(iter(self.variants.values())))):
            raise Unsupported(path, f"{json.dumps(parsed)} is of another type than the other values")
        if isinstance(parsed, bool):
            wanted = "on" if parsed else "off"
        name = free_name(wanted or (parsed if isinstance(parsed, str) and parsed else "value"), self.variants)
        self.variants[name] = parsed
        return name

    def _parsed(self, value: Any, path: str) -> Any:
        """The API writes all values as texts."""
        if self.kind in ("", "String") or not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise Unsupported(path, f"is no {self.kind.lower()}: {error}") from error

    def _tell(self, path: str, effect: Effect, reason: str) -> None:
        self.harvest.report.add(path, effect, reason)


def percent_shares(weights: Sequence[float], path: str) -> list[float]:
    """Percent to a thousandth, 100 in sum."""
    total = sum(weights)
    if not weights or total <= 0 or min(weights) < 0:
        raise Unsupported(path, "the weights sum to nothing")
    ends, so_far = [0], 0.0
    for weight in weights:
        so_far += weight
        ends.append(round(_FULL * so_far / total))
    return [(after - before) / 1000 for before, after in pairwise(ends)]
