"""A cluster in memory, for the command line."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from truststream.errors import Missing

Manifest = dict[str, Any]


def canary(name: str = "checkout", namespace: str = "shop", **status: Any) -> Manifest:
    """A CanaryDeployment with this status."""
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "CanaryDeployment",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": name},
            "traffic": {"provider": "GatewayAPI"},
            "initialTraffic": 5,
            "increments": [10, 25, 50, 100],
            "rollbackThresholds": {"errorRate": "5%"},
        },
        "status": {"observedGeneration": 1, **status} if status else {},
    }


class FakeResources:
    """Gets, lists and patches; `on_patch` plays the operator."""

    def __init__(self, *objects: Manifest, on_patch: Callable[[Manifest], None] | None = None) -> None:
        self.objects = list(objects)
        self.patches: list[Manifest] = []
        self._on_patch = on_patch

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """A copy, or Missing."""
        return copy.deepcopy(self._find(kind, namespace, name))

    def _find(self, kind: str, namespace: str, name: str) -> Manifest:
        for one in self.objects:
            if (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) == (kind, namespace, name):
                return one
        raise Missing(f"{namespace}/{name} not found", status=404)

    async def list(self, kind: str, namespace: str | None = None, *, labels: str = "") -> Sequence[Manifest]:
        """Of a namespace, or all; `labels` is one label that they have."""
        found = [one for one in self.objects if one["kind"] == kind]
        found = [one for one in found if namespace in (None, one["metadata"]["namespace"])]
        return [one for one in found if not labels or labels in one["metadata"].get("labels", {})]

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Annotations only."""
        found = self._find(kind, namespace, name)
        self.patches.append(dict(patch))
        annotations = found["metadata"].setdefault("annotations", {})
        for key, value in patch["metadata"]["annotations"].items():
            annotations.pop(key, None)
            annotations |= {key: value} if value is not None else {}
        if self._on_patch:
            self._on_patch(found)
        return found

    @asynccontextmanager
    async def opened(self, _kubeconfig: str | None, _context: str | None) -> AsyncIterator[FakeResources]:
        """As an `Opener`."""
        yield self
