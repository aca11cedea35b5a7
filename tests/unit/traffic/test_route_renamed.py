"""A spec that names another route while a release runs: the release ends on the one that it began on."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.traffic import manifests as m
from tests.contract.traffic.memory import Memory
from truststream.traffic import provider
from truststream.traffic.base import Split, TrafficProvider

SPLIT = Split(owner="shop", namespace="shop", stable=m.STABLE, canary=m.CANARY, target="shop", canary_workload=m.CANARY)


def routes() -> Memory:
    """Two that look alike."""
    objects = Memory()
    for name in ("old", "new"):
        made = m.route("shop", [m.rule(m.backend(m.STABLE, 1), name="web")])
        made["metadata"]["name"] = name
        objects.store(made, "kubectl")
    return objects


def meant(objects: Memory, route: str) -> TrafficProvider:
    return provider("GatewayAPI", {"route": route}, objects)


async def test_a_release_ends_on_the_route_that_it_began_on() -> None:
    objects = routes()
    before = {name: objects.get("HTTPRoute", "shop", name) for name in ("old", "new")}
    split = replace(SPLIT, memory=meant(objects, "old").note(SPLIT))
    await meant(objects, "old").attach(split)
    await meant(objects, "new").set_weight(split, 10)
    assert meant(objects, "new").read(split).weight == 10
    await meant(objects, "new").restore(split)
    for name, was in before.items():
        now = objects.get("HTTPRoute", "shop", name)
        assert was is not None
        assert now is not None
        assert now["spec"] == was["spec"]
    assert not meant(objects, "new").read(SPLIT).attached


def test_both_routes_wake_it() -> None:
    objects = routes()
    split = replace(SPLIT, memory=meant(objects, "old").note(SPLIT))
    for name in ("old", "new"):
        assert meant(objects, "new").concerns(split, "HTTPRoute", "shop", name)
