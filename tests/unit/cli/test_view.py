"""The read model: every state has its words and its next step."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.fakes import canary
from truststream.cli.view import view_of


def _stalled(reason: str) -> list[dict[str, str]]:
    return [{"type": "Stalled", "status": "True", "reason": reason}]


def test_without_a_status_the_operator_is_asked_for() -> None:
    view = view_of(canary())
    assert (view.phase, view.health, view.message) == ("Pending", "Unknown", "the operator has not seen it yet")
    assert "the operator is away" in view.advice


def test_a_newer_spec_is_said() -> None:
    manifest = canary(phase="Idle", message="watching")
    manifest["metadata"]["generation"] = 2
    assert view_of(manifest).message == "watching (the spec has changed since)"


def test_the_target_of_a_pair() -> None:
    manifest = canary(phase="Idle")
    manifest["spec"]["targetRef"] = {"kind": "Services", "stable": "blue", "canary": "green", "revision": "1"}
    view = view_of(manifest)
    assert view.target == "Services blue and green"
    assert view.advice == "Set a new targetRef.revision to start a release."


def test_the_target_of_a_flag() -> None:
    manifest = canary(phase="Succeeded")
    manifest["spec"]["targetRef"] = {"kind": "FeatureFlag", "name": "checkout", "variant": "blue"}
    manifest["spec"]["traffic"] = {"provider": "Replicas"}
    view = view_of(manifest)
    assert (view.target, view.provider) == ("variant blue of FeatureFlag checkout", "FeatureFlag")
    assert view.advice == "Set another targetRef.variant to start a release."
    manifest["status"]["conditions"] = [{"type": "InGit", "status": "False"}]
    assert view_of(manifest).advice.startswith("Put the released variant into Git")
    manifest["status"]["phase"] = "Failed"
    assert view_of(manifest).advice.startswith("Set another targetRef.variant, or try the same one again")


def test_a_command_that_waits_is_shown() -> None:
    manifest = canary(phase="Progressing")
    manifest["metadata"]["annotations"] = {"truststream.dev/command": "promote"}
    view = view_of(manifest)
    assert view.pending_command == "promote"
    assert "The command promote waits to be taken" in view.advice


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ({"phase": "Idle"}, "Change the Deployment's template"),
        ({"phase": "Succeeded"}, "Change the Deployment's template"),
        ({"phase": "Starting"}, "Nothing: it goes on by itself."),
        ({"phase": "Progressing"}, "Nothing: it goes on when"),
        ({"phase": "Progressing", "verdict": "Bad"}, "Decide: kubectl truststream rollback checkout -n shop"),
        ({"phase": "Progressing", "verdict": "SourceDown"}, "See why the metric source does not answer"),
        (
            {"phase": "Progressing", "verdict": "NotEnoughData", "release": {"told": ["DeadlineExceeded"]}},
            "Send it traffic, or decide",
        ),
        ({"phase": "Paused", "release": {"paused": True}}, "To go on: kubectl truststream resume checkout -n shop"),
        ({"phase": "Paused", "release": {}}, "Let it pass: kubectl truststream promote checkout -n shop"),
        ({"phase": "Promoting"}, "Nothing: the promotion ends by itself."),
        ({"phase": "RollingBack"}, "Nothing: the traffic is back on stable"),
        ({"phase": "Failed", "conditions": _stalled("RolledBack")}, "Revert in Git, apply a new version"),
        ({"phase": "Idle", "conditions": _stalled("InvalidSpec")}, "Correct the field"),
        ({"phase": "Progressing", "conditions": _stalled("Contested")}, "End the contest"),
        ({"phase": "Starting", "conditions": _stalled("Quota")}, "Nothing moves until what the message names"),
    ],
)
def test_every_state_has_a_next_step(status: dict[str, Any], advice: str) -> None:
    assert view_of(canary(**status)).advice.startswith(advice)


def test_a_pause_in_the_spec_is_lifted_there() -> None:
    manifest = canary(phase="Paused")
    manifest["spec"]["paused"] = True
    assert view_of(manifest).advice == "Set spec.paused to false to go on."


def test_a_stalled_canary_names_its_reason() -> None:
    assert view_of(canary(phase="Idle", conditions=_stalled("RouteProblem"))).problem == "RouteProblem"
    assert view_of(canary(phase="Idle", conditions=[{"type": "Stalled", "status": "False"}])).problem == ""


def test_fields_of_a_newer_operator_do_not_matter() -> None:
    assert view_of(canary(phase="Baking", newField={"a": 1}, verdict="Excellent")).verdict == "Excellent"
