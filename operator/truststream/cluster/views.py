"""From the API server's objects to what the core is told of them. Pure, so that real objects can be tested."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from truststream.api.names import CANARY_LABEL, FIELD_MANAGER, HELD_ANNOTATION, PIN_ANNOTATION, ROLE_LABEL, STABLE
from truststream.canary.observation import ReplicaSetView, ServiceView, WorkloadView
from truststream.canary.template import revision_of
from truststream.cluster.selectors import matches_map
from truststream.cluster.trim import REVISION_KEY

Obj = Mapping[str, Any]


def labels_of(obj: Obj) -> Mapping[str, str]:
    """Labels, never None."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> Mapping[str, str]:
    """Annotations, never None."""
    return obj["metadata"].get("annotations") or {}


def workload_view(obj: Obj, replica_sets: Sequence[Obj] = (), refusals: Sequence[str] = ()) -> WorkloadView:
    """A Deployment with the ReplicaSets that it controls."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    desired = int(spec.get("replicas", 1))
    return WorkloadView(
        name=meta["name"],
        uid=meta["uid"],
        revision=revision_of(spec["template"]),
        template=spec["template"],
        desired=desired,
        ready=int(status.get("readyReplicas", 0)),
        updated=int(status.get("updatedReplicas", 0)),
        available=int(status.get("availableReplicas", 0)),
        total=int(status.get("replicas", 0)),
        current=int(status.get("observedGeneration", 0)) >= int(meta.get("generation", 0)),
        label=labels_of(obj).get(CANARY_LABEL),
        held=HELD_ANNOTATION in annotations_of(obj),
        paused=bool(spec.get("paused")),
        deleting="deletionTimestamp" in meta,
        progress_deadline_exceeded=condition(obj, "Progressing").get("reason") == "ProgressDeadlineExceeded",
        failed_create=_failed_create(obj),
        max_surge=_max_surge(spec, desired),
        replica_sets=tuple(_replica_set_view(rs) for rs in replica_sets),
        refusals=tuple(refusals),
    )


def condition(obj: Obj, kind: str) -> Mapping[str, str]:
    """A condition of the status by its type; empty when it is not there."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((c for c in found if c.get("type") == kind), {})


def _failed_create(obj: Obj) -> str:
    failure = condition(obj, "ReplicaFailure")
    return str(failure.get("message", "")) if failure.get("status") == "True" else ""


def _max_surge(spec: Obj, desired: int) -> int:
    surge = ((spec.get("strategy") or {}).get("rollingUpdate") or {}).get("maxSurge", "25%")
    if isinstance(surge, str) and surge.endswith("%"):
        return math.ceil(desired * float(surge[:-1]) / 100)
    return int(surge)


def _replica_set_view(obj: Obj) -> ReplicaSetView:
    return ReplicaSetView(
        name=obj["metadata"]["name"],
        revision=obj[REVISION_KEY],
        desired=int(obj["spec"].get("replicas", 1)),
        ready=int((obj.get("status") or {}).get("readyReplicas", 0)),
    )


def service_view(obj: Obj, pod_labels: Mapping[str, str]) -> ServiceView:
    """A Service, and whether the pods with these labels are behind it."""
    selector = dict((obj.get("spec") or {}).get("selector") or {})
    role = selector.pop(ROLE_LABEL, None)
    marked = annotations_of(obj).get(PIN_ANNOTATION) == STABLE
    by = last_manager(obj)
    return ServiceView(
        name=obj["metadata"]["name"],
        selects_target=matches_map(selector, pod_labels),
        pinned=marked and role == STABLE,
        marked=marked,
        reset_by="" if by == FIELD_MANAGER else by,
        refusal=_service_refusal(obj),
    )


def _service_refusal(obj: Obj) -> str:
    spec = obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return "its type is ExternalName: there are no pods behind it; name a Service with a selector in spec.service"
    if not spec.get("selector"):
        return "it has no selector, so no pods are known behind it; name a Service with a selector in spec.service"
    return ""


def last_manager(obj: Obj) -> str:
    """Who last wrote the field whose owners the cache keeps."""
    entries = obj["metadata"].get("managedFields") or ()
    return str(entries[-1].get("manager", "")) if entries else ""


def ready_endpoints(slices: Iterable[Obj]) -> int:
    """Distinct ready addresses; without a condition an endpoint counts as ready, as the API says."""
    addresses: set[str] = set()
    for endpoint in (one for piece in slices for one in piece.get("endpoints") or ()):
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            addresses.update(endpoint.get("addresses") or ())
    return len(addresses)


def refusals_of(obj: Obj, *, allow_recreate: bool, claims: Mapping[str, Obj]) -> tuple[str, ...]:
    """Why a second set of pods beside this Deployment's own cannot run, or would do harm."""
    spec, pod = obj["spec"], obj["spec"]["template"].get("spec") or {}
    found = []
    if (spec.get("strategy") or {}).get("type") == "Recreate" and not allow_recreate:
        found.append("strategy Recreate stops all pods at promotion; use RollingUpdate or targetRef.allowRecreate")
    for volume in pod.get("volumes") or ():
        claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName"))
        if claim in claims and not _shareable(claims[claim]):
            found.append(f"volume {volume['name']} (claim {claim}) is ReadWriteOnce: canary pods could not mount it")
    containers = [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]
    ports = [port for container in containers for port in container.get("ports") or ()]
    if any(port.get("hostPort") for port in ports):
        found.append("a hostPort is taken by the stable pod on each node; remove it")
    elif pod.get("hostNetwork") and ports:
        found.append("hostNetwork with ports: both versions would bind the same port of a node")
    return tuple(found)


def _shareable(claim: Obj) -> bool:
    modes = (claim.get("spec") or {}).get("accessModes") or ()
    return any(mode in ("ReadWriteMany", "ReadOnlyMany") for mode in modes)


def claims_named(obj: Obj) -> tuple[str, ...]:
    """The PersistentVolumeClaims that the pods mount."""
    volumes = (obj["spec"]["template"].get("spec") or {}).get("volumes") or ()
    names = ((volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes)
    return tuple(name for name in names if name)
