"""The same contract on a real API server with a real gateway controller."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.cluster import Cluster
from tests.integration.traffic.real import RealWorld


@pytest.fixture
def world(chart: Cluster) -> Iterator[RealWorld]:
    """Two fresh namespaces, gone after the test; with the chart, whose kinds are among those that are written."""
    cluster = chart
    name = f"traffic-{uuid.uuid4().hex[:8]}"
    made = RealWorld(cluster, name, f"{name}-other")
    for namespace in (made.namespace, made.other_namespace):
        cluster.kubectl("create", "namespace", namespace)
    yield made
    if not os.environ.get("KEEP_NAMESPACES"):
        cluster.kubectl("delete", "namespace", made.namespace, made.other_namespace, "--wait=false")
