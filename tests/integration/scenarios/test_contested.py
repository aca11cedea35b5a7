"""Others write what a release needs: put back once, then out of the way, and never a write war."""

from __future__ import annotations

import copy

from tests.integration.controller.operator_process import pause
from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.phases import LONG
from tests.integration.scenarios.world import DEPLOYMENT, ROUTE, SERVICE, World
from truststream.api import names

ARGO = "argocd-controller"
HALF_WAY = {"web": 90.0, "web-canary": 10.0}


def half_way(world: World) -> None:
    """Ten percent, for as long as nobody interferes."""
    world.open(stepDuration=LONG)
    world.release()
    world.weight(10)


def replace_by_force(world: World, manifest: Object) -> None:
    """`kubectl replace --force`: deleted and made anew."""
    kind = manifest["kind"]
    uid = world.live(kind)["metadata"]["uid"]
    world.api.delete(kind, world.namespace, "web")
    world.eventually(
        lambda: (world.find(kind, "web") or {"metadata": {}})["metadata"].get("uid") != uid, f"{kind} to be gone"
    )
    world.api.create(copy.deepcopy(manifest))


def pinned(world: World, name: str = "web") -> bool:
    return bool(world.live(SERVICE, name)["spec"]["selector"].get(names.ROLE_LABEL) == names.STABLE)


def test_a_deployment_replaced_by_force_is_the_users_and_is_adopted_anew(world: World) -> None:
    half_way(world)
    replace_by_force(world, manifests.deployment(world.namespace, "web:2"))
    assert world.ended()["history"][0]["outcome"] == "Aborted"
    world.eventually(lambda: world.label() == names.ENABLED, "the new Deployment to be adopted")
    world.phase("Idle")
    world.assert_users_own(image="web:2")


def test_a_service_replaced_by_force_is_pinned_again_once(world: World) -> None:
    half_way(world)
    replace_by_force(world, manifests.service(world.namespace))
    world.eventually(lambda: pinned(world), "the Service to be pinned again")
    assert world.shares() == HALF_WAY
    world.told_once("PutBack")
    replace_by_force(world, manifests.service(world.namespace))
    assert "resets" in world.stalled("Contested")
    assert world.shares() == {"web": 100.0, "web-canary": 0.0}


def test_a_second_service_that_comes_in_mid_release_is_pinned_too(world: World) -> None:
    half_way(world)
    world.api.create(manifests.service(world.namespace, "internal"))
    world.eventually(lambda: pinned(world, "internal"), "the second Service to be pinned")
    world.command("rollback")
    assert world.ended()["phase"] == "Failed"
    assert world.live(SERVICE, "internal")["spec"]["selector"] == {"app": "web"}
    world.assert_users_own(image="web:2", paused=True)


def test_a_route_replaced_by_force_gets_the_canary_back_once(world: World) -> None:
    half_way(world)
    replace_by_force(world, manifests.route(world.namespace))
    world.eventually(lambda: world.shares() == HALF_WAY, "the weight to be put back")
    world.told_once("PutBack")
    world.spec({"stepDuration": "1s"})
    assert world.ended()["phase"] == "Succeeded"
    world.assert_users_own(image="web:2")


def test_argo_cd_applies_service_and_route_by_force_once_and_the_release_goes_on(world: World) -> None:
    half_way(world)
    for manifest in (manifests.service(world.namespace), manifests.route(world.namespace)):
        world.api.apply(manifest, manager=ARGO, force=True)
    assert pinned(world), "the policy keeps the pin in the very request"
    world.eventually(lambda: world.shares() == HALF_WAY, "the weight to be put back")
    assert ARGO in world.told_once("PutBack")


def test_the_second_time_we_give_way_without_a_leak_or_a_write_war(world: World) -> None:
    half_way(world)
    route = manifests.route(world.namespace)
    world.api.apply(route, manager=ARGO, force=True)
    world.eventually(lambda: world.shares() == HALF_WAY, "the weight to be put back")
    world.api.apply(route, manager=ARGO, force=True)
    remedy = world.stalled("Contested")
    assert ARGO in remedy
    assert "ignoreDifferences" in remedy
    world.eventually(lambda: world.live(DEPLOYMENT, "web-canary")["spec"]["replicas"] == 0, "no canary pods")
    world.eventually(lambda: world.pods("canary") == [], "the canary's pods to be gone")
    assert world.shares().get("web-canary", 0) == 0
    assert world.active_sets() == ["web:1"]
    pause(3)
    world.audit.mark()
    world.api.apply(route, manager=ARGO, force=True)
    pause(10)
    assert world.writes() == []
    world.command("resume")
    assert world.ended()["history"][0]["outcome"] == "Aborted"
    world.weight(10)


def test_a_route_deleted_in_mid_release_stops_everything_until_it_is_back(world: World) -> None:
    half_way(world)
    world.api.delete(ROUTE, world.namespace, "web")
    assert "does not exist" in world.stalled("RouteProblem")
    world.api.create(manifests.route(world.namespace))
    world.eventually(lambda: world.shares() == HALF_WAY, "the weight to be put back")


def test_a_spec_that_names_another_route_in_mid_release_leaves_nothing_on_the_first_one(world: World) -> None:
    half_way(world)
    other = manifests.route(world.namespace)
    other["metadata"]["name"] = "other"
    other["spec"]["hostnames"] = [f"other.{world.namespace}.example"]
    spec = world.api.create(other)["spec"]
    world.spec({"traffic": {"config": {"route": "other"}}, "stepDuration": "1s"})
    assert world.ended()["phase"] == "Succeeded"
    world.assert_users_own(image="web:2")
    assert world.live(ROUTE, "other")["spec"] == spec
    world.release("web:3")
    world.weight(10)
    backends = [ref["name"] for ref in world.live(ROUTE, "other")["spec"]["rules"][0]["backendRefs"]]
    assert backends == ["web", "web-canary"], "the next release goes by what the spec says now"
