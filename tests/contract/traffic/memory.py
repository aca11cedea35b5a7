"""A cluster in memory: JSON Patch as the API server does it, generations, resource versions and managedFields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import jsonpatch

from tests.contract.traffic.world import Change, Watched
from truststream.api.names import FIELD_MANAGER
from truststream.errors import Conflict, Missing
from truststream.traffic.base import Manifest, PatchOp

Key = tuple[str, str, str]
Entries = list[dict[str, Any]]  # a class with a method `list` cannot say it
_CONTROLLER = "projectcontour.io/gateway-controller"


class Memory:
    """`Objects` over a dictionary."""

    def __init__(self) -> None:
        self.stored: dict[Key, Manifest] = {}
        self._clock = 0

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return deepcopy(self.stored.get((kind, namespace, name)))

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        return [deepcopy(found) for key, found in self.stored.items() if key[:2] == (kind, namespace)]

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        current = self._existing(kind, namespace, name)
        try:
            changed = jsonpatch.apply_patch(current, list(ops))
        except (jsonpatch.JsonPatchConflict, jsonpatch.JsonPatchTestFailed, jsonpatch.JsonPointerException) as error:
            raise Conflict(f"{kind} {namespace}/{name}: {error}", status=422) from error
        kept = {**current, "status": changed.get("status")} if subresource == "status" else changed
        return self.store(kept, FIELD_MANAGER)

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        changed = self._existing(kind, namespace, name)
        changed["spec"]["replicas"] = replicas
        self.store(changed, FIELD_MANAGER)

    def store(self, manifest: Manifest, manager: str) -> Manifest:
        """Write an object as that manager; a write that changes nothing leaves no trace."""
        meta = manifest["metadata"]
        key = (manifest["kind"], meta["namespace"], meta["name"])
        before = self.stored.get(key)
        if before is not None and before == manifest:
            return deepcopy(manifest)
        self._clock += 1
        new = deepcopy(manifest)
        new["metadata"]["resourceVersion"] = str(self._clock)
        spec_changed = before is None or before.get("spec") != new.get("spec")
        new["metadata"]["generation"] = (before or {"metadata": {}})["metadata"].get("generation", 0) + spec_changed
        if spec_changed:
            new["metadata"]["managedFields"] = self._own(before, new, manager)
        self._own_overlay(before or {}, new, manager)
        self.stored[key] = new
        return deepcopy(new)

    def _existing(self, kind: str, namespace: str, name: str) -> Manifest:
        found = self.get(kind, namespace, name)
        if found is None:
            raise Missing(f"{kind} {namespace}/{name} does not exist", status=404)
        return found

    def _own_overlay(self, before: Manifest, after: Manifest, manager: str) -> None:
        """The same for the fields of `status.overlay`, whose owners are of the status subresource."""
        old, new = ((one.get("status") or {}).get("overlay") or {} for one in (before, after))
        if old == new:
            return
        written = {f"f:{field}" for field in new if old.get(field) != new[field]}
        entries = after["metadata"].setdefault("managedFields", [])
        entries[:] = [entry for entry in entries if entry.get("subresource") != "status" or entry["manager"] != manager]
        others = [entry for entry in entries if entry.get("subresource") == "status"]
        for entry in others:
            fields = entry["fieldsV1"]["f:status"]["f:overlay"]
            entry["fieldsV1"] = _overlay({f for f in fields if f in {f"f:{name}" for name in new} - written})
        mine = {f"f:{field}" for field in new} - {
            f for entry in others for f in entry["fieldsV1"]["f:status"]["f:overlay"]
        }
        entries.append({"manager": manager, "operation": "Update", "subresource": "status", "fieldsV1": _overlay(mine)})

    def _own(self, before: Manifest | None, after: Manifest, manager: str) -> Entries:
        """Changed fields of the spec go over to the writer, as with an Update."""
        old, new = (before or {}).get("spec", {}), after.get("spec", {})
        changed = {f"f:{field}" for field in new if old.get(field) != new[field]}
        entries = deepcopy((before or {"metadata": {}})["metadata"].get("managedFields", []))
        for entry in (one for one in entries if "f:spec" in one["fieldsV1"]):
            fields = entry["fieldsV1"]["f:spec"]
            entry["fieldsV1"]["f:spec"] = {field: owned for field, owned in fields.items() if field not in changed}
        mine = next((e for e in entries if e["manager"] == manager and "f:spec" in e["fieldsV1"]), None)
        if mine is None:
            mine = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {}}}
            entries.append(mine)
        mine["time"] = f"2026-01-01T00:{self._clock // 60:02}:{self._clock % 60:02}Z"
        mine["fieldsV1"]["f:spec"].update({field: {} for field in changed})
        return [entry for entry in entries if entry["fieldsV1"].get("f:spec", True)]


def _overlay(fields: set[str]) -> dict[str, Any]:
    return {"f:status": {"f:overlay": {field: {} for field in sorted(fields)}}}


class MemoryWorld:
    """Users, and controllers that work only while somebody waits for them."""

    namespace = "shop"
    other_namespace = "gateways"

    def __init__(self) -> None:
        self.memory = Memory()
        self.objects = Watched(self.memory)

    def create(self, manifest: Manifest) -> None:
        self.memory.store(manifest, "kubectl-create")

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
        found = self.memory.get(kind, namespace, name)
        assert found is not None
        change(found)
        before = self.memory.stored[kind, namespace, name]
        kept = {**before, "status": found.get("status")} if subresource == "status" else found
        self.memory.store(kept, manager)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        del self.memory.stored[kind, namespace, name]

    def live(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self.memory.get(kind, namespace, name)

    async def eventually(self, check: Callable[[], object]) -> None:
        for manifest in self.memory.stored.values():
            if manifest["kind"] in {"HTTPRoute", "GRPCRoute"}:
                manifest["status"] = {
                    "parents": [self._answer(manifest, ref) for ref in manifest["spec"]["parentRefs"]]
                }
            if manifest["kind"] == "Deployment":
                ready = manifest["spec"].get("replicas", 1)
                manifest["status"] = {"observedGeneration": manifest["metadata"]["generation"], "readyReplicas": ready}
        found = check()
        assert found, found

    def _answer(self, route: Manifest, parent: Manifest) -> Manifest:
        reason, message = self._unresolved(route)
        generation = route["metadata"]["generation"]
        accepted = {"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": generation}
        resolved = {
            "type": "ResolvedRefs",
            "status": "False" if reason else "True",
            "reason": reason or "ResolvedRefs",
            "message": message,
            "observedGeneration": generation,
        }
        return {"controllerName": _CONTROLLER, "parentRef": dict(parent), "conditions": [accepted, resolved]}

    def _unresolved(self, route: Manifest) -> tuple[str, str]:
        home = route["metadata"]["namespace"]
        for ref in (ref for rule in route["spec"]["rules"] for ref in rule["backendRefs"]):
            namespace = ref.get("namespace", home)
            if namespace != home and not self.memory.list("ReferenceGrant", namespace):
                return "RefNotPermitted", f"backendRef {ref['name']} is not permitted"
            if self.memory.get("Service", namespace, ref["name"]) is None:
                return "BackendNotFound", f"service {ref['name']} not found"
        return "", ""
