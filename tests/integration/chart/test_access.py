"""What the operator's account may do on a real API server: what it needs, and nothing of what it does not."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster
from tests.integration.installation import NAMESPACE, OPERATOR, RELEASE
from truststream.cluster import kinds

_READ = ("get", "list", "watch")


def _may(chart: Cluster, verb: str, resource: str, namespace: str | None = None) -> bool:
    where = ["-n", namespace] if namespace else ["--all-namespaces"]
    answer = chart.kubectl("auth", "can-i", verb, resource, *where, "--as", OPERATOR, check=False)
    return answer.stdout.strip() == "yes"


def _resource(kind: str) -> str:
    known = kinds.kind_of(kind)
    return f"{known.plural}.{known.group}" if known.group else known.plural


@pytest.mark.parametrize("kind", [*kinds.WATCHED, "HTTPRoute", "GRPCRoute", "Gateway", "ReferenceGrant"])
def test_it_watches_what_it_keeps_in_its_cache(chart: Cluster, kind: str) -> None:
    assert all(_may(chart, verb, _resource(kind)) for verb in _READ)


_WRITES = [
    "patch canarydeployments.truststream.dev",
    "patch canarydeployments.truststream.dev/status",
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


def test_people_with_edit_may_write_canaries_and_not_override_them(chart: Cluster) -> None:
    for verb, expected in (("create", "yes"), ("delete", "yes"), ("watch", "yes"), ("override", "no")):
        answer = chart.kubectl(
            "auth", "can-i", verb, "canarydeployments.truststream.dev", user="developer", check=False
        )
        assert answer.stdout.strip() == expected, verb


def test_the_account_hands_out_no_token_by_itself(chart: Cluster) -> None:
    account = chart.get("serviceaccount", RELEASE, "-n", NAMESPACE)
    assert account["automountServiceAccountToken"] is False
