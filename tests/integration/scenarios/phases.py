"""Every phase and every stage of a promotion, made to last: a release is brought there, and let go on afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.integration.scenarios.manifests import REPLICAS
from tests.integration.scenarios.world import World

LONG: Final = "10m"
SHORT: Final = "1s"


@dataclass(frozen=True)
class Scene:
    """How to get there, how to go on, and what the release comes to then."""

    bring: Callable[[World], None]
    go_on: Callable[[World], None] = lambda _world: None
    ending: str = "Succeeded"
    rolls: bool = False  # the Deployment's own pods change already: too late to keep the old version


def ready_until_over(world: World) -> None:
    """Pods that are told not to be ready get ready, all that come."""

    def over() -> bool:
        world.behave(world.pods())
        return "release" not in world.status()

    world.eventually(over, "the release to be over, all its pods being ready")


def _starting(world: World) -> None:
    world.open()
    world.release(behaviour="not-ready")
    world.phase("Starting")
    world.eventually(lambda: world.pods("canary"), "a canary pod")


def _first_weight(world: World) -> None:
    world.open(stepDuration=LONG)
    world.release()
    world.weight(10)


def _second_weight(world: World) -> None:
    world.open()
    world.release()
    world.weight(50)
    world.spec({"stepDuration": LONG})


def _gate(world: World) -> None:
    world.open(gates=[{"step": 50}])
    world.release()
    world.phase("Paused")


def _to_canary(world: World) -> None:
    world.open(stepDuration=LONG)
    world.release(behaviour="not-ready")
    world.eventually(lambda: world.pods("canary"), "a canary pod")
    world.behave(world.pods("canary"))
    world.weight(10)
    world.command("promote")
    world.stage("ToCanary")
    world.eventually(lambda: len(world.pods("canary")) == REPLICAS, "a canary of full size")


def _releasing(world: World) -> None:
    _first_weight(world)
    world.settle(LONG)
    world.command("promote")
    world.stage("Releasing")


def _rolling(world: World) -> None:
    _to_canary(world)
    world.behave(world.pods("canary"))
    world.stage("Rolling")
    world.eventually(lambda: len(world.active_sets()) == 2, "the Deployment to roll")


def _returning(world: World) -> None:
    _rolling(world)
    world.settle(LONG)

    def returning() -> bool:
        world.behave(world.pods())
        return bool(world.status()["release"].get("stage") == "Returning")

    world.eventually(returning, "stage Returning")


def _cleaning(world: World) -> None:
    _rolling(world)
    world.settle("3s")

    def returning() -> bool:
        world.behave(world.pods())
        return bool(world.status()["release"].get("stage") in ("Returning", "Cleaning"))

    world.eventually(returning, "stage Returning")
    world.stage("Cleaning")
    world.settle(LONG)


def _rolling_back(world: World) -> None:
    _first_weight(world)
    world.settle(LONG)
    world.command("rollback", "enough seen")
    world.phase("RollingBack")


def _failed(world: World) -> None:
    _first_weight(world)
    world.command("rollback", "enough seen")
    world.phase("Failed")


def _succeeded(world: World) -> None:
    world.open()
    world.release()
    world.phase("Succeeded")


def _quicker(world: World) -> None:
    world.spec({"stepDuration": SHORT})


def _settled(world: World) -> None:
    world.settle(SHORT)


SCENES: Final[dict[str, Scene]] = {
    "Idle": Scene(lambda world: world.open(), ending="Idle"),
    "Starting": Scene(_starting, ready_until_over),
    "Progressing": Scene(_second_weight, _quicker),
    "Paused": Scene(_gate, lambda world: world.command("promote")),
    "ToCanary": Scene(_to_canary, ready_until_over),
    "Releasing": Scene(_releasing, _settled),
    "Rolling": Scene(_rolling, ready_until_over, rolls=True),
    "Returning": Scene(_returning, _settled, rolls=True),
    "Cleaning": Scene(_cleaning, _settled, rolls=True),
    "RollingBack": Scene(_rolling_back, _settled, ending="Failed"),
    "Failed": Scene(_failed, ending="Failed"),
    "Succeeded": Scene(_succeeded, rolls=True),
}
