"""An event wakes those that it concerns, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.handlers.world import KEY, World
from truststream.cluster import kinds
from truststream.handlers.interest import Interests
from truststream.handlers.resource import Parser


def interests(world: World) -> Interests:
    made = Interests(world.cache, Parser(world.objects))
    made.of(kinds.CANARY_DEPLOYMENT, world.canary())
    other = world.canary(targetRef={"name": "api"})
    other["metadata"]["name"] = "api"
    made.of(kinds.CANARY_DEPLOYMENT, other)
    return made


def obj(name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **more.pop("metadata", {})}, **more}


def owned(name: str, by: str) -> dict[str, Any]:
    return obj(name, metadata={"ownerReferences": [{"name": by, "controller": True}]})


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (kinds.DEPLOYMENT, obj("web")),
        (kinds.DEPLOYMENT, obj("web-canary")),
        (kinds.REPLICA_SET, owned("web-77f", "web")),
        (kinds.POD, owned("web-canary-77f-x", "web-canary-77f")),
        (kinds.SERVICE, obj("web")),
        (kinds.SERVICE, obj("another", spec={"selector": {"app": "web"}})),
        (kinds.ENDPOINT_SLICE, obj("web-abc", metadata={"labels": {"kubernetes.io/service-name": "web-canary"}})),
        (kinds.AUTOSCALER, obj("scaler", spec={"scaleTargetRef": {"name": "web"}})),
        (kinds.DISRUPTION_BUDGET, obj("budget", spec={"selector": {"matchLabels": {"app": "web"}}})),
    ],
)
def test_what_concerns_it(kind: str, event: dict[str, Any]) -> None:
    assert interests(World()).of(kind, event) == {KEY}


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (kinds.DEPLOYMENT, obj("web", namespace="elsewhere")),
        (kinds.DEPLOYMENT, obj("web-admin")),
        (kinds.POD, owned("web-admin-77f-x", "web-admin-77f")),
        (kinds.SERVICE, obj("another", spec={"selector": {"app": "other"}})),
        (kinds.NAMESPACE, {"metadata": {"name": "shop"}}),
    ],
)
def test_what_does_not(kind: str, event: dict[str, Any]) -> None:
    assert interests(World()).of(kind, event) == set()


def test_a_namespace_that_goes_and_the_hold_policy_concern_all() -> None:
    world = World()
    both = {KEY, ("shop", "api")}
    going = {"metadata": {"name": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert interests(world).of(kinds.NAMESPACE, going) == both
    assert interests(world).of(kinds.MUTATING_POLICY, {"metadata": {"name": "truststream-hold"}}) == both


def test_a_flag_concerns_who_releases_it() -> None:
    world = World()
    made = interests(world)
    over = world.canary(targetRef={"kind": "FeatureFlag", "name": "web", "variant": "blue"})
    over["metadata"]["name"] = "flagged"
    assert made.of(kinds.CANARY_DEPLOYMENT, over) == {("shop", "flagged")}
    assert made.of(kinds.FEATURE_FLAG, obj("web")) == {("shop", "flagged")}
    assert made.of(kinds.FEATURE_FLAG, obj("web", namespace="elsewhere")) == set()
    assert made.of(kinds.DEPLOYMENT, obj("web")) == {KEY}


def test_the_end_of_a_rival_concerns_the_next_in_line() -> None:
    world = World()
    made = interests(world)
    rival = world.canary()
    rival["metadata"]["name"] = "rival"
    assert made.of(kinds.CANARY_DEPLOYMENT, rival) == {KEY, ("shop", "rival")}
    assert KEY in made.of(kinds.CANARY_DEPLOYMENT, rival, deleted=True)
    assert made.of(kinds.DEPLOYMENT, obj("web")) == {KEY}
