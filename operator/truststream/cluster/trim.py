"""What of an object is worth keeping in memory: nothing that no decision rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from truststream.canary.template import revision_of
from truststream.cluster import kinds
from truststream.cluster.kinds import Manifest

REVISION_KEY: Final = "truststreamRevision"
"""On a cached ReplicaSet, in place of its template: our hash of it."""

_NOISE: Final = ("managedFields", "selfLink")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# Whose manager matters: who reset what we had written.
_OWNED_FIELD: Final = {"HTTPRoute": "f:rules", "GRPCRoute": "f:rules", kinds.SERVICE: "f:selector"}


def trim(kind: str, obj: Mapping[str, Any]) -> Manifest:
    """A copy of the object, as the cache keeps it. What is trimmed already stays as it is."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _NOISE}
    if annotations := metadata.get("annotations"):
        # The key stays: a patch has to know whether there are annotations.
        metadata["annotations"] = {name: "" if name == _LAST_APPLIED else value for name, value in annotations.items()}
    if kind in _OWNED_FIELD:
        metadata["managedFields"] = _owners(obj["metadata"].get("managedFields") or (), _OWNED_FIELD[kind])
    if kind == kinds.FEATURE_FLAG:
        metadata["managedFields"] = _overlay_owners(obj["metadata"].get("managedFields") or ())
    kept = {**obj, "metadata": metadata}
    return _BY_KIND[kind](kept) if kind in _BY_KIND else kept


def _owners(entries: Any, field: str) -> list[Manifest]:
    """The managers of one field of the spec, newest last, in the shape of managedFields."""
    owning = [entry for entry in entries if field in ((entry.get("fieldsV1") or {}).get("f:spec") or {})]
    owning.sort(key=lambda entry: str(entry.get("time", "")))
    return [
        {
            "manager": entry.get("manager", ""),
            "operation": entry.get("operation", ""),
            "time": entry.get("time", ""),
            "fieldsV1": {"f:spec": {field: {}}},
        }
        for entry in owning
    ]


def _overlay_owners(entries: Any) -> list[Manifest]:
    """The managers of fields of `status.overlay`, in the shape of managedFields."""
    found = ((entry, ((entry.get("fieldsV1") or {}).get("f:status") or {}).get("f:overlay")) for entry in entries)
    return [
        {"manager": entry.get("manager", ""), "fieldsV1": {"f:status": {"f:overlay": fields}}}
        for entry, fields in found
        if fields is not None
    ]


def _replica_set(obj: Manifest) -> Manifest:
    spec = dict(obj["spec"])
    template = spec.pop("template", None)
    if template is None:
        return obj
    return {**obj, "spec": spec, REVISION_KEY: revision_of(template)}


def _pod(obj: Manifest) -> Manifest:
    status = obj.get("status") or {}
    keep = ("phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses", "startTime")
    return {**obj, "spec": {}, "status": {key: status[key] for key in keep if key in status}}


def _policy(obj: Manifest) -> Manifest:
    spec = obj.get("spec") or {}
    return {**obj, "spec": {key: spec[key] for key in ("policyName",) if key in spec}}


_BY_KIND: Final[dict[str, Callable[[Manifest], Manifest]]] = {
    kinds.REPLICA_SET: _replica_set,
    kinds.POD: _pod,
    kinds.MUTATING_POLICY: _policy,
    kinds.MUTATING_BINDING: _policy,
}
