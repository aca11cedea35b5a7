"""The installed CRD, and a namespace for objects of these tests."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster


@pytest.fixture(scope="module")
def namespace(chart: Cluster, module_namespace: str) -> str:
    """With the chart's CRD in place."""
    return module_namespace
