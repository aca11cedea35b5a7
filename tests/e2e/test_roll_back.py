"""Bad versions: by their answers, by their latency, by their pods."""

from __future__ import annotations

from .scenario import NEW, OLD, Given, Then, When
from .world import World

ERRORS = {"PODINFO_RANDOM_ERROR": "true"}
SLOW = {
    "PODINFO_RANDOM_DELAY": "true",
    "PODINFO_RANDOM_DELAY_UNIT": "ms",
    "PODINFO_RANDOM_DELAY_MIN": "1500",
    "PODINFO_RANDOM_DELAY_MAX": "2000",
}


def test_errors_roll_back_and_the_route_is_the_first_write(given: Given, when: When, then: Then, world: World) -> None:
    given.application(OLD)
    given.canary()
    given.clients()
    when.release(NEW, environment=ERRORS)
    last = then.rolled_back("bad of", "no ready endpoint")
    assert last.verdict == "Bad"
    then.first_write_was_the_route(last)
    then.still_served_by(OLD)
    when.apply_version(OLD)
    world.until(lambda seen: seen.phase == "Idle", "the hold to be lifted after the revert", 60)
    assert not then.deployment()["spec"].get("paused")


def test_latency_rolls_back(given: Given, when: When, then: Then) -> None:
    given.application(OLD)
    given.canary(
        monitoringMetrics=[{"name": "errorRate"}, {"name": "responseTime"}],
        rollbackThresholds={"responseTime": "1s"},
    )
    given.clients()
    when.release(NEW, environment=SLOW)
    last = then.rolled_back("p99")
    assert next(row for row in last.metrics if row["name"] == "responseTime")["verdict"] == "Bad"
    then.none_lost()
    then.still_served_by(OLD)


def test_a_version_that_crashes_is_bad_by_the_pods_own_reason(given: Given, when: When, then: Then) -> None:
    given.application(OLD)
    given.canary()
    given.clients()
    when.release(NEW, args=["--no-such-flag"])
    then.rolled_back("CrashLoopBackOff", "Error: container", "exit code 2")
    assert then.weights() == []
    then.none_lost()
    then.only_served_by(OLD)


def test_an_image_that_does_not_exist_is_bad_by_the_pods_own_reason(given: Given, when: When, then: Then) -> None:
    given.application(OLD)
    given.canary()
    given.clients()
    when.release("0.0.0-missing")
    then.rolled_back("ErrImagePull", "ImagePullBackOff")
    assert then.weights() == []
    then.none_lost()
    then.only_served_by(OLD)


def test_a_canary_that_loses_its_endpoints_is_bad_at_once(given: Given, when: When, then: Then, world: World) -> None:
    given.application(OLD)
    given.canary(stepDuration="60s")
    given.clients()
    when.release(NEW)
    when.weight_reached(20)
    for pod in world.list("pods", "truststream.dev/role=canary"):
        _stop_being_ready(world, pod["status"]["podIP"])
    then.rolled_back("no ready endpoint")
    then.still_served_by(OLD)


def _stop_being_ready(world: World, address: str) -> None:
    """podinfo has a switch for it."""
    ask = "import sys,urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='POST'), timeout=10)"
    world.cluster.run("python3", "-c", ask, f"http://{address}:9898/readyz/disable")
