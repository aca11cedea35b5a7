"""A Deployment that has been taken on, in a namespace of its own, while no operator runs."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster
from tests.integration.policies.target import Target


@pytest.fixture
def chart_target(chart: Cluster, namespace: str) -> Target:
    """Not taken on yet."""
    one = Target(chart, namespace)
    one.create()
    return one


@pytest.fixture
def target(chart_target: Target) -> Target:
    chart_target.adopt()
    return chart_target
