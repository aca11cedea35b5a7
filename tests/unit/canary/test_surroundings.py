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
