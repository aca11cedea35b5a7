"""A canary over a flag, from the API server in memory to its answers: what is written, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.api_server import Object
from tests.unit.api.bad_specs import FLAG
from tests.unit.handlers.world import World
from truststream.api import names
from truststream.api.configuration import Configuration
from truststream.canary.flag import FlagView
from truststream.cluster import kinds
from truststream.cluster.trim import trim
from truststream.handlers import released_flag
from truststream.handlers.looks import Looker
from truststream.handlers.resource import Parser
from truststream.traffic.base import Split

SPLIT = Split("web", "shop", "green", "blue", flag="checkout")


def flag(status: Object | None = None, **spec: Any) -> Object:
    variants = {"green": "1", "blue": "2"}
    return {
        "kind": "FeatureFlag",
        "metadata": {"name": "checkout", "namespace": "shop", "generation": 1},
        "spec": {"type": "String", "variants": variants, "defaultVariant": "green", **spec},
        **({"status": status} if status else {}),
    }


class FlagWorld(World):
    """`shop/web` releases a variant."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.server.put(kinds.FEATURE_FLAG, flag())
        self.sync()

    def canary(self, **spec: Any) -> Object:
        return super().canary(**{**FLAG, **spec})

    def edit(self, **spec: Any) -> None:
        """Somebody changes the CanaryDeployment."""
        found = dict(self.live(kinds.CANARY_DEPLOYMENT))
        found["spec"] = {**found["spec"], **spec}
        self.server.put(kinds.CANARY_DEPLOYMENT, found)
        self.sync()

    def mark(self, **annotations: str) -> None:
        found = dict(self.live(kinds.CANARY_DEPLOYMENT))
        found["metadata"] = {**found["metadata"], "annotations": annotations}
        self.server.put(kinds.CANARY_DEPLOYMENT, found)
        self.sync()

    def overlay(self) -> Any:
        return (self.live(kinds.FEATURE_FLAG, "checkout").get("status") or {}).get("overlay")

    async def until(self, phase: str) -> None:
        for _ in range(20):
            if self.status().get("phase") == phase:
                return
            await self.run()
        raise AssertionError(f"never {phase}: {self.status()}")


async def test_the_note_is_saved_before_the_flag_is_touched_and_nothing_else_is_written() -> None:
    world = FlagWorld()
    await world.until("Progressing")
    writes = [one for one in world.server.writes() if one != "PATCH CanaryDeployment/status"]
    assert writes == ["PATCH CanaryDeployment", "PATCH FeatureFlag/status", "PATCH FeatureFlag/status"]
    assert world.overlay() == {"owner": "web", "variant": "blue", "percentage": 5}
    assert world.status()["release"]["route"] == {"flag": "checkout", "git": "green"}
    told = [obj for (kind, _, _), obj in world.server.objects.items() if kind == "Event"]
    assert {one["regarding"]["kind"] for one in told} == {"CanaryDeployment", "FeatureFlag"}
    assert "5 % of the units get variant blue" in [one["note"] for one in told]


async def test_taking_the_share_back_is_the_first_write() -> None:
    world = FlagWorld()
    await world.until("Progressing")
    world.mark(**{names.COMMAND_ANNOTATION: "rollback", names.COMMAND_BY_ANNOTATION: "ann"})
    world.server.requests.clear()
    await world.run()
    assert world.server.writes()[0] == "PATCH FeatureFlag/status"
    assert world.overlay()["percentage"] == 0


async def test_eject_in_mid_release_gives_the_flag_back() -> None:
    world = FlagWorld()
    await world.until("Progressing")
    world.mark(**{names.EJECTED_ANNOTATION: "true"})
    world.edit(traffic={"config": {"settle": "0s"}})
    await world.settle()
    assert not world.overlay()
    assert names.FINALIZER not in world.live(kinds.CANARY_DEPLOYMENT)["metadata"].get("finalizers", [])


async def test_two_canaries_of_one_flag() -> None:
    world = FlagWorld()
    older = world.canary()
    older["metadata"] = {**older["metadata"], "name": "older", "creationTimestamp": "2025-01-01T00:00:00Z"}
    world.server.put(kinds.CANARY_DEPLOYMENT, older)
    world.sync()
    await world.settle()
    stalled = next(one for one in world.status()["conditions"] if one["type"] == "Stalled")
    assert (stalled["reason"], stalled["status"]) == ("AlreadyManaged", "True")
    assert "FeatureFlag checkout is already released by the older CanaryDeployment older" in stalled["message"]


@pytest.mark.parametrize("role", ["stable", "canary"])
async def test_the_arms_are_variants_of_the_key(role: str) -> None:
    world = FlagWorld()
    world.server.put(kinds.FEATURE_FLAG, flag(key="shop.checkout"))
    world.sync()
    await world.until("Progressing")
    resource = Parser(world.objects).parse(world.live(kinds.CANARY_DEPLOYMENT), Configuration())
    arm = Looker(world.objects)._arm(resource, role)
    assert (arm.flag, arm.variant) == ("shop.checkout", {"stable": "green", "canary": "blue"}[role])
    assert (arm.service, arm.workload, arm.target, arm.port) == ("", "", "", "")


def view(status: Object | None = None, **spec: Any) -> FlagView:
    return released_flag.view(flag(status, **spec), SPLIT)


def test_what_its_review_says_counts_for_the_generation_that_it_is_of() -> None:
    last = {"spec": {**flag()["spec"], "variants": {"green": "1"}}}
    stalled = {"observedGeneration": 1, "state": "Stalled", "served": last}
    assert view(stalled).variants == ("green",)
    assert view(stalled).waiting
    assert view({**stalled, "state": "Served"}).variants == ("green", "blue")
    assert view({**stalled, "observedGeneration": 0}).variants == ("green", "blue")
    assert "its spec is wrong" in view({"observedGeneration": 1, "state": "Stalled"}).unserved


def test_a_key_that_another_flag_has_is_not_served() -> None:
    taken = {"type": "Stalled", "status": "True", "reason": "KeyTaken", "message": "FeatureFlag old has the key"}
    status = {"observedGeneration": 1, "state": "Stalled", "served": {"spec": flag()["spec"]}, "conditions": [taken]}
    assert view(status).unserved == "FeatureFlag old has the key"


def test_the_cache_keeps_who_wrote_the_overlay() -> None:
    entries = [
        {"manager": "truststream", "fieldsV1": {"f:status": {"f:key": {}, "f:overlay": {"f:owner": {}}}}},
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:type": {}}}},
    ]
    made = flag()
    made["metadata"]["managedFields"] = entries
    once = trim(kinds.FEATURE_FLAG, made)
    kept = [{"manager": "truststream", "fieldsV1": {"f:status": {"f:overlay": {"f:owner": {}}}}}]
    assert once["metadata"]["managedFields"] == kept
    assert trim(kinds.FEATURE_FLAG, once) == once
