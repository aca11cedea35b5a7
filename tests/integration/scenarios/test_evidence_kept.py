"""kill -9 in the middle of an analysis: what was counted stays counted, and nothing is counted twice."""

from __future__ import annotations

from tests.integration.controller.operator_process import pause
from tests.integration.scenarios.stage import Stage
from tests.integration.scenarios.test_evidence import BLOCK, record, released
from tests.integration.scenarios.world import World

KILLS = 3


def test_killed_in_mid_analysis_each_block_is_used_exactly_once(stage: Stage) -> None:
    stage.quiet()
    world = stage.world("evidence-kept")
    try:
        with released(world, stable_bad=0.02, canary_bad=0.02, stepDuration="10m"):
            _killed_again_and_again(world, stage)
    finally:
        world.close()


def _killed_again_and_again(world: World, stage: Stage) -> None:
    begun = world.until(lambda s: record(s).get("blocks", 0) >= 1, "a block")
    known = record(begun)
    for _ in range(KILLS):
        stage.operator.kill()
        pause(BLOCK)
        stage.operator.start()
        status = world.until(lambda s: record(s)["blocks"] > known["blocks"], "a block after the restart")  # noqa: B023
        assert status["release"]["startedAt"] == begun["release"]["startedAt"]
        assert (status["phase"], status["weight"]) == ("Progressing", 10)
        assert record(status)["until"] > known["until"]
        known = record(status)
        _counted_once(world, known)


def _counted_once(world: World, known: dict[str, object]) -> None:
    """The saved totals are what the counters grew by, from the first block's begin to the last one's end."""
    until, blocks = float(str(known["until"])), int(str(known["blocks"]))
    totals = known["totals"]
    assert isinstance(totals, list)
    after = until - blocks * BLOCK
    canary = world.source.counted(world.namespace, "web-canary", after, until)
    stable = world.source.counted(world.namespace, "web", after, until)
    assert tuple(totals[-1][0]) == (*canary, *stable)
