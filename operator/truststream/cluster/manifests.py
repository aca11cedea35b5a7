"""The objects that we make: the canary's Deployment and Service, and events."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from truststream.api.names import (
    API_VERSION,
    CANARY,
    GROUP,
    OWNER_LABEL,
    PIN_ANNOTATION,
    ROLE_LABEL,
    TEMPLATE_ANNOTATION,
    canary_name,
)
from truststream.canary.actions import Event
from truststream.cluster.kinds import Manifest, kind_of

Obj = Mapping[str, Any]

_LIMIT: Final = 63
_NOTE_LIMIT: Final = 1024
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# Set by the API server for one Service alone, or meaningless for a second one.
_SERVICE_OWN: Final = (
    "clusterIP", "clusterIPs", "externalIPs", "externalName", "healthCheckNodePort", "loadBalancerIP",
    "loadBalancerClass", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts", "externalTrafficPolicy", "type",
    "selector", "ports",
)  # fmt: skip


def owner_value(name: str) -> str:
    """The CanaryDeployment's name as a label's value: whole, or shortened with a hash where it would not fit."""
    if len(name) <= _LIMIT:
        return name
    return f"{name[: _LIMIT - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_ours(obj: Obj, owner: str) -> bool:
    """Whether we made the object for this CanaryDeployment."""
    return (obj["metadata"].get("labels") or {}).get(OWNER_LABEL) == owner_value(owner)


def _owned(cdep: Obj, name: str) -> Manifest:
    """Name, label and owner: should the operator be gone for good, the garbage collector still removes what is ours."""
    meta = cdep["metadata"]
    return {
        "name": name,
        "namespace": meta["namespace"],
        "labels": {OWNER_LABEL: owner_value(meta["name"]), "app.kubernetes.io/managed-by": "truststream"},
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": "CanaryDeployment",
                "name": meta["name"],
                "uid": meta["uid"],
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def canary_deployment(cdep: Obj, target: Obj, template: Obj, revision: str, replicas: int) -> Manifest:
    """The target's own template, once more: the same pod labels and the role, so that policies and monitors match."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata["labels"] = {**(metadata.get("labels") or {}), ROLE_LABEL: CANARY}
    selector = dict(target["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), ROLE_LABEL: CANARY}
    spec = target["spec"]
    kept = {key: spec[key] for key in ("progressDeadlineSeconds", "minReadySeconds") if key in spec}
    owned = _owned(cdep, canary_name(target["metadata"]["name"]))
    return {
        "metadata": {**owned, "annotations": {TEMPLATE_ANNOTATION: revision}},
        "spec": {
            **kept,
            "replicas": replicas,
            "revisionHistoryLimit": 1,
            "selector": selector,
            "strategy": {"type": "RollingUpdate"},
            "template": {"metadata": metadata, "spec": template["spec"]},
        },
    }


def canary_service(cdep: Obj, service: Obj, name: str) -> Manifest:
    """The user's Service for the other role; headless stays headless, a load balancer does not become two."""
    spec = service["spec"]
    annotations = {
        key: value
        for key, value in (service["metadata"].get("annotations") or {}).items()
        if key not in (_LAST_APPLIED, PIN_ANNOTATION) and not key.startswith(f"{GROUP}/")
    }
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in spec.get("ports") or ()]
    copied: Manifest = {key: value for key, value in spec.items() if key not in _SERVICE_OWN}
    if spec.get("clusterIP") == "None":
        copied["clusterIP"] = "None"
    selector = {**spec["selector"], ROLE_LABEL: CANARY}
    owned = _owned(cdep, name)
    return {
        "metadata": {**owned, **({"annotations": annotations} if annotations else {})},
        "spec": {**copied, "type": "ClusterIP", "ports": ports, "selector": selector},
    }


def event_manifest(event: Event, kind: str, regarding: Obj, *, now: datetime, instance: str) -> Manifest:
    """An `events.k8s.io/v1` Event on that object of this kind."""
    meta = regarding["metadata"]
    return {
        "metadata": {"name": f"{meta['name'][:200]}.{uuid.uuid4().hex[:16]}", "namespace": meta["namespace"]},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": f"{GROUP}/operator",
        "reportingInstance": instance[:128],
        "action": event.reason,
        "reason": event.reason,
        "type": event.severity.value,
        "note": event.message if len(event.message) <= _NOTE_LIMIT else event.message[: _NOTE_LIMIT - 1] + "…",
        "regarding": {
            "apiVersion": kind_of(kind).api_version,
            "kind": kind,
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta.get("resourceVersion", ""),
        },
    }
