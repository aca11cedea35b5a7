"""The spec as it is played: what a person would have to do is done at once, and no object of a cluster is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, TargetKind, TargetRef
from truststream.canary import plan
from truststream.errors import SpecError

_PAIR: Final = TargetRef(kind=TargetKind.SERVICES, stable="stable", canary="canary", revision="new")
_FOREVER: Final = 1e9


def planned(spec: CanaryDeploymentSpec, weights: Sequence[float] | None = None) -> CanaryDeploymentSpec:
    """The release by its plan, or by other weights below 100.

    Gates open at once, nothing is paused, a bad verdict rolls back and a proven release is promoted. A pair of
    Services stands for the target: it has no pods that would have to start.

    Raises:
        SpecError: no weight below 100 is left.
    """
    chosen = [spec.initial_traffic, *spec.increments] if weights is None else list(weights)
    below = [weight for weight in chosen if 0 < weight < plan.FULL]
    if not below or below != sorted(set(below)):
        raise SpecError(f"needs weights that rise, above 0 and below 100, not {chosen}", path="spec.increments")
    return _unattended(spec).model_copy(update={"initial_traffic": below[0], "increments": [*below[1:], plan.FULL]})


def held(spec: CanaryDeploymentSpec, weight: float) -> CanaryDeploymentSpec:
    """The release at weights that somebody else sets: none is raised, and a proof ends nothing."""
    fixed = {"initial_traffic": weight, "increments": [plan.FULL], "automatic_promotion": False}
    return _unattended(spec).model_copy(update=fixed)


def watched(spec: CanaryDeploymentSpec, weight: float) -> CanaryDeploymentSpec:
    """As `held`, without a deadline: what an A/A shows, it shows in its whole time."""
    criteria = spec.rollback_criteria.model_copy(update={"automatic": True, "deadline": _FOREVER})
    return held(spec, weight).model_copy(update={"rollback_criteria": criteria})


def by_pods(weights: Sequence[float], stable: int) -> tuple[float, ...]:
    """The weights that a canary's pods beside `stable` ones can express, in order and merged."""
    rounded = (round(plan.weight_of(plan.pods_for(weight, stable), stable), 2) for weight in weights)
    return tuple(dict.fromkeys(rounded))


def _unattended(spec: CanaryDeploymentSpec) -> CanaryDeploymentSpec:
    return spec.model_copy(
        update={
            "target_ref": _PAIR,
            "service": None,
            "automatic_promotion": True,
            "gates": [],
            "paused": False,
            "rollback_criteria": spec.rollback_criteria.model_copy(update={"automatic": True}),
        }
    )
