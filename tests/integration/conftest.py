"""What the tests on a real API server share: the cluster, a namespace each, and the installed chart."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def _namespace(cluster: Cluster) -> Iterator[str]:
    name = f"t-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace, gone after the test."""
    with _namespace(cluster) as name:
        yield name


@pytest.fixture(scope="module")
def module_namespace(cluster: Cluster) -> Iterator[str]:
    """The same for a whole file, where its tests change nothing that another one sees."""
    with _namespace(cluster) as name:
        yield name
