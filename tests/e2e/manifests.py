"""The user's side of every scenario: podinfo, its Services, its route, its CanaryDeployment; short steps."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

Manifest = dict[str, Any]
NAME = "podinfo"
ROUTE_RULE = "web"


def deployment(
    version: str,
    *,
    replicas: int = 3,
    environment: Mapping[str, str] | None = None,
    args: list[str] | None = None,
    readiness: str = "/readyz",
) -> Manifest:
    """podinfo of this version; `environment` is how a version is made bad."""
    container: Manifest = {
        "name": NAME,
        "image": f"podinfo:{version}",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 9898}, {"name": "metrics", "containerPort": 9797}],
        "env": [{"name": "PODINFO_PORT_METRICS", "value": "9797"}, *_env(environment or {})],
        "startupProbe": {**_probe(readiness), "failureThreshold": 60},
        "readinessProbe": _probe(readiness),
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "resources": {"requests": {"cpu": "20m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        **({"args": args} if args else {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": NAME}, "annotations": _scraped("9797")},
                "spec": {
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 15,
                    "automountServiceAccountToken": False,
                    "containers": [container],
                },
            },
        },
    }


def _env(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _probe(path: str) -> Manifest:
    """podinfo that fails at random fails its readiness at random too, which is not what a scenario is about."""
    return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 4}


def _scraped(port: str) -> Manifest:
    return {"prometheus.io/scrape": "true", "prometheus.io/port": port}


def service(name: str = NAME) -> Manifest:
    """Selects all pods of the application."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": NAME}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def route(host: str, backend_namespace: str | None = None) -> Manifest:
    """One named rule on the cluster's Gateway."""
    backend: Manifest = {"name": NAME, "port": 80}
    if backend_namespace:
        backend["namespace"] = backend_namespace
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": NAME},
        "spec": {
            "parentRefs": [{"name": "contour", "namespace": "projectcontour"}],
            "hostnames": [host],
            "rules": [
                {
                    "name": ROUTE_RULE,
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [backend],
                }
            ],
        },
    }


_CANARY: Manifest = {
    "targetRef": {"kind": "Deployment", "name": NAME},
    "traffic": {"provider": "GatewayAPI", "config": {"route": NAME, "rule": ROUTE_RULE, "settle": "2s"}},
    "initialTraffic": 20,
    "increments": [50, 100],
    "stepDuration": "4s",
    "monitoringMetrics": [{"name": "errorRate"}],
    "promotionCriteria": [{"metric": "errorRate", "threshold": "1%"}],
    "rollbackThresholds": {"errorRate": "5%"},
    # Most scenarios are not about evidence: a window and a limit are quick. Those of the default judge are in
    # test_judge.py and name their mode.
    "analysis": {"mode": "Threshold", "interval": "2s", "minimumRequests": 20},
    # One pod that the node calls not ready for a moment would be no endpoint at all, which is evidence.
    "canaryReplicas": 2,
}


_WHOLE = ("targetRef", "rollbackThresholds")


def canary(**changes: Any) -> Manifest:
    """Fields of the spec as in YAML; a mapping is merged into the default one, None takes a field away."""
    spec = deepcopy(_CANARY)
    for name, value in changes.items():
        if value is None:
            spec.pop(name)
        elif isinstance(value, Mapping) and isinstance(spec.get(name), Mapping) and name not in _WHOLE:
            spec[name] = {**spec[name], **value}
        else:
            spec[name] = value
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "CanaryDeployment",
        "metadata": {"name": NAME},
        "spec": spec,
    }
