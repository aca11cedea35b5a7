"""What Git says of the application: nothing of ours in it."""

from __future__ import annotations

from typing import Any

from tests.integration.scenarios.api import Object
from truststream.api import names

BEHAVIOUR = "pod.truststream.test/behaviour"
REPLICAS = 4
# Most scenarios are about what a verdict brings about, not about how it is come by: a window and a limit are enough
# for that, and quick. What the default judge says is in test_judge.py and test_evidence.py.
BY_THRESHOLD = {"mode": "Threshold", "interval": "1s", "minimumRequests": 10}


def deployment(
    namespace: str, image: str = "web:1", *, name: str = "web", behaviour: str = "ready", surge: int | None = None
) -> Object:
    """`behaviour` is its pods': ready, not-ready, crash-loop, image-pull-backoff; with `surge` none is unavailable."""
    rolling = {"maxSurge": surge, "maxUnavailable": 0}
    strategy = {} if surge is None else {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080}]}
    metadata = {"labels": {"app": name}, "annotations": {BEHAVIOUR: behaviour}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "shop"}},
        "spec": {
            **strategy,
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": metadata, "spec": {"containers": [container]}},
        },
    }


def service(namespace: str, name: str = "web", app: str = "web") -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": app}, "ports": ports},
    }


def route(namespace: str, backend: str = "web") -> Object:
    """Two rules; the other one is nobody's business."""
    other = {"name": "other", "matches": [{"path": {"type": "PathPrefix", "value": "/other"}}]}
    rules = [
        {"name": "main", "backendRefs": [{"name": backend, "port": 80}]},
        {**other, "backendRefs": [{"name": backend, "port": 80}]},
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": "contour", "namespace": "projectcontour"}],
            "hostnames": [f"{namespace}.example"],
            "rules": rules,
        },
    }


def canary(
    namespace: str,
    *,
    settle: str = "1s",
    config: dict[str, Any] | None = None,
    analysis: Object | None = None,
    **spec: Any,
) -> Object:
    """Two weights of two seconds: as quick as it can be and still be seen."""
    whole = {
        "targetRef": {"name": "web"},
        "traffic": {
            "provider": "GatewayAPI",
            "config": {"route": "web", "rule": "main", "settle": settle, **(config or {})},
        },
        "initialTraffic": 10,
        "increments": [50, 100],
        "stepDuration": "2s",
        "monitoringMetrics": [{"name": "errorRate"}],
        "analysis": {**BY_THRESHOLD, **(analysis or {})},
        **spec,
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": "CanaryDeployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": whole,
    }


def quota(namespace: str, pods: int) -> Object:
    """So many pods and no more."""
    metadata = {"name": "pods", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": str(pods)}}}
