"""Past the hold: only who has the verb `override`, only by asking in the request, and never unrecorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.policies.target import Target, annotation, label
from truststream.api import names

OVERRIDE = "truststream.dev/override"
SENTENCE = "needs the verb override on canarydeployments.truststream.dev"


def _events(target: Target) -> list[dict[str, Any]]:
    """Audit events of this namespace in which someone asked to get past a hold."""
    log = target.cluster.audit_log
    assert log is not None, "this maker of clusters keeps no audit log"
    events = [json.loads(line) for line in log.read_text().splitlines() if target.namespace in line]
    return [event for event in events if "truststream-guard/override" in event.get("annotations", {})]


def _grant(target: Target, resource_name: str | None = None) -> None:
    """The verb for `sre`; a Role of one's own may name the Deployment."""
    named = [f"--resource-name={resource_name}"] if resource_name else []
    target.kubectl(
        "create", "role", "override", "--verb=override", "--resource=canarydeployments.truststream.dev", *named
    )
    target.kubectl("create", "rolebinding", "override", "--role=override", "--group=sres")


def test_the_charts_role_grants_it(target: Target) -> None:
    target.kubectl("create", "rolebinding", "override", "--clusterrole=truststream-override", "--group=sres")
    target.set_image("web:2")
    target.annotate(f"{OVERRIDE}=incident 7", user="sre")
    target.assert_rolls()


def test_one_command_releases_what_is_held_and_is_audited(target: Target) -> None:
    _grant(target)
    target.set_image("web:2", user="developer")
    target.assert_held()
    answer = target.annotate(f"{OVERRIDE}=incident 7", user="sre")
    assert "TrustStream's hold of Deployment web is overridden" in answer.stderr
    target.assert_rolls()
    live = target.live()
    assert annotation(live, names.HELD_ANNOTATION) is None
    assert label(live) == names.ENABLED
    (event,) = _events(target)
    assert event["user"]["username"] == "sre"
    assert event["responseStatus"]["code"] == 200
    said = event["annotations"]["truststream-guard/override"]
    assert said == f"override of the hold of Deployment {target.namespace}/web asked by sre: incident 7"


def test_a_template_with_the_reason_rolls_at_once_and_the_next_is_held(target: Target) -> None:
    manifest = target.manifest("web:2")
    manifest["metadata"]["annotations"] = {OVERRIDE: "incident 8"}
    target.apply(manifest)
    target.assert_rolls()
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3"
    target.apply(manifest)  # the same reason asks for nothing any more
    live = target.settle()
    assert live["spec"]["paused"] is True
    assert len(target.replica_sets()) == 2
    assert len(_events(target)) == 1


def test_every_verb_without_asking_is_held_like_anyone(target: Target) -> None:
    """system:masters has the verb, as it has every verb."""
    assert target.kubectl("auth", "can-i", "override", "canarydeployments.truststream.dev").stdout.strip() == "yes"
    target.set_image("web:2")
    target.kubectl("rollout", "resume", "deployment/web")
    target.assert_held()
    assert _events(target) == []


_ASKS = [f"annotate {OVERRIDE}=please", f"label {names.CANARY_LABEL}={names.OFF}"]


@pytest.mark.parametrize("ask", _ASKS, ids=["annotation", "label-off"])
@pytest.mark.parametrize("held", [True, False], ids=["held", "not-held"])
def test_without_the_verb_asking_is_refused_and_recorded(target: Target, ask: str, held: bool) -> None:
    if held:
        target.set_image("web:2")
    verb, argument = ask.split()
    refused = target.kubectl(verb, "--overwrite", "deployment/web", argument, user="developer", check=False)
    assert refused.returncode != 0
    assert SENTENCE in refused.stderr
    assert f"in namespace {target.namespace}, which developer lacks" in refused.stderr
    (event,) = _events(target)
    assert event["responseStatus"]["code"] == 403
    if held:
        target.assert_held()


def test_without_the_verb_a_template_with_a_reason_is_refused(target: Target) -> None:
    patch = {
        "metadata": {"annotations": {OVERRIDE: "please"}},
        "spec": {"paused": False, "template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}},
    }
    refused = target.kubectl("patch", "deployment", "web", "-p", json.dumps(patch), user="developer", check=False)
    assert SENTENCE in refused.stderr
    assert target.image() == "web:1"


def test_an_empty_reason_is_none(target: Target) -> None:
    target.set_image("web:2")
    target.annotate(f"{OVERRIDE}=")
    target.assert_held()


def test_with_the_operator_dead_off_and_resume(target: Target) -> None:
    _grant(target)
    target.set_image("web:2")
    answer = target.label(f"{names.CANARY_LABEL}={names.OFF}", user="sre")
    assert "kubectl rollout resume deployment/web" in answer.stderr
    live = target.settle()
    assert live["spec"]["paused"] is True  # handed over as it is
    assert annotation(live, names.HELD_ANNOTATION) is None
    target.kubectl("rollout", "resume", "deployment/web", user="developer")
    target.assert_rolls()
    target.set_image("web:3", user="developer")
    target.assert_rolls(3)
    (event,) = _events(target)
    assert event["annotations"]["truststream-guard/override"].endswith("asked by sre, with label off")


def test_off_ends_a_promotion_that_nobody_finishes(target: Target) -> None:
    target.set_label(names.PROMOTING)
    target.label(f"{names.CANARY_LABEL}={names.OFF}")
    target.set_image("web:2")
    target.assert_rolls()


def test_a_reason_gets_past_a_promotion(target: Target) -> None:
    target.set_label(names.PROMOTING)
    manifest = target.manifest("web:2")
    manifest["metadata"]["annotations"] = {OVERRIDE: "incident 9"}
    target.apply(manifest)
    target.assert_rolls()


@pytest.mark.parametrize(("granted", "passes"), [("web", True), ("other", False)], ids=["its-name", "another-name"])
def test_the_verb_may_be_granted_for_one_deployment(target: Target, granted: str, passes: bool) -> None:
    _grant(target, granted)
    target.set_image("web:2")
    answer = target.annotate(f"{OVERRIDE}=incident 7", user="sre", check=False)
    assert (answer.returncode == 0) is passes
    assert (SENTENCE in answer.stderr) is not passes


def test_a_users_own_pause_outlives_the_override(target: Target) -> None:
    target.kubectl("rollout", "pause", "deployment/web")
    target.set_image("web:2")
    target.assert_held("template-paused")
    target.annotate(f"{OVERRIDE}=incident 7")
    live = target.settle()
    assert live["spec"]["paused"] is True
    assert annotation(live, names.HELD_ANNOTATION) is None
    target.kubectl("rollout", "resume", "deployment/web")
    target.assert_rolls()
