"""Other people's mutating policies, which change Deployments as well."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cluster import Cluster, waiting

MARK = "meddled"


def _policy(name: str, namespace: str, expression: str) -> list[dict[str, Any]]:
    """Bound to one namespace, so that no other test is touched."""
    mark = f'[JSONPatch{{op: "add", path: "/spec/template/spec/schedulerName", value: "{MARK}"}}]'
    probe = f'object.metadata.name == "probe" ? {mark} : ({expression})'
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                    "resourceRules": [
                        {
                            "apiGroups": ["apps"],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": ["deployments"],
                        }
                    ],
                },
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": probe}}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        },
    ]


_PROBE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"app": "probe"}},
        "template": {
            "metadata": {"labels": {"app": "probe"}},
            "spec": {"containers": [{"name": "app", "image": "app"}]},
        },
    },
}


def in_force(cluster: Cluster, namespace: str) -> bool:
    """A Deployment called `probe` is never made, only asked about."""
    answer = cluster.kubectl(
        "create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(_PROBE), check=False
    )
    return answer.returncode == 0 and MARK in answer.stdout


@contextmanager
def meddle(cluster: Cluster, namespace: str, expression: str, prefix: str) -> Iterator[None]:
    """A mutating policy with this expression, in force inside the block."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    objects = _policy(name, namespace, expression)
    cluster.kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    try:
        waiting.until(lambda: in_force(cluster, namespace), "the meddling policy to be in force")
        yield
    finally:
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            cluster.kubectl("delete", kind, name)
