"""One operator at a time on the shared cluster, with a Prometheus that says what a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.fakes.prometheus import Traffic, traffic
from tests.integration.controller.audit import Audit
from tests.integration.controller.operator_process import OperatorProcess
from tests.integration.controller.shop import Shop
from tests.integration.sharing import alone


@pytest.fixture(scope="module")
def prometheus() -> Iterator[tuple[Traffic, str]]:
    """Programmable, and its address."""
    with traffic() as running:
        yield running


@pytest.fixture(scope="module")
def operator(
    chart: Cluster, prometheus: tuple[Traffic, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """Running; a test that stops or kills it starts it again."""
    directory: Path = tmp_path_factory.mktemp("operator")
    with alone(chart.name, "operator"):
        process = OperatorProcess(chart, directory, prometheus[1])
        process.start()
        try:
            yield process
        finally:
            process.stop()


@pytest.fixture
def shop(operator: OperatorProcess, namespace: str, prometheus: tuple[Traffic, str]) -> Shop:
    """The application in a fresh namespace; an operator that an earlier test left dead runs again."""
    operator.ensure()
    return Shop(operator.cluster, namespace, prometheus[0])


@pytest.fixture
def audit(chart: Cluster) -> Audit:
    """What the operator asks from now on."""
    return Audit(chart)
