"""The interface of the judge: measurements and what was remembered in, an assessment out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from truststream.api.canarydeployment import CanaryDeploymentSpec, Mode
from truststream.api.status import MetricStatus, Verdict
from truststream.canary.observation import Measurement


@dataclass(frozen=True, slots=True)
class MetricShape:
    """What the judge has to know of a metric besides its counts."""

    name: str
    unit: str  # "%", "ms" or ""
    higher_is_better: bool = False
    quantile: float = 0.99
    gateway: bool = False  # counted where the weight is set: requests per arm must match it

    @property
    def counted(self) -> bool:
        """Requests and bad ones among them, or buckets; else one number."""
        return self.unit in ("%", "ms")


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one look says."""

    verdict: Verdict
    metrics: tuple[MetricStatus, ...] = ()
    may_advance: bool = False  # nothing bad, and at least the minimum of requests for every metric
    proven: bool = False  # every criterion holds
    starved: bool = False  # the minimum of requests was not reached, or nothing was counted
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # kept in status until the next look
    alarms: tuple[str, ...] = ()  # what hinders a verdict and a person should see to


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the release stands when the judge looks. Times are seconds since the epoch."""

    weight: float  # percent that the canary is to get now
    since: float  # when this weight began to count
    now: float
    seed: str = ""  # the resource's UID: pairs of pods are drawn from it, the same in every replay


class Judge(Protocol):
    """Pure: the same measurements and evidence give the same assessment."""

    def assess(
        self,
        spec: CanaryDeploymentSpec,
        shapes: Mapping[str, MetricShape],
        measurements: Sequence[Measurement],
        evidence: Mapping[str, Any],
        situation: Situation,
    ) -> Assessment:
        """Judge one look."""


_ORDER: Final = (Verdict.BAD, Verdict.SOURCE_DOWN, Verdict.NOT_ENOUGH_DATA, Verdict.GOOD)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Bad before SourceDown before NotEnoughData before Good; nothing at all is NotEnoughData."""
    present = set(verdicts)
    return next((v for v in _ORDER if v in present), Verdict.NOT_ENOUGH_DATA)


class ByMode:
    """The judge that a spec names."""

    def __init__(self, judges: Mapping[Mode, Judge]) -> None:
        self._judges = judges

    def assess(
        self,
        spec: CanaryDeploymentSpec,
        shapes: Mapping[str, MetricShape],
        measurements: Sequence[Measurement],
        evidence: Mapping[str, Any],
        situation: Situation,
    ) -> Assessment:
        """See `Judge`; evidence of another mode is of no use and begins anew."""
        mode = spec.analysis.mode
        known = evidence if evidence.get("mode") == mode else {}
        answer = self._judges[mode].assess(spec, shapes, measurements, known, situation)
        return replace(answer, evidence={**answer.evidence, "mode": str(mode)})
