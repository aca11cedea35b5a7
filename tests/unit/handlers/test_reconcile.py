"""A run asks for what it needs, writes what differs, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.handlers.world import KEY, REVISION, World, template
from truststream.api import names
from truststream.canary.template import revision_of
from truststream.cluster import kinds
from truststream.errors import Forbidden, Unavailable


async def test_adoption_writes_finalizer_label_and_status_and_rests() -> None:
    world = World()
    await world.settle()
    assert world.server.writes() == [
        "PATCH CanaryDeployment",
        "APPLY Deployment",
        "PATCH CanaryDeployment/status",
    ]
    assert world.live(kinds.DEPLOYMENT)["metadata"]["labels"] == {names.CANARY_LABEL: names.ENABLED}
    assert world.status()["phase"] == "Idle"
    assert world.status()["stableRevision"] == REVISION


async def test_idle_asks_nothing() -> None:
    world = World()
    await world.adopted()
    for _ in range(5):
        assert await world.run() is None
    assert world.server.requests == []


async def test_a_run_that_wrote_is_followed_by_another() -> None:
    world = World()
    assert await world.run() is not None


async def test_nothing_follows_a_failed_action_and_the_next_run_makes_up_for_it() -> None:
    world = World()
    world.server.refuse[kinds.DEPLOYMENT] = Unavailable("down")
    with pytest.raises(Unavailable):
        await world.run()
    assert world.status() == {}
    world.server.refuse.clear()
    await world.settle()
    assert world.status()["phase"] == "Idle"


async def test_an_event_that_cannot_be_posted_undoes_nothing() -> None:
    world = World()
    world.server.refuse[kinds.EVENT] = Unavailable("down")
    await world.settle()
    assert world.status()["phase"] == "Idle"


async def test_a_held_template_starts_a_release_of_our_own_objects() -> None:
    world = World()
    await world.adopted()
    world.hold("web:2")
    await world.settle()
    assert world.status()["release"]["revision"] == revision_of(template("web:2"))
    canary = world.live(kinds.DEPLOYMENT, "web-canary")
    assert canary["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert world.live(kinds.DEPLOYMENT)["spec"]["paused"] is True


async def test_a_revert_lifts_the_hold() -> None:
    world = World()
    await world.adopted()
    world.hold("web:1")
    await world.settle()
    deployment = world.live(kinds.DEPLOYMENT)
    assert "paused" not in deployment["spec"]
    assert names.HELD_ANNOTATION not in deployment["metadata"]["annotations"]


async def test_a_hold_is_lifted_only_from_the_template_that_was_judged() -> None:
    world = World()
    await world.adopted()
    world.hold("web:1")
    newer = dict(world.live(kinds.DEPLOYMENT))
    newer["spec"] = {**newer["spec"], "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"newer": True}}}
    world.server.put(kinds.DEPLOYMENT, newer)  # and no watch has told us yet
    with pytest.raises(Exception, match="test"):
        await world.run()
    assert world.live(kinds.DEPLOYMENT)["spec"]["paused"] is True


async def test_deletion_gives_the_label_back_and_goes() -> None:
    world = World()
    await world.adopted()
    _delete(world)
    await world.settle()
    assert names.CANARY_LABEL not in world.live(kinds.DEPLOYMENT)["metadata"]["labels"]
    assert world.live(kinds.CANARY_DEPLOYMENT)["metadata"]["finalizers"] == []
    assert world.cache.get(kinds.CANARY_DEPLOYMENT, *KEY) is None


async def test_in_a_terminating_namespace_what_is_refused_stays_so() -> None:
    world = World()
    await world.adopted()
    namespace = world.server.put(kinds.NAMESPACE, {"metadata": {"name": "shop", "deletionTimestamp": _now()}})
    world.cache.put(kinds.NAMESPACE, namespace)
    _delete(world)
    world.server.refuse[kinds.EVENT] = Forbidden("the namespace is being terminated")
    await world.settle()
    assert world.live(kinds.CANARY_DEPLOYMENT)["metadata"]["finalizers"] == []
    assert not any(kind == kinds.EVENT for _, kind, _ in world.server.requests)


async def test_a_status_that_cannot_be_read_stops_everything() -> None:
    world = World()
    await world.adopted()
    broken = {**world.live(kinds.CANARY_DEPLOYMENT), "status": {"phase": "Dancing"}}
    world.server.put(kinds.CANARY_DEPLOYMENT, broken)
    world.sync()
    for _ in range(3):
        assert await world.run() is None
    assert world.server.writes() == ["PATCH CanaryDeployment/status"], "said once"
    (condition,) = world.status()["conditions"]
    assert (condition["type"], condition["reason"]) == ("Stalled", "StateUnreadable")
    assert "phase" in condition["message"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"traffic": {"provider": "Carrier"}}, "spec.traffic.provider"),
        ({"monitoringMetrics": [{"name": "happiness"}]}, "monitoringMetrics"),
        ({"increments": [50, 20]}, "increments"),
    ],
)
async def test_a_bad_spec_is_stalled_and_changes_nothing(spec: dict[str, Any], path: str) -> None:
    world = World()
    world.server.put(kinds.CANARY_DEPLOYMENT, world.canary(**spec))
    world.sync()
    await world.settle()
    stalled = next(one for one in world.status()["conditions"] if one["type"] == "Stalled")
    assert stalled["status"] == "True"
    assert path in stalled["message"]
    assert "labels" not in world.live(kinds.DEPLOYMENT)["metadata"]


async def test_the_younger_of_two_on_one_target_is_stalled() -> None:
    world = World()
    older = world.canary()
    older["metadata"] = {**older["metadata"], "name": "first", "creationTimestamp": "2025-01-01T00:00:00Z"}
    world.server.put(kinds.CANARY_DEPLOYMENT, older)
    world.sync()
    await world.settle()
    stalled = next(one for one in world.status()["conditions"] if one["type"] == "Stalled")
    assert stalled["reason"] == "AlreadyManaged"
    assert "first" in stalled["message"]


def _delete(world: World) -> None:
    obj = world.live(kinds.CANARY_DEPLOYMENT)
    metadata = {**obj["metadata"], "deletionTimestamp": _now()}
    world.cache.put(kinds.CANARY_DEPLOYMENT, world.server.put(kinds.CANARY_DEPLOYMENT, {**obj, "metadata": metadata}))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
