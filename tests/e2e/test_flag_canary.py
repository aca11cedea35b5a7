"""A variant of a flag is released as a Deployment is: by steps, judged, promoted or taken back."""

from __future__ import annotations

import time
from typing import Any

from tests.cluster import Cluster
from tests.product.canary import unix

from .evaluations import Evaluations
from .flags import address, canary_over, flag, shop, token
from .manifests import Manifest
from .world import World

KEY = "checkout"
VARIANTS = {"v1": "old", "v2": "new", "v3": "newer"}


def _flag(default: str) -> Manifest:
    return flag(KEY, type="String", variants=VARIANTS, defaultVariant=default)


def _overlay(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (world.get("featureflag", KEY).get("status") or {}).get("overlay") or {}
    return found


def test_a_good_variant_is_promoted_and_a_bad_one_is_taken_back(world: World, cluster: Cluster) -> None:
    world.apply(_flag("v1"), *shop(cluster, KEY, {"v3": 0.5}))
    world.kubectl("rollout", "status", "deployment/shop", "--timeout=90s")
    world.apply(canary_over(KEY, "v1"))
    world.follow.until(lambda seen: seen.is_true("Ready") and seen.phase == "Idle", "adoption", limit=60)
    headers = {"Authorization": f"Bearer {token(cluster, world.namespace, 'default')}"}
    with Evaluations(address(cluster), KEY, headers, rate=50) as clients:
        _promoted(world, clients)
        _taken_back(world, clients)
        _git_catches_up(world)
    assert not clients.failed(), clients.failed()[:3]


def _promoted(world: World, clients: Evaluations) -> None:
    world.begin()
    world.apply(canary_over(KEY, "v2"))
    ended = world.ends()
    assert ended.last["outcome"] == "Promoted", ended.last
    assert _overlay(world)["defaultVariant"] == "v2"
    assert "defaultVariant" in world.get("cdep")["status"]["message"], "the patch for Git is printed"
    now = time.time() + 1
    world.eventually(lambda: len(clients.since(now)) > 100, "evaluations after the promotion")
    assert {one.variant for one in clients.since(now)} == {"v2"}


def _taken_back(world: World, clients: Evaluations) -> None:
    world.begin()
    world.apply(canary_over(KEY, "v3"))
    back = world.until(lambda seen: seen.phase in ("RollingBack", "Failed"), "the rollback", 120)
    ended = world.ends()
    assert ended.last["outcome"] == "RolledBack", ended.last
    assert _overlay(world)["defaultVariant"] == "v2", "what was promoted before stays"
    assert any(one.variant == "v3" for one in clients.answers), "nobody was ever given the canary"
    since = unix(back.release["weightSince"]) if back.release else back.at
    world.eventually(lambda: len(clients.since(since + 2)) > 100, "evaluations after the rollback")
    late = [one.at - since for one in clients.since(since) if one.variant == "v3"]
    assert max(late, default=0.0) < 1.0, f"v3 was given for {max(late):.2f} s after the verdict"


def _git_catches_up(world: World) -> None:
    world.apply(canary_over(KEY, "v2"), _flag("v2"))
    world.eventually(lambda: not _overlay(world), "the overlay to go once Git says the same")
    world.follow.until(lambda seen: seen.is_true("Ready"), "rest", limit=60)
