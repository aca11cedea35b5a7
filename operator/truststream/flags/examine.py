"""What one spec says and what is wrong with it by itself, before it meets segments and other flags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.featureflag import FeatureFlagSpec, FlagCondition, FlagRule
from truststream.api.flagrules import examine_flag
from truststream.flags.conditions.base import Included, Surroundings, Unfit
from truststream.flags.conditions.operators import OF_SEGMENTS, compile_condition
from truststream.flags.effective import lineage, overrides
from truststream.flags.evaluation import Context
from truststream.flags.source import FlagProblem

MOST_CONDITIONS: Final = 10_000
MOST_BYTES: Final = 1 << 19
"""The object holds its last served spec too, and etcd takes 1.5 MiB in all."""

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
    unsayable = _size(raw)
    if unsayable is not None:
        return Examined(raw, None, (unsayable,))
    spec, problems = examine_flag({"metadata": {"name": key}, "spec": raw})
    found = [FlagProblem(problem.path, problem.message) for problem in problems]
    if spec is None:
        return Examined(raw, None, tuple(found))
    known = {problem.path for problem in found}
    found += [problem for problem in _more(spec) if problem.path not in known]
    return Examined(raw, spec, tuple(found), tuple(_segments(spec)))


def _size(raw: Mapping[str, Any]) -> FlagProblem | None:
    try:
        size = len(json.dumps(raw, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (TypeError, ValueError, RecursionError):
        return FlagProblem("spec", "must be what JSON can say: quote dates, leave out .nan and .inf, nest less deeply")
    if size > MOST_BYTES:
        return FlagProblem("spec", "is larger than 512 KiB; move long lists into segments")
    return None


def _more(spec: FeatureFlagSpec) -> Problems:
    """What the rules of the API leave to those who compile."""
    count = sum(1 for _ in conditions_of(spec))
    if count > MOST_CONDITIONS:
        yield FlagProblem(
            "spec.rules", f"there are {count} conditions in all, more than {MOST_CONDITIONS}; use segments"
        )
    for path, condition in conditions_of(spec):
        yield from _condition(condition, path)
    for name in spec.environments:
        yield from _environment(spec, name, f"spec.environments.{name}")


def _environment(spec: FeatureFlagSpec, name: str, path: str) -> Problems:
    """Circles, and percentages that have a variant in no ancestor either."""
    if [*lineage(spec.environments, name)][-1].inherits in spec.environments:
        yield FlagProblem(f"{path}.inherits", "environments inherit from each other in a circle", "EnvironmentCycle")
    share = overrides(spec, name)
    if spec.rollout_variant is None and "rollout_percentage" in share and "rollout_variant" not in share:
        yield FlagProblem(f"{path}.rolloutVariant", "is missing; rolloutPercentage says how many get it")


def _condition(condition: FlagCondition, path: str) -> Problems:
    """Expressions, versions, networks, times and zones are only known to be some once they are compiled."""
    try:
        compile_condition(condition, Surroundings(_nobody, dict.fromkeys(_names(condition), _never)))
    except Unfit as error:
        yield FlagProblem(f"{path}.{error.part}", str(error), error.reason)


def _nobody(_percent: float, _path: str | None) -> Included:
    return lambda _context: False


def _never(_context: Context, _now: float) -> bool:
    return False


def rules_of(spec: FeatureFlagSpec) -> Iterator[tuple[str, Sequence[FlagRule]]]:
    """The lists of rules, those of environments too, with their paths."""
    yield "spec.rules", spec.rules
    for name, environment in spec.environments.items():
        yield f"spec.environments.{name}.rules", environment.rules or ()


def conditions_of(spec: FeatureFlagSpec) -> Iterator[tuple[str, FlagCondition]]:
    """All conditions with their paths."""
    for path, rules in rules_of(spec):
        for place, rule in enumerate(rules):
            for index, condition in enumerate(rule.conditions):
                yield f"{path}[{place}].conditions[{index}]", condition


def _segments(spec: FeatureFlagSpec) -> Iterator[tuple[str, str]]:
    """Path and name of every segment that a condition names."""
    for path, condition in conditions_of(spec):
        if condition.operator in OF_SEGMENTS:
            yield from ((f"{path}.value", name) for name in _names(condition))


def _names(condition: FlagCondition) -> list[str]:
    listed = condition.value if isinstance(condition.value, list) else [condition.value]
    return [name for name in listed if isinstance(name, str)]
