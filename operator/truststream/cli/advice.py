"""What a person should do next: one sentence for every state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from truststream.api.canarydeployment import TargetKind
from truststream.api.names import COMMAND_ANNOTATION

Manifest = Mapping[str, Any]

_BY_REASON: Final = {
    "InvalidSpec": "Correct the field; `truststream lint` finds such mistakes before they reach the cluster.",
    "HoldNotServed": "Upgrade the cluster to Kubernetes 1.36, or release a pair of Services.",
    "BreakGlass": "Set the label truststream.dev/canary on the Deployment to enabled when the emergency is over.",
}


def advise(manifest: Manifest) -> str:
    """The next step for whoever looks at this CanaryDeployment."""
    status = manifest.get("status") or {}
    verb = f"kubectl truststream {{}} {_who(manifest)}".format
    if not status:
        return "If this lasts, the operator is away: kubectl get pods -A -l app.kubernetes.io/name=truststream"
    pending = ((manifest.get("metadata") or {}).get("annotations") or {}).get(COMMAND_ANNOTATION)
    if pending:
        return f"The command {pending} waits to be taken; if this lasts, the operator is away."
    if _stalled(status) and status.get("phase") != "Failed":
        return _of_stall(status, verb)
    return _of_phase(manifest, status, verb)


def _who(manifest: Manifest) -> str:
    metadata = manifest.get("metadata") or {}
    return f"{metadata.get('name')} -n {metadata.get('namespace') or 'default'}"


def _stalled(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    return next(
        (str(c.get("reason")) for c in conditions if c.get("type") == "Stalled" and c.get("status") == "True"), ""
    )


def _of_stall(status: Mapping[str, Any], verb: Any) -> str:
    reason = _stalled(status)
    if reason == "Contested":
        return f"End the contest as the message says, then: {verb('resume')}"
    return _BY_REASON.get(reason, "Nothing moves until what the message names is put right; it then goes on by itself.")


def _of_phase(manifest: Manifest, status: Mapping[str, Any], verb: Any) -> str:
    match status.get("phase"):
        case "Idle" | "Succeeded":
            return _how_to_start(manifest)
        case "Failed":
            return f"{_other(manifest)}, or try the same one again: {verb('retry')}"
        case "Paused":
            return _of_pause(manifest, status, verb)
        case "Progressing":
            return _of_progress(status, verb)
        case "Promoting":
            return "Nothing: the promotion ends by itself."
        case "RollingBack":
            return "Nothing: the traffic is back on stable, the rest follows by itself."
    return "Nothing: it goes on by itself."


def _how_to_start(manifest: Manifest) -> str:
    kind = ((manifest.get("spec") or {}).get("targetRef") or {}).get("kind")
    if kind == TargetKind.FEATURE_FLAG:
        return _of_flag(manifest)
    if kind == TargetKind.SERVICES:
        return "Set a new targetRef.revision to start a release."
    return "Change the Deployment's template, for example its image, to start a release."


def _other(manifest: Manifest) -> str:
    kind = ((manifest.get("spec") or {}).get("targetRef") or {}).get("kind")
    return "Set another targetRef.variant" if kind == TargetKind.FEATURE_FLAG else "Revert in Git, apply a new version"


def _of_flag(manifest: Manifest) -> str:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    behind = any(c.get("type") == "InGit" and c.get("status") == "False" for c in conditions)
    if behind:
        return "Put the released variant into Git as the message says; the overlay then goes by itself."
    return "Set another targetRef.variant to start a release."


def _of_pause(manifest: Manifest, status: Mapping[str, Any], verb: Any) -> str:
    if (manifest.get("spec") or {}).get("paused"):
        return "Set spec.paused to false to go on."
    if (status.get("release") or {}).get("paused"):
        return f"To go on: {verb('resume')}"
    return f"Let it pass: {verb('promote')}, or take it back: {verb('rollback')}"


def _of_progress(status: Mapping[str, Any], verb: Any) -> str:
    match status.get("verdict"):
        case "Bad":
            return f"Decide: {verb('rollback')} or {verb('promote')}"
        case "SourceDown":
            return "See why the metric source does not answer; the weight is held until it does."
        case "NotEnoughData" if "DeadlineExceeded" in ((status.get("release") or {}).get("told") or ()):
            return f"Send it traffic, or decide: {verb('promote')} or {verb('rollback')}"
    return "Nothing: it goes on when the weight has had its time and its requests."
