"""An outage is not evidence: the weight is held, and the release goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import Cluster
from tests.e2e.scenario import NEW, OLD, Given, Then, When
from tests.e2e.world import World


@contextmanager
def _prometheus_stopped(cluster: Cluster) -> Iterator[None]:
    where = ("deployment/prometheus", "-n", "monitoring")
    cluster.kubectl("scale", *where, "--replicas=0")
    cluster.kubectl("wait", "pod", "-n", "monitoring", "-l", "app=prometheus", "--for=delete", "--timeout=60s")
    try:
        yield
    finally:
        cluster.kubectl("scale", *where, "--replicas=1")
        cluster.kubectl("rollout", "status", *where, "--timeout=90s")


def test_without_prometheus_the_weight_is_held_and_the_release_resumes(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    given.canary(stepDuration="6s")
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    with _prometheus_stopped(world.cluster):
        down = world.until(lambda seen: seen.verdict == "SourceDown", "the verdict SourceDown", 60)
        assert down.condition("SourceAvailable")["status"] == "False"
        held = world.follow.mark()
        load = world.loads["gateway"]
        start = load.answers[-1].at
        world.eventually(lambda: load.since(start).sent > 500, "500 requests without a source")
        assert {one.weight for one in world.follow.seen[held:]} <= {down.weight}, "the weight moved without a source"
        assert world.follow.now is not None
        assert world.follow.now.weight == down.weight
    then.promoted(NEW)
    then.none_lost()
    assert world.get("cdep")["status"]["verdict"] == "Good"
