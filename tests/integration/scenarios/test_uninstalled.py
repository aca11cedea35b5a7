"""A cluster without the hold, and the end of the installation in the middle of everything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration import installation
from tests.integration.scenarios import manifests
from tests.integration.scenarios.phases import SCENES, SHORT
from tests.integration.scenarios.stage import Stage, in_a_world
from tests.integration.scenarios.world import CDEP, World
from truststream.api import names

PHASES = ("Idle", "Starting", "Progressing", "ToCanary", "Rolling", "RollingBack", "Failed")


@pytest.fixture
def without_hold(stage: Stage) -> Iterator[Stage]:
    """As on a cluster that does not serve MutatingAdmissionPolicy; afterwards as before."""
    stage.quiet()
    chart = (installation.RELEASE, str(installation.CHART), "-n", installation.NAMESPACE, "--reuse-values")
    stage.cluster.helm("upgrade", *chart, "--set", "policies.mutating=never")
    try:
        yield stage
    finally:
        stage.cluster.helm("upgrade", *chart, "--set", "policies.mutating=auto")


def test_without_the_policy_that_holds_a_deployment_is_stalled_and_the_version_named(without_hold: Stage) -> None:
    def scenario(world: World) -> None:
        world.deploy()
        world.api.apply(manifests.canary(world.namespace))
        assert "1.36" in world.stalled("HoldNotServed")
        assert world.label() is None
        world.assert_users_own(label=None)

    in_a_world(without_hold.world("without-hold"), scenario)


def eject(stage: Stage) -> str:
    """As the chart's hook does before everything goes."""
    executable = Path(sys.executable).with_name("truststream")
    command = [str(executable), "eject", "--all", "--kubeconfig", str(stage.cluster.kubeconfig)]
    done = stage.cluster.run(*command, check=False, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("running", [True, False], ids=["operator-running", "operator-dead"])
def test_ejected_in_mid_release_everything_is_the_users_own(stage: Stage, running: bool) -> None:
    """At once in all phases, as the hook meets them."""
    stage.quiet()
    worlds = {phase: stage.world(f"ejected-{phase}") for phase in PHASES}
    try:
        with ThreadPoolExecutor(len(worlds)) as pool:
            list(pool.map(lambda phase: SCENES[phase].bring(worlds[phase]), worlds))
        worlds["RollingBack"].settle(SHORT)
        if not running:
            stage.operator.kill()
        said = eject(stage)
        for phase, world in worlds.items():
            unjudged = phase not in ("Idle", "Rolling")
            assert running or f"{world.namespace}/web: nothing of ours is left" in said
            world.assert_users_own(image="web:1" if phase == "Idle" else "web:2", paused=unjudged, label=None)
            assert names.FINALIZER not in (world.live(CDEP)["metadata"].get("finalizers") or [])
            assert ("LeftPaused" in world.events()) is unjudged, phase
    finally:
        if not running:
            stage.operator.start()
        for world in worlds.values():
            world.close()
