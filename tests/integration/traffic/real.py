"""`Objects` and the hands of others by kubectl: it shares no code with the operator's own client."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from subprocess import CompletedProcess
from typing import Any

from tests.cluster import Cluster, waiting
from tests.contract.traffic.world import Change, Watched
from truststream.api.names import FIELD_MANAGER
from truststream.errors import ClusterError, Conflict, Forbidden, Invalid, Missing
from truststream.traffic.base import Manifest, PatchOp

_PATIENCE = 30.0
_ATTEMPTS = 5
_ANSWERS: tuple[tuple[str, type[ClusterError]], ...] = (
    # All that is said of a JSON patch that cannot be applied (a `test` or a path that does not hold): 422 without
    # details. A rejected object comes with its name and the field.
    ("the server rejected our request due to an error in our request", Conflict),
    ("(NotFound)", Missing),
    ("(Conflict)", Conflict),
    ("(Forbidden)", Forbidden),
)


class Kubectl:
    """Reads are always current; `Watched` makes them lag where a test wants that."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        answer = self._run(
            "get", kind, name, "-n", namespace, "--ignore-not-found", "--show-managed-fields", "-o", "json"
        )
        found: Manifest | None = json.loads(answer.stdout) if answer.stdout.strip() else None
        return found

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        items: list[Manifest] = json.loads(self._run("get", kind, "-n", namespace, "-o", "json").stdout)["items"]
        return items

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        manager = f"--field-manager={FIELD_MANAGER}"
        below = (f"--subresource={subresource}",) if subresource else ()
        where = ("patch", kind, name, "-n", namespace, "--type=json", manager, "-o", "json", *below)
        answer = await asyncio.to_thread(self._run, *where, "-p", json.dumps(list(ops)))
        patched: Manifest = json.loads(answer.stdout)
        return patched

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        await asyncio.to_thread(self._run, "scale", kind, name, "-n", namespace, f"--replicas={replicas}")

    def _run(self, *args: str) -> CompletedProcess[str]:
        answer = self._cluster.kubectl(*args, check=False)
        if answer.returncode == 0:
            return answer
        kind = next((kind for text, kind in _ANSWERS if text in answer.stderr), Invalid)
        raise kind(f"kubectl {' '.join(args)}: {answer.stderr.strip()}")


class RealWorld:
    """A namespace of a running cluster, and a second one."""

    def __init__(self, cluster: Cluster, namespace: str, other_namespace: str) -> None:
        self.namespace = namespace
        self.other_namespace = other_namespace
        self._cluster = cluster
        self._kubectl = Kubectl(cluster)
        self.objects = Watched(self._kubectl)

    def create(self, manifest: Manifest) -> None:
        self._cluster.kubectl("create", "-f", "-", input=json.dumps(manifest))
        if manifest["spec"].get("parentRefs"):
            waiting.until(lambda: self._answered(manifest), "the gateway's controller to answer", limit=_PATIENCE)

    def _answered(self, route: Manifest) -> bool:
        """Until then its first answer may come between a read and a write, and that is a conflict."""
        meta = route["metadata"]
        live = self._kubectl.get(route["kind"], meta["namespace"], meta["name"]) or {}
        return bool(live.get("status", {}).get("parents"))

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
        """As a tool that replaces whole objects would: anew when the gateway's controller wrote in between."""
        below = (f"--subresource={subresource}",) if subresource else ()
        asked = ("replace", f"--field-manager={manager}", *below, "-f", "-")
        for attempt in range(_ATTEMPTS):
            found = self._kubectl.get(kind, namespace, name)
            assert found is not None
            change(found)
            del found["metadata"]["resourceVersion"], found["metadata"]["managedFields"]
            last = attempt == _ATTEMPTS - 1
            done = self._cluster.kubectl(*asked, input=json.dumps(found), check=last)
            if done.returncode == 0:
                return
            assert "(Conflict)" in done.stderr, done.stderr

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self._cluster.kubectl("delete", kind, name, "-n", namespace)

    def live(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._kubectl.get(kind, namespace, name)

    async def eventually(self, check: Callable[[], object]) -> None:
        end = time.monotonic() + _PATIENCE
        found: Any = check()
        while not found and time.monotonic() < end:
            await asyncio.sleep(0.1)
            found = check()
        assert found, found
