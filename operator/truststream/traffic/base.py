"""The seam of the traffic providers: one file and one registry line each, one contract suite for all.

A provider never imports the Kubernetes client; it gets `Objects`, which answers reads from the cache and writes
with JSON patches. It says nothing about *when*: that is the core's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from truststream.canary.observation import RouteView

Manifest = dict[str, Any]
PatchOp = dict[str, Any]


class Capability(StrEnum):
    """What a provider can do; the docs' matrix is made from it."""

    WEIGHTS = "Weights"
    ANY_BACKEND = "AnyBackend"  # works for kind Services: whatever runs behind them
    HOLD = "Hold"  # the route can be held against others by an admission policy


class Objects(Protocol):
    """The cluster as providers see it. Kinds are the names of `truststream.cluster.kinds`, e.g. ``HTTPRoute``."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """From the cache; None when it is not there."""

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        """From the cache."""

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        """The object after the patch, of itself or of its `subresource`.

        Raises:
            Conflict: a `test` did not hold. Missing, Forbidden, Invalid, Unavailable: as their names say.
        """

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Through the scale subresource; no request when it is so already."""


@dataclass(frozen=True, slots=True)
class Split:
    """Whose traffic is meant: one CanaryDeployment's.

    `owner` is its name as the label on objects that we make says it. `stable` and `canary` are Service names; `target`
    and `canary_workload` are Deployments ("" for kind Services). For kind FeatureFlag `flag` is the resource's name,
    and `stable` and `canary` are variants.
    `memory` is what this provider returned from `attach`, kept in `.status.release.route` (restoring by value).
    """

    owner: str
    namespace: str
    stable: str
    canary: str
    target: str = ""
    canary_workload: str = ""
    memory: Mapping[str, Any] | None = None
    flag: str = ""


class TrafficProvider(Protocol):
    """Four verbs and a look. Every verb is idempotent and makes no request when nothing has to change."""

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    weight_by_replicas: ClassVar[bool]
    watches: ClassVar[tuple[str, ...]]  # kinds whose events concern it
    Config: ClassVar[type[BaseModel]]

    @property
    def settle(self) -> float:
        """Seconds that the data plane is given to follow a change, before pods that it may still send to go."""

    def read(self, split: Split) -> RouteView:
        """What holds now, from the cache only; never raises for what it sees, `problem` says it."""

    def note(self, split: Split) -> dict[str, Any]:
        """What `restore` will need, from the route as the user made it; read once, before `attach`."""

    async def attach(self, split: Split) -> None:
        """Make the canary a backend with weight 0, a copy of the stable one."""

    async def set_weight(self, split: Split, weight: float) -> None:
        """Give the canary this percent of what stable and canary share; others keep their proportion."""

    async def restore(self, split: Split) -> None:
        """The user's own again, by value; with the route gone there is nothing to do."""

    def telemetry(self, split: Split) -> str:
        """Name of the query set whose counters see this provider's traffic, e.g. ``Contour`` or ``Pods``."""

    def port(self, split: Split) -> int | None:
        """The Service port that the route sends to, which names the proxy's counters; None where there is no route."""

    def concerns(self, split: Split, kind: str, namespace: str, name: str) -> bool:
        """Whether an event of that object should wake the CanaryDeployment whose traffic `split` is."""
