"""What else lives in a namespace: autoscalers, budgets, quotas, grants, pipelines, and no mesh at all."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from . import manifests
from .manifests import NAME, Manifest
from .scenario import NEW, OLD, SERVICE, Given, Then, When
from .world import World


def test_without_a_mesh_the_ratio_of_pods_is_the_weight(given: Given, when: When, then: Then, world: World) -> None:
    world.apply(manifests.deployment(OLD), manifests.service())
    given.serving()
    given.canary(traffic=None, canaryReplicas=None, initialTraffic=25)
    given.clients(SERVICE, rate=50)
    when.release(NEW)
    at_first = when.weight_reached(25)
    then.promoted(NEW)
    assert at_first.weight == 25, "1 canary pod beside 3 stable ones"
    then.still_served_by(NEW, SERVICE)
    then.none_lost()
    assert world.get("service")["spec"]["selector"] == {"app": NAME}


def test_an_autoscaler_keeps_the_replica_count_it_would_have_without_us(
    given: Given, when: When, then: Then, world: World
) -> None:
    """Each pod burns a constant part of a CPU, so that the autoscaler has no reason of its own to change anything."""
    given.application(OLD)
    world.apply(_burning(OLD), _autoscaler())
    given.serving()
    world.eventually(lambda: bool(_measured(world)), "the autoscaler to have numbers", limit=120)
    given.canary()
    given.clients()
    world.begin()
    world.apply(_burning(NEW))
    when.weight_reached(50)
    pods = [len(world.list("pods", "truststream.dev/role=canary")), len(world.list("pods", f"app={NAME}"))]
    then.promoted(NEW)
    assert pods[0] > 0, pods
    assert world.get("hpa")["status"]["desiredReplicas"] == 3, world.get("hpa")["status"]
    assert then.deployment()["spec"]["replicas"] == 3
    scaled = [event["message"] for event in world.list("events") if event["reason"] == "SuccessfulRescale"]
    assert not scaled, scaled
    then.none_lost()


def _burning(version: str) -> Manifest:
    workload = manifests.deployment(version)
    burner: Manifest = {
        "name": "burner",
        "image": "podinfo:6.9.0",
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "PODINFO_PORT", "value": "9000"}, {"name": "PODINFO_STRESS_CPU", "value": "1"}],
        "resources": {"requests": {"cpu": "20m", "memory": "16Mi"}, "limits": {"cpu": "20m", "memory": "128Mi"}},
    }
    workload["spec"]["template"]["spec"]["containers"].append(burner)
    return workload


def _autoscaler() -> Manifest:
    usage = {"type": "Utilization", "averageUtilization": 100}
    source = {"name": "cpu", "container": "burner", "target": usage}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "minReplicas": 1,
            "maxReplicas": 6,
            "metrics": [{"type": "ContainerResource", "containerResource": source}],
        },
    }


def _measured(world: World) -> Any:
    return world.get("hpa").get("status", {}).get("currentMetrics")


def test_a_disruption_budget_is_respected_and_status_says_what_it_counts(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    budget: Manifest = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": NAME},
        "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": NAME}}},
    }
    world.apply(budget)
    given.canary()
    given.clients()
    when.release(NEW)
    seen = when.weight_reached(20)
    assert any("PodDisruptionBudget podinfo" in warning for warning in seen.warnings), seen.warnings
    world.ends()
    healthy = world.get("pdb")["status"]
    assert healthy["currentHealthy"] >= healthy["desiredHealthy"], healthy
    then.promoted(NEW)
    then.none_lost()


def test_a_quota_without_room_for_the_surge_still_lets_the_promotion_finish(
    given: Given, when: When, then: Then, world: World
) -> None:
    given.application(OLD)
    quota: Manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "pods"},
        "spec": {"hard": {"pods": "6"}},
    }
    world.apply(quota)
    given.canary()
    given.clients()
    when.release(NEW)
    then.promoted(NEW, limit=240)
    then.none_lost()
    assert any(event["reason"] == "CanaryShrunk" for event in world.list("events"))


def test_a_route_whose_grant_does_not_cover_the_canary_gets_no_weight(
    given: Given, when: When, then: Then, world: World
) -> None:
    """Such a route sends everything to stable in silence; a verdict on that would be about nothing."""
    world.apply(manifests.deployment(OLD), manifests.service(), _grant(world, NAME))
    given.serving()
    front = f"{world.namespace}-front"
    world.cluster.kubectl("create", "namespace", front)
    world.ending.callback(world.cluster.kubectl, "delete", "namespace", front, "--wait=false")
    route = json.dumps(manifests.route(world.host, world.namespace))
    world.cluster.kubectl("apply", "-n", front, "-f", "-", input=route)
    given.canary(traffic={"config": {"route": NAME, "routeNamespace": front, "rule": manifests.ROUTE_RULE}})
    given.clients()
    when.release(NEW)
    stalled = world.until(lambda seen: seen.stalled == "RouteNotAccepted", "RouteNotAccepted", 150)
    assert stalled.weight == 0
    assert "ReferenceGrant" in stalled.message or "RefNotPermitted" in stalled.message, stalled.message
    then.only_served_by(OLD)
    world.apply(_grant(world, f"{NAME}-canary"))
    then.promoted(NEW)
    then.none_lost()


def _grant(world: World, service: str) -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": service},
        "spec": {
            "from": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "HTTPRoute",
                    "namespace": f"{world.namespace}-front",
                }
            ],
            "to": [{"group": "", "kind": "Service", "name": service}],
        },
    }


def test_helm_wait_returns_at_once_and_kubectl_wait_is_the_pipelines_way(
    given: Given, then: Then, world: World, tmp_path: Path
) -> None:
    """kstatus calls a held Deployment ready: the resource to wait for is the CanaryDeployment."""
    chart = _chart(tmp_path)
    _helm_upgrade(world, chart, OLD)
    world.apply(manifests.route(world.host))
    given.canary()
    given.clients()
    world.begin()
    started = time.monotonic()
    _helm_upgrade(world, chart, NEW)
    took = time.monotonic() - started
    now = world.follow.now
    assert now is not None
    assert now.releases_ended == 0, f"helm waited {took:.0f} s for the whole release"
    world.kubectl("wait", f"canarydeployment/{NAME}", "--for=condition=Promoted=False", "--timeout=30s")
    world.kubectl("wait", f"canarydeployment/{NAME}", "--for=condition=Promoted", "--timeout=150s")
    then.promoted(NEW)
    then.none_lost()


def _chart(directory: Path) -> Path:
    """Deployment and Service of somebody who uses Helm."""
    templates = directory / "templates"
    templates.mkdir()
    (directory / "Chart.yaml").write_text("apiVersion: v2\nname: podinfo\nversion: 0.1.0\n")
    workload = json.dumps(manifests.deployment("VERSION")).replace("VERSION", "{{ .Values.version }}")
    (templates / "all.yaml").write_text(f"{workload}\n---\n{json.dumps(manifests.service())}\n")
    return directory


def _helm_upgrade(world: World, chart: Path, version: str) -> None:
    settings = ["--set", f"version={version}", "--wait", "--timeout", "90s"]
    world.cluster.helm("upgrade", "--install", NAME, str(chart), "-n", world.namespace, *settings)
