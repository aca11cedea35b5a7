"""Deletion of the CanaryDeployment, and of its namespace, at any moment."""

from __future__ import annotations

from tests.integration.scenarios.world import World


def test_deleted_while_idle_nothing_of_ours_is_left(world: World) -> None:
    world.open()
    world.delete()
    world.gone()
    world.assert_users_own(label=None)


def test_promoted(world: World) -> None:
    world.open()
    world.release()
    assert world.ended()["phase"] == "Succeeded"
    world.assert_users_own(image="web:2")
