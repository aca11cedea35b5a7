"""What the tests on a real API server share: the cluster, a namespace each, and the installed chart."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tests.cluster import Cluster
from tests.integration import installation
from tests.integration.sharing import alone, shared


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Real etcd, API server and controllers, fake nodes, Gateway API with Contour's conditions.

    TRUSTSTREAM_TEST_CLUSTER names another one, for two test runs beside each other.
    """
    with shared(os.environ.get("TRUSTSTREAM_TEST_CLUSTER", "integration"), ("contour",)) as running:
        yield running


@pytest.fixture(scope="session")
def chart(cluster: Cluster) -> Cluster:
    """The cluster with the chart installed and no operator running: what holds now holds while it is away."""
    with alone(cluster.name, "chart"):
        installation.install(cluster)
    return cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace, gone after the test."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
