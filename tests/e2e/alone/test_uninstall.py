"""`helm uninstall` in mid-release: the workloads serve, route and Services are the user's own. Runs last."""

from __future__ import annotations

from tests.e2e.manifests import NAME
from tests.e2e.scenario import NEW, OLD, Given, Then, When
from tests.e2e.world import World
from tests.product.install import install_again, uninstall


def test_uninstall_in_mid_release_leaves_the_workloads_serving(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    before = world.get("service")["spec"]["selector"], world.get("httproute")["spec"]["rules"]
    given.canary(stepDuration="120s")
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    try:
        uninstall(world.cluster)
        then.still_served_by(OLD)
        then.none_lost()
        assert before == (world.get("service")["spec"]["selector"], world.get("httproute")["spec"]["rules"])
        then.nothing_left()
        deployment = then.deployment()
        assert deployment["spec"]["paused"] is True, "an unjudged template rolled out"
        assert "truststream.dev/canary" not in deployment["metadata"].get("labels", {})
        assert not world.get("cdep")["metadata"].get("finalizers"), "the CanaryDeployment could never be deleted"
        world.kubectl("rollout", "resume", f"deployment/{NAME}")
        world.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
        then.still_served_by(NEW)
    finally:
        install_again(world.cluster)
