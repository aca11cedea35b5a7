"""A fault of the version, or the cluster's business."""

from __future__ import annotations

from typing import Any

import pytest

from truststream.canary.observation import Cause
from truststream.cluster.pods import problems


def pod(*containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-canary-1-a"},
        "status": {"phase": "Running", "containerStatuses": list(containers), **status},
    }


def waiting(reason: str, **more: Any) -> dict[str, Any]:
    return {"name": "web", "restartCount": 0, "state": {"waiting": {"reason": reason, "message": "why"}}, **more}


def ended(code: int, reason: str = "Error", restarts: int = 1) -> dict[str, Any]:
    last = {"terminated": {"exitCode": code, "reason": reason}}
    return {"name": "web", "restartCount": restarts, "state": {"running": {}}, "lastState": last}


@pytest.mark.parametrize(
    "reason", ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"]
)
def test_containers_that_cannot_run_are_evidence(reason: str) -> None:
    (found,) = problems([pod(waiting(reason))])
    assert (found.cause, found.reason, found.pod) == (Cause.EVIDENCE, reason, "web-canary-1-a")
    assert "why" in found.message


def test_out_of_memory_is_evidence() -> None:
    (found,) = problems([pod(ended(137, "OOMKilled"))])
    assert (found.cause, found.reason) == (Cause.EVIDENCE, "OOMKilled")


def test_a_restart_after_an_error_is_evidence() -> None:
    (found,) = problems([pod(ended(2))])
    assert found.cause is Cause.EVIDENCE
    assert "exit code 2" in found.message


@pytest.mark.parametrize("container", [waiting("ContainerCreating"), waiting("PodInitializing"), ended(0, "Completed")])
def test_starting_and_clean_ends_are_none(container: dict[str, Any]) -> None:
    assert problems([pod(container)]) == ()


def test_an_init_container_counts() -> None:
    status = {"initContainerStatuses": [waiting("CrashLoopBackOff")]}
    assert problems([pod(**status)])[0].reason == "CrashLoopBackOff"


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Failed", "reason": "Evicted"},
        {"phase": "Failed", "reason": "NodeLost"},
        {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ],
)
def test_what_a_node_or_the_scheduler_took_away_says_nothing(status: dict[str, Any]) -> None:
    assert problems([pod(ended(137), **status)]) == ()


def test_a_pod_that_goes_says_nothing() -> None:
    going = pod(ended(137))
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert problems([going]) == ()


def test_unschedulable_is_the_clusters_business() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    (found,) = problems([pod(phase="Pending", conditions=[condition])])
    assert (found.cause, found.message) == (Cause.CAPACITY, "0/3 nodes")


def owner(*conditions: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "web-canary"}, "spec": {}, "status": {"conditions": list(conditions)}}


LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}


def test_quota_is_the_clusters_business_also_when_it_takes_too_long() -> None:
    (found,) = problems([], owner(LATE, REFUSED))
    assert (found.cause, found.message) == (Cause.CAPACITY, "exceeded quota")


def test_never_ready_is_evidence_when_nothing_else_kept_it_from_running() -> None:
    (found,) = problems([], owner(LATE))
    assert (found.cause, found.reason) == (Cause.EVIDENCE, "ProgressDeadlineExceeded")


def test_evidence_comes_first() -> None:
    found = problems([pod(waiting("CrashLoopBackOff"))], owner(REFUSED))
    assert [one.cause for one in found] == [Cause.EVIDENCE, Cause.CAPACITY]
