"""What a real API server and its users did to releases: each case was first seen there."""

from __future__ import annotations

import pytest

from tests.unit.canary.test_release import make, released
from truststream.canary import actions as act


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
