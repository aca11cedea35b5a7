"""An expression that fails would refuse the request under failurePolicy Fail: none does, however bare the object."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.integration.policies.target import Target, annotation, label
from truststream.api import names

_EMPTY: list[Any] = [None, {}]


@pytest.mark.parametrize(("labels", "annotations"), list(itertools.product(_EMPTY, _EMPTY)))
def test_a_deployment_stripped_of_its_metadata_is_repaired(target: Target, labels: Any, annotations: Any) -> None:
    target.set_image("web:2")
    manifest = target.manifest("web:2")
    manifest["metadata"] |= {"labels": labels, "annotations": annotations}
    target.replace(manifest)
    target.assert_held()


def test_removing_the_label_by_json_patch_is_never_an_error(target: Target) -> None:
    remove = [{"op": "remove", "path": "/metadata/labels"}]
    target.patch(remove, kind="json")
    assert label(target.live()) == names.ENABLED
    target.operator("patch", "deployment", "web", "--type=json", "-p", json.dumps(remove))
    live = target.live()
    assert "labels" not in live["metadata"]
    target.set_image("web:2")  # let go by the operator: an ordinary Deployment again
    target.assert_rolls()


def test_the_operator_lets_go_while_held(target: Target) -> None:
    """What eject does: the label goes, the pause stays as the user's own."""
    target.set_image("web:2")
    patch = {"metadata": {"labels": None, "annotations": {names.HELD_ANNOTATION: None}}}
    target.operator("patch", "deployment", "web", "--type=merge", "-p", json.dumps(patch))
    live = target.settle()
    assert live["spec"]["paused"] is True
    assert label(live) is None
    assert annotation(live, names.HELD_ANNOTATION) is None
    target.kubectl("rollout", "resume", "deployment/web", user="developer")
    target.assert_rolls()


@pytest.mark.parametrize("value", [names.ENABLED, names.PROMOTING, names.OFF, "", "nonsense"])
def test_any_value_of_the_label_can_be_lived_with(chart_target: Target, value: str) -> None:
    chart_target.set_label(value)
    chart_target.patch({"metadata": {"annotations": None}})
    chart_target.kubectl("scale", "deployment/web", "--replicas=1")
    chart_target.operator("label", "deployment/web", f"{names.CANARY_LABEL}-")
    chart_target.set_image("web:2")
    chart_target.assert_rolls()


def test_scale_and_status_are_untouched_while_held(target: Target) -> None:
    target.set_image("web:2")
    patch = json.dumps({"spec": {"replicas": 1}})
    answer = target.kubectl("patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", patch)
    assert answer.stderr == ""
    assert target.live()["spec"]["replicas"] == 1
    status = json.dumps({"status": {"observedGeneration": 1}})
    assert (
        target.kubectl("patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", status).stderr == ""
    )


def test_a_held_deployment_can_be_deleted(target: Target) -> None:
    target.set_image("web:2")
    target.kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s", user="developer")
    assert target.kubectl("get", "deployment", "web", check=False).returncode != 0


_SERVICES: list[dict[str, Any]] = [
    {"ports": [{"port": 80}]},
    {"type": "ExternalName", "externalName": "example.com"},
    {"selector": {}, "ports": [{"port": 80}]},
]


@pytest.mark.parametrize("spec", _SERVICES, ids=["no-selector", "external-name", "empty-selector"])
def test_services_without_selector_or_annotations(chart: Cluster, namespace: str, spec: dict[str, Any]) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "bare", "namespace": namespace},
        "spec": spec,
    }
    chart.kubectl("create", "-f", "-", input=json.dumps(service))
    pin = {"metadata": {"annotations": {names.PIN_ANNOTATION: names.STABLE}}}
    for patch in ({"metadata": {"labels": {"a": "1"}}}, pin, {"metadata": {"annotations": None}}):
        chart.kubectl("patch", "service", "bare", "-n", namespace, "--type=merge", "-p", json.dumps(patch))
    live: Any = chart.get("service", "bare", "-n", namespace)
    assert names.ROLE_LABEL not in live["spec"].get("selector", {})
