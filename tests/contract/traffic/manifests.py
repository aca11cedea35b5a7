"""The objects of the contract tests, written as a user would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truststream.traffic.base import Manifest

CANARY = "shop-canary"
STABLE = "shop"
FLAG = "checkout"


def service(namespace: str, name: str, *, port: int = 80, labels: dict[str, str] | None = None) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name, "labels": labels or {}},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "protocol": "TCP"}]},
    }


def flag(namespace: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "FeatureFlag",
        "metadata": {"namespace": namespace, "name": FLAG},
        "spec": {"type": "String", "variants": {STABLE: "1", CANARY: "2"}, "defaultVariant": STABLE, **spec},
    }


def deployment(namespace: str, name: str, replicas: int) -> Manifest:
    pod = {"containers": [{"name": "app", "image": "example.com/app:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def backend(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    ref: dict[str, Any] = {"group": "", "kind": "Service", "name": name, "port": 80, **more}
    return ref if weight is None else {**ref, "weight": weight}


def http_matches(prefix: str) -> list[dict[str, Any]]:
    return [{"path": {"type": "PathPrefix", "value": prefix}}]


def rule(*backends: dict[str, Any], name: str | None = None, prefix: str = "/") -> dict[str, Any]:
    made = {"matches": http_matches(prefix), "backendRefs": list(backends)}
    return made if name is None else {"name": name, **made}


def grpc_rule(*backends: dict[str, Any], name: str) -> dict[str, Any]:
    method = {"type": "Exact", "service": "shop.v1.Cart", "method": "Add"}
    return {"name": name, "matches": [{"method": method}], "backendRefs": list(backends)}


def route(namespace: str, rules: Sequence[dict[str, Any]], *, kind: str = "HTTPRoute", **metadata: Any) -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": "public", **metadata},
        "spec": {
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": "contour",
                    "namespace": "projectcontour",
                }
            ],
            "hostnames": [f"{namespace}.example.com"],
            "rules": list(rules),
        },
    }


def grant(namespace: str, route_namespace: str, kind: str = "HTTPRoute") -> Manifest:
    origin = {"group": "gateway.networking.k8s.io", "kind": kind, "namespace": route_namespace}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"namespace": namespace, "name": "routes"},
        "spec": {"from": [origin], "to": [{"group": "", "kind": "Service"}]},
    }
