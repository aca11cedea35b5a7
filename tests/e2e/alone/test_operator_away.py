"""Nothing unsafe happens while the operator is away, and it goes on where it was when it is back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import Cluster
from tests.e2e import manifests
from tests.e2e.manifests import NAME
from tests.e2e.scenario import NEW, NEWER, OLD, Given, Then, When
from tests.e2e.world import World
from tests.product import NAMESPACE

OPERATOR = "app.kubernetes.io/name=truststream"


@contextmanager
def _operator_stopped(cluster: Cluster) -> Iterator[None]:
    """All its pods, and back."""
    _scale(cluster, 0)
    cluster.kubectl("wait", "pod", "-n", NAMESPACE, "-l", OPERATOR, "--for=delete", "--timeout=60s")
    try:
        yield
    finally:
        _scale(cluster, 1)
        cluster.kubectl("rollout", "status", "deployment/truststream", "-n", NAMESPACE, "--timeout=90s")


def _scale(cluster: Cluster, replicas: int) -> None:
    cluster.kubectl("scale", "deployment/truststream", "-n", NAMESPACE, f"--replicas={replicas}")


def test_a_killed_operator_goes_on_at_the_same_step_and_weight(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    given.canary(stepDuration="12s")
    given.clients(rate=60)
    when.release(NEW)
    before = when.weight_reached(20)
    kill = ("delete", "pod", "-n", NAMESPACE, "-l", OPERATOR, "--force", "--grace-period=0")
    world.cluster.kubectl(*kill)
    then.promoted(NEW)
    sights = [one for one in world.follow.seen[world.mark :] if one.release]
    assert {one.release["startedAt"] for one in sights} == {before.release["startedAt"]}, "it started over"
    assert then.weights() == [20, 50, 100]
    then.none_lost()


def test_template_changes_while_the_operator_is_stopped_leave_the_old_pods_serving(
    given: Given, when: When, then: Then, world: World
) -> None:
    """apply, patch, forced server-side apply, and two replaces in a row without our label."""
    given.application(OLD)
    given.canary()
    given.clients()
    sets, pods = world.replica_sets(), _pods(world)
    with _operator_stopped(world.cluster):
        _change_in_every_way(world)
        then.still_served_by(OLD, requests=150)
        assert (world.replica_sets(), _pods(world)) == (sets, pods)
        held = then.deployment()
        assert held["spec"]["paused"] is True
        assert held["metadata"]["labels"]["truststream.dev/canary"] == "enabled"
        world.begin()
    then.promoted(NEWER)
    then.none_lost()


def _change_in_every_way(world: World) -> None:
    image = {"spec": {"template": {"spec": {"containers": [{"name": NAME, "image": "podinfo:6.9.1"}]}}}}
    world.apply(manifests.deployment(NEW))
    world.kubectl("patch", "deployment", NAME, "-p", json.dumps(image))
    forced = ("apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-")
    world.kubectl(*forced, stdin=json.dumps(manifests.deployment(NEWER)))
    for version in (NEW, NEWER):
        world.kubectl("replace", "-f", "-", stdin=json.dumps(manifests.deployment(version)))


def _pods(world: World) -> set[str]:
    return {pod["metadata"]["name"] for pod in world.list("pods", f"app={NAME}")}


@pytest.mark.parametrize("weight", [20])
def test_a_stopped_operator_leaves_the_share_as_it_is(
    given: Given, when: When, then: Then, world: World, weight: int
) -> None:
    given.application(OLD)
    given.canary(stepDuration="5s")
    load = given.clients(rate=60)
    when.release(NEW)
    when.weight_reached(weight)
    with _operator_stopped(world.cluster):
        route = world.get("httproute")["spec"]
        start = load.answers[-1].at
        world.eventually(lambda: load.since(start).sent > 400, "400 more answers")
        assert world.get("httproute")["spec"] == route
        assert 10 < load.since(start).share(f"podinfo {NEW}") < 32
    then.promoted(NEW)
    then.none_lost()
