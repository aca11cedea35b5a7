"""What the cluster around a release does: other namespaces, autoscalers, budgets."""

from __future__ import annotations

from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.phases import LONG
from tests.integration.scenarios.world import DEPLOYMENT, ROUTE, World


def grant(world: World, origin: str) -> Object:
    """Routes of that namespace may send to our Services."""
    spec = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": ROUTE, "namespace": origin}],
        "to": [{"group": "", "kind": "Service", "name": "web"}],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": "routes", "namespace": world.namespace},
        "spec": spec,
    }


def test_without_a_reference_grant_for_the_canary_no_weight_is_given(world: World) -> None:
    """The grant that there is names the stable Service alone; the gateway would send all to it in silence."""
    edge = f"{world.namespace}-edge"
    world.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": edge}})
    try:
        world.deploy()
        route = manifests.route(edge)
        for rule in route["spec"]["rules"]:
            rule["backendRefs"][0]["namespace"] = world.namespace
        world.api.apply(grant(world, edge))
        world.api.apply(route)
        world.adopt(config={"routeNamespace": edge})
        world.release()
        world.until(lambda s: "create a ReferenceGrant" in s.get("message", ""), "the remedy")
        world.stays(lambda: world.status()["weight"] == 0, 4, "no weight")
        all_services = [{"op": "remove", "path": "/spec/to/0/name"}]
        world.api.patch("ReferenceGrant", world.namespace, "routes", all_services, how="json")
        assert world.ended()["phase"] == "Succeeded"
        backends = [ref["name"] for ref in world.api.get(ROUTE, edge, "web")["spec"]["rules"][0]["backendRefs"]]
        assert backends == ["web"]
    finally:
        world.api.delete("Namespace", "", edge)


def test_the_canary_follows_the_size_of_its_target(world: World) -> None:
    world.open(stepDuration=LONG, initialTraffic=50, increments=[100])
    world.release()
    world.weight(50)
    assert world.live(DEPLOYMENT, "web-canary")["spec"]["replicas"] == 2
    world.api.scale(DEPLOYMENT, world.namespace, "web", 8)
    world.eventually(lambda: world.live(DEPLOYMENT, "web-canary")["spec"]["replicas"] == 4, "a larger canary")
    assert world.status()["phase"] == "Progressing"


def test_a_budget_that_counts_both_versions_is_named_in_status(world: World) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": world.namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    world.api.create(budget)
    world.open(stepDuration=LONG)
    world.release()
    world.weight(10)
    status = world.until(lambda s: bool(s.get("warnings")), "a warning")
    assert "PodDisruptionBudget web" in status["warnings"][0]
