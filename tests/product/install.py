"""The operator's image and the chart on a cluster of the node size."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import Cluster, addons, waiting
from tests.cluster.progress import step

from . import image

CHART = Path(__file__).resolve().parents[2] / "charts" / "truststream"
NAMESPACE = "truststream-system"
RELEASE = "truststream"
PROMETHEUS = "http://prometheus.monitoring.svc:9090"
_PROBE = {
    "apiVersion": "truststream.dev/v1alpha1",
    "kind": "CanaryDeployment",
    "metadata": {"name": "probe"},
    "spec": {"targetRef": {"name": "probe"}},
}


def install(cluster: Cluster, *values: str) -> None:
    """Ready when it returns: policies in force, operator answering. A second call upgrades what changed."""
    _install(cluster, image.load(cluster), *values)


def install_again(cluster: Cluster) -> None:
    """The same operator as before: sources may have changed since, and a test has no network to build with."""
    _install(cluster, image.loaded_tag(cluster))


def _install(cluster: Cluster, tag: str, *values: str) -> None:
    with step("chart"):
        settings = [f"image.repository={image.NAME}", f"image.tag={tag}"]
        settings += [f"configuration.prometheus.address={PROMETHEUS}", "configuration.scrapeInterval=2s"]
        sets = [part for value in (*settings, *values) for part in ("--set", value)]
        where = ["-n", NAMESPACE, "--create-namespace"]
        cluster.helm("upgrade", "--install", RELEASE, str(CHART), *where, *sets, "--wait", "--timeout", "120s")
        addons.wait_for_kinds(cluster, "crd/canarydeployments.truststream.dev")
        waiting.until(lambda: _accepts_canaries(cluster), "CanaryDeployments to be accepted", limit=60)


def _accepts_canaries(cluster: Cluster) -> bool:
    """Admission hears of a new kind a little later than `kubectl wait`; asked without making anything."""
    asked = ("create", "-n", "default", "--dry-run=server", "-f", "-")
    return cluster.kubectl(*asked, input=json.dumps(_PROBE), check=False).returncode == 0


def uninstall(cluster: Cluster) -> None:
    """As a user would."""
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "240s")
