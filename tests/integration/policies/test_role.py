"""New pods of a target carry the role that Services are pinned on; no other pod does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster import Cluster, waiting
from tests.integration.policies.target import Target
from truststream.api import names

Object = dict[str, Any]


def _canary(chart: Cluster, namespace: str, spec: Object, name: str = "release") -> None:
    document = {
        "apiVersion": names.API_VERSION,
        "kind": "CanaryDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    chart.kubectl("create", "-f", "-", input=json.dumps(document))


def _asked_role(chart: Cluster, namespace: str, replica_set: str, labels: dict[str, str]) -> str | None:
    """The role of a pod that this ReplicaSet would make: a server-side dry run."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": "1"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": f"{replica_set}-", "labels": labels, "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    }
    answer = chart.kubectl(
        "create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(pod)
    )
    found = json.loads(answer.stdout)["metadata"]["labels"].get(names.ROLE_LABEL)
    return str(found) if found is not None else None


def _wait_for_the_parameter(chart: Cluster, namespace: str, target: str) -> None:
    labels = {"pod-template-hash": "a1"}
    waiting.until(
        lambda: _asked_role(chart, namespace, f"{target}-a1", labels) == names.STABLE,
        "the policy to see the canary",
    )


def test_pods_that_the_controller_makes(chart_target: Target) -> None:
    cluster, namespace = chart_target.cluster, chart_target.namespace
    _canary(cluster, namespace, {"targetRef": {"name": "web"}})
    _wait_for_the_parameter(cluster, namespace, "web")
    before = {pod["metadata"]["name"] for pod in _pods(chart_target)}
    chart_target.kubectl("scale", "deployment/web", "--replicas=4")
    waiting.until(lambda: len(_pods(chart_target)) == 4, "four pods")
    new = [pod for pod in _pods(chart_target) if pod["metadata"]["name"] not in before]
    assert len(new) == 2
    assert all(pod["metadata"]["labels"][names.ROLE_LABEL] == names.STABLE for pod in new)
    assert len(chart_target.replica_sets()) == 1  # the label is the pod's, not the template's


def _pods(target: Target) -> list[Object]:
    items: Any = target.cluster.get("pods", "-n", target.namespace, "-l", "app=web")["items"]
    return list(items)


@pytest.fixture(scope="module")
def canaries(chart: Cluster, module_namespace: str) -> tuple[Cluster, str]:
    """Two targets, one of them with a dot in its name, and a release of Services."""
    namespace = module_namespace
    _canary(
        chart,
        namespace,
        {"targetRef": {"kind": "Services", "stable": "shop", "canary": "shop-b", "revision": "1"}},
        "services",
    )
    _canary(chart, namespace, {"targetRef": {"kind": "Deployment", "name": "web.v1"}}, "dotted")
    _canary(chart, namespace, {"targetRef": {"name": "web"}})
    _wait_for_the_parameter(chart, namespace, "web")
    _wait_for_the_parameter(chart, namespace, "web.v1")
    return chart, namespace


_PODS = [
    pytest.param("web-a1", {"pod-template-hash": "a1"}, names.STABLE, id="target"),
    pytest.param("web.v1-a1", {"pod-template-hash": "a1"}, names.STABLE, id="target-with-a-dot"),
    pytest.param("webxv1-a1", {"pod-template-hash": "a1"}, None, id="a-dot-is-a-dot"),
    pytest.param(
        "web-canary-a1", {"pod-template-hash": "a1", names.ROLE_LABEL: names.CANARY}, names.CANARY, id="canary"
    ),
    pytest.param(
        "web-a1", {"pod-template-hash": "a1", names.ROLE_LABEL: names.CANARY}, names.CANARY, id="keeps-its-role"
    ),
    pytest.param("web-api-a1", {"pod-template-hash": "a1"}, None, id="longer-name"),
    pytest.param("web-api", {"app": "web"}, None, id="lone-replicaset"),
    pytest.param("shop-a1", {"pod-template-hash": "a1"}, None, id="behind-services"),
]


@pytest.mark.parametrize(("replica_set", "labels", "role"), _PODS)
def test_only_the_targets_own_pods(
    canaries: tuple[Cluster, str], replica_set: str, labels: dict[str, str], role: str | None
) -> None:
    chart, namespace = canaries
    assert _asked_role(chart, namespace, replica_set, labels) == role


def test_a_canary_of_another_namespace_says_nothing(chart: Cluster, namespace: str) -> None:
    _canary(chart, namespace, {"targetRef": {"name": "web"}})
    _wait_for_the_parameter(chart, namespace, "web")
    assert _asked_role(chart, "default", "web-a1", {"pod-template-hash": "a1"}) is None


def test_pods_without_labels_or_owners_start(canaries: tuple[Cluster, str]) -> None:
    chart, namespace = canaries
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bare"},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    }
    chart.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(pod))
    live: Any = chart.get("pod", "bare", "-n", namespace)
    assert names.ROLE_LABEL not in live["metadata"].get("labels", {})
