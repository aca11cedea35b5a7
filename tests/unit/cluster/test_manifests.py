"""The objects that we make are the user's own, once more, for the other role."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from truststream.api import names
from truststream.canary.actions import Event, Severity
from truststream.canary.template import revision_of
from truststream.cluster import kinds, manifests

CDEP = {"metadata": {"name": "web", "namespace": "shop", "uid": "c1", "resourceVersion": "7"}}
TEMPLATE = {"metadata": {"labels": {"app": "web"}, "annotations": {"a": "1"}}, "spec": {"containers": [{"name": "x"}]}}
TARGET: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "progressDeadlineSeconds": 120,
        "minReadySeconds": 3,
        "paused": True,
    },
}


def test_the_canary_is_the_template_with_a_role() -> None:
    made = manifests.canary_deployment(CDEP, TARGET, TEMPLATE, "abc", 2)
    spec = made["spec"]
    assert spec["template"]["metadata"]["labels"] == {"app": "web", names.ROLE_LABEL: names.CANARY}
    assert spec["template"]["spec"] == TEMPLATE["spec"]
    assert spec["selector"]["matchLabels"] == {"app": "web", names.ROLE_LABEL: names.CANARY}
    assert (spec["replicas"], spec["progressDeadlineSeconds"], spec["minReadySeconds"]) == (2, 120, 3)
    assert "paused" not in spec
    assert revision_of(spec["template"]) == revision_of(TEMPLATE)
    assert made["metadata"]["annotations"] == {names.TEMPLATE_ANNOTATION: "abc"}
    assert TARGET["spec"]["selector"] == {"matchLabels": {"app": "web"}}, "the user's object is only read"


def test_what_is_ours_says_so_and_goes_with_its_owner() -> None:
    made = manifests.canary_deployment(CDEP, TARGET, TEMPLATE, "abc", 2)
    assert manifests.is_ours(made, "web")
    assert not manifests.is_ours(made, "other")
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["blockOwnerDeletion"]) == ("c1", False)


def test_a_name_too_long_for_a_label_is_shortened_and_stays_its_own() -> None:
    one, other = manifests.owner_value("a" * 100 + "x"), manifests.owner_value("a" * 100 + "y")
    assert len(one) <= 63
    assert one != other


def service(**spec: Any) -> dict[str, Any]:
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "",
        names.PIN_ANNOTATION: names.STABLE,
        "projectcontour.io/upstream-protocol.h2c": "80",
    }
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080, "appProtocol": "h2c"}]
    selector = {"app": "web", names.ROLE_LABEL: names.STABLE}
    return {
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"],
                 "ports": ports, "selector": selector, "sessionAffinity": "ClientIP", **spec},
    }  # fmt: skip


def test_the_canary_service_has_the_same_ports_and_the_other_role() -> None:
    made = manifests.canary_service(CDEP, service(), "web-canary")
    spec = made["spec"]
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": 8080, "appProtocol": "h2c"}]
    assert spec["selector"] == {"app": "web", names.ROLE_LABEL: names.CANARY}
    assert spec["type"] == "ClusterIP"
    assert "clusterIP" not in spec
    assert spec["sessionAffinity"] == "ClientIP"
    assert made["metadata"]["annotations"] == {"projectcontour.io/upstream-protocol.h2c": "80"}


def test_headless_stays_headless() -> None:
    made = manifests.canary_service(CDEP, service(clusterIP="None", type="ClusterIP"), "web-canary")
    assert made["spec"]["clusterIP"] == "None"


def test_an_event() -> None:
    event = Event("Promoted", "x" * 2000, Severity.WARNING)
    made = manifests.event_manifest(
        event, kinds.CANARY_DEPLOYMENT, CDEP, now=datetime(2026, 1, 2, tzinfo=UTC), instance="pod-1"
    )
    assert made["metadata"]["namespace"] == "shop"
    assert made["regarding"]["apiVersion"] == names.API_VERSION
    assert (made["reason"], made["type"], made["reportingInstance"]) == ("Promoted", "Warning", "pod-1")
    assert len(made["note"]) == 1024
