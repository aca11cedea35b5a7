"""Why pods do not serve, told apart: a fault of the version, or the cluster's business."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from truststream.canary.observation import Cause, PodProblem
from truststream.cluster.views import condition

Obj = Mapping[str, Any]

# What a container waits for when its image or its own configuration is wrong.
_FATAL_WAITING: Final = frozenset({
    "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull",
    "ImageInspectError", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError",
})  # fmt: skip
# A pod that a node or the scheduler took away says nothing about the version.
_NOT_ITS_FAULT: Final = frozenset(
    {"Evicted", "NodeLost", "NodeShutdown", "NodeAffinity", "Shutdown", "Terminated", "Preempting"}
)
_DISRUPTED: Final = "DisruptionTarget"


def problems(pods: Iterable[Obj], owner: Obj | None = None) -> tuple[PodProblem, ...]:
    """All that is wrong with these pods and with the Deployment that makes them, evidence first."""
    found = [problem for pod in pods for problem in pod_problems(pod)]
    if owner is not None:
        found += _of_owner(owner, found)
    return tuple(sorted(found, key=lambda problem: problem.cause is not Cause.EVIDENCE))


def pod_problems(pod: Obj) -> Iterator[PodProblem]:
    """What one pod says; a pod that goes or was taken away says nothing."""
    if "deletionTimestamp" in pod["metadata"] or _taken_away(pod):
        return
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        if (reason := _container_fault(container)) is not None:
            yield PodProblem(Cause.EVIDENCE, reason[0], reason[1], name)
            return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        yield PodProblem(Cause.CAPACITY, "Unschedulable", str(scheduled.get("message", "")), name)
    elif status.get("phase") == "Failed":
        yield PodProblem(Cause.EVIDENCE, str(status.get("reason") or "Failed"), str(status.get("message", "")), name)


def _taken_away(pod: Obj) -> bool:
    status = pod.get("status") or {}
    return status.get("reason") in _NOT_ITS_FAULT or condition(pod, _DISRUPTED).get("status") == "True"


def _container_fault(container: Obj) -> tuple[str, str] | None:
    """Reason and message, None for a container that is well."""
    name, state = container.get("name", ""), container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if waiting.get("reason") in _FATAL_WAITING:
        return waiting["reason"], _sentence(name, str(waiting.get("message", "")), ended)
    if ended.get("reason") == "OOMKilled":
        return "OOMKilled", f"container {name} needed more memory than its limit"
    if ended.get("exitCode") and container.get("restartCount", 0) >= 1:
        return str(ended.get("reason") or "Error"), _sentence(name, "", ended)
    return None


def _sentence(container: str, message: str, ended: Obj) -> str:
    code = f" (exit code {ended['exitCode']})" if ended.get("exitCode") else ""
    return f"container {container}{code}" + (f": {message}" if message else "")


def _of_owner(owner: Obj, found: list[PodProblem]) -> Iterator[PodProblem]:
    failure = condition(owner, "ReplicaFailure")
    refused = failure.get("status") == "True"
    if refused:
        yield PodProblem(Cause.CAPACITY, str(failure.get("reason") or "FailedCreate"), str(failure.get("message", "")))
    # Not ready in time is the version's fault only when nothing else kept its pods from running.
    late = condition(owner, "Progressing").get("reason") == "ProgressDeadlineExceeded"
    if late and not refused and not found:
        seconds = owner["spec"].get("progressDeadlineSeconds", 600)
        yield PodProblem(Cause.EVIDENCE, "ProgressDeadlineExceeded", f"not ready within {seconds} s")
