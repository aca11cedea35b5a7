"""The cluster as the rest of the operator sees it: reads from the cache, writes through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from truststream.cluster.cache import Cache
from truststream.cluster.client import Client
from truststream.cluster.kinds import CANARY_DEPLOYMENT, Manifest
from truststream.errors import Missing

PatchOp = dict[str, Any]


class Objects:
    """What every write answers is in the cache before the caller goes on; what is gone leaves it."""

    def __init__(self, client: Client, cache: Cache) -> None:
        self.client = client
        self.cache = cache
        self.on_written: Callable[[str, Manifest], None] | None = None  # told after a write, for no watch event follows
        self._writes: ContextVar[int] = ContextVar("writes", default=0)

    @property
    def writes(self) -> int:
        """Requests of this task that changed, or tried to change, something."""
        return self._writes.get()

    def _count(self) -> None:
        self._writes.set(self._writes.get() + 1)

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """From the cache; None when it is not there."""
        return self.cache.get(kind, namespace, name)

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        """From the cache."""
        return self.cache.list(kind, namespace)

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        """The object after the patch; `subresource` is ``status`` for what is kept there."""
        request = self.client.json_patch(kind, namespace, name, ops, subresource=subresource)
        return await self._written(kind, namespace, name, request)

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """The object after the patch."""
        return await self._written(kind, namespace, name, self.client.merge_patch(kind, namespace, name, patch))

    async def patch_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> Manifest:
        """The status of a CanaryDeployment."""
        request = self.client.merge_patch(
            CANARY_DEPLOYMENT, namespace, name, {"status": dict(status)}, subresource="status"
        )
        return await self._written(CANARY_DEPLOYMENT, namespace, name, request)

    async def apply(self, kind: str, manifest: Mapping[str, Any], *, manager: str | None = None) -> Manifest:
        """Server-side apply of an object or a field of ours."""
        meta = manifest["metadata"]
        request = self.client.apply(kind, manifest, **({"manager": manager} if manager else {}))
        return await self._written(kind, meta["namespace"], meta["name"], request)

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Through the scale subresource; no request when it is so already."""
        known = self.get(kind, namespace, name)
        if known is not None and known["spec"].get("replicas", 1) == replicas:
            return
        self._count()
        try:
            scaled = await self.client.merge_patch(
                kind, namespace, name, {"spec": {"replicas": replicas}}, subresource="scale"
            )
        except Missing:
            self.cache.forget(kind, namespace, name)
            raise
        self._note_scale(kind, namespace, name, scaled)

    def _note_scale(self, kind: str, namespace: str, name: str, scaled: Manifest) -> None:
        """The answer is a Scale, not the object: enter what it tells."""
        known = self.get(kind, namespace, name)
        version = scaled["metadata"].get("resourceVersion")
        if known is not None and version:
            metadata = {**known["metadata"], "resourceVersion": version}
            spec = {**known["spec"], "replicas": (scaled.get("spec") or {}).get("replicas", 0)}
            self.cache.put(kind, {**known, "metadata": metadata, "spec": spec})

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """In the foreground; what is gone or going already is left alone."""
        known = self.get(kind, namespace, name)
        if known is None or known["metadata"].get("deletionTimestamp"):
            return
        self._count()
        try:
            left = await self.client.delete(kind, namespace, name, uid=known["metadata"]["uid"])
        except Missing:
            self.cache.forget(kind, namespace, name)
            return
        # With dependents left the object stays for a while and is answered itself; else a Status is.
        if left.get("kind") == "Status":
            self.cache.forget(kind, namespace, name)
        else:
            self.cache.put(kind, left)

    async def fetch(self, kind: str, namespace: str, *, labels: str) -> Sequence[Manifest]:
        """A live LIST, for what no watch brings."""
        return await self.client.list(kind, namespace, labels=labels)

    async def _written(self, kind: str, namespace: str, name: str, request: Awaitable[Manifest]) -> Manifest:
        self._count()
        try:
            after = await request
        except Missing:
            self.cache.forget(kind, namespace, name)
            raise
        self.cache.put(kind, after)
        if self.on_written is not None:
            self.on_written(kind, after)
        return after
