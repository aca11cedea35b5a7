"""What a real API server and its users did to releases: each case was first seen there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.canary.test_release import make, released
from tests.unit.canary.world import SHAPES
from truststream.canary import actions as act
from truststream.canary.decide import decide
from truststream.canary.judging.modes import every_mode
from truststream.canary.observation import ReplicaSetView


@pytest.mark.parametrize("phase", ["Starting", "Progressing", "Promoting", "RollingBack"])
def test_a_terminating_namespace_is_left_at_once_also_before_our_own_deletion(phase: str) -> None:
    world = released(make())
    world.until("Progressing" if phase == "RollingBack" else phase)
    if phase == "RollingBack":
        world.counts = (1000, 300)
        world.until(phase)
    world.log.clear()
    world.terminating = True
    world.settle()
    assert world.log == [act.RemoveFinalizer()]
    assert world.status.message == "the namespace is being deleted"


def test_a_service_made_anew_has_lost_its_pin_and_that_counts_as_a_reset() -> None:
    world = released(make())
    world.until("Progressing")
    world.pinned, world.marked, world.pin_writer = False, False, "kubectl-replace"
    world.turn()
    assert (world.pinned, world.events.count("PutBack")) == (True, 1)
    world.pinned, world.marked, world.pin_writer = False, False, "kubectl-replace"
    world.turn()
    assert (world.weight, world.status.release and world.status.release.contested != "") == (0, True)


@pytest.mark.parametrize(("desired", "ready", "scaled"), [(0, 0, [("stable", 4)]), (4, 1, []), (4, 4, [("other", 0)])])
def test_a_repair_is_told_when_it_begins_and_not_with_every_pod(
    desired: int, ready: int, scaled: list[tuple[str, int]]
) -> None:
    world = released(make())
    seen = world.observe()
    assert seen.target is not None
    sets = (
        ReplicaSetView("stable", world.status.stable_revision, desired, ready),
        ReplicaSetView("other", "0123456789", 4, 4),
    )
    seen = replace(seen, target=replace(seen.target, replica_sets=sets))
    decision = decide(world.spec, world.status, seen, world.now, judge=every_mode(), shapes=SHAPES)
    assert [(one.name, one.replicas) for one in decision.actions if isinstance(one, act.ScaleReplicaSet)] == scaled
    assert [event.reason for event in decision.events] == (["StableRepaired"] if desired == 0 else [])
