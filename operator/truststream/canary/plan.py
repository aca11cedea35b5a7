"""The plan of a release: which weights, how many pods each needs, and what a replica count can express."""

from __future__ import annotations

import math

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.canary.observation import Observation

FULL = 100.0


def pods_for(weight: float, stable: int) -> int:
    """Canary pods beside `stable` ones whose share is nearest to `weight` percent: fewer on a tie, at least 1 above 0.

    Stable pods are the user's and stay, so 100 percent is out of reach: it means as many as stable.

    Raises:
        ValueError: weight is outside of 0 to 100.
    """
    if not 0 <= weight <= FULL:
        raise ValueError(f"a weight is 0 to 100 percent, not {weight}")
    if weight == 0:
        return 0
    if weight == FULL or stable == 0:
        return max(1, stable)
    exact = stable * weight / (FULL - weight)
    candidates = {max(1, math.floor(exact)), max(1, math.ceil(exact))}
    return min(candidates, key=lambda pods: (abs(weight_of(pods, stable) - weight), pods))


def weight_of(canary: int, stable: int) -> float:
    """Percent of ready pods that are the canary's; 0 when there are none."""
    return FULL * canary / (canary + stable) if canary else 0.0


def weights(spec: CanaryDeploymentSpec, seen: Observation) -> tuple[float, ...]:
    """The weights below 100, in order; with replicas as the weight, what they cannot express is rounded and merged."""
    wanted = [w for w in (spec.initial_traffic, *spec.increments) if w < FULL]
    if not (seen.weight_by_replicas and seen.target):
        return tuple(wanted)
    rounded = [round(weight_of(pods_for(w, seen.target.desired), seen.target.desired), 2) for w in wanted]
    return tuple(dict.fromkeys(rounded))


def canary_pods(spec: CanaryDeploymentSpec, seen: Observation, weight: float) -> int:
    """Pods that the canary needs at a weight: its share of the target's replicas, all of them, or a fixed number."""
    stable = seen.target.desired if seen.target else 0
    if weight >= FULL:
        return max(1, stable)
    if isinstance(spec.canary_replicas, int):
        return spec.canary_replicas
    if spec.canary_replicas == "Full":
        return max(1, stable)
    return max(1, math.ceil(stable * weight / FULL))
