"""Without a mesh: the ratio of ready pods is the weight, and the user's Service is left alone."""

from __future__ import annotations

from typing import Any

from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.phases import LONG
from tests.integration.scenarios.world import DEPLOYMENT, SERVICE, World
from truststream.api import names


def spec(**more: Any) -> dict[str, Any]:
    """Five pods of the old version and one of the new are a sixth; the counters are those of the other provider."""
    bad = 'envoy_cluster_upstream_rq_xx{envoy_cluster_name="{{namespace}}_web-canary_80",envoy_response_code_class="5"}'
    total = 'envoy_cluster_upstream_rq_xx{envoy_cluster_name="{{namespace}}_web-canary_80"}'
    failures = {"name": "failures", "kind": "Ratio", "bad": bad, "total": total}
    criteria = {"monitoringMetrics": [failures], "promotionCriteria": [{"metric": "failures", "threshold": "1%"}]}
    return {
        "traffic": {"provider": "Replicas", "config": {}},
        "rollbackThresholds": {"failures": "5%"},
        **criteria,
        **more,
    }


def begin(world: World, **more: Any) -> None:
    world.deploy()
    world.api.apply(canary(world, **more))
    world.phase("Idle", and_=lambda status: bool(status.get("stableRevision")))
    world.eventually(lambda: world.label() == names.ENABLED, "the target to be taken on")


def canary(world: World, **more: Any) -> Object:
    made = manifests.canary(world.namespace)
    made["spec"].update(spec(**more))
    return made


def test_pods_are_the_weight_and_the_service_is_not_touched(world: World) -> None:
    begin(world)
    version = world.live(SERVICE)["metadata"]["resourceVersion"]
    world.release()
    status = world.until(lambda s: s.get("weight", 0) > 0, "a weight")
    assert status["weight"] == 20, "what one pod beside four really gets"
    assert world.ended()["phase"] == "Succeeded"
    assert world.live(SERVICE)["metadata"]["resourceVersion"] == version
    world.assert_users_own(image="web:2")


def test_a_bad_version_goes_and_the_stable_pods_are_all_there(world: World) -> None:
    begin(world)
    world.release(bad=0.9)
    assert world.ended()["phase"] == "Failed"
    world.assert_users_own(image="web:2", paused=True)
    assert world.live(DEPLOYMENT)["status"]["readyReplicas"] == manifests.REPLICAS
    assert world.active_sets() == ["web:1"]


def test_deleted_in_mid_release_the_canary_goes_and_the_template_stays_paused(world: World) -> None:
    begin(world, stepDuration=LONG)
    world.release()
    world.until(lambda s: s.get("weight", 0) > 0, "a weight")
    world.delete()
    world.gone()
    world.assert_users_own(image="web:2", paused=True, label=None)
    assert "LeftPaused" in world.events()
