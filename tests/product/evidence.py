"""What a person wants to see when something failed: resources, events, the operator's log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.cluster import Cluster

from .install import NAMESPACE

_TARGETS = "canarydeployments,deployments,replicasets,pods,services,endpointslices,httproutes"


def collect(cluster: Cluster, namespace: str, tail: int = -1) -> Mapping[str, str]:
    """By file name. Never fails: a cluster that is half gone has less to tell."""
    asked = {
        "canary.yaml": ("get", "canarydeployments", "-n", namespace, "-o", "yaml"),
        "objects.txt": ("get", _TARGETS, "-n", namespace, "-o", "wide"),
        "route.yaml": ("get", "httproutes", "-n", namespace, "-o", "yaml"),
        "events.txt": ("get", "events", "-n", namespace, "--sort-by=.lastTimestamp"),
        "operator-pods.txt": ("describe", "pods", "-n", NAMESPACE),
        "operator.log": ("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=truststream", f"--tail={tail}"),
        "operator-before.log": (
            "logs",
            "-n",
            NAMESPACE,
            "-l",
            "app.kubernetes.io/name=truststream",
            "--previous",
            "--tail=200",
        ),
    }
    return {name: _told(cluster, arguments) for name, arguments in asked.items()}


def save(cluster: Cluster, namespace: str, directory: Path) -> None:
    """Into files of a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in collect(cluster, namespace).items():
        (directory / name).write_text(text)


def _told(cluster: Cluster, arguments: tuple[str, ...]) -> str:
    answer = cluster.kubectl(*arguments, check=False)
    return answer.stdout or answer.stderr
