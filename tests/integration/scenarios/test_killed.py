"""kill -9 of the operator in every phase: after its restart each release goes on from the same step and weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.controller.operator_process import pause
from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.phases import LONG, SCENES, SHORT, Scene
from tests.integration.scenarios.stage import Stage
from tests.integration.scenarios.world import DEPLOYMENT, World

KEPT = ("phase", "weight", "step", "stableRevision", "rejected")
REPAIR = "held and scaled to zero and back meanwhile"


@dataclass
class Actor:
    """One release: where it was killed, and what became of it."""

    world: World
    scene: Scene
    died: Object = field(default_factory=dict)

    def bring(self) -> None:
        self.world.audit.mark()
        self.scene.bring(self.world)

    def remember(self) -> None:
        self.died = self.world.status()

    def go_on(self) -> None:
        assert self.point(self.world.status()) == self.point(self.died), "the release went on from somewhere else"
        self.scene.go_on(self.world)
        self.world.until(self.ended, self.scene.ending)

    def ended(self, status: Object) -> bool:
        return "release" not in status and status["phase"] == self.scene.ending

    def point(self, status: Object) -> tuple[Any, ...]:
        """Step and weight, and within a promotion its stage."""
        return (*(status.get(key) for key in KEPT), (status.get("release") or {}).get("stage"))


class Held(Actor):
    """Its Deployment is held, and scaled to zero and back while nobody looks."""

    def go_on(self) -> None:
        world = self.world
        world.eventually(lambda: world.active_sets() == ["web:1"], "the released ReplicaSet alone")
        world.told_once("StableRepaired")
        scaled = [one.name for one in world.writes() if one.resource == "replicasets/scale"]
        # Its Deployment's controller allows no more pods than its surge and takes some back, so up may come twice.
        others = [name for name in scaled if name != scaled[0]]
        assert len(others) == 1, f"the stable one up, then the other one down: {scaled}"
        world.weight(10)
        world.spec({"stepDuration": SHORT})
        world.phase("Succeeded")


def scale_to_zero_and_back(world: World) -> None:
    """The controller of a held Deployment picks by age: the version between, which nobody released."""
    world.api.scale(DEPLOYMENT, world.namespace, "web", 0)
    world.eventually(lambda: world.active_sets() == [], "no pods")
    world.api.scale(DEPLOYMENT, world.namespace, "web", manifests.REPLICAS)
    world.eventually(lambda: world.active_sets() == ["web:2"], "the wrong ReplicaSet to be started")


def two_versions_back(world: World) -> None:
    """web:1 serves and is older than web:2, which ran in between."""
    world.deploy()
    for image in ("web:2", "web:1"):
        world.api.apply(manifests.deployment(world.namespace, image))
        world.wait_rolled()
    world.adopt(stepDuration=LONG)


CANARY = {("services", "web-canary"), ("deployments", "web-canary")}


def made_once(world: World) -> set[tuple[str, str]]:
    """What the operator made since the mark, nothing twice."""
    found = [(one.resource, one.name) for one in world.writes() if one.code == 201 and one.resource != "events"]
    made = Counter(found)
    assert set(made.values()) <= {1}, f"made twice: {made}"
    return set(made)


def everywhere(actors: dict[str, Actor], act: Callable[[Actor], None]) -> dict[str, Future[None]]:
    """All at the same time; failures stay with their own."""
    with ThreadPoolExecutor(len(actors)) as pool:
        return {name: pool.submit(act, actor) for name, actor in actors.items()}


@pytest.fixture(scope="module")
def killed(stage: Stage) -> Iterator[dict[str, tuple[Actor, list[Future[None]]]]]:
    """All phases at a time, one kill for all of them, and the operator again."""
    stage.quiet()
    scenes = {**SCENES, REPAIR: Scene(two_versions_back)}
    actors = {
        name: (Held if name == REPAIR else Actor)(stage.world(f"killed-{name}"), scene)
        for name, scene in scenes.items()
    }
    acts = [everywhere(actors, Actor.bring)]
    try:
        stage.operator.kill()
        acts.append(everywhere(actors, Actor.remember))
        held = actors[REPAIR].world
        held.release("web:3")
        scale_to_zero_and_back(held)
        stage.operator.start()
        acts.append(everywhere(actors, lambda actor: actor.go_on()))
        yield {name: (actor, [act[name] for act in acts if name in act]) for name, actor in actors.items()}
    finally:
        everywhere(actors, lambda actor: actor.world.close())


@pytest.mark.parametrize("phase", list(SCENES))
def test_killed_in_each_phase_goes_on_from_there_and_ends_as_if_nothing_had_been(
    killed: dict[str, tuple[Actor, list[Future[None]]]], phase: str
) -> None:
    actor, acts = killed[phase]
    for act in acts:
        act.result()
    assert phase in (actor.died["phase"], actor.died.get("release", {}).get("stage"))
    failed, idle = actor.scene.ending == "Failed", actor.scene.ending == "Idle"
    actor.world.assert_users_own(image="web:1" if idle else "web:2", paused=failed)
    assert made_once(actor.world) == (set() if idle else CANARY)
    history = [entry["outcome"] for entry in actor.world.status().get("history", [])]
    assert history == ([] if idle else ["RolledBack"] if failed else ["Promoted"])


def test_the_operator_repairs_on_its_return_what_scaling_to_zero_and_back_has_started(
    killed: dict[str, tuple[Actor, list[Future[None]]]],
) -> None:
    actor, acts = killed[REPAIR]
    for act in acts:
        act.result()
    assert [entry["outcome"] for entry in actor.world.status()["history"]] == ["Promoted"]
    actor.world.assert_users_own(image="web:3")


MOMENTS = (0.2, 0.5, 0.1, 0.8, 0.3, 1.3, 0.4, 0.6, 2.1, 0.9)


def test_killed_again_and_again_at_any_moment_a_release_comes_to_its_end(stage: Stage) -> None:
    """Between two writes, too: what was done is found again, and what was not is done."""
    stage.quiet()
    good, bad, leaving = (stage.world(f"killed-often-{name}") for name in ("good", "bad", "leaving"))
    try:
        for world in (good, bad, leaving):
            world.open()
            world.audit.mark()
        good.release()
        bad.release(bad=0.9)
        leaving.release(rate=0)
        leaving.weight(10)
        leaving.delete()
        for moment in MOMENTS:
            pause(moment)
            stage.operator.kill()
            stage.operator.start()
        assert good.ended()["phase"] == "Succeeded"
        good.assert_users_own(image="web:2")
        assert bad.ended()["phase"] == "Failed"
        bad.assert_users_own(image="web:2", paused=True)
        leaving.gone()
        leaving.assert_users_own(image="web:2", paused=True, label=None)
        assert made_once(good) == made_once(bad) == CANARY
    finally:
        for world in (good, bad, leaving):
            world.close()
