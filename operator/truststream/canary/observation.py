"""What the core is told about the world before it decides: plain values, read once per run.

Nothing here reads anything; adapters fill it in. `None` means "looked, and it is not there".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from truststream.canary.flag import FlagView


class Cause(StrEnum):
    """What a pod that does not serve says about the release."""

    EVIDENCE = "Evidence"  # crash loop, OOM, cannot pull, never ready: the version is bad
    CAPACITY = "Capacity"  # quota, scheduling: the cluster's business, no verdict


@dataclass(frozen=True, slots=True)
class PodProblem:
    """Why a pod (or its creation) fails, in the cluster's own words."""

    cause: Cause
    reason: str  # CrashLoopBackOff, ImagePullBackOff, OOMKilled, Unschedulable, FailedCreate ...
    message: str
    pod: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaSetView:
    """One ReplicaSet of the target."""

    name: str
    revision: str  # our hash of its template
    desired: int
    ready: int


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A Deployment: the target, or the canary that we made."""

    name: str
    uid: str
    revision: str  # our hash of spec.template
    template: Mapping[str, Any]
    desired: int
    ready: int
    updated: int
    available: int
    total: int  # status.replicas: pods of all its ReplicaSets
    current: bool  # status.observedGeneration has caught up
    label: str | None = None  # value of truststream.dev/canary
    held: bool = False  # our marker is on it
    paused: bool = False
    deleting: bool = False
    progress_deadline_exceeded: bool = False
    failed_create: str = ""  # message of ReplicaFailure, e.g. a quota
    max_surge: int = 1
    replica_sets: tuple[ReplicaSetView, ...] = ()
    refusals: tuple[str, ...] = ()  # why this Deployment cannot be released without cloning, e.g. Recreate

    @property
    def active(self) -> tuple[ReplicaSetView, ...]:
        """ReplicaSets that want or have pods."""
        return tuple(rs for rs in self.replica_sets if rs.desired or rs.ready)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A Service in the target's namespace."""

    name: str
    selects_target: bool  # its selector (without the pin) matches the target's pods
    pinned: bool  # marker and selector both say role=stable
    marked: bool = False  # the marker alone: somebody reset the selector
    reset_by: str = ""  # field manager that last wrote the selector, when it is not us
    refusal: str = ""  # ExternalName or no selector


@dataclass(frozen=True, slots=True)
class RouteView:
    """What the provider sees of the route, or of what stands for one."""

    found: bool
    problem: str = ""  # missing, rule unknown, rejected ... with the remedy; empty when fine
    attached: bool = False  # the canary is one of its backends
    weight: float = 0.0  # percent that the canary really gets, 0 when not attached
    ready: bool = False  # the data plane's controller has accepted our last write
    waiting_for: str = ""  # what it has not accepted yet
    reset_by: str = ""  # field manager that wrote last, when it is not us
    foreign: bool = False  # the canary backend of another CanaryDeployment is on it


class Outcome(StrEnum):
    """What became of a question to a metric source."""

    OK = "OK"
    NO_DATA = "NoData"
    SOURCE_DOWN = "SourceDown"
    INVALID = "Invalid"  # several series where one was asked, NaN, a query that the source rejects


@dataclass(frozen=True, slots=True)
class ArmReading:
    """One arm of one metric: counts over the window, never a rate.

    Ratio: `requests`, `bad`. Distribution: `requests`, `buckets` (upper bound in seconds -> cumulative count).
    Value: `value`.
    """

    requests: float = 0.0
    bad: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """What one unit counted of one arm in one block: a pod, or a replica of the proxy.

    A proxy that serves both arms has a cell in each, with the same `unit`; pods of the two arms never share one.
    """

    unit: str
    requests: float
    bad: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()  # (upper bound in seconds, cumulative count), as in ArmReading


@dataclass(frozen=True, slots=True)
class Block:
    """Counts of both arms in (start, end], seconds since the epoch; both ends are multiples of the block's length.

    A block is given only once it is complete: nothing that belongs to it can still come.
    """

    start: float
    end: float
    canary: tuple[Cell, ...] = ()
    stable: tuple[Cell, ...] = ()
    fault: str = ""  # why these counts are not to be used, naming series and remedy; empty when they are


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric, both arms. A question that failed is a measurement too, never an exception."""

    metric: str
    outcome: Outcome
    message: str = ""
    stable: ArmReading | None = None
    canary: ArmReading | None = None
    length: float = 0.0  # seconds of a block, 0 when no blocks were asked for
    blocks: tuple[Block, ...] = ()  # rising in time, without overlap
    history: tuple[Block, ...] = ()  # stable alone, from before the release: its cells stand in `stable`


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked by annotation."""

    verb: str
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one decision rests on."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 1
    finalizer: bool = False
    deleting: bool = False
    ejected: bool = False  # somebody ran `truststream eject`: leave as on deletion, and stay away
    namespace_terminating: bool = False
    target: WorkloadView | None = None
    flag: FlagView | None = None  # kind FeatureFlag: what is released
    canary: WorkloadView | None = None
    canary_taken: str = ""  # an object with the canary's name that is not ours: kind and name
    canary_service: bool = False
    canary_endpoints: int = 0  # ready endpoints of the canary's Service; for Replicas: ready canary pods
    stable_endpoints: int = 0  # ready endpoints of the user's Service
    problems: tuple[PodProblem, ...] = ()  # of the canary's pods; of the target's new pods while it rolls
    services: tuple[ServiceView, ...] = ()
    service_missing: str = ""  # the Service that the spec names and that is not there
    unlabelled_pods: tuple[str, ...] = ()  # target pods without the role label
    route: RouteView = field(default_factory=lambda: RouteView(found=False))
    settle: float = 3.0  # seconds that the provider's data plane needs to follow a change
    weight_by_replicas: bool = False  # the provider's weight is the ratio of ready pods
    hold_served: bool = True  # the API server holds template changes
    managed_by: str = ""  # an older CanaryDeployment that has the same target
    spec_problem: str = ""  # what parsing or a provider's config refused, with the field's path
    spec_problem_reason: str = "InvalidSpec"
    warnings: tuple[str, ...] = ()
    command: Command | None = None
    measurements: tuple[Measurement, ...] | None = None  # None: nobody looked in this run
    now: datetime | None = None
