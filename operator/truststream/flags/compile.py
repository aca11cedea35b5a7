"""From an effective spec to a compiled flag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from truststream.api.featureflag import FeatureFlagSpec, Segment
from truststream.api.flagstatus import Delivery
from truststream.flags.conditions.base import Test
from truststream.flags.decide import Dealer, Rule, by_phase, compile_rules, dealer_of, first_of, rollout, target_of
from truststream.flags.digests import digest
from truststream.flags.effective import Phase, Timetable, timetable
from truststream.flags.evaluation import Reason
from truststream.flags.flagd import express
from truststream.flags.flagset import CompiledFlag, Decide, Step
from truststream.flags.prerequisites import decider, steps_of
from truststream.flags.segments import compile_segment

_NO_MATTER: Final[dict[str, Any]] = {
    **dict.fromkeys(("key", "description", "owner", "tags", "expires_at", "stale_after", "approval"), True),
    **dict.fromkeys(("environments", "record_exposures", "exposure_window"), True),
    "rules": {"__all__": {"description"}},
}
"""What no evaluation depends on; the environments are in the effective spec already."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a flag is compiled from: two that are equal make flags that evaluate alike."""

    namespace: str
    name: str
    key: str
    environment: str
    spec: FeatureFlagSpec  # effective
    segments: Mapping[str, Segment] = field(default_factory=dict)  # those that it uses
    prerequisites: Mapping[str, CompiledFlag] = field(default_factory=dict)  # those that are served


def compile_flag(recipe: Recipe, now: float) -> CompiledFlag:
    """The flag, ready to be evaluated; `now` is in epoch seconds.

    Raises:
        Unfit: the spec has problems; see `flags.problems`.
    """
    table, identity = timetable(recipe.spec), _identity(recipe)
    expressed = express(recipe.spec, recipe.key, recipe.segments, recipe.prerequisites)
    steps = steps_of(_step(recipe, table), [flag.steps for flag in recipe.prerequisites.values()])
    return CompiledFlag(
        namespace=recipe.namespace,
        name=recipe.name,
        key=recipe.key,
        type=recipe.spec.type,
        digest=identity,
        spec=recipe.spec,
        decide=decider(steps),
        static=is_static(recipe.spec, table, table.index(now)),
        delivery=Delivery.OFREP_ONLY if expressed.entry is None else Delivery.EVERYWHERE,
        undeliverable=tuple(expressed.reasons),
        flagd=expressed.entry,
        metadata=_metadata(recipe, identity),
        next_change=table.next_change(now),
        phase=table.index(now),
        steps=steps,
    )


def _identity(recipe: Recipe) -> str:
    described = {name: one.model_dump(exclude={"description"}, mode="json") for name, one in recipe.segments.items()}
    return digest(
        {
            "key": recipe.key,
            "spec": recipe.spec.model_dump(exclude=_NO_MATTER, mode="json"),
            "segments": described,
            "prerequisites": {key: flag.digest for key, flag in recipe.prerequisites.items()},
        }
    )


def _metadata(recipe: Recipe, identity: str) -> dict[str, str | bool | float]:
    found: dict[str, str | bool | float] = {"flagSetId": recipe.namespace, "version": identity[:16]}
    if recipe.environment:
        found["environment"] = recipe.environment
    if recipe.spec.owner:
        found["owner"] = recipe.spec.owner
    return found


def is_static(spec: FeatureFlagSpec, table: Timetable, phase: int) -> bool:
    """Whether it depends on neither context nor time, once this phase holds."""
    return phase == len(table.boundaries) and (not table.phases[phase].enabled or not _depends(spec))


def _depends(spec: FeatureFlagSpec) -> bool:
    """On the context; a rollout of the past does not count."""
    last = timetable(spec).phases[-1]
    rolls = last.rollout_percentage is not None and last.rollout_variant is not None
    return bool(rolls or spec.rules or spec.target_type or spec.target_id or spec.prerequisites)


def _step(recipe: Recipe, table: Timetable) -> Step:
    """The flag's own part. A prerequisite that is not served is never met."""
    spec, dealer = recipe.spec, dealer_of(recipe.key, recipe.spec)
    tests = {name: compile_segment(name, one, spec.bucketing.version) for name, one in recipe.segments.items()}
    rules, target = compile_rules(dealer, spec.rules, tests), target_of(spec)
    last = len(table.phases) - 1
    unmet = by_phase(table, [_default(dealer, phase, Reason.DEFAULT) for phase in table.phases])
    if any(one.flag not in recipe.prerequisites for one in spec.prerequisites):
        return Step(recipe.key, unmet, unmet)
    static = Reason.DEFAULT if _depends(spec) else Reason.STATIC
    reasons = [static if place == last else Reason.DEFAULT for place in range(last + 1)]
    phases = [_free(dealer, phase, rules, target, reason) for phase, reason in zip(table.phases, reasons, strict=True)]
    needs = tuple((one.flag, frozenset(one.variants)) for one in spec.prerequisites)
    return Step(recipe.key, by_phase(table, phases), unmet, needs)


def _default(dealer: Dealer, phase: Phase, reason: Reason) -> Decide:
    answer = dealer.answer(phase.default_variant, reason if phase.enabled else Reason.DISABLED)
    return first_of((), None, answer)


def _free(dealer: Dealer, phase: Phase, rules: list[Rule], target: Test | None, reason: Reason) -> Decide:
    if not phase.enabled:
        return _default(dealer, phase, reason)
    return first_of([*rules, *rollout(dealer, phase)], target, dealer.answer(phase.default_variant, reason))
