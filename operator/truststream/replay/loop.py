"""The release loop over a time that is not now: the core decides, somebody else measures.

`play` is a generator that yields what is to be measured and is sent the measurements: whoever drives it may ask a
server, read files or draw numbers. It keeps no clock.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.api.status import CanaryDeploymentStatus, Phase, ReleaseStatus, Verdict
from truststream.canary.actions import AttachRoute, SetWeight
from truststream.canary.clock import stamp
from truststream.canary.decide import decide
from truststream.canary.decision import Decision
from truststream.canary.judging.judge import Judge, MetricShape
from truststream.canary.look import LOOKING, Window, look_windows
from truststream.canary.observation import Measurement, Observation, RouteView
from truststream.errors import StateError
from truststream.replay.outcome import Ending, Look, Run, Stage

_PATIENCE: Final = 50
"""Turns without a step in time; the core needs five to start."""
_STABLE: Final = "old"
_READY: Final = "PromotionWaiting"


@dataclass(frozen=True, slots=True)
class Release:
    """What is played.

    `recorded`: weights that the past had, instead of those of the plan. `whole`: a proof does not end it.
    """

    spec: CanaryDeploymentSpec
    shapes: Mapping[str, MetricShape]
    begin: float
    until: float
    seed: str = ""
    recorded: tuple[Stage, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Measure this, of the world as it was at `now`; `stages` are the weights so far."""

    now: datetime
    status: CanaryDeploymentStatus
    windows: Mapping[str, Window]
    stages: tuple[Stage, ...]


Player = Generator[Ask, Sequence[Measurement], Run]


def play(release: Release, judge: Judge) -> Player:
    """One release from its first weight to its end, or to the end of the time."""
    return _Play(release, judge).run()


@dataclass(slots=True)
class _Play:
    release: Release
    judge: Judge
    status: CanaryDeploymentStatus = field(default_factory=lambda: CanaryDeploymentStatus(stable_revision=_STABLE))
    attached: bool = False
    weight: float = 0.0
    now: datetime = field(init=False)
    ready: datetime | None = None  # since when only a person's word was missing
    looks: list[Look] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = _time(self.release.begin)

    def run(self) -> Player:
        still = 0
        while self.now.timestamp() <= self.release.until:
            self._follow_records()
            measured = None
            if windows := self._windows():
                measured = yield Ask(self.now, self.status, windows, tuple(self.stages))
            decision, before = self._decide(measured), self.now
            if self.status.phase in (Phase.ROLLING_BACK, Phase.PROMOTING):
                return self._ended()
            if self.ready is not None and self._proof_ends():
                return self._over()
            self._forward(decision)
            still = still + 1 if self.now == before else 0
            if still > _PATIENCE:
                raise StateError(f"the played release does not move on: {self.status.phase}, {self.status.message}")
        return self._over()

    def _windows(self) -> Mapping[str, Window]:
        return look_windows(self.release.spec, self.status, self.now, self.release.shapes)

    # One turn

    def _decide(self, measured: Sequence[Measurement] | None) -> Decision:
        release = self.release
        seen = self._observation(measured)
        decision = decide(release.spec, self.status, seen, self.now, judge=self.judge, shapes=release.shapes)
        if measured is not None:
            self._note(decision.status)  # before the weight of this look is gone
        self.status = decision.status
        for action in decision.actions:
            if isinstance(action, AttachRoute):
                self.attached = True
            elif isinstance(action, SetWeight):
                self._set(Stage(self.now.timestamp(), action.weight))
        return decision

    def _observation(self, measured: Sequence[Measurement] | None) -> Observation:
        return Observation(
            name="release",
            namespace="replay",
            uid=self.release.seed,
            finalizer=True,
            canary_endpoints=1,
            stable_endpoints=1,
            route=RouteView(found=True, attached=self.attached, weight=self.weight, ready=True),
            measurements=None if measured is None else tuple(measured),
        )

    def _set(self, stage: Stage) -> None:
        self.weight = stage.weight
        if stage.weight > 0:
            self.stages.append(stage)

    def _note(self, after: CanaryDeploymentStatus) -> None:
        release = _release(after)
        if self.ready is None and _READY in release.told:
            self.ready = self.now
        self.looks.append(
            Look(
                at=self.now.timestamp(),
                stage=self.stages[-1],
                verdict=after.verdict or Verdict.NOT_ENOUGH_DATA,
                against=float(release.evidence.get("against", 0.0)),
                needed=math.log(1.0 / self.release.spec.analysis.rollback_alpha),
                proven=release.proven,
                rows=tuple(after.metrics),
            )
        )

    def _forward(self, decision: Decision) -> None:
        """To the next moment at which something may change; at once where something was done."""
        if decision.actions:
            return
        wakes = [] if decision.wake_at is None else [max(decision.wake_at, self.now)]
        wakes += [_time(stage.since) for stage in self.release.recorded if _time(stage.since) > self.now]
        self.now = min(wakes, default=_time(self.release.until) + timedelta(seconds=1))

    # Weights that the past had

    def _follow_records(self) -> None:
        """As the core writes down a weight that it sets itself: what is measured and told begins anew with it."""
        past = [stage for stage in self.release.recorded if stage.since <= self.now.timestamp()]
        if not past or self.status.phase not in LOOKING or self.stages[-1] == past[-1]:
            return
        stage = past[-1]
        if stage.weight == self.weight and len(self.stages) == 1:
            return  # the first one, which the core has set
        self._set(stage)
        self.ready = None
        release = _release(self.status).model_copy(
            update={
                "weight_since": stamp(_time(stage.since)),
                "looked_at": None,
                "told": [],
                "cleared": False,
                "proven": False,
                "starved": True,
                "highest_weight": max(stage.weight, _release(self.status).highest_weight),
            }
        )
        self.status = self.status.model_copy(update={"weight": stage.weight, "release": release})

    def _proof_ends(self) -> bool:
        """No weight follows: here a proof would have ended the release."""
        records = self.release.recorded
        return not self.release.whole and (not records or self.now.timestamp() >= records[-1].since)

    # The end

    def _ended(self) -> Run:
        """What no verdict of the last look explains, a policy at the deadline decided."""
        bad = self.status.phase is Phase.ROLLING_BACK
        verdict = self.status.verdict
        by_policy = verdict is not Verdict.BAD if bad else not _release(self.status).proven
        ending = Ending.ROLLED_BACK if bad else Ending.PROMOTED
        return self._result(ending, self.now.timestamp(), _release(self.status).outcome_reason, by_policy)

    def _over(self) -> Run:
        if self.ready is not None:
            return self._result(Ending.PROMOTED, self.ready.timestamp(), "every criterion holds", False)
        return self._result(Ending.UNDECIDED, self.release.until, self.status.message, False)

    def _result(self, ending: Ending, at: float, reason: str, by_policy: bool) -> Run:
        begin = self.stages[0].since if self.stages else self.release.begin
        return Run(begin, at, ending, reason, by_policy, tuple(self.looks), tuple(self.stages))


def _release(status: CanaryDeploymentStatus) -> ReleaseStatus:
    assert status.release is not None, f"phase {status.phase} without a release"
    return status.release


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
