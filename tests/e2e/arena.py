"""Scenarios of the judge: applications whose errors are known, many of them side by side on one cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.cluster import Cluster
from tests.product import Canary, Follow, image
from tests.product.audit import AuditLog
from tests.product.canary import unix
from tests.product.evidence import save

from . import manifests
from .manifests import NAME, Manifest
from .scenario import NEW, OLD, Given
from .world import World

SCRAPE, BLOCK, LOOK = 2.0, 5.0, 5.0
PIPELINE = SCRAPE + BLOCK + LOOK
"""Seconds from a request to a look that knows of it: its scrape, the end of its block, the look."""

_BUILD = Path(__file__).resolve().parents[2] / "build" / "e2e"
_PROGRAM = Path(__file__).with_name("backend.py")
_CONFIG = "backend"


@contextmanager
def world(cluster: Cluster, title: str) -> Iterator[World]:
    """A namespace that is watched; it goes with all in it."""
    name = f"e2e-judge-{title}-{uuid.uuid4().hex[:5]}"
    cluster.kubectl("create", "namespace", name)
    try:
        with ExitStack() as ending:
            follow = ending.enter_context(Follow(cluster, name, NAME))
            yield World(cluster, name, follow, AuditLog(cluster.audit_log, name), ending)
    except BaseException:
        save(cluster, name, _BUILD / f"judge-{title}")
        raise
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def application(world: World, environment: Mapping[str, str], *, version: str = OLD, replicas: int = 2) -> Manifest:
    """Our own program, in the operator's image: that one has a Python, and the cluster has it already."""
    workload = manifests.deployment(version, replicas=replicas, environment={**environment, "VERSION": version})
    pod = workload["spec"]["template"]
    pod["metadata"].pop("annotations")  # it has no metrics of its own: the gateway counts
    pod["spec"]["volumes"] = [{"name": _CONFIG, "configMap": {"name": _CONFIG}}]
    container = pod["spec"]["containers"][0]
    container["image"] = f"{image.NAME}:{image.loaded_tag(world.cluster)}"
    container["command"] = ["python3", f"/program/{_PROGRAM.name}"]
    container["volumeMounts"] = [{"name": _CONFIG, "mountPath": "/program"}]
    container["readinessProbe"]["periodSeconds"] = 3  # dozens of pods are asked
    return workload


def _program() -> Manifest:
    data = {_PROGRAM.name: _PROGRAM.read_text()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _CONFIG}, "data": data}


def open_application(world: World, environment: Mapping[str, str], **pod: Any) -> None:
    """Deployed and serving."""
    workload = application(world, environment, **pod)
    world.apply(_program(), workload, manifests.service(), manifests.route(world.host))
    Given(world).serving()


def judged_by_evidence(world: World, **spec: Any) -> None:
    """A CanaryDeployment in the default mode that has adopted the application."""
    analysis = {"mode": "TwoKey", "interval": f"{LOOK:g}s", "minimumRequests": 20, **spec.pop("analysis", {})}
    spec = {"promotionCriteria": None, "rollbackThresholds": {}, "canaryReplicas": 1, **spec}
    Given(world).canary(analysis=analysis, **spec)


def release(world: World, environment: Mapping[str, str], version: str = NEW) -> None:
    """The next version, with errors of its own."""
    world.begin()
    world.apply(application(world, environment, version=version))


def weight_reached(world: World, weight: float, limit: float = 120) -> float:
    """Since when the canary has had so much, Unix time."""
    seen = world.until(lambda one: one.weight == weight, f"weight {weight:g} %", limit)
    return unix(seen.release["weightSince"])


def error_rate(seen: Canary) -> Mapping[str, Any]:
    """The metric's row; empty before the first look."""
    return next((row for row in seen.metrics if row["name"] == "errorRate"), {})


def never_rolled_back(world: World) -> None:
    """Nor even judged bad, at any moment of the release."""
    seen = world.follow.seen[world.mark :]
    phases = {one.phase for one in seen}
    assert "RollingBack" not in phases, phases
    bad = [one.describe() for one in seen if one.verdict == "Bad"]
    assert not bad, bad[0]


def promoted(world: World, limit: float) -> Canary:
    """Ended so, and never called bad on the way."""
    last = world.ends(limit)
    assert last.last["outcome"] == "Promoted", last.last
    never_rolled_back(world)
    return last
