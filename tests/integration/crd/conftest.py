"""A real API server with our CRD, and a namespace for objects of these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.cluster import Cluster, ensure

CRD = Path(__file__).parents[3] / "crds" / "truststream.dev_canarydeployments.yaml"
NAMESPACE = "crd-tests"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return ensure(size="control-plane", name=os.environ.get("TRUSTSTREAM_CONTROL_PLANE", "control-plane"))


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> CompletedProcess[str]:
    """What kubectl said while installing."""
    answer = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))
    return answer


@pytest.fixture(scope="session")
def namespace(cluster: Cluster, installed: CompletedProcess[str]) -> Iterator[str]:
    cluster.kubectl("create", "namespace", NAMESPACE, check=False)
    yield NAMESPACE
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
