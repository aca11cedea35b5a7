"""A cluster of their own, since scenarios kill the operator, take policies away and eject everything.

They belong into one process: with pytest-xdist its workers wait for each other's operator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import installation
from tests.integration.controller.operator_process import OperatorProcess
from tests.integration.scenarios.source import source
from tests.integration.scenarios.stage import Stage
from tests.integration.sharing import alone, shared

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything that the scenarios share."""
    name = os.environ.get("TRUSTSTREAM_TEST_CLUSTER", "integration") + "-scenarios"
    with shared(name, ("contour",)) as cluster, alone(name, "operator"), source() as (made, address):
        installation.install(cluster)
        operator = OperatorProcess(cluster, tmp_path_factory.mktemp("operator"), address)
        operator.start()
        try:
            yield Stage(cluster, made, operator, address)
        finally:
            operator.stop()


@pytest.fixture
def world(stage: Stage) -> Stage:
    """What a scenario itself gets is a world of its own: see `pytest_pyfunc_call`."""
    return stage


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Scenarios in a world play all at the same time; each test waits for the end of its own."""
    if "world" not in pyfuncitem.fixturenames:
        return None
    together = [
        item
        for item in pyfuncitem.session.items
        if isinstance(item, pytest.Function) and item.path.is_relative_to(HERE) and "world" in item.fixturenames
    ]
    stage = pyfuncitem.funcargs["world"]
    assert isinstance(stage, Stage)
    stage.play(together, pyfuncitem)
    return True
