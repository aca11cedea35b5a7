"""What one spec says and what is wrong with it by itself, before it meets segments and other flags."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.featureflag import (
    FeatureFlagSpec,
    FlagOverrides,
    FlagRule,
    FlagType,
    ScheduledChange,
)
from truststream.flags.bucketing import FULL, thousandths
from truststream.flags.conditions.base import Surroundings, Unfit
from truststream.flags.conditions.operators import OF_SEGMENTS, compile_condition
from truststream.flags.effective import lineage, overrides
from truststream.flags.moments import moment
from truststream.flags.parsing import parse
from truststream.flags.source import FlagProblem

MOST_CONDITIONS: Final = 10_000
MOST_BYTES: Final = 1 << 20
EXACT: Final = 2**53 - 1
"""Larger integers are not the same number in every language."""

Problems = Iterator[FlagProblem]


@dataclass(frozen=True, slots=True)
class Examined:
    """A raw spec, the spec if it can be read, what is wrong with it, and the segments it names with their paths."""

    raw: Mapping[str, Any]
    spec: FeatureFlagSpec | None
    problems: tuple[FlagProblem, ...] = ()
    segments: tuple[tuple[str, str], ...] = ()

    @property
    def fine(self) -> bool:
        """Whether it can be carried out as far as it alone is concerned."""
        return self.spec is not None and not self.problems


def examine(raw: Mapping[str, Any], key: str) -> Examined:
    """Everything that is wrong with a raw spec of the flag `key` by itself; never raises."""
    spec, problems = parse(raw)
    if spec is None:
        return Examined(raw, None, tuple(problems))
    found = {str(problem): problem for problem in (*problems, *_size(raw, spec), *_own(spec, key))}
    return Examined(raw, spec, tuple(found.values()), tuple(_segments(spec)))


def _own(spec: FeatureFlagSpec, key: str) -> Problems:
    yield from _variants(spec)
    for path, rules in _rule_lists(spec):
        yield from _rules(spec, rules, path)
    yield from _overrides(spec, spec, "spec")
    for name, environment in spec.environments.items():
        yield from _environment(spec, name, f"spec.environments.{name}")
        yield from _overrides(spec, environment, f"spec.environments.{name}")
    for index, entry in enumerate(spec.schedule):
        yield from _entry(spec, entry, f"spec.schedule[{index}]")
    for index, prerequisite in enumerate(spec.prerequisites):
        if prerequisite.flag == key:
            yield FlagProblem(f"spec.prerequisites[{index}].flag", "a flag cannot need itself", "PrerequisiteCycle")
    if spec.expires_at is not None and moment(spec.expires_at) is None:
        yield FlagProblem("spec.expiresAt", "must be a moment like 2026-12-01T09:00:00Z")


def _variants(spec: FeatureFlagSpec) -> Problems:
    for name, value in spec.variants.items():
        if said := _value(spec.type, value):
            yield FlagProblem(f"spec.variants.{name}", said)


def _size(raw: Mapping[str, Any], spec: FeatureFlagSpec) -> Problems:
    if len(json.dumps(raw, ensure_ascii=False).encode()) > MOST_BYTES:
        yield FlagProblem("spec", "is larger than 1 MiB; move long lists into segments")
    if (count := sum(len(rule.conditions) for _, rules in _rule_lists(spec) for rule in rules)) > MOST_CONDITIONS:
        yield FlagProblem(
            "spec.rules", f"there are {count} conditions in all, more than {MOST_CONDITIONS}; use segments"
        )


def _rule_lists(spec: FeatureFlagSpec) -> Iterator[tuple[str, Sequence[FlagRule]]]:
    yield "spec.rules", spec.rules
    for name, environment in spec.environments.items():
        yield f"spec.environments.{name}.rules", environment.rules or ()


def _value(kind: FlagType, value: Any) -> str:
    """What is wrong with a variant's value; empty when nothing is."""
    match kind:
        case FlagType.BOOLEAN:
            return "" if isinstance(value, bool) else "must be true or false, for type is Boolean"
        case FlagType.STRING:
            return "" if isinstance(value, str) else "must be a text, for type is String; quote it"
        case FlagType.OBJECT:
            return "" if isinstance(value, dict) else "must be an object, for type is Object"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "must be a number, for type is Number"
    exact = isinstance(value, float) or abs(value) <= EXACT
    return "" if exact else f"is an integer beyond {EXACT}, which is not exact in every language; make it a String"


def _unknown(spec: FeatureFlagSpec, variant: str | None, path: str) -> Problems:
    if variant is not None and variant not in spec.variants:
        yield FlagProblem(path, f"{variant!r} is none of variants: {', '.join(spec.variants)}", "UnknownVariant")


def _overrides(spec: FeatureFlagSpec, part: FeatureFlagSpec | FlagOverrides, path: str) -> Problems:
    yield from _unknown(spec, part.default_variant, f"{path}.defaultVariant")
    yield from _unknown(spec, part.rollout_variant, f"{path}.rolloutVariant")
    if part is spec and spec.rollout_percentage is not None and spec.rollout_variant is None:
        yield FlagProblem(f"{path}.rolloutVariant", "is missing; rolloutPercentage says how many get it")


def _environment(spec: FeatureFlagSpec, name: str, path: str) -> Problems:
    inherits = spec.environments[name].inherits
    if inherits is not None and inherits not in spec.environments:
        known = ", ".join(spec.environments)
        yield FlagProblem(f"{path}.inherits", f"{inherits!r} is none of environments: {known}", "UnknownEnvironment")
    elif [*lineage(spec.environments, name)][-1].inherits is not None and _circular(spec, name):
        yield FlagProblem(f"{path}.inherits", "environments inherit from each other in a circle", "EnvironmentCycle")
    share = overrides(spec, name)
    if spec.rollout_variant is None and "rollout_percentage" in share and "rollout_variant" not in share:
        yield FlagProblem(f"{path}.rolloutVariant", "is missing; rolloutPercentage says how many get it")


def _circular(spec: FeatureFlagSpec, name: str) -> bool:
    """Whether the chain comes back to something in it."""
    last = [*lineage(spec.environments, name)][-1].inherits
    return last in spec.environments


def _entry(spec: FeatureFlagSpec, entry: ScheduledChange, path: str) -> Problems:
    begin, end = moment(entry.at), moment(entry.until)
    if begin is None:
        yield FlagProblem(f"{path}.at", "must be a moment like 2026-12-01T09:00:00Z")
    if entry.until is not None and end is None:
        yield FlagProblem(f"{path}.until", "must be a moment like 2026-12-01T09:00:00Z")
    if begin is not None and end is not None and end <= begin:
        yield FlagProblem(f"{path}.until", "must be after at")
    yield from _unknown(spec, entry.default_variant, f"{path}.defaultVariant")
    yield from _unknown(spec, entry.rollout_variant, f"{path}.rolloutVariant")
    if entry.rollout_percentage is not None and entry.rollout_variant is None and spec.rollout_variant is None:
        yield FlagProblem(f"{path}.rolloutVariant", "is missing, here and in the spec; rolloutPercentage needs it")


def _rules(spec: FeatureFlagSpec, rules: Sequence[FlagRule], path: str) -> Problems:
    names = Counter(rule.name for rule in rules)
    for index, rule in enumerate(rules):
        where = f"{path}[{index}]"
        if names[rule.name] > 1:
            yield FlagProblem(f"{where}.name", f"{rule.name!r} is the name of several rules; give each its own")
        yield from _outcome(spec, rule, where)
        yield from _conditions(rule, where)


def _outcome(spec: FeatureFlagSpec, rule: FlagRule, path: str) -> Problems:
    if (rule.variant is None) is (rule.distribution is None):
        yield FlagProblem(path, "needs either a variant or a distribution")
    yield from _unknown(spec, rule.variant, f"{path}.variant")
    shares = rule.distribution or ()
    for index, share in enumerate(shares):
        yield from _unknown(spec, share.variant, f"{path}.distribution[{index}].variant")
    total = sum(thousandths(share.weight) for share in shares)
    if shares and total != FULL:
        yield FlagProblem(f"{path}.distribution", f"the weights sum to {total / 1000:g}, not to 100")


def _conditions(rule: FlagRule, path: str) -> Problems:
    for index, condition in enumerate(rule.conditions):
        named = condition.value if isinstance(condition.value, list) else [condition.value]
        known = {name: _never for name in named if isinstance(name, str)}
        try:
            compile_condition(condition, Surroundings(_no_share, known))
        except Unfit as error:
            yield FlagProblem(f"{path}.conditions[{index}].{error.part}", str(error), error.reason)


def _never(_context: Mapping[str, Any], _now: float) -> bool:
    return False


def _no_share(_percent: float, _path: str | None) -> Any:
    return lambda _context: False


def _segments(spec: FeatureFlagSpec) -> Iterator[tuple[str, str]]:
    """Path and name of every segment that a rule names."""
    for path, rules in _rule_lists(spec):
        for place, rule in enumerate(rules):
            for index, condition in enumerate(rule.conditions):
                if condition.operator in OF_SEGMENTS:
                    named = condition.value if isinstance(condition.value, list) else [condition.value]
                    where = f"{path}[{place}].conditions[{index}].value"
                    yield from ((where, name) for name in named if isinstance(name, str))
