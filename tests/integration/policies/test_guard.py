"""What must not pass is refused with a sentence, and what is held says so at the terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.policies.target import Target, annotation, label
from truststream.api import names


def test_a_held_deployment_says_so_and_where_to_look(target: Target) -> None:
    answer = target.set_image("web:2", user="developer")
    assert "Deployment web is held by TrustStream: its old pods keep serving" in answer.stderr
    assert f"kubectl get canarydeployments -n {target.namespace}" in answer.stderr
    again = target.kubectl("rollout", "resume", "deployment/web", user="developer")
    assert "held by TrustStream" in again.stderr


def test_a_deployment_that_is_not_held_says_nothing(target: Target) -> None:
    assert target.label("team=a").stderr == ""
    assert target.patch({"spec": {"replicas": 3}}).stderr == ""


def test_the_operator_is_not_warned(target: Target) -> None:
    target.set_image("web:2")
    answer = target.operator("annotate", "deployment/web", "note=1")
    assert answer.stderr == ""


def test_while_promoting_a_template_change_is_refused(target: Target) -> None:
    target.set_label(names.PROMOTING)
    refused = target.set_image("web:2", user="developer", check=False)
    assert refused.returncode != 0
    assert "a promotion of Deployment web is rolling out" in refused.stderr
    assert f"kubectl get canarydeployments -n {target.namespace}" in refused.stderr
    replaced = target.kubectl("replace", "-f", "-", stdin=target.manifest("web:2"), check=False)
    assert "a promotion of Deployment web is rolling out" in replaced.stderr
    assert target.image() == "web:1"


def test_while_promoting_everything_else_passes_and_the_label_stays(target: Target) -> None:
    target.set_label(names.PROMOTING)
    target.replace(target.manifest())
    target.kubectl("rollout", "pause", "deployment/web")
    target.label(f"{names.CANARY_LABEL}={names.ENABLED}")
    live = target.settle()
    assert label(live) == names.PROMOTING
    assert live["spec"]["paused"] is True
    assert annotation(live, names.HELD_ANNOTATION) is None  # the user's pause, not a hold


def test_what_is_still_held_when_promotion_begins_stays_held(target: Target) -> None:
    """Between the label and the release a replace must not start the roll while Services are pinned."""
    target.set_image("web:2")
    target.set_label(names.PROMOTING)
    target.replace(target.manifest("web:2"))
    live = target.settle()
    assert live["spec"]["paused"] is True
    assert annotation(live, names.HELD_ANNOTATION) == "template"
    assert len(target.replica_sets()) == 1


_OPERATORS_CHANGES: list[tuple[str, object]] = [
    ("strategic", {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}),
    ("merge", {"spec": {"template": {"metadata": {"annotations": {"note": "1"}}}}}),
    (
        "merge",
        {
            "metadata": {"labels": {names.CANARY_LABEL: None}},
            "spec": {"template": {"metadata": {"annotations": {"a": "1"}}}},
        },
    ),
]


@pytest.mark.parametrize(("kind", "patch"), _OPERATORS_CHANGES, ids=["image", "annotation", "with-the-label-off"])
def test_the_operator_itself_never_changes_a_template(target: Target, kind: str, patch: object) -> None:
    refused = target.operator("patch", "deployment", "web", f"--type={kind}", "-p", json.dumps(patch), check=False)
    assert refused.returncode != 0
    assert "its template is never changed by the operator" in refused.stderr
    assert target.image() == "web:1"


def test_the_operator_cannot_take_on_and_change_at_once(chart_target: Target) -> None:
    patch = {
        "metadata": {"labels": {names.CANARY_LABEL: names.ENABLED}},
        "spec": {"template": {"metadata": {"annotations": {"a": "1"}}}},
    }
    refused = chart_target.operator("patch", "deployment", "web", "--type=merge", "-p", json.dumps(patch), check=False)
    assert "its template is never changed by the operator" in refused.stderr


def _type_checks(target: Target) -> dict[str, Any]:
    items: Any = target.cluster.get("validatingadmissionpolicies")["items"]
    return {item["metadata"]["name"]: item["status"].get("typeChecking", {}) for item in items}


def test_the_api_server_finds_no_fault_with_the_expressions(target: Target) -> None:
    checks = _type_checks(target)
    assert {"truststream-guard", "truststream-warn"} <= set(checks)
    assert all(not checks[name].get("expressionWarnings") for name in ("truststream-guard", "truststream-warn"))
