"""What the operator says of itself to Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from truststream.api.flagstatus import FeatureFlagStatus
from truststream.api.status import CanaryDeploymentStatus, Phase, Verdict
from truststream.canary.observation import Measurement
from truststream.cluster.queue import Key

_LABELS: Final = ("namespace", "name")


class Telemetry:
    """Counters, and one gauge a state for each CanaryDeployment."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ours = self.registry
        self._requests = Counter(
            "truststream_api_requests", "Requests to the API server.", ("verb", "kind", "outcome"), registry=ours
        )
        self._runs = Counter("truststream_runs", "Decisions taken.", registry=ours)
        self._transitions = Counter("truststream_transitions", "Changes of phase.", ("phase",), registry=ours)
        self._looks = Counter("truststream_measurements", "Answers of the metric source.", ("outcome",), registry=ours)
        self._phase = Gauge("truststream_canary_phase", "1 for the phase it is in.", (*_LABELS, "phase"), registry=ours)
        self._weight = Gauge("truststream_canary_weight", "Percent of the requests.", _LABELS, registry=ours)
        self._verdict = Gauge("truststream_canary_verdict", "1 for the verdict.", (*_LABELS, "verdict"), registry=ours)
        self._leader = Gauge("truststream_leader", "1 while this process leads.", registry=ours)
        self._flags = Gauge("truststream_flags", "FeatureFlags by state.", ("namespace", "state"), registry=ours)
        self._stale = Gauge(
            "truststream_flags_stale", "FeatureFlags to be removed.", ("namespace", "reason"), registry=ours
        )
        self._pulls = Counter(
            "truststream_usage_reports", "Questions to servers for what they counted.", ("outcome",), registry=ours
        )
        self._shown: dict[Key, tuple[Phase, Verdict | None]] = {}
        self._shown_flags: dict[Key, tuple[str, str]] = {}

    def requested(self, verb: str, kind: str, outcome: str) -> None:
        """The client's counter."""
        self._requests.labels(verb, kind, outcome).inc()

    def looked(self, measured: Sequence[Measurement] | None) -> None:
        """What a look brought."""
        for measurement in measured or ():
            self._looks.labels(measurement.outcome.value).inc()

    def ran(self, key: Key, before: CanaryDeploymentStatus, after: CanaryDeploymentStatus) -> None:
        """A run ended."""
        self._runs.inc()
        if before.phase is not after.phase:
            self._transitions.labels(after.phase.value).inc()
        self._weight.labels(*key).set(after.weight)
        shown = (after.phase, after.verdict)
        if self._shown.get(key) != shown:
            self._hide(key)
            self._shown[key] = shown
            self._phase.labels(*key, after.phase.value).set(1)
            if after.verdict is not None:
                self._verdict.labels(*key, after.verdict.value).set(1)

    def forget(self, key: Key) -> None:
        """It is gone."""
        if key in self._shown:
            self._hide(key)
            del self._shown[key]
            self._weight.remove(*key)

    def reviewed(self, key: Key, status: FeatureFlagStatus) -> None:
        """A FeatureFlag was reviewed."""
        shown = (status.state.value, status.stale)
        if self._shown_flags.get(key) != shown:
            self.forget_flag(key)
            self._shown_flags[key] = shown
            self._count_flag(key, shown, 1)

    def forget_flag(self, key: Key) -> None:
        """It is gone."""
        if (shown := self._shown_flags.pop(key, None)) is not None:
            self._count_flag(key, shown, -1)

    def usage_asked(self, outcome: str) -> None:
        """A server told what it counted, or did not."""
        self._pulls.labels(outcome).inc()

    def leads(self, leading: bool) -> None:
        """Whether this process leads."""
        self._leader.set(1 if leading else 0)

    def text(self) -> bytes:
        """As Prometheus scrapes it."""
        return generate_latest(self.registry)

    def _hide(self, key: Key) -> None:
        if key not in self._shown:
            return
        phase, verdict = self._shown[key]
        self._phase.remove(*key, phase.value)
        if verdict is not None:
            self._verdict.remove(*key, verdict.value)

    def _count_flag(self, key: Key, shown: tuple[str, str], by: int) -> None:
        state, stale = shown
        self._flags.labels(key[0], state).inc(by)
        if stale:
            self._stale.labels(key[0], stale).inc(by)
