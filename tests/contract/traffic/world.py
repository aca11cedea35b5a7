"""What a contract test may do to a cluster: the same on the fake in memory and on a real API server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Protocol

from truststream.traffic.base import Manifest, Objects, PatchOp

Change = Callable[[Manifest], object]


class World(Protocol):
    """One namespace for the test, a second one for what crosses namespaces, and other people's hands."""

    namespace: str
    other_namespace: str
    objects: Watched

    def create(self, manifest: Manifest) -> None:
        """As a user would."""

    def edit(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Change,
        *,
        manager: str = "argocd-controller",
        subresource: str = "",
    ) -> None:
        """Somebody else writes the whole object, or its `subresource`."""

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Gone when this returns."""

    def live(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object as the API server has it."""

    async def eventually(self, check: Callable[[], object]) -> None:
        """Let the controllers work until the check holds; fails with what it last was."""


class Watched:
    """`Objects` that count what is asked of them, and whose cache can be made to lag."""

    def __init__(self, inner: Objects) -> None:
        self._inner = inner
        self._stale: dict[tuple[str, str, str], Manifest | None] = {}
        self.writes: list[tuple[str, ...]] = []
        self.patches: list[list[PatchOp]] = []

    def lag(self, kind: str, namespace: str, name: str) -> None:
        """From now on reads answer with what is there at this moment."""
        self._stale[kind, namespace, name] = deepcopy(self._inner.get(kind, namespace, name))

    def catch_up(self) -> None:
        """The cache is current again."""
        self._stale.clear()

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        key = (kind, namespace, name)
        return deepcopy(self._stale[key]) if key in self._stale else self._inner.get(*key)

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        return self._inner.list(kind, namespace)

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        self.writes.append(("patch", kind, namespace, name))
        self.patches.append(list(ops))
        return await self._inner.json_patch(kind, namespace, name, ops, subresource=subresource)

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        self.writes.append(("scale", kind, namespace, name, str(replicas)))
        await self._inner.scale(kind, namespace, name, replicas)
