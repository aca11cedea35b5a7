"""The operator beside a real API server, and servers that are asked what they counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.integration.controller.audit import Audit
from tests.integration.controller.operator_process import OperatorProcess
from tests.integration.flags.garden import Garden
from tests.integration.flags.servers import Servers
from tests.integration.sharing import alone


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """One that tells what a test wants."""
    with Servers.running() as running:
        yield running


@pytest.fixture(scope="module")
def operator(chart: Cluster, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Running; usage is asked for and written much more often than in life."""
    directory: Path = tmp_path_factory.mktemp("operator")
    token = directory / "token"
    token.write_text(servers.token)
    with alone(chart.name, "operator"):
        process = OperatorProcess(chart, directory)
        process.always = (
            "--server-url", servers.url, "--server-token", str(token),
            "--usage-interval", "1", "--usage-write-interval", "2",
        )  # fmt: skip
        process.start()
        try:
            yield process
        finally:
            process.stop()


@pytest.fixture
def garden(operator: OperatorProcess, namespace: str) -> Garden:
    """Flags in a fresh namespace; an operator that an earlier test left dead runs again."""
    operator.ensure()
    return Garden(operator.cluster, namespace)


@pytest.fixture
def audit(chart: Cluster) -> Audit:
    """What the operator asks from now on."""
    return Audit(chart)
