"""Two operators: one acts, the other one takes over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import waiting
from tests.integration import installation
from tests.integration.controller.operator_process import OperatorProcess
from tests.integration.scenarios.phases import LONG
from tests.integration.scenarios.stage import Stage, in_a_world
from tests.integration.scenarios.world import World

TAKEOVER = 15.0


def holder(stage: Stage) -> str:
    leases = stage.api.list("Lease", installation.NAMESPACE)
    return next((str(one["spec"].get("holderIdentity", "")) for one in leases), "")


@pytest.fixture
def standby(stage: Stage, tmp_path: Path) -> Iterator[OperatorProcess]:
    """A second process; afterwards the first one leads again."""
    stage.quiet()
    other = OperatorProcess(stage.cluster, tmp_path, stage.address, identity="operator-1")
    other.start(ready=False)
    waiting.until(lambda: "standing by: operator-0 leads" in other.log(), "the second operator to stand by", limit=40)
    try:
        yield other
    finally:
        other.stop()
        stage.operator.kill()
        stage.operator.start()


def test_only_the_leader_acts_and_another_one_takes_over_within_15_seconds(
    stage: Stage, standby: OperatorProcess
) -> None:
    def scenario(world: World) -> None:
        world.open(stepDuration=LONG)
        world.release()
        world.weight(10)
        assert "done" not in standby.log(), "a standby does nothing"
        stage.operator.kill()
        died = time.monotonic()
        waiting.until(lambda: holder(stage) == "operator-1", "the takeover", limit=TAKEOVER)
        assert time.monotonic() - died < TAKEOVER
        assert (world.status()["weight"], world.status()["step"]) == (10, "1/3")
        world.spec({"stepDuration": "1s"})
        assert world.ended()["phase"] == "Succeeded"
        world.assert_users_own(image="web:2")

    in_a_world(stage.world("leader"), scenario)
