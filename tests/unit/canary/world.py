"""A small model of a cluster: what the API server, its controllers and the policies do with our actions.

It carries out the core's actions, may stop in the middle like a killed process, and shows the core what it would see.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.api.names import ENABLED
from truststream.api.status import CanaryDeploymentStatus
from truststream.canary import actions as act
from truststream.canary.decide import decide, look_windows
from truststream.canary.decision import Decision
from truststream.canary.judging.judge import MetricShape
from truststream.canary.judging.modes import every_mode
from truststream.canary.look import Window
from truststream.canary.observation import (
    ArmReading,
    Block,
    Cell,
    Command,
    Measurement,
    Observation,
    Outcome,
    PodProblem,
    ReplicaSetView,
    RouteView,
    ServiceView,
    WorkloadView,
)
from truststream.canary.plan import pods_for
from truststream.canary.template import revision_of

START = datetime(2026, 1, 1, tzinfo=UTC)
SHAPES = {"errorRate": MetricShape("errorRate", "%"), "responseTime": MetricShape("responseTime", "ms")}


BLOCK = 5.0


def _reading(requests: float, bad: float) -> ArmReading:
    return ArmReading(requests=requests, bad=bad, buckets=((0.1, requests - bad), (math.inf, requests)))


def _cell(requests: float, bad: float) -> tuple[Cell, ...]:
    return (Cell("proxy", requests, bad, _reading(requests, bad).buckets),)


class Killed(Exception):
    """The process died here."""


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}


@dataclass
class World:
    """Mutable; time moves only by `wait`."""

    spec: CanaryDeploymentSpec
    replicas: int = 4
    image: str = "web:1"
    label: str | None = None
    held: bool = False
    paused: bool = False
    running: str = "web:1"  # image of the pods that the target runs
    canary_image: str | None = None
    canary_desired: int = 0
    canary_ready: int = 0
    canary_deleting: bool = False
    canary_service: bool = False
    pods_labelled: bool = False
    pinned: bool = False
    marked: bool = False
    pin_writer: str = ""
    attached: bool = False
    weight: float = 0.0
    writer: str = ""
    finalizer: bool = False
    deleting: bool = False
    terminating: bool = False
    gone: bool = False
    target_exists: bool = True
    problems: tuple[PodProblem, ...] = ()
    pods_become_ready: bool = True
    roll_blocked: str = ""
    command: Command | None = None
    counts: tuple[float, float] = (1000, 0)  # canary requests, bad: of a block, or of the window in mode Threshold
    stable_bad: float = 0.0  # share of stable's requests
    outcome: Outcome = Outcome.OK
    hold_served: bool = True
    managed_by: str = ""
    route_problem: str = ""
    route_ready: bool = True
    status: CanaryDeploymentStatus = field(default_factory=CanaryDeploymentStatus)
    now: datetime = START
    events: list[str] = field(default_factory=list)
    log: list[act.Action] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    unjudged_rolls: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=lambda: {"web:1"})

    # What users and controllers do.

    def push(self, image: str) -> None:
        """A change of the template, through the hold policy."""
        if image == self.image:
            return
        if self.label == "promoting":
            return  # denied by the policy
        self.image = image
        if self.label == ENABLED:
            self.held = self.paused = True
        elif not self.paused:
            self.running = image

    def control(self) -> None:
        """Kubernetes' controllers do what they can at once."""
        if self.canary_deleting:
            self.canary_image, self.canary_desired, self.canary_ready, self.canary_deleting = None, 0, 0, False
        if self.canary_image and self.pods_become_ready:
            self.canary_ready = self.canary_desired
        self.canary_ready = min(self.canary_ready, self.canary_desired)
        if not self.paused and not self.roll_blocked and self.target_exists:
            self.running = self.image

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def reset_route(self, by: str = "argocd") -> None:
        """GitOps puts its own backends back."""
        self.attached, self.weight, self.writer = False, 0.0, by

    # What the core sees.

    def observe(self) -> Observation:
        windows = look_windows(self.spec, self.status, self.now, self.shapes)
        measurements = self._measure(windows) if windows else None
        return Observation(
            name="web",
            namespace="shop",
            finalizer=self.finalizer,
            deleting=self.deleting,
            namespace_terminating=self.terminating,
            target=self._target(),
            canary=self._canary(),
            canary_service=self.canary_service,
            canary_endpoints=self.canary_ready if self.canary_service or self.by_replicas else 0,
            stable_endpoints=self.replicas if self.target_exists else 0,
            problems=self.problems if self.canary_image or self.roll_blocked else (),
            services=() if self.by_replicas else (self._service(),),
            unlabelled_pods=() if self.pods_labelled else ("web-1", "web-2"),
            route=self._route(),
            weight_by_replicas=self.by_replicas,
            hold_served=self.hold_served,
            managed_by=self.managed_by,
            command=self.command,
            measurements=measurements,
        )

    @property
    def by_replicas(self) -> bool:
        return self.spec.traffic.provider == "Replicas"

    def _service(self) -> ServiceView:
        return ServiceView("web", True, self.pinned, self.marked, self.pin_writer)

    def _route(self) -> RouteView:
        if self.by_replicas:
            total = self.replicas + self.canary_ready
            weight = round(100 * self.canary_ready / total, 1) if self.canary_ready else 0.0
            return RouteView(found=True, attached=self.canary_image is not None, weight=weight, ready=True)
        return RouteView(
            found=not self.route_problem,
            problem=self.route_problem,
            attached=self.attached,
            weight=self.weight,
            ready=self.route_ready,
            waiting_for="" if self.route_ready else "ResolvedRefs is False: RefNotPermitted",
            reset_by=self.writer,
        )

    def _target(self) -> WorkloadView | None:
        if not self.target_exists:
            return None
        rolled = self.running == self.image
        sets = tuple(
            ReplicaSetView(f"web-{image}", revision_of(template(image)), n, n)
            for image, n in ((self.image, self.replicas if rolled else 0), (self.running, self.replicas))
        )
        return WorkloadView(
            name="web",
            uid="1",
            revision=revision_of(template(self.image)),
            template=template(self.image),
            desired=self.replicas,
            ready=self.replicas,
            updated=self.replicas if rolled else 0,
            available=self.replicas,
            total=self.replicas,
            current=True,
            label=self.label,
            held=self.held,
            paused=self.paused,
            replica_sets=sets[1:] if rolled else sets,
            failed_create=self.roll_blocked,
        )

    def _canary(self) -> WorkloadView | None:
        if self.canary_image is None:
            return None
        return WorkloadView(
            name="web-canary",
            uid="2",
            revision=revision_of(template(self.canary_image)),
            template=template(self.canary_image),
            desired=self.canary_desired,
            ready=self.canary_ready,
            updated=self.canary_ready,
            available=self.canary_ready,
            total=self.canary_ready,
            current=True,
            deleting=self.canary_deleting,
        )

    @property
    def shapes(self) -> dict[str, MetricShape]:
        return {metric.name: SHAPES[metric.name] for metric in self.spec.monitoring_metrics}

    def _measure(self, windows: Mapping[str, Window]) -> tuple[Measurement, ...]:
        if self.outcome is not Outcome.OK:
            return tuple(Measurement(name, self.outcome, "no answer") for name in windows)
        reading = _reading(*self.counts)
        return tuple(
            Measurement(name, self.outcome, "", reading, reading, BLOCK, self._blocks(window))
            for name, window in windows.items()
        )

    def _blocks(self, window: Window) -> tuple[Block, ...]:
        """The canary's counts in every block; stable has as many requests as go with the weight, all good."""
        if window.block is None:
            return ()
        first, last = math.ceil(window.since.timestamp() / BLOCK), math.floor(window.until.timestamp() / BLOCK)
        requests, bad = self.counts
        bad_share = self.stable_bad
        others = requests * (100 - self.status.weight) / (self.status.weight or 100)
        return tuple(
            Block(k * BLOCK, (k + 1) * BLOCK, _cell(requests, bad), _cell(others, others * bad_share))
            for k in range(first, last)
        )

    # One run of the controller.

    def turn(self, kill_after: int | None = None) -> Decision:
        """Observe, decide, apply, save; dies after so many writes when asked to."""
        self.control()
        decision = decide(self.spec, self.status, self.observe(), self.now, judge=every_mode(), shapes=self.shapes)
        for done, action in enumerate(decision.actions):
            if kill_after is not None and done >= kill_after:
                raise Killed
            self.apply(action)
        if kill_after is not None:
            raise Killed
        self.status = CanaryDeploymentStatus.model_validate(decision.status.dump())
        self.events += [event.reason for event in decision.events]
        return decision

    def settle(self, turns: int = 400) -> None:
        """Run until nothing more happens without a change from outside."""
        for _ in range(turns):
            before = (self.status, self._live())
            decision = self.turn()
            if self.gone:
                return
            if (self.status, self._live()) != before:
                continue
            if decision.wake_at is None:
                return
            self.now = max(decision.wake_at, self.now + timedelta(milliseconds=1))
            if self.status.phase.value in ("Idle", "Succeeded", "Failed"):
                return

    def until(self, phase: str, turns: int = 400) -> None:
        for _ in range(turns):
            if self.status.phase.value == phase:
                return
            decision = self.turn()
            if decision.wake_at is not None:
                self.now = max(decision.wake_at, self.now)
        raise AssertionError(f"never {phase}: {self.status.phase} {self.status.message}")

    def _live(self) -> tuple[Any, ...]:
        skip = {"status", "now", "events", "log", "weights", "unjudged_rolls", "allowed"}
        return tuple(getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in skip)

    def apply(self, action: act.Action) -> None:
        """As the adapters do, and as the policies allow."""
        self.log.append(action)
        handler = getattr(self, "_" + type(action).__name__.lower())
        handler(action)

    def _setweight(self, action: act.SetWeight) -> None:
        if self.by_replicas:
            if self.canary_image:
                self.canary_desired = pods_for(action.weight, self.replicas)
        elif self.attached:
            self.weight, self.writer = action.weight, ""
        self.weights.append(action.weight)

    def _attachroute(self, action: act.AttachRoute) -> None:
        if not self.attached:
            self.attached, self.weight, self.writer = True, 0.0, ""

    def _restoreroute(self, action: act.RestoreRoute) -> None:
        self.attached, self.weight, self.writer = False, 0.0, ""

    def _settargetlabel(self, action: act.SetTargetLabel) -> None:
        self.label = action.value
        if action.value is None:
            self.held = False

    def _labelpods(self, action: act.LabelPods) -> None:
        self.pods_labelled = True

    def _pinservice(self, action: act.PinService) -> None:
        assert self.pods_labelled, "pinned before the stable pods had their label"
        self.pinned, self.marked, self.pin_writer = True, True, ""

    def _unpinservice(self, action: act.UnpinService) -> None:
        self.pinned = self.marked = False

    def _applycanaryservice(self, action: act.ApplyCanaryService) -> None:
        self.canary_service = True

    def _applycanarydeployment(self, action: act.ApplyCanaryDeployment) -> None:
        assert self.by_replicas or self.pinned, "a canary pod before the Service was pinned"
        assert not self.canary_deleting
        self.canary_image = action.template["spec"]["containers"][0]["image"]
        self.canary_desired = action.replicas

    def _scalecanary(self, action: act.ScaleCanary) -> None:
        if self.canary_image:
            self.canary_desired = action.replicas

    def _deletecanarydeployment(self, action: act.DeleteCanaryDeployment) -> None:
        assert self.by_replicas or self.weight == 0, "pods deleted under traffic"
        if self.canary_image:
            self.canary_deleting, self.canary_ready = True, 0

    def _deletecanaryservice(self, action: act.DeleteCanaryService) -> None:
        assert self.weight == 0, "Service deleted under traffic"
        self.canary_service = False

    def _releasehold(self, action: act.ReleaseHold) -> None:
        assert action.template == template(self.image), "the test of the patch would have failed"
        if self.image not in self.allowed:
            self.unjudged_rolls.append(self.image)
        self.held = self.paused = False

    def _scalereplicaset(self, action: act.ScaleReplicaSet) -> None:
        pass

    def _addfinalizer(self, action: act.AddFinalizer) -> None:
        self.finalizer = True

    def _removefinalizer(self, action: act.RemoveFinalizer) -> None:
        self.finalizer = False
        self.gone = self.deleting

    def _acknowledgecommand(self, action: act.AcknowledgeCommand) -> None:
        self.command = None
