"""Feature flags on the cluster: manifests, the server's address, tokens for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster import Cluster
from tests.product import image
from tests.product.install import NAMESPACE as SYSTEM

from .manifests import Manifest, canary

SERVER = "truststream-server"
HTTP = 8016
AUDIENCE = "truststream"
_SHOP = "shop"
_LABELS = {"app": _SHOP}
_PROGRAM = Path(__file__).with_name("shop.py")


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


def shop(cluster: Cluster, key: str, errors: Mapping[str, float], rate: float = 60) -> list[Manifest]:
    """An application whose metrics tell the variants apart, in the operator's image: that one has a Python."""
    tokens = {"serviceAccountToken": {"audience": AUDIENCE, "path": "token"}}
    environment = {"SERVER": address(cluster), "FLAG": key, "ERRORS": json.dumps(errors), "RATE": str(rate)}
    container = {
        "name": _SHOP,
        "image": f"{image.NAME}:{image.loaded_tag(cluster)}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"/program/{_PROGRAM.name}"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"name": "metrics", "containerPort": 9898}],
        "readinessProbe": {"tcpSocket": {"port": "metrics"}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "program", "mountPath": "/program"}, {"name": "token", "mountPath": "/token"}],
    }
    volumes = [
        {"name": "program", "configMap": {"name": _SHOP}},
        {"name": "token", "projected": {"sources": [tokens]}},
    ]
    pod = {"enableServiceLinks": False, "terminationGracePeriodSeconds": 1, "containers": [container]}
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "9898"}
    template = {"metadata": {"labels": _LABELS, "annotations": scraped}, "spec": {**pod, "volumes": volumes}}
    spec = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": template}
    data = {_PROGRAM.name: _PROGRAM.read_text()}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _SHOP}, "data": data},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": _SHOP}, "spec": spec},
    ]


def canary_over(key: str, variant: str) -> Manifest:
    """Judged by the application's own counters."""
    counted = 'shop_requests_total{{namespace="{{{{namespace}}}}",variant="{{{{variant}}}}"{code}}}'
    metric = {
        "name": "checkoutErrors",
        "kind": "Ratio",
        "bad": counted.format(code=',code="500"'),
        "total": counted.format(code=""),
    }
    return canary(
        targetRef={"kind": "FeatureFlag", "name": key, "variant": variant},
        traffic=None,
        canaryReplicas=None,
        monitoringMetrics=[metric],
        promotionCriteria=[{"metric": metric["name"], "threshold": "1%"}],
        rollbackThresholds={metric["name"]: "5%"},
    )
