"""A variant of a flag under release on a real API server, with the flags' own evaluation of what is stored there."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.integration.scenarios import manifests
from tests.integration.scenarios.api import Object
from tests.integration.scenarios.world import CDEP, World
from truststream.api import names
from truststream.flags.build import build
from truststream.flags.source import source_of

FLAG, NAME = "FeatureFlag", "checkout"
TOUCHED: Final = {"featureflags/status", "canarydeployments", "canarydeployments/status", "events"}
UNITS: Final = [f"unit-{number}" for number in range(2000)]
_COUNTED: Final = 'envoy_cluster_upstream_rq_xx{envoy_cluster_name="{{namespace}}_{{variant}}_80"'
METRIC: Final = {
    "name": "failures",
    "kind": "Ratio",
    "bad": f'{_COUNTED},envoy_response_code_class="5"}}',
    "total": f"{_COUNTED}}}",
}


def git(world: World, default: str = "green", **spec: Any) -> None:
    """What Git says of the flag."""
    variants = {"green": "1", "blue": "2", "red": "3"}
    whole = {"type": "String", "variants": variants, "defaultVariant": default, **spec}
    metadata = {"name": NAME, "namespace": world.namespace}
    world.api.apply({"apiVersion": names.API_VERSION, "kind": FLAG, "metadata": metadata, "spec": whole})


def release(world: World, variant: str, **spec: Any) -> None:
    """What Git says of the release."""
    over: dict[str, Any] = {
        "targetRef": {"kind": FLAG, "name": NAME, "variant": variant},
        "traffic": {"config": {"settle": "1s"}},
        "monitoringMetrics": [METRIC],
        "promotionCriteria": [{"metric": "failures", "threshold": 1}],
        "rollbackThresholds": {"failures": 20},
        **spec,
    }
    world.api.apply(manifests.canary(world.namespace, **over))


def flagged(world: World) -> None:
    """At rest on green."""
    git(world)
    for variant in ("green", "blue", "red"):
        world.source.flow(world.namespace, variant, rate=50)
    release(world, "green")
    world.phase("Idle", and_=lambda status: status.get("stableRevision") == "green")


def overlay(flag: Object) -> Object:
    return dict((flag.get("status") or {}).get("overlay") or {})


def on_it(world: World) -> Object:
    return overlay(world.live(FLAG, NAME))


def share(world: World, variant: str) -> float:
    """Percent of the units that get it, as every server and evaluator deals them."""
    flags = build([source_of(world.live(FLAG, NAME))], {}, namespace=world.namespace, environment="", now=0.0)
    return sum(flags.evaluate(NAME, {"targetingKey": unit}, 0.0).variant == variant for unit in UNITS) / 20


def assert_little_was_touched(world: World) -> None:
    assert {one.resource for one in world.writes()} <= TOUCHED


def test_a_variant_is_promoted_and_stays_until_git_says_so(world: World) -> None:
    flagged(world)
    release(world, "blue")
    world.weight(10)
    assert share(world, "blue") == pytest.approx(10, abs=3)
    world.weight(50)
    assert share(world, "blue") == pytest.approx(50, abs=5)
    world.phase("Succeeded")
    assert (on_it(world), share(world, "blue")) == ({"owner": "web", "defaultVariant": "blue"}, 100)
    behind = world.until(lambda s: world.condition("InGit", s).get("status") == "False", "Git to be called behind")
    patch = """kubectl patch featureflag/checkout -n %s --type=merge -p '{"spec":{"defaultVariant":"blue"}}'"""
    assert behind["message"].endswith(patch % world.namespace)
    git(world, "blue")
    world.eventually(lambda: not on_it(world), "the overlay to go")
    world.until(lambda s: world.condition("InGit", s).get("status") == "True", "Git to say the same")
    assert (share(world, "blue"), world.status()["phase"]) == (100, "Succeeded")
    assert_little_was_touched(world)


def test_a_bad_variant_goes_back_before_anything_else_is_written(world: World) -> None:
    flagged(world)
    world.source.flow(world.namespace, "blue", rate=50, bad=0.9)
    release(world, "blue", stepDuration="5m")
    before = world.weight(10)
    since = world.live(CDEP)["metadata"]["resourceVersion"]
    status = world.phase("Failed")
    assert (status["rejected"], on_it(world), share(world, "blue")) == (["blue"], {}, 0)
    assert before["stableRevision"] == status["stableRevision"] == "green"
    _assert_back_first(world, since)
    assert_little_was_touched(world)


def _assert_back_first(world: World, since: str) -> None:
    """Of all that is stored in one order: a share of 0 stands before the status that tells of it."""
    versions = world.api.watch(CDEP, world.namespace, "web", since, 5)
    told = next(one for one in versions if one["status"]["phase"] == "RollingBack")
    flags = world.api.watch(FLAG, world.namespace, NAME, since, 5)
    back = next(one for one in flags if overlay(one).get("percentage", 0) == 0)
    assert overlay(back)["variant"] == "blue", "the overlay went at once, without a share of 0 before"
    assert int(back["metadata"]["resourceVersion"]) < int(told["metadata"]["resourceVersion"])


def test_an_earlier_promotion_stands_again_after_a_rollback(world: World) -> None:
    flagged(world)
    release(world, "blue")
    world.phase("Succeeded")
    world.source.flow(world.namespace, "red", rate=50, bad=0.9)
    release(world, "red")
    world.phase("Failed")
    assert (on_it(world), share(world, "blue")) == ({"owner": "web", "defaultVariant": "blue"}, 100)


def test_who_resets_the_share_twice_is_given_way_to(world: World) -> None:
    flagged(world)
    release(world, "blue", stepDuration="5m")
    world.weight(10)
    for _ in range(2):
        world.eventually(lambda: on_it(world).get("percentage") == 10, "the share to be as it was asked for")
        world.api.patch_status(FLAG, world.namespace, NAME, {"status": {"overlay": {"percentage": 90}}})
    assert "resets status.overlay of the FeatureFlag again and again" in world.stalled("Contested")
    assert share(world, "blue") == 0
    world.told_once("PutBack")


@pytest.mark.parametrize("way", ["deleted", "ejected"])
def test_whoever_leaves_in_mid_release_leaves_git_alone(world: World, way: str) -> None:
    flagged(world)
    release(world, "blue", stepDuration="5m")
    world.weight(10)
    if way == "deleted":
        world.delete()
        world.gone()
    else:
        mark = {"metadata": {"annotations": {names.EJECTED_ANNOTATION: "true"}}}
        world.api.patch(CDEP, world.namespace, "web", mark)
        world.eventually(lambda: not world.live(CDEP)["metadata"].get("finalizers"), "the finalizer to go")
    assert (on_it(world), share(world, "green")) == ({}, 100)
    assert_little_was_touched(world)
