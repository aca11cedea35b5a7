"""What the core asks the adapters to do. Data only; carried out in order, each safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Give the canary this percent of the requests. 0 needs no precondition and never fails for want of one."""

    weight: float


@dataclass(frozen=True, slots=True)
class AttachRoute:
    """Add the canary as a backend with weight 0."""


@dataclass(frozen=True, slots=True)
class RestoreRoute:
    """Make the route the user's own again, by value; a vanished route is fine."""


@dataclass(frozen=True, slots=True)
class DropOverlay:
    """Take everything of ours off the flag, also what was promoted earlier: Git alone says who gets what."""


@dataclass(frozen=True, slots=True)
class SetTargetLabel:
    """Set `truststream.dev/canary` on the target; None removes it and our marker, and leaves `paused` as it is."""

    value: str | None


@dataclass(frozen=True, slots=True)
class LabelPods:
    """Put `truststream.dev/role: stable` on these pods of the target."""

    pods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PinService:
    """Add role=stable to the Service's selector, with the marker that lets the policy keep it."""

    name: str


@dataclass(frozen=True, slots=True)
class UnpinService:
    """Take selector entry and marker away."""

    name: str


@dataclass(frozen=True, slots=True)
class ApplyCanaryService:
    """`<target>-canary` for role=canary, with the ports, appProtocol and annotations of the user's Service."""


@dataclass(frozen=True, slots=True)
class ApplyCanaryDeployment:
    """`<target>-canary` from this template."""

    template: Mapping[str, Any]
    revision: str
    replicas: int


@dataclass(frozen=True, slots=True)
class ScaleCanary:
    """Set the number of canary pods."""

    replicas: int


@dataclass(frozen=True, slots=True)
class DeleteCanaryDeployment:
    """Foreground, so that nothing can adopt its ReplicaSet."""


@dataclass(frozen=True, slots=True)
class DeleteCanaryService:
    """After the last pod is no endpoint any more."""


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Remove `paused` and the marker by a JSON patch that tests `/spec/template` against this template."""

    template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScaleReplicaSet:
    """Repair a held Deployment that started another ReplicaSet."""

    name: str
    replicas: int


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """On the CanaryDeployment."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """On the CanaryDeployment; nothing may follow it."""


@dataclass(frozen=True, slots=True)
class AcknowledgeCommand:
    """Remove the command's annotations; the answer is in status."""


Action = (
    SetWeight
    | AttachRoute
    | RestoreRoute
    | DropOverlay
    | SetTargetLabel
    | LabelPods
    | PinService
    | UnpinService
    | ApplyCanaryService
    | ApplyCanaryDeployment
    | ScaleCanary
    | DeleteCanaryDeployment
    | DeleteCanaryService
    | ReleaseHold
    | ScaleReplicaSet
    | AddFinalizer
    | RemoveFinalizer
    | AcknowledgeCommand
)


class Severity(StrEnum):
    """Kubernetes event types."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Event:
    """An event on the CanaryDeployment; `on_target` puts it on the target as well."""

    reason: str
    message: str
    severity: Severity = Severity.NORMAL
    on_target: bool = False
