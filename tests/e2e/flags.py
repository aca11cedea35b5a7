"""Feature flags on the cluster: manifests, the server's address, tokens for it."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.product.install import NAMESPACE as SYSTEM

from .manifests import Manifest

SERVER = "truststream-server"
HTTP = 8016
AUDIENCE = "truststream"


def flag(name: str, **spec: Any) -> Manifest:
    """A Boolean flag, off by default; fields as in YAML."""
    variants = {"on": True, "off": False}
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "FeatureFlag",
        "metadata": {"name": name},
        "spec": {"type": "Boolean", "variants": variants, "defaultVariant": "off", "owner": "team-shop", **spec},
    }


def address(cluster: Cluster) -> str:
    """The Service's, as pods and this process reach it."""
    found: Any = cluster.get("service", SERVER, "-n", SYSTEM)
    return f"http://{found['spec']['clusterIP']}:{HTTP}"


def token(cluster: Cluster, namespace: str, account: str) -> str:
    """Of a ServiceAccount, for the server alone."""
    asked = ("create", "token", account, "-n", namespace, "--audience", AUDIENCE, "--duration", "1h")
    return cluster.kubectl(*asked).stdout.strip()
