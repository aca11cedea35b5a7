"""What cannot be released is said in status, with the remedy, and goes on by itself once it is mended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.controller.operator_process import pause
from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.world import CDEP, DEPLOYMENT, ROUTE, SERVICE, World
from truststream.api import names


def second(world: World) -> Object:
    """Another CanaryDeployment for the same target."""
    made = manifests.canary(world.namespace)
    made["metadata"]["name"] = "web-two"
    return made


def test_the_second_canary_on_a_target_is_stalled_until_the_first_one_goes(world: World) -> None:
    world.open()
    pause(1.1)  # the older one is told by a time stamp in seconds
    world.api.create(second(world))

    def condition() -> Object:
        found = (world.live(CDEP, "web-two").get("status") or {}).get("conditions") or []
        return next((c for c in found if c["type"] == "Stalled"), {})

    world.eventually(lambda: condition().get("reason") == "AlreadyManaged", "the second one to be stalled")
    assert "already released by the older CanaryDeployment web;" in condition()["message"]
    assert world.label() == names.ENABLED
    world.delete()
    world.gone()
    world.eventually(lambda: condition().get("status") == "False", "the second one to go on")
    world.eventually(lambda: world.label() == names.ENABLED, "the second one to adopt")


def test_a_target_that_is_created_later_is_adopted_then(world: World) -> None:
    world.api.apply(manifests.canary(world.namespace))
    assert "Deployment web is not in namespace" in world.stalled("TargetMissing")
    world.deploy()
    world.phase("Idle", and_=lambda status: bool(status.get("stableRevision")))
    world.assert_users_own()


@pytest.mark.parametrize(("kind", "reason"), [(SERVICE, "ServiceMissing"), (ROUTE, "RouteProblem")])
def test_a_missing_service_or_route_is_named_and_waited_for(world: World, kind: str, reason: str) -> None:
    world.deploy()
    saved = manifests.service(world.namespace) if kind == SERVICE else manifests.route(world.namespace)
    world.api.delete(kind, world.namespace, "web")
    world.api.apply(manifests.canary(world.namespace))
    message = world.stalled(reason)
    assert "web" in message
    assert "create it" in message
    assert world.label() is None, "nothing is touched before all is there"
    world.api.create(saved)
    world.phase("Idle", and_=lambda status: bool(status.get("stableRevision")))


BROKEN = {"name": "load", "kind": "Value", "query": "sum(", "direction": "LowerIsBetter"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"traffic": {"provider": "GatewayAPI", "config": {"route": "web", "rule": "nope"}}}, "nope"),
    ({"traffic": {"provider": "Carrier"}}, "known"),
    ({"traffic": {"provider": "GatewayAPI", "config": {"rout": "web"}}}, "rout"),
    ({"monitoringMetrics": [{"name": "errorRate"}, {"name": "happiness"}]}, "unknown metric 'happiness'"),
    ({"monitoringMetrics": [{"name": "errorRate"}, BROKEN]}, "spec.monitoringMetrics[1].query"),
]


@pytest.mark.parametrize(("spec", "words"), WRONG, ids=["rule", "provider", "setting", "metric", "promql"])
def test_a_spec_that_the_schema_cannot_catch_is_stalled_with_a_sentence(
    world: World, spec: dict[str, Any], words: str
) -> None:
    world.deploy()
    made = manifests.canary(world.namespace)
    made["spec"].update(spec)
    world.api.apply(made)
    world.until(lambda s: world.condition("Stalled", s).get("status") == "True", "Stalled")
    assert words in world.condition("Stalled")["message"]
    assert world.label() is None
    world.api.apply(manifests.canary(world.namespace))
    world.phase("Idle", and_=lambda status: bool(status.get("stableRevision")))


def test_a_rollout_restart_alone_is_no_release(world: World) -> None:
    world.open()
    restarted = {"metadata": {"annotations": {names.RESTARTED_AT: "2026-01-01T00:00:00Z"}}}
    world.api.patch(DEPLOYMENT, world.namespace, "web", {"spec": {"template": restarted}})
    world.eventually(lambda: "HoldLifted" in world.events(), "the hold to be lifted")
    world.wait_rolled()
    assert len(world.api.list("ReplicaSet", world.namespace)) == 2
    assert world.status()["phase"] == "Idle"
    assert "Starting" not in world.events()


def test_an_apply_without_a_change_is_no_release_and_costs_nothing(world: World) -> None:
    world.open()
    pause(2)
    world.audit.mark()
    world.api.apply(manifests.deployment(world.namespace))
    world.api.patch(DEPLOYMENT, world.namespace, "web", {"spec": {"minReadySeconds": 1}})
    pause(5)
    assert world.writes() == []
    assert "paused" not in world.live(DEPLOYMENT)["spec"]


def test_a_users_own_pause_stays_the_users(world: World) -> None:
    world.deploy()
    world.api.patch(DEPLOYMENT, world.namespace, "web", {"spec": {"paused": True}})
    world.adopt()
    assert world.live(DEPLOYMENT)["spec"]["paused"] is True
    world.delete()
    world.gone()
    live = world.live(DEPLOYMENT)
    assert live["spec"] == {**world.before[DEPLOYMENT], "paused": True}
    assert "LeftPaused" not in world.events(), "we did not pause it"
