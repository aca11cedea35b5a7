"""Each action is one careful request, and none when there is nothing to do."""

from __future__ import annotations

import pytest

from tests.unit.handlers.world import KEY, World, template
from truststream.api import names
from truststream.api.configuration import Configuration
from truststream.canary import actions as act
from truststream.cluster import kinds
from truststream.errors import ClusterError, Conflict
from truststream.handlers.apply import Applier
from truststream.handlers.resource import Parser, Resource


def resource(world: World) -> Resource:
    obj = world.cache.get(kinds.CANARY_DEPLOYMENT, *KEY)
    assert obj is not None
    return Parser(world.objects).parse(obj, Configuration())


async def do(world: World, *wanted: act.Action) -> None:
    await Applier(world.objects).apply(resource(world), wanted)


async def twice(world: World, action: act.Action) -> int:
    """How many writes the second time makes."""
    await do(world, action)
    before = len(world.server.writes())
    await do(world, action)
    return len(world.server.writes()) - before


@pytest.mark.parametrize(
    "action",
    [
        act.SetTargetLabel(names.ENABLED),
        act.SetTargetLabel(None),
        act.AddFinalizer(),
        act.RemoveFinalizer(),
        act.PinService("web"),
        act.UnpinService("web"),
        act.DeleteCanaryDeployment(),
        act.DeleteCanaryService(),
        act.AcknowledgeCommand(),
        act.ReleaseHold(template()),
        act.RestoreRoute(),
    ],
)
async def test_repeating_it_asks_nothing(action: act.Action) -> None:
    assert await twice(World(), action) == 0


async def test_a_pin_and_its_end() -> None:
    world = World()
    await do(world, act.PinService("web"))
    service = world.live(kinds.SERVICE)
    assert service["spec"]["selector"] == {"app": "web", names.ROLE_LABEL: names.STABLE}
    assert service["metadata"]["annotations"][names.PIN_ANNOTATION] == names.STABLE
    await do(world, act.UnpinService("web"))
    assert world.live(kinds.SERVICE)["spec"]["selector"] == {"app": "web"}
    assert world.live(kinds.SERVICE)["metadata"]["annotations"] == {}


async def test_the_pin_keeps_annotations_that_the_cache_does_not_know_in_full() -> None:
    world = World()
    last = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    world.server.put(kinds.SERVICE, world.service(annotations=last))
    world.sync()
    await do(world, act.PinService("web"))
    assert last.items() <= world.live(kinds.SERVICE)["metadata"]["annotations"].items()


async def test_a_pin_on_a_selector_that_changed_meanwhile_fails() -> None:
    world = World()
    changed = world.service()
    changed["spec"]["selector"] = {"app": "other"}
    world.server.put(kinds.SERVICE, changed)
    with pytest.raises(Conflict):
        await do(world, act.PinService("web"))


async def test_a_role_of_the_users_own_is_not_unpinned() -> None:
    world = World()
    own = world.service()
    own["spec"]["selector"] = {"app": "web", names.ROLE_LABEL: names.STABLE}
    world.server.put(kinds.SERVICE, own)
    world.sync()
    await do(world, act.UnpinService("web"))
    assert world.server.writes() == []


async def test_only_our_own_objects_are_deleted() -> None:
    world = World()
    world.server.put(kinds.SERVICE, world.service("web-canary"))
    world.sync()
    await do(world, act.DeleteCanaryService())
    assert world.server.writes() == []


async def test_our_own_are() -> None:
    world = World()
    await do(world, act.ApplyCanaryService(), act.DeleteCanaryService())
    assert world.server.writes() == ["APPLY Service", "DELETE Service"]


async def test_a_pause_of_the_users_own_outlives_ours() -> None:
    world = World()
    world.hold("web:2")
    both = world.live(kinds.DEPLOYMENT)
    both["metadata"]["annotations"][names.HELD_ANNOTATION] = "template-paused"
    world.cache.put(kinds.DEPLOYMENT, world.server.put(kinds.DEPLOYMENT, both))
    await do(world, act.ReleaseHold(template("web:2")))
    deployment = world.live(kinds.DEPLOYMENT)
    assert deployment["spec"]["paused"] is True
    assert names.HELD_ANNOTATION not in deployment["metadata"]["annotations"]


async def test_a_release_whose_answer_is_still_paused_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.hold("web:2")

    async def held_again(*_: object, **__: object) -> dict[str, object]:
        return world.live(kinds.DEPLOYMENT)

    monkeypatch.setattr(world.server, "json_patch", held_again)
    with pytest.raises(ClusterError, match="still paused"):
        await do(world, act.ReleaseHold(template("web:2")))


async def test_removing_the_label_leaves_the_pause() -> None:
    world = World()
    await do(world, act.SetTargetLabel(names.ENABLED))
    world.hold("web:2")
    await do(world, act.SetTargetLabel(None))
    deployment = world.live(kinds.DEPLOYMENT)
    assert names.CANARY_LABEL not in deployment["metadata"]["labels"]
    assert names.HELD_ANNOTATION not in deployment["metadata"]["annotations"]
    assert deployment["spec"]["paused"] is True


async def test_what_is_gone_needs_no_handing_back() -> None:
    world = World()
    await do(world, act.PinService("web"))
    del world.server.objects[kinds.SERVICE, "shop", "web"]
    await do(world, act.UnpinService("web"))
    assert world.cache.get(kinds.SERVICE, "shop", "web") is None


async def test_a_scale_asks_only_for_a_change() -> None:
    world = World()
    await do(world, act.ApplyCanaryDeployment(template("web:2"), "abc", 1), act.ScaleCanary(1))
    assert "PATCH Deployment/scale" not in world.server.writes()
    await do(world, act.ScaleCanary(3), act.ScaleCanary(3))
    assert world.server.writes().count("PATCH Deployment/scale") == 1


def test_every_action_has_its_request() -> None:
    applier = Applier(World().objects)
    assert set(applier._table) == set(act.Action.__args__)
