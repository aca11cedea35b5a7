"""When the judge looks, at what, and what its answer does to the status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.api.status import CanaryDeploymentStatus, Phase, ReleaseStatus, Verdict
from truststream.canary.clock import moment, stamp
from truststream.canary.judging.judge import Assessment, Judge, MetricShape, Situation
from truststream.canary.judging.threshold import criteria
from truststream.canary.turn import Turn

LOOKING: Final = (Phase.PROGRESSING, Phase.PAUSED)
LONG: Final = 30.0
TICK: Final = 5.0
HISTORY: Final = timedelta(hours=1)
"""How much of the time before a release the judge learns from: how lumpy errors are, and where latencies lie."""


def next_look(spec: CanaryDeploymentSpec, status: CanaryDeploymentStatus) -> datetime | None:
    """When the judge is to look next; None while nothing is judged."""
    release = status.release
    if release is None or status.phase not in LOOKING or release.contested or release.judged_since is None:
        return None
    last = release.looked_at or max(release.weight_since or "", release.judged_since)
    return _on_tick(moment(last) + timedelta(seconds=spec.analysis.interval), spec.analysis.interval)


def _on_tick(due: datetime, interval: float) -> datetime:
    """Long intervals end on common ticks: many canaries then look together, and their queries go as one request."""
    if interval < LONG:
        return due
    return datetime.fromtimestamp(math.ceil(due.timestamp() / TICK) * TICK, UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """What is to be measured of one metric in this run.

    `block` is the length of blocks in seconds, 0 to let the source choose, None for totals alone; `history` is set
    when the judge still has to learn from the time before the release.
    """

    since: datetime
    until: datetime
    block: float | None = None
    history: tuple[datetime, datetime] | None = None


def look_windows(
    spec: CanaryDeploymentSpec, status: CanaryDeploymentStatus, now: datetime, shapes: Mapping[str, MetricShape]
) -> dict[str, Window]:
    """Which metrics are to be measured in this run; empty when no look is due."""
    due, release = next_look(spec, status), status.release
    if due is None or release is None or now < due:
        return {}
    return {name: _window(spec, release, shape, now) for name, shape in shapes.items()}


def _window(spec: CanaryDeploymentSpec, release: ReleaseStatus, shape: MetricShape, now: datetime) -> Window:
    if spec.analysis.mode is Mode.THRESHOLD or not shape.counted:
        return Window(_start(spec, release, shape.name, now), now)
    known = _known(spec, release, shape.name)
    if known is None:
        begun = moment(release.started_at)
        return Window(moment(release.judged_since or ""), now, 0.0, (begun - HISTORY, begun))
    return Window(datetime.fromtimestamp(float(known["until"]), UTC), now, float(known["length"]))


def _known(spec: CanaryDeploymentSpec, release: ReleaseStatus, metric: str) -> Mapping[str, Any] | None:
    if release.evidence.get("mode") != spec.analysis.mode:
        return None
    found: Mapping[str, Any] | None = release.evidence.get("metrics", {}).get(metric)
    return found


def _start(spec: CanaryDeploymentSpec, release: ReleaseStatus, metric: str, now: datetime) -> datetime:
    """A criterion's window, else since the weight changed; never requests from before those that count."""
    windows = [c.window for c in criteria(spec) if c.metric == metric and c.window is not None]
    since = stamp(now - timedelta(seconds=max(windows))) if windows else release.weight_since or ""
    return moment(max(since, release.judged_since or ""))


def take_look(turn: Turn, judge: Judge, shapes: Mapping[str, MetricShape]) -> Assessment | None:
    """Judge the measurements of this run, when there are any, and write the answer down."""
    if turn.seen.measurements is None:
        return None
    answer = judge.assess(turn.spec, shapes, turn.seen.measurements, turn.release.evidence, _situation(turn))
    _tell_source(turn, answer)
    turn.set(verdict=answer.verdict, metrics=list(answer.metrics), samples=_samples(answer))
    turn.set_release(
        looked_at=turn.stamp,
        evidence=dict(answer.evidence),
        cleared=answer.may_advance,
        proven=answer.proven,
        starved=answer.starved,
    )
    for alarm in answer.alarms:
        turn.say_once("SampleRatioMismatch", alarm)
    return answer


def _situation(turn: Turn) -> Situation:
    release = turn.release
    since = max(release.weight_since or "", release.judged_since or "")
    return Situation(turn.status.weight, moment(since).timestamp(), turn.now.timestamp(), turn.seen.uid)


def _tell_source(turn: Turn, answer: Assessment) -> None:
    was_down = turn.status.verdict is Verdict.SOURCE_DOWN
    down = answer.verdict is Verdict.SOURCE_DOWN
    if down and not was_down:
        turn.say("SourceDown", f"weight held at {turn.status.weight:g} %: {answer.reason}", warn=True)
    if was_down and not down:
        turn.say("SourceBack", "the metric source answers again")


def _samples(answer: Assessment) -> str:
    counted = [row for row in answer.metrics if row.canary is not None]
    if not counted:
        return "0"
    most = max(counted, key=lambda row: row.canary.requests if row.canary else 0)
    canary = most.canary.requests if most.canary else 0
    return f"{canary:.0f}/{most.stable.requests:.0f}" if most.stable else f"{canary:.0f}"
