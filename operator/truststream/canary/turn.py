"""One decision in the making. Mutable inside one call of `decide`, unseen outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from truststream.api.canarydeployment import CanaryDeploymentSpec, TargetKind
from truststream.api.status import CanaryDeploymentStatus, Phase, ReleaseStatus
from truststream.canary.actions import Action, Event, Severity
from truststream.canary.clock import moment, stamp
from truststream.canary.decision import Decision
from truststream.canary.observation import Observation


@dataclass(frozen=True, slots=True)
class Stall:
    """Why nothing moves, and what somebody has to do."""

    reason: str
    message: str


@dataclass(slots=True)
class Turn:
    """What is asked, what was, what is seen; and what comes of it."""

    spec: CanaryDeploymentSpec
    before: CanaryDeploymentStatus
    seen: Observation
    now: datetime
    status: CanaryDeploymentStatus = field(init=False)
    actions: list[Action] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
    stall: Stall | None = None

    def __post_init__(self) -> None:
        self.status = self.before

    @property
    def releases_services(self) -> bool:
        """Whether a pair of Services is released instead of a Deployment."""
        return self.spec.target_ref.kind is TargetKind.SERVICES

    @property
    def releases_flag(self) -> bool:
        """Whether a variant of a flag is released: there are units instead of requests, and no pods."""
        return self.spec.target_ref.kind is TargetKind.FEATURE_FLAG

    @property
    def makes_pods(self) -> bool:
        """Whether the release has pods of its own: that of a Deployment."""
        return self.spec.target_ref.kind is TargetKind.DEPLOYMENT

    @property
    def asked(self) -> str:
        """The revision that is asked for now; empty when the target is not there."""
        ref, target = self.spec.target_ref, self.seen.target
        if self.makes_pods:
            return target.revision if target else ""
        return (ref.variant if self.releases_flag else ref.revision) or ""

    @property
    def meshed(self) -> bool:
        """Whether a route carries the weight, and Services have to be pinned."""
        return not self.seen.weight_by_replicas

    @property
    def release(self) -> ReleaseStatus:
        """The release that runs; only for phases that have one."""
        assert self.status.release is not None, f"phase {self.status.phase} without a release"
        return self.status.release

    @property
    def draining(self) -> float:
        """Seconds that the data plane is still given since the last change that it has to follow; 0 or less: none."""
        since = self.status.release.drain_since if self.status.release else None
        return self.seen.settle - self.since(since) if since else 0.0

    def set(self, **fields: Any) -> None:
        """Change fields of the status."""
        self.status = self.status.model_copy(update=fields)

    def set_release(self, **fields: Any) -> None:
        """Change fields of the release that runs."""
        self.set(release=self.release.model_copy(update=fields))

    def enter(self, phase: Phase, message: str) -> None:
        """Change the phase and say why."""
        self.set(phase=phase, message=message)

    def remark(self, phase: Phase, message: str) -> None:
        """What is waited for: said when status is written anyway, so that waiting costs no write of its own."""
        written_anyway = self.seen.measurements is not None or phase is not self.status.phase
        self.set(phase=phase, message=message if written_anyway else self.status.message)

    def do(self, *actions: Action) -> None:
        """Add actions, after those already there."""
        self.actions.extend(actions)

    def first(self, action: Action) -> None:
        """Put an action before all others: traffic first."""
        self.actions.insert(0, action)

    def say(self, reason: str, message: str, *, warn: bool = False, on_target: bool = False) -> None:
        """Post an event."""
        severity = Severity.WARNING if warn else Severity.NORMAL
        self.events.append(Event(reason=reason, message=message, severity=severity, on_target=on_target))

    def say_once(self, reason: str, message: str) -> None:
        """A warning once at this weight, however often it is seen."""
        if reason not in self.release.told:
            self.set_release(told=[*self.release.told, reason])
            self.say(reason, message, warn=True)

    def halt(self, reason: str, message: str) -> None:
        """Say that nothing moves; the first reason counts."""
        self.stall = self.stall or Stall(reason, message)
        self.set(message=self.stall.message)

    def wake(self, at: datetime) -> None:
        """Look again at this time at the latest."""
        self.wakes.append(max(at, self.now))

    def wake_in(self, seconds: float) -> None:
        """Look again after so many seconds."""
        self.wakes.append(self.now + timedelta(seconds=seconds))

    def since(self, text: str | None) -> float:
        """Seconds since a time of the status; 0 when it is not set."""
        return (self.now - moment(text)).total_seconds() if text else 0.0

    @property
    def stamp(self) -> str:
        """Now, as it stands in status."""
        return stamp(self.now)

    def decision(self) -> Decision:
        """What came of it."""
        return Decision(self.status, tuple(self.actions), tuple(self.events), min(self.wakes, default=None))
