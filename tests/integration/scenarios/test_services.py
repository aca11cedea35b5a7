"""A pair of Services: whatever runs behind them, only the route is touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.scenarios import manifests
from tests.integration.scenarios.world import ROUTE, SERVICE, World

TOUCHED = {"httproutes", "canarydeployments", "canarydeployments/status", "events"}


def pair(world: World, revision: str) -> None:
    """What Git says of the release."""
    ref = {"kind": "Services", "stable": "blue", "canary": "green", "revision": revision}
    world.api.apply(manifests.canary(world.namespace, targetRef=ref))


def blue_and_green(world: World) -> dict[str, Any]:
    """Both run; blue serves revision 1."""
    for name in ("blue", "green"):
        world.api.apply(manifests.deployment(world.namespace, name=name))
        world.api.apply(manifests.service(world.namespace, name, app=name))
        world.source.flow(world.namespace, name, rate=50)
    world.api.apply(manifests.route(world.namespace, "blue"))
    for name in ("blue", "green"):
        world.wait_rolled(name)
    saved = {name: world.live(SERVICE, name) for name in ("blue", "green")}
    saved["route"] = world.live(ROUTE)["spec"]
    world.audit.mark()
    pair(world, "1")
    world.phase("Idle", and_=lambda status: status.get("stableRevision") == "1")
    return saved


def assert_only_the_route(world: World, saved: dict[str, Any]) -> None:
    assert {one.resource for one in world.writes()} <= TOUCHED
    for name in ("blue", "green"):
        live = world.live(SERVICE, name)
        assert live["metadata"]["resourceVersion"] == saved[name]["metadata"]["resourceVersion"]
    assert world.live(ROUTE)["spec"]["rules"][1] == saved["route"]["rules"][1]


def test_a_pair_of_services_swaps_its_roles_with_each_revision(world: World) -> None:
    saved = blue_and_green(world)
    pair(world, "2")
    status = world.phase("Succeeded")
    assert (status["activeService"], status["stableRevision"]) == ("green", "2")
    assert world.shares()["green"] == 100
    pair(world, "3")
    status = world.phase("Succeeded", and_=lambda status: status["stableRevision"] == "3")
    assert status["activeService"] == "blue"
    assert world.shares()["blue"] == 100
    assert_only_the_route(world, saved)


def test_a_bad_revision_of_a_pair_goes_back(world: World) -> None:
    saved = blue_and_green(world)
    world.source.flow(world.namespace, "green", rate=50, bad=0.9)
    pair(world, "2")
    status = world.phase("Failed")
    assert (status["activeService"], status["rejected"]) == ("blue", ["2"])
    assert world.live(ROUTE)["spec"] == saved["route"]
    assert_only_the_route(world, saved)


@pytest.mark.parametrize("released", [False, True], ids=["in-mid-release", "after-a-swap"])
def test_a_deleted_pair_leaves_all_requests_where_they_were(world: World, released: bool) -> None:
    saved = blue_and_green(world)
    pair(world, "2")
    if released:
        world.phase("Succeeded")
    else:
        world.weight(10)
    world.delete()
    world.gone()
    served = world.shares()
    assert served["green" if released else "blue"] == 100
    assert_only_the_route(world, saved)
