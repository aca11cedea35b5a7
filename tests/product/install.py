"""The operator's image and the chart on a cluster of the node size."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import Cluster
from tests.cluster.progress import step

from . import image

CHART = Path(__file__).resolve().parents[2] / "charts" / "truststream"
NAMESPACE = "truststream-system"
RELEASE = "truststream"
PROMETHEUS = "http://prometheus.monitoring.svc:9090"


def install(cluster: Cluster, *values: str) -> None:
    """Ready when it returns: policies in force, operator answering. A second call upgrades what changed."""
    tag = image.load(cluster)
    with step("chart"):
        settings = [f"image.repository={image.NAME}", f"image.tag={tag}"]
        settings += [f"configuration.prometheus.address={PROMETHEUS}", "configuration.scrapeInterval=3s"]
        sets = [part for value in (*settings, *values) for part in ("--set", value)]
        where = ["-n", NAMESPACE, "--create-namespace"]
        cluster.helm("upgrade", "--install", RELEASE, str(CHART), *where, *sets, "--wait", "--timeout", "120s")
        cluster.kubectl("wait", "crd/canarydeployments.truststream.dev", "--for=condition=Established", "--timeout=30s")


def uninstall(cluster: Cluster) -> None:
    """As a user would."""
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "240s")
