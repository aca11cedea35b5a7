"""The kinds that we read or write: where the API server keeps them, and how the cache finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.names import GROUP, ROLE_LABEL, SEGMENTS_LABEL, VERSION
from truststream.errors import ClusterError

Manifest = dict[str, Any]
IndexKey = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API server."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool = True
    index: IndexKey | None = None  # what `Cache.indexed` looks objects up by
    selector: str = ""  # of the watch; an object that leaves it is not necessarily gone

    @property
    def api_version(self) -> str:
        """As manifests spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL's path; without a namespace all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{where}/{self.plural}" + "".join(f"/{part}" for part in (name, subresource) if part)


def controller_uid(obj: Mapping[str, Any]) -> str:
    """Uid of the controlling owner, empty without one."""
    for owner in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def _service_of(obj: Mapping[str, Any]) -> str:
    labels = (obj.get("metadata") or {}).get("labels") or {}
    return str(labels.get("kubernetes.io/service-name", ""))


def _flag_key(obj: Mapping[str, Any]) -> str:
    """What applications call the flag."""
    return str((obj.get("spec") or {}).get("key") or obj["metadata"]["name"])


CANARY_DEPLOYMENT: Final = "CanaryDeployment"
FEATURE_FLAG: Final = "FeatureFlag"
SEGMENTS: Final = "ConfigMap"  # those with our label alone
DEPLOYMENT: Final = "Deployment"
REPLICA_SET: Final = "ReplicaSet"
POD: Final = "Pod"
SERVICE: Final = "Service"
ENDPOINT_SLICE: Final = "EndpointSlice"
NAMESPACE: Final = "Namespace"
AUTOSCALER: Final = "HorizontalPodAutoscaler"
DISRUPTION_BUDGET: Final = "PodDisruptionBudget"
MUTATING_POLICY: Final = "MutatingAdmissionPolicy"
MUTATING_BINDING: Final = "MutatingAdmissionPolicyBinding"
LEASE: Final = "Lease"
EVENT: Final = "Event"
CLAIM: Final = "PersistentVolumeClaim"
SECRET: Final = "Secret"
TOKEN_REVIEW: Final = "TokenReview"
ACCESS_REVIEW: Final = "SubjectAccessReview"

_GATEWAY: Final = "gateway.networking.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_OURS: Final = "app.kubernetes.io/part-of=truststream"

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(CANARY_DEPLOYMENT, GROUP, VERSION, "canarydeployments"),
        Kind(FEATURE_FLAG, GROUP, VERSION, "featureflags", index=_flag_key),
        Kind(SEGMENTS, "", "v1", "configmaps", selector=SEGMENTS_LABEL),
        Kind(DEPLOYMENT, "apps", "v1", "deployments"),
        Kind(REPLICA_SET, "apps", "v1", "replicasets", index=controller_uid),
        Kind(POD, "", "v1", "pods", index=controller_uid, selector=ROLE_LABEL),
        Kind(SERVICE, "", "v1", "services"),
        Kind(ENDPOINT_SLICE, "discovery.k8s.io", "v1", "endpointslices", index=_service_of),
        Kind(NAMESPACE, "", "v1", "namespaces", namespaced=False),
        Kind(AUTOSCALER, "autoscaling", "v2", "horizontalpodautoscalers"),
        Kind(DISRUPTION_BUDGET, "policy", "v1", "poddisruptionbudgets"),
        Kind(MUTATING_POLICY, _ADMISSION, "v1", "mutatingadmissionpolicies", namespaced=False, selector=_OURS),
        Kind(MUTATING_BINDING, _ADMISSION, "v1", "mutatingadmissionpolicybindings", namespaced=False, selector=_OURS),
        Kind("Gateway", _GATEWAY, "v1", "gateways"),
        Kind("HTTPRoute", _GATEWAY, "v1", "httproutes"),
        Kind("GRPCRoute", _GATEWAY, "v1", "grpcroutes"),
        Kind("ReferenceGrant", _GATEWAY, "v1beta1", "referencegrants"),
        Kind(LEASE, "coordination.k8s.io", "v1", "leases"),
        Kind(EVENT, "events.k8s.io", "v1", "events"),
        Kind(CLAIM, "", "v1", "persistentvolumeclaims"),
        Kind(SECRET, "", "v1", "secrets"),
        Kind(TOKEN_REVIEW, "authentication.k8s.io", "v1", "tokenreviews", namespaced=False),
        Kind(ACCESS_REVIEW, "authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False),
    )
}

# Kept in the cache by watches, whatever the providers want besides.
WATCHED: Final = (
    CANARY_DEPLOYMENT, FEATURE_FLAG, SEGMENTS,
    DEPLOYMENT, REPLICA_SET, POD, SERVICE, ENDPOINT_SLICE, NAMESPACE, AUTOSCALER, DISRUPTION_BUDGET,
    MUTATING_POLICY, MUTATING_BINDING,
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        ClusterError: we do not know it; a provider's `watches` needs a line in `KINDS`.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise ClusterError(f"kind {name!r} is not in truststream.cluster.kinds; known are {', '.join(KINDS)}") from None
