"""A release meets what the user does meanwhile, and a cluster that has no room or pods that do not run."""

from __future__ import annotations

import pytest

from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Refused
from tests.integration.scenarios.phases import LONG, SCENES, ready_until_over
from tests.integration.scenarios.stage import takes_long
from tests.integration.scenarios.world import DEPLOYMENT, World
from truststream.api import names

STALLED_AFTER = 60.0  # seconds that the cluster may refuse something before it is called stalled


def test_a_new_template_in_mid_flight_starts_over_with_it(world: World) -> None:
    world.open()
    world.release("web:2")
    world.weight(50)
    world.release("web:3")
    status = world.phase("Succeeded")
    assert [entry["outcome"] for entry in status["history"]] == ["Promoted", "Superseded"]
    world.assert_users_own(image="web:3")


def test_a_revert_in_mid_flight_goes_back_without_a_verdict(world: World) -> None:
    world.open(stepDuration=LONG)
    world.release("web:2")
    world.weight(10)
    world.release("web:1")
    status = world.ended()
    assert (status["phase"], status["history"][0]["outcome"], status.get("rejected", [])) == ("Idle", "Reverted", [])
    world.eventually(lambda: "paused" not in world.live(DEPLOYMENT)["spec"], "the hold to be lifted")
    world.assert_users_own()
    assert world.active_sets() == ["web:1"]


def test_a_revert_after_a_rejection_lifts_the_hold(world: World) -> None:
    SCENES["Failed"].bring(world)
    world.release("web:1")
    world.phase("Idle")
    world.eventually(lambda: "paused" not in world.live(DEPLOYMENT)["spec"], "the hold to be lifted")
    world.assert_users_own()


def test_a_template_change_while_promoting_is_denied_with_a_sentence(world: World) -> None:
    SCENES["Rolling"].bring(world)
    with pytest.raises(Refused) as denied:
        world.release("web:3")
    assert "promot" in denied.value.message
    assert "web" in denied.value.message
    ready_until_over(world)
    assert world.status()["phase"] == "Succeeded"
    world.release("web:3")
    world.phase("Starting", "Progressing")


def tight(world: World, image: str) -> None:
    """A rollout that needs room for one more pod."""
    world.traffic()
    world.api.apply(manifests.deployment(world.namespace, image, surge=1))


def test_a_quota_without_room_for_the_promotion_shrinks_the_canary_once(world: World) -> None:
    world.deploy()
    tight(world, "web:1")
    world.api.create(manifests.quota(world.namespace, 2 * manifests.REPLICAS))
    world.adopt()
    tight(world, "web:2")
    status = world.phase("Succeeded", "Failed")
    assert status["phase"] == "Succeeded", status
    assert "exceeded quota" in world.told_once("CanaryShrunk")


@takes_long
def test_a_promotion_that_stays_blocked_asks_while_the_canary_serves(world: World) -> None:
    world.deploy()
    tight(world, "web:1")
    world.adopt(stepDuration=LONG)
    tight(world, "web:2")
    world.weight(10)
    world.settle("10s")
    world.command("promote")
    world.stage("Releasing")
    world.api.create(manifests.quota(world.namespace, manifests.REPLICAS))
    message = world.stalled("PromotionBlocked", limit=STALLED_AFTER + 60)
    assert "the canary keeps serving" in message
    assert world.shares() == {"web": 0.0, "web-canary": 100.0}
    assert world.pods("canary")
    world.eventually(lambda: world.label() == names.ENABLED, "template changes to be allowed again")
    world.api.delete("ResourceQuota", world.namespace, "pods")
    assert world.ended(limit=STALLED_AFTER + 60)["phase"] == "Succeeded"
    world.eventually(lambda: world.find(DEPLOYMENT, "web-canary") is None, "the canary to be gone")


@takes_long
def test_a_quota_that_refuses_the_canary_is_stalled_and_no_verdict(world: World) -> None:
    world.deploy()
    world.api.create(manifests.quota(world.namespace, manifests.REPLICAS))
    world.adopt()
    world.release()
    assert "exceeded quota" in world.stalled("CanaryRefused", limit=STALLED_AFTER + 60)
    status = world.status()
    assert (status["phase"], status.get("verdict"), status.get("rejected", [])) == ("Starting", None, [])
    assert world.shares() in ({"web": 100.0}, {"web": 100.0, "web-canary": 0.0})
    world.api.delete("ResourceQuota", world.namespace, "pods")
    assert world.ended(limit=STALLED_AFTER + 60)["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("crash-loop", "CrashLoopBackOff"), ("image-pull-backoff", "ImagePullBackOff")]
)
def test_pods_that_cannot_run_are_evidence_at_once(world: World, behaviour: str, reason: str) -> None:
    world.open()
    world.release(behaviour=behaviour)
    status = world.ended()
    assert status["phase"] == "Failed"
    assert reason in status["history"][0]["reason"]
    assert "web-canary" in status["history"][0]["reason"], "the pod is named"
    assert status["history"][0]["weight"] == 0
    world.assert_users_own(image="web:2", paused=True)


def test_pods_that_begin_to_crash_under_weight_take_it_away(world: World) -> None:
    world.open(stepDuration=LONG)
    world.release()
    world.weight(10)
    world.behave(world.pods("canary"), "crash-loop")
    status = world.ended()
    assert status["phase"] == "Failed"
    assert "CrashLoopBackOff" in status["history"][0]["reason"] or "no ready endpoint" in status["history"][0]["reason"]
    world.assert_users_own(image="web:2", paused=True)
