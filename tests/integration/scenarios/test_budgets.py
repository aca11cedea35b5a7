"""What the operator asks of the API server, counted in the API server's audit log."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.controller.operator_process import pause
from tests.integration.scenarios.stage import takes_long
from tests.integration.scenarios.world import World

STATUS, ROUTE = "canarydeployments/status", "httproutes"


@takes_long
def test_an_idle_canary_costs_no_request_in_a_minute(world: World) -> None:
    world.open()
    world.audit.mark()
    pause(3)  # the last answers of the adoption
    world.audit.mark()
    pause(60)
    asked = [one for one in world.audit.requests() if one.namespace in ("", world.namespace)]
    assert asked == []


@takes_long
def test_a_finished_release_costs_no_request_either(world: World) -> None:
    world.open()
    world.release()
    world.phase("Succeeded")
    world.assert_users_own(image="web:2")
    pause(5)
    world.audit.mark()
    pause(20)
    assert world.audit.requests(world.namespace) == []


@pytest.mark.parametrize(("size", "scales"), [("Full", 0), ("MatchWeight", 1)])
def test_a_step_costs_one_write_of_the_route_one_of_the_status_and_an_event(
    world: World, size: str, scales: int
) -> None:
    """The look at the end of the step is the only one: it may cost a status, too, when pods have to come first."""
    world.open(canaryReplicas=size, stepDuration="6s", analysis={"interval": "6s"})
    world.release()
    world.weight(10)
    world.eventually(lambda: "WeightChanged" in world.events(), "the event of the first weight")
    pause(2)
    world.audit.mark()
    world.weight(50)
    world.eventually(lambda: any(one.resource == "events" for one in world.writes()), "the event of the second weight")
    counted = Counter(one.resource for one in world.writes())
    assert counted[ROUTE] == 1
    assert counted["events"] == 1
    assert counted["deployments/scale"] == scales
    assert 1 <= counted[STATUS] <= 1 + scales
    assert set(counted) <= {ROUTE, "events", STATUS, "deployments/scale"}


def test_a_look_costs_at_most_one_status(world: World) -> None:
    world.open(stepDuration="10m")
    world.release()
    world.weight(10)
    pause(2)
    world.audit.mark()
    looks: set[str] = set()

    def looking() -> bool:
        looks.add(world.status()["release"].get("lookedAt", ""))
        return True

    world.stays(looking, 8, "looking")
    counted = Counter(one.resource for one in world.writes())
    assert set(counted) == {STATUS}
    assert counted[STATUS] <= len(looks) + 1


def test_the_first_write_of_a_rollback_is_the_route_in_the_run_that_saw_the_verdict(world: World) -> None:
    world.open(stepDuration="10m")
    world.release()
    world.weight(10)
    world.audit.mark()
    world.traffic(bad=0.9)
    status = world.until(lambda s: s.get("verdict") == "Bad", "the bad verdict")
    assert (status["phase"], status["weight"]) == ("RollingBack", 0)
    verdict_at = status["release"]["lookedAt"]
    assert world.ended()["phase"] == "Failed"
    since = [one for one in world.writes() if one.time >= verdict_at]
    assert since[0].resource == ROUTE, since[:4]
    assert since[1].resource != "deployments", since[:4]
    world.assert_users_own(image="web:2", paused=True)
