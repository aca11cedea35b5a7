"""The operator's image and the chart on a cluster of the node size."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.cluster import Cluster
from tests.cluster.loading import load_operator
from tests.cluster.progress import step

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "truststream"
NAMESPACE = "truststream-system"
RELEASE = "truststream"
IMAGE = "truststream"
PROMETHEUS = "http://prometheus.monitoring.svc:9090"
_SOURCES = ("operator", "pyproject.toml", "requirements.lock", "README.md", "LICENSE")


def install(cluster: Cluster, *values: str) -> None:
    """Ready when it returns: policies in force, operator answering. A second call upgrades what changed."""
    tag = _load_image(cluster)
    with step("chart"):
        settings = [f"image.repository={IMAGE}", f"image.tag={tag}", f"configuration.prometheus.address={PROMETHEUS}"]
        sets = [part for value in (*settings, *values) for part in ("--set", value)]
        where = ["-n", NAMESPACE, "--create-namespace"]
        cluster.helm("upgrade", "--install", RELEASE, str(CHART), *where, *sets, "--wait", "--timeout", "120s")
        cluster.kubectl("wait", "crd/canarydeployments.truststream.dev", "--for=condition=Established", "--timeout=30s")


def uninstall(cluster: Cluster) -> None:
    """As a user would."""
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "240s")


def _load_image(cluster: Cluster) -> str:
    """Building takes a while: the tag is the sources' hash, and one that is there is not built again."""
    tag = _digest()
    known = cluster.directory / "operator-image.tag"
    if not known.exists() or known.read_text() != tag:
        load_operator(cluster, f"{IMAGE}:{tag}")
        known.write_text(tag)
    return tag


def _digest() -> str:
    total = hashlib.sha256()
    for source in _SOURCES:
        for file in _files(ROOT / source):
            total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return "dev-" + total.hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
