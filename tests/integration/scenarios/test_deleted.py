"""Deletion of the CanaryDeployment, and of its namespace, at any moment."""

from __future__ import annotations

import pytest

from tests.integration.scenarios.phases import SCENES, SHORT
from tests.integration.scenarios.world import CDEP, DEPLOYMENT, World

RELEASED = {name: scene for name, scene in SCENES.items() if scene.rolls}
UNJUDGED = [name for name in SCENES if name not in (*RELEASED, "Idle")]


def leave(world: World) -> None:
    """The data plane's time was only long so that the phase lasts."""
    world.delete()
    with world.unless_gone():
        world.settle(SHORT)
    world.gone()


def finalizers(world: World) -> list[str]:
    """Of the CanaryDeployment; none when it is gone."""
    found = world.find(CDEP, "web") or {"metadata": {}}
    return list(found["metadata"].get("finalizers") or [])


def test_deleted_while_idle_nothing_of_ours_is_left(world: World) -> None:
    world.open()
    world.delete()
    world.gone()
    world.assert_users_own(label=None)


@pytest.mark.parametrize("phase", UNJUDGED)
def test_deleted_before_the_verdict_the_template_stays_paused_and_an_event_says_how_to_go_on(
    world: World, phase: str
) -> None:
    SCENES[phase].bring(world)
    leave(world)
    world.assert_users_own(image="web:2", paused=True, label=None)
    assert world.active_sets() == ["web:1"]
    for about in (CDEP, DEPLOYMENT):
        notes = [note for reason, note in world.told(about) if reason == "LeftPaused"]
        assert len(notes) == 1, world.told(about)
        assert f"kubectl rollout resume deployment/web -n {world.namespace}" in notes[0]


@pytest.mark.parametrize("phase", list(RELEASED))
def test_deleted_while_the_deployment_rolls_it_rolls_on_with_requests_at_the_users_service(
    world: World, phase: str
) -> None:
    SCENES[phase].bring(world)
    leave(world)
    world.assert_users_own(image="web:2", label=None)
    assert "LeftPaused" not in world.events()
    world.behave(world.pods())


@pytest.mark.parametrize("phase", ["Starting", "Progressing", "ToCanary", "Rolling", "RollingBack"])
def test_a_namespace_deleted_in_mid_release_goes_at_once(world: World, phase: str) -> None:
    SCENES[phase].bring(world)
    world.audit.mark()
    world.api.delete("Namespace", "", world.namespace)
    world.eventually(lambda: not finalizers(world), "our finalizer to be gone")
    # The rest is the namespace controller's, which takes its time when many go.
    gone = lambda: world.api.find("Namespace", "", world.namespace) is None  # noqa: E731
    world.eventually(gone, "the namespace to be gone", limit=180)
    made = [one for one in world.writes() if one.code == 201 and one.resource != "events"]
    assert made == [], "nothing is made in a namespace that goes"
