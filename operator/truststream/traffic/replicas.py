"""No mesh: stable and canary pods stand behind one Service, and the ratio of ready pods is the weight.

Nothing of the user's is touched: only the canary Deployment, which is ours, is scaled. What a number of pods cannot
express is rounded to the nearest that it can; `read` tells what really holds.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from truststream.api.base import ApiModel
from truststream.api.quantities import Duration
from truststream.canary.observation import RouteView
from truststream.canary.plan import pods_for, weight_of
from truststream.errors import Missing, TrafficError
from truststream.traffic.base import Capability, Manifest, Objects, Split

_DEPLOYMENT = "Deployment"


class ReplicasConfig(ApiModel):
    """`spec.traffic.config` with `provider: Replicas`."""

    settle: Duration = Field(5.0, description="Time that kube-proxy and clients are given to follow a change of pods.")


class Replicas:
    """The number of canary pods, through the canary Deployment's scale."""

    name: ClassVar[str] = "Replicas"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.WEIGHTS})
    weight_by_replicas: ClassVar[bool] = True
    watches: ClassVar[tuple[str, ...]] = (_DEPLOYMENT,)
    Config: ClassVar[type[ReplicasConfig]] = ReplicasConfig

    def __init__(self, config: ReplicasConfig, objects: Objects) -> None:
        self._config = config
        self._objects = objects

    @property
    def settle(self) -> float:
        """Seconds until endpoints are followed everywhere."""
        return self._config.settle

    def read(self, split: Split) -> RouteView:
        """The ratio of ready pods as the two Deployments report it."""
        target, canary = self._target(split), self._canary(split)
        if target is None:
            return RouteView(
                found=False, problem=f"Deployment {split.namespace}/{split.target} does not exist; create it"
            )
        waiting = _waiting_for(canary) if canary else ""
        return RouteView(
            found=True,
            attached=canary is not None,
            weight=weight_of(_ready(canary), _ready(target)) if canary else 0.0,
            ready=not waiting,
            waiting_for=waiting,
        )

    def note(self, split: Split) -> dict[str, Any]:  # noqa: ARG002 - the contract's signature
        """Nothing: only our own Deployment changes."""
        return {}

    async def attach(self, split: Split) -> None:
        """The canary Deployment carries the Service's labels: its pods are backends by being there."""

    async def set_weight(self, split: Split, weight: float) -> None:
        """Scale the canary beside what stable wants to be; what is ready now may be a moment's failure."""
        target, canary = self._target(split), self._canary(split)
        if weight > 0 and (target is None or canary is None):
            gone = split.canary_workload if target else split.target
            raise TrafficError(f"Deployment {split.namespace}/{gone} does not exist, so there is no ratio to set")
        if canary is not None:
            await self._scale(split, canary, pods_for(weight, _desired(target)))

    async def restore(self, split: Split) -> None:
        """Without canary pods all requests are stable's again."""
        await self.set_weight(split, 0)

    def telemetry(self, split: Split) -> str:  # noqa: ARG002 - the contract's signature
        """No proxy counts; the pods' own metrics have to."""
        return "Pods"

    def port(self, split: Split) -> int | None:  # noqa: ARG002 - the contract's signature
        """No route, no port: pods are counted."""
        return None

    def concerns(self, split: Split, kind: str, namespace: str, name: str) -> bool:
        """The two Deployments whose ready pods are the ratio."""
        return kind == _DEPLOYMENT and namespace == split.namespace and name in {split.target, split.canary_workload}

    async def _scale(self, split: Split, canary: Manifest, replicas: int) -> None:
        if _desired(canary) == replicas:
            return
        try:
            await self._objects.scale(_DEPLOYMENT, split.namespace, split.canary_workload, replicas)
        except Missing:
            if replicas > 0:  # else: no pods is what was wanted
                raise

    def _target(self, split: Split) -> Manifest | None:
        return self._objects.get(_DEPLOYMENT, split.namespace, split.target)

    def _canary(self, split: Split) -> Manifest | None:
        return self._objects.get(_DEPLOYMENT, split.namespace, split.canary_workload)


def _desired(deployment: Manifest | None) -> int:
    """`spec.replicas`, which the API server defaults to 1."""
    return int(deployment.get("spec", {}).get("replicas", 1)) if deployment else 0


def _ready(deployment: Manifest | None) -> int:
    return int((deployment or {}).get("status", {}).get("readyReplicas", 0))


def _waiting_for(canary: Manifest) -> str:
    """Pods that the ratio counts on and that are not ready, or still ready and not counted on."""
    seen = canary.get("status", {}).get("observedGeneration", 0) >= canary["metadata"].get("generation", 0)
    if seen and _ready(canary) == _desired(canary):
        return ""
    return f"{_ready(canary)} of {_desired(canary)} pods of Deployment {canary['metadata']['name']} are ready"
