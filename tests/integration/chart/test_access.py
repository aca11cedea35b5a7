"""What the operator's account may do on a real API server: what it needs, and nothing of what it does not."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster
from tests.integration.installation import NAMESPACE, OPERATOR, RELEASE
from tests.integration.scenarios.api import Api
from truststream.cluster import kinds

_READ = ("get", "list", "watch")
_GROUPS = {"developer": ["developers", "system:authenticated"]}
SERVER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-server"


def _may(chart: Cluster, verb: str, resource: str, namespace: str = "", *, who: str = OPERATOR) -> bool:
    """As the API server's authorizers say; in all namespaces unless one is given."""
    path, _, group = resource.partition(".")
    if "/" in group:  # deployments.apps/scale
        group, _, below = group.rpartition("/")
        path = f"{path}/{below}"
    name, _, subresource = path.partition("/")
    asked = {"verb": verb, "group": group, "resource": name, "subresource": subresource, "namespace": namespace}
    groups = [f"system:serviceaccounts:{NAMESPACE}", "system:serviceaccounts", "system:authenticated"]
    review = {"user": who, "groups": _GROUPS.get(who, groups), "resourceAttributes": asked}
    answer = Api(chart.kubeconfig).create({"kind": "SubjectAccessReview", "metadata": {}, "spec": review})
    return bool(answer["status"]["allowed"])


def _resource(kind: str) -> str:
    known = kinds.kind_of(kind)
    return f"{known.plural}.{known.group}" if known.group else known.plural


@pytest.mark.parametrize("kind", [*kinds.WATCHED, "HTTPRoute", "GRPCRoute", "Gateway", "ReferenceGrant"])
def test_it_watches_what_it_keeps_in_its_cache(chart: Cluster, kind: str) -> None:
    assert all(_may(chart, verb, _resource(kind)) for verb in _READ)


_WRITES = [
    "patch canarydeployments.truststream.dev",
    "patch canarydeployments.truststream.dev/status",
    "patch featureflags.truststream.dev",
    "patch featureflags.truststream.dev/status",
    "report featureflags.truststream.dev",
    "create deployments.apps",
    "patch deployments.apps",
    "delete deployments.apps",
    "patch deployments.apps/scale",
    "patch replicasets.apps/scale",
    "patch pods",
    "create services",
    "patch services",
    "delete services",
    "patch httproutes.gateway.networking.k8s.io",
    "patch grpcroutes.gateway.networking.k8s.io",
    "create events.events.k8s.io",
    "get persistentvolumeclaims",
]


@pytest.mark.parametrize("what", _WRITES)
def test_it_may_write_what_a_release_needs(chart: Cluster, what: str) -> None:
    assert _may(chart, *what.split())


@pytest.mark.parametrize(
    "what", ["get secrets", "create leases.coordination.k8s.io", "patch leases.coordination.k8s.io"]
)
def test_in_its_own_namespace_alone(chart: Cluster, what: str) -> None:
    verb, resource = what.split()
    assert _may(chart, verb, resource, NAMESPACE)
    assert not _may(chart, verb, resource, "default")
    assert not _may(chart, verb, resource)


_NEVER = [
    "list secrets",
    "create pods",
    "delete pods",
    "create canarydeployments.truststream.dev",
    "delete canarydeployments.truststream.dev",
    "create featureflags.truststream.dev",
    "delete featureflags.truststream.dev",
    "override canarydeployments.truststream.dev",
    "patch mutatingadmissionpolicies.admissionregistration.k8s.io",
    "delete validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "patch clusterroles.rbac.authorization.k8s.io",
    "patch configmaps",
    "delete httproutes.gateway.networking.k8s.io",
    "patch horizontalpodautoscalers.autoscaling",
    "patch namespaces",
    "impersonate users",
]


@pytest.mark.parametrize("what", _NEVER)
def test_it_may_not(chart: Cluster, what: str) -> None:
    assert not _may(chart, *what.split())


_SERVERS = {
    "list featureflags.truststream.dev": True,
    "watch configmaps": True,
    "create tokenreviews.authentication.k8s.io": True,
    "create subjectaccessreviews.authorization.k8s.io": True,
    "patch featureflags.truststream.dev/status": False,
    "get configmaps": False,
    "list secrets": False,
    "list canarydeployments.truststream.dev": False,
    "list pods": False,
}


@pytest.mark.parametrize(("what", "granted"), _SERVERS.items())
def test_the_server_reads_flags_and_nothing_else(chart: Cluster, what: str, granted: bool) -> None:
    assert _may(chart, *what.split(), who=SERVER) is granted


@pytest.mark.parametrize("kind", ["canarydeployments", "featureflags"])
def test_people_with_edit_may_write_and_have_no_verb_of_ours(chart: Cluster, kind: str) -> None:
    resource = f"{kind}.truststream.dev"
    for verb in ("create", "patch", "delete", "watch"):
        assert _may(chart, verb, resource, "default", who="developer"), verb
    for verb in ("override", "evaluate", "report"):
        assert not _may(chart, verb, resource, "default", who="developer"), verb
    assert not _may(chart, "patch", f"{resource}/status", "default", who="developer")


def test_the_account_hands_out_no_token_by_itself(chart: Cluster) -> None:
    account = chart.get("serviceaccount", RELEASE, "-n", NAMESPACE)
    assert account["automountServiceAccountToken"] is False
