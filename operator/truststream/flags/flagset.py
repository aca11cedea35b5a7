"""The flags of one namespace in one environment, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from truststream.api.featureflag import FeatureFlagSpec, FlagType
from truststream.api.flagstatus import Delivery
from truststream.flags.evaluation import Context, ErrorCode, Evaluation, Reason
from truststream.flags.source import FlagProblem

Decide = Callable[[Context, float], Evaluation]
"""Of a context and the time (seconds since the epoch); never raises."""


@dataclass(frozen=True, slots=True)
class Step:
    """One flag of an evaluation: `free` decides when all `needs` (variants by flag) are met, `unmet` when not."""

    key: str
    free: Decide
    unmet: Decide
    needs: tuple[tuple[str, frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledFlag:
    """One flag, compiled once per generation."""

    namespace: str
    name: str  # of the resource
    key: str
    type: FlagType
    digest: str  # of all that its evaluation depends on: spec, environment, overlay, segments, prerequisites
    spec: FeatureFlagSpec  # the effective one: environment and overlay applied, schedule not
    decide: Decide
    static: bool  # depends on neither context nor time
    delivery: Delivery = Delivery.EVERYWHERE
    undeliverable: tuple[str, ...] = ()  # why flagd cannot express it
    flagd: Mapping[str, Any] | None = None  # its entry in flagd's JSON; None where it cannot be expressed
    metadata: Mapping[str, str | bool | float] = field(default_factory=dict)  # for OpenFeature
    next_change: float | None = None  # when its schedule changes it next, as of the time of building
    phase: int = 0  # how often its schedule has changed it, as of the time of building
    steps: tuple[Step, ...] = ()  # how it and all that it needs are evaluated, itself last


@dataclass(frozen=True, slots=True)
class FlagSet:
    """Immutable; a change makes another one that shares what did not change.

    `version` is a digest over everything that evaluations here depend on besides context and time. `problems` are those
    of resources, by resource name: with one the last served spec is in `flags`, or nothing is. `warnings` hinder
    nothing. `memory` belongs to `build`: what it need not do again.
    """

    namespace: str
    environment: str
    version: str
    flags: Mapping[str, CompiledFlag]  # by key, sorted
    problems: Mapping[str, Sequence[FlagProblem]] = field(default_factory=dict)
    next_change: float | None = None
    warnings: Mapping[str, Sequence[FlagProblem]] = field(default_factory=dict)
    memory: Any = field(default=None, repr=False, compare=False)

    def evaluate(self, key: str, context: Context, now: float) -> Evaluation:
        """One flag; an unknown key is an error value."""
        flag = self.flags.get(key)
        return flag.decide(context, now) if flag else not_found(key, self.namespace)

    def evaluate_all(self, context: Context, now: float) -> list[Evaluation]:
        """All flags, by key."""
        return [flag.decide(context, now) for flag in self.flags.values()]


def not_found(key: str, namespace: str) -> Evaluation:
    """The answer for a key that nothing in the namespace has."""
    return Evaluation(
        key,
        None,
        "",
        Reason.ERROR,
        error=ErrorCode.FLAG_NOT_FOUND,
        message=f"no FeatureFlag in namespace {namespace} has the key {key!r}",
    )
