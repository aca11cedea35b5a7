"""One read model for everything that shows a canary: from the manifest to rows. Pure; renders nothing.

The manifest is read leniently, field by field: the operator may be newer than this command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from truststream.api.canarydeployment import FLAG_PROVIDER, TargetKind
from truststream.api.names import COMMAND_ANNOTATION
from truststream.cli.advice import advise

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm was asked, and the metric's value for it."""

    requests: float = 0
    bad: float = 0
    value: float | None = None


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric at the last look."""

    name: str
    verdict: str
    unit: str
    canary: Arm | None
    stable: Arm | None
    limit: str  # the rollback threshold as the spec has it, or empty
    message: str


@dataclass(frozen=True, slots=True)
class CommandRow:
    """The last command and what became of it."""

    command: str
    by: str
    reason: str
    at: str
    accepted: bool
    message: str


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A finished release."""

    revision: str
    outcome: str
    reason: str
    ended_at: str
    weight: float


@dataclass(frozen=True, slots=True)
class View:
    """A canary at a glance and in full."""

    name: str
    namespace: str
    target: str
    provider: str
    phase: str
    health: str
    weight: float
    weights: tuple[float, ...]
    step: str
    verdict: str
    samples: str
    message: str
    revision: str  # what is released, empty at rest
    stable_revision: str
    problem: str  # reason of the condition Stalled while it is true
    pending_command: str  # asked, not taken yet
    metrics: tuple[MetricRow, ...] = ()
    warnings: tuple[str, ...] = ()
    last_command: CommandRow | None = None
    history: tuple[ReleaseRow, ...] = ()
    advice: str = ""

    def as_document(self) -> dict[str, Any]:
        """For `-o json|yaml`, in camelCase as the rest of the API."""
        return {_camel(key): _plain(value) for key, value in asdict(self).items()}


def view_of(manifest: Manifest) -> View:
    """What people are told of this CanaryDeployment."""
    read = _Reader(manifest)
    return View(
        name=read.name,
        namespace=read.namespace,
        target=_target(read.spec.get("targetRef") or {}),
        provider=_provider(read.spec),
        phase=read.text("phase") or "Pending",
        health=read.text("health") or "Unknown",
        weight=float(read.status.get("weight") or 0),
        weights=_weights(read.spec),
        step=read.text("step"),
        verdict=read.text("verdict"),
        samples=read.text("samples"),
        message=read.message(),
        revision=str(read.release.get("revision") or ""),
        stable_revision=read.text("stableRevision"),
        problem=read.problem(),
        pending_command=read.pending,
        metrics=tuple(_metric(row, read.spec) for row in read.status.get("metrics") or ()),
        warnings=tuple(str(warning) for warning in read.status.get("warnings") or ()),
        last_command=_command(read.status.get("lastCommand")),
        history=tuple(_release(entry) for entry in read.status.get("history") or ()),
        advice=advise(manifest),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    manifest: Manifest

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.manifest.get("spec") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.manifest.get("status") or {}

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.manifest.get("metadata") or {}

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "default")

    @property
    def pending(self) -> str:
        return str((self.metadata.get("annotations") or {}).get(COMMAND_ANNOTATION) or "")

    @property
    def release(self) -> Mapping[str, Any]:
        return self.status.get("release") or {}

    def text(self, key: str) -> str:
        return str(self.status.get(key) or "")

    def message(self) -> str:
        if not self.status:
            return "the operator has not seen it yet"
        if self.metadata.get("generation", 0) > self.status.get("observedGeneration", 0):
            return f"{self.text('message')} (the spec has changed since)"
        return self.text("message")

    def problem(self) -> str:
        stalled = condition(self.manifest, "Stalled")
        return str(stalled.get("reason") or "") if stalled.get("status") == "True" else ""


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """The condition of that type, empty when it is not there."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == kind), {})


def _target(ref: Mapping[str, Any]) -> str:
    if ref.get("kind") == TargetKind.FEATURE_FLAG:
        return f"variant {ref.get('variant')} of FeatureFlag {ref.get('name')}"
    if ref.get("kind") == TargetKind.SERVICES:
        return f"Services {ref.get('stable')} and {ref.get('canary')}"
    return f"Deployment {ref.get('name')}"


def _provider(spec: Mapping[str, Any]) -> str:
    if (spec.get("targetRef") or {}).get("kind") == TargetKind.FEATURE_FLAG:
        return FLAG_PROVIDER
    return str((spec.get("traffic") or {}).get("provider") or "Replicas")


def _weights(spec: Mapping[str, Any]) -> tuple[float, ...]:
    first, more = spec.get("initialTraffic"), spec.get("increments") or ()
    return tuple(float(weight) for weight in ([] if first is None else [first, *more]))


def _metric(row: Mapping[str, Any], spec: Mapping[str, Any]) -> MetricRow:
    name = str(row.get("name") or "")
    limit = (spec.get("rollbackThresholds") or {}).get(name)
    return MetricRow(
        name=name,
        verdict=str(row.get("verdict") or ""),
        unit=str(row.get("unit") or ""),
        canary=_arm(row.get("canary")),
        stable=_arm(row.get("stable")),
        limit="" if limit is None else str(limit),
        message=str(row.get("message") or ""),
    )


def _arm(counts: Mapping[str, Any] | None) -> Arm | None:
    if counts is None:
        return None
    return Arm(float(counts.get("requests") or 0), float(counts.get("bad") or 0), counts.get("value"))


def _command(last: Mapping[str, Any] | None) -> CommandRow | None:
    if not last:
        return None
    words = {key: str(last.get(key) or "") for key in ("command", "by", "reason", "at", "message")}
    return CommandRow(accepted=bool(last.get("accepted")), **words)


def _release(entry: Mapping[str, Any]) -> ReleaseRow:
    return ReleaseRow(
        revision=str(entry.get("revision") or ""),
        outcome=str(entry.get("outcome") or ""),
        reason=str(entry.get("reason") or ""),
        ended_at=str(entry.get("endedAt") or ""),
        weight=float(entry.get("weight") or 0),
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel(str(key)): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
