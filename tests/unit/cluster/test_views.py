"""Objects as the API server has them, and what the core is told."""

from __future__ import annotations

from typing import Any

from truststream.api import names
from truststream.canary.template import revision_of
from truststream.cluster import kinds, views
from truststream.cluster.trim import trim

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
}


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "generation": 4},
        "spec": {"replicas": 4, "template": TEMPLATE, "selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": {"observedGeneration": 4, "replicas": 5, "readyReplicas": 3, "updatedReplicas": 2},
    }


def test_a_deployment() -> None:
    view = views.workload_view(deployment())
    assert (view.desired, view.ready, view.updated, view.total, view.current) == (4, 3, 2, 5, True)
    assert view.revision == revision_of(TEMPLATE)
    assert view.max_surge == 1
    assert (view.label, view.held, view.paused) == (None, False, False)


def test_a_held_deployment() -> None:
    made = deployment(paused=True, strategy={"rollingUpdate": {"maxSurge": "50%"}})
    made["metadata"]["labels"] = {names.CANARY_LABEL: names.ENABLED}
    made["metadata"]["annotations"] = {names.HELD_ANNOTATION: "template"}
    made["metadata"]["generation"] = 5
    view = views.workload_view(made)
    assert (view.label, view.held, view.paused, view.current, view.max_surge) == (names.ENABLED, True, True, False, 2)


def test_a_replica_set_has_the_identity_of_its_template() -> None:
    labels = {"app": "web", "pod-template-hash": "abc"}
    template = {"metadata": {"labels": labels}, "spec": TEMPLATE["spec"]}
    made = {"metadata": {"name": "web-abc", "uid": "r"}, "spec": {"replicas": 2, "template": template}}
    view = views.workload_view(deployment(), [trim(kinds.REPLICA_SET, made)])
    assert view.replica_sets[0].revision == view.revision
    assert view.active == view.replica_sets


def service(selector: dict[str, str] | None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", **metadata}, "spec": {"selector": selector}}


def test_a_service_of_the_target() -> None:
    view = views.service_view(service({"app": "web"}), {"app": "web"})
    assert (view.selects_target, view.pinned, view.marked, view.refusal) == (True, False, False, "")


def test_a_pinned_service_and_one_that_somebody_reset() -> None:
    marker = {names.PIN_ANNOTATION: names.STABLE}
    pinned = service({"app": "web", names.ROLE_LABEL: names.STABLE}, annotations=marker)
    assert views.service_view(pinned, {"app": "web"}).pinned
    reset = service({"app": "web"}, annotations=marker, managedFields=[{"manager": "argocd-controller"}])
    view = views.service_view(reset, {"app": "web"})
    assert (view.pinned, view.marked, view.reset_by) == (False, True, "argocd-controller")


def test_services_that_cannot_be_pinned() -> None:
    external = {"metadata": {"name": "web"}, "spec": {"type": "ExternalName"}}
    assert "ExternalName" in views.service_view(external, {}).refusal
    assert "selector" in views.service_view(service(None), {}).refusal


def test_who_wrote_the_selector_last() -> None:
    def entry(manager: str, time: str, field: str) -> dict[str, Any]:
        return {"manager": manager, "time": time, "fieldsV1": {"f:spec": {field: {}}}}

    made = service({"app": "web"}, managedFields=[
        entry("argocd", "2026-01-01T00:00:09Z", "f:selector"),
        entry("truststream", "2026-01-01T00:00:05Z", "f:selector"),
        entry("kubectl", "2026-01-01T00:00:20Z", "f:ports"),
    ])  # fmt: skip
    assert views.last_manager(trim(kinds.SERVICE, made)) == "argocd"


def test_ready_endpoints_are_distinct_addresses() -> None:
    def endpoint(address: str, ready: bool | None) -> dict[str, Any]:
        return {"addresses": [address], "conditions": {} if ready is None else {"ready": ready}}

    first = {"endpoints": [endpoint("10.0.0.1", True), endpoint("10.0.0.2", False)]}
    second = {"endpoints": [endpoint("10.0.0.1", True), endpoint("10.0.0.3", None)]}
    assert views.ready_endpoints([first, second]) == 2


def pod_spec(**spec: Any) -> dict[str, Any]:
    return deployment(template={"metadata": {}, "spec": {**TEMPLATE["spec"], **spec}})


def refusals(made: dict[str, Any], **claims: Any) -> tuple[str, ...]:
    return views.refusals_of(made, allow_recreate=False, claims=claims)


def test_recreate_is_refused_unless_allowed() -> None:
    made = deployment(strategy={"type": "Recreate"})
    assert "Recreate" in refusals(made)[0]
    assert views.refusals_of(made, allow_recreate=True, claims={}) == ()


def test_a_volume_of_one_node_is_refused() -> None:
    made = pod_spec(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}])
    assert views.claims_named(made) == ("disk",)
    assert "disk" in refusals(made, disk={"spec": {"accessModes": ["ReadWriteOnce"]}})[0]
    assert refusals(made, disk={"spec": {"accessModes": ["ReadWriteMany"]}}) == ()


def test_ports_of_the_node_are_refused() -> None:
    port = pod_spec(containers=[{"name": "web", "ports": [{"containerPort": 80, "hostPort": 80}]}])
    assert "hostPort" in refusals(port)[0]
    assert "hostNetwork" in refusals(pod_spec(hostNetwork=True))[0]
    assert refusals(deployment()) == ()
