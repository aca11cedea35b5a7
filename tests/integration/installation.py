"""The chart on a cluster, with its policies in force when `install` returns."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, addons, waiting

CHART = Path(__file__).resolve().parents[2] / "charts" / "truststream"
NAMESPACE = "truststream-system"
RELEASE = "truststream"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"

_TARGET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "probe", "labels": {"truststream.dev/canary": "enabled"}},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "probe"}},
        "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "app", "image": "app:1"}]},
        },
    },
}
_CANARY = {
    "apiVersion": "truststream.dev/v1alpha1",
    "kind": "CanaryDeployment",
    "metadata": {"name": "probe"},
    "spec": {"targetRef": {"name": "probe"}},
}
_FLAG: dict[str, Any] = {
    "apiVersion": "truststream.dev/v1alpha1",
    "kind": "FeatureFlag",
    "metadata": {"name": "probe"},
    "spec": {"type": "Boolean", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
}
_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "probe",
        "labels": {"pod-template-hash": "a1"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "probe-a1", "uid": "0"}],
    },
    "spec": {"containers": [{"name": "app", "image": "app:1"}]},
}


def install(cluster: Cluster, *values: str, chart: Path = CHART) -> None:
    """Without operator and server unless `values` say otherwise; the API server takes a moment to read new policies."""
    arguments = [
        part
        for value in ("replicas=0", "server.replicas=0", "eject.enabled=false", *values)
        for part in ("--set", value)
    ]
    cluster.helm("upgrade", "--install", RELEASE, str(chart), "-n", NAMESPACE, "--create-namespace", *arguments)
    addons.wait_for_kinds(cluster, "crd/canarydeployments.truststream.dev", "crd/featureflags.truststream.dev")
    _wait_until_in_force(cluster)


def _wait_until_in_force(cluster: Cluster) -> None:
    probe = f"truststream-probe-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", probe)
    waiting.until(lambda: _lets_the_operator(cluster, probe), "the operator's rights to be in force")
    waiting.until(lambda: _accepts_canaries(cluster, probe), "CanaryDeployments to be accepted")
    waiting.until(lambda: _holds(cluster, probe), "the hold to be in force")
    waiting.until(lambda: _gives_roles(cluster, probe), "the role policy to be in force")
    waiting.until(lambda: _stamps_flags(cluster, probe), "the policies of flags to be in force")
    cluster.kubectl("delete", "namespace", probe, "--wait=false")


def _lets_the_operator(cluster: Cluster, probe: str) -> bool:
    target = ("-n", probe, "-f", "-", "--as", OPERATOR)
    return cluster.kubectl("apply", *target, input=json.dumps(_TARGET), check=False).returncode == 0


def _accepts_canaries(cluster: Cluster, probe: str) -> bool:
    """Admission hears of a new kind a little later than `kubectl wait`."""
    canary = json.dumps(_CANARY)
    return cluster.kubectl("apply", "-n", probe, "-f", "-", input=canary, check=False).returncode == 0


def _holds(cluster: Cluster, probe: str) -> bool:
    image = ("deployment/probe", "app=app:2")
    answer = cluster.kubectl("set", "image", *image, "-n", probe, "--dry-run=server", "-o", "json", check=False)
    if answer.returncode:
        return False  # the guard is in force before what it guards
    return json.loads(answer.stdout)["spec"].get("paused") is True and "held by TrustStream" in answer.stderr


def _gives_roles(cluster: Cluster, probe: str) -> bool:
    answer = cluster.kubectl("create", "-n", probe, "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(_POD))
    return bool(json.loads(answer.stdout)["metadata"]["labels"].get("truststream.dev/role") == "stable")


def _stamps_flags(cluster: Cluster, probe: str) -> bool:
    """Refused by the policy of values, or stamped and taken by the one of approvals."""
    command = ("create", "-n", probe, "--dry-run=server", "-o", "json", "-f", "-")
    bad = {**_FLAG, "spec": {**_FLAG["spec"], "defaultVariant": "nothing"}}
    refused = cluster.kubectl(*command, input=json.dumps(bad), check=False)
    taken = cluster.kubectl(*command, input=json.dumps(_FLAG), check=False)
    if refused.returncode == 0 or taken.returncode:
        return False
    return "truststream.dev/changed-by" in json.loads(taken.stdout)["metadata"].get("annotations", {})
