"""What `lint` says of one manifest: the mistakes that the operator refuses, and what is allowed but rarely meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from truststream.api.canarydeployment import (
    CanaryDeploymentSpec,
    Comparison,
    Direction,
    Metric,
    MetricKind,
    Mode,
    Policy,
    TargetKind,
)
from truststream.api.configuration import Configuration
from truststream.api.kinds import KINDS
from truststream.api.names import API_VERSION, GROUP
from truststream.api.quantities import format_duration
from truststream.api.rules import BUILT_IN_METRICS, PROVEN_BY_DEFAULT
from truststream.api.validate import examine
from truststream.errors import SpecError
from truststream.metrics.arms import VARIANTS
from truststream.metrics.queries import resolve
from truststream.traffic import PROVIDERS, provider, require
from truststream.traffic.base import Capability, Manifest, PatchOp

KIND: Final = "CanaryDeployment"


class Level(StrEnum):
    """An error is refused by the operator; a warning is not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one field."""

    level: Level
    path: str
    message: str


def concerns(document: Any) -> bool:
    """Whether a document of a file is ours; a List's items are looked at one by one elsewhere."""
    return isinstance(document, Mapping) and str(document.get("apiVersion", "")).partition("/")[0] == GROUP


def findings(manifest: Manifest, configuration: Configuration | None = None) -> list[Finding]:
    """Everything to say about one manifest; with the operator's configuration also about the metrics that it names."""
    if manifest.get("kind") != KIND or manifest.get("apiVersion") != API_VERSION:
        what = f"{manifest.get('apiVersion')} {manifest.get('kind')}"
        known = " and ".join(kind.name for kind in KINDS)
        return [Finding(Level.ERROR, "kind", f"{what} is not known; known are {API_VERSION} {known}")]
    completed = _completed(manifest, configuration)
    spec, problems = examine(completed)
    errors = [Finding(Level.ERROR, problem.path, problem.message) for problem in problems]
    if spec is None:
        return errors
    errors += _traffic(spec)
    for index, metric in enumerate(spec.monitoring_metrics):
        path, of_flag = f"spec.monitoringMetrics[{index}]", spec.target_ref.kind is TargetKind.FEATURE_FLAG
        errors += _metric(metric, path, configuration, VARIANTS if of_flag else "Pods")
    return errors + [found for look in _LOOKS for found in look(spec)]


def _completed(manifest: Manifest, configuration: Configuration | None) -> Manifest:
    spec = manifest.get("spec")
    if configuration is None or not isinstance(spec, Mapping):
        return manifest
    return {**manifest, "spec": configuration.complete(spec)}


class _NoCluster:
    """Providers read their settings without a cluster; nothing else of them is used here."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        raise AssertionError(f"lint reads no {kind} {namespace}/{name}")

    def list(self, kind: str, namespace: str) -> Sequence[Manifest]:
        raise AssertionError(f"lint reads no {kind} in {namespace}")

    async def json_patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[PatchOp], *, subresource: str | None = None
    ) -> Manifest:
        raise AssertionError(f"lint writes no {kind} {namespace}/{name} {subresource or ''}: {len(ops)}")

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        raise AssertionError(f"lint scales no {kind} {namespace}/{name} to {replicas}")


def _traffic(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    try:
        chosen = provider(spec.provider, spec.traffic.config, _NoCluster())
        if spec.target_ref.kind is TargetKind.SERVICES:
            require(chosen, Capability.ANY_BACKEND)
    except SpecError as error:
        yield _error(error)


def _error(error: SpecError) -> Finding:
    return Finding(Level.ERROR, error.path, str(error).removeprefix(f"{error.path}: "))


def _metric(metric: Metric, path: str, configuration: Configuration | None, telemetry: str) -> Iterator[Finding]:
    own = metric.kind is not None
    if not own and configuration is None and metric.name not in BUILT_IN_METRICS:
        known = ", ".join(BUILT_IN_METRICS)
        said = f"{metric.name!r} is not built in ({known}): the operator's configuration has to name it; see --config"
        yield Finding(Level.WARNING, f"{path}.name", said)
        return
    try:
        resolve(metric, telemetry, configuration or Configuration(), path)
    except SpecError as error:
        yield _error(error)
    for field in ("bad", "total", "buckets", "query"):
        text = getattr(metric, field)
        if text is not None and "{{" not in text:
            said = "reads the same for both arms: use a placeholder such as {{service}}, {{pods}} or {{workload}}"
            yield Finding(Level.WARNING, f"{path}.{field}", said)


def _warn(path: str, message: str) -> Finding:
    return Finding(Level.WARNING, path, message)


def _idle_metrics(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    """The judges of evidence compare whatever is counted; a limit alone needs a limit, and so does a value."""
    used = {criterion.metric for criterion in spec.promotion_criteria} | set(spec.rollback_thresholds)
    for index, metric in enumerate(spec.monitoring_metrics):
        compared = spec.analysis.mode is not Mode.THRESHOLD and metric.kind is not MetricKind.VALUE
        if metric.name not in used and metric.name not in PROVEN_BY_DEFAULT and not compared:
            said = f"{metric.name} is watched but decides nothing: give it a rollbackThresholds entry or a criterion"
            yield _warn(f"spec.monitoringMetrics[{index}]", said)


def _no_limits(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    if spec.analysis.mode is not Mode.THRESHOLD:
        return
    if not spec.rollback_thresholds and not any(m.name in PROVEN_BY_DEFAULT for m in spec.monitoring_metrics):
        yield _warn("spec.rollbackThresholds", "is empty: no number of these metrics ever rolls back")


def _too_few_requests(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    """The rule of three: n requests without a failure speak for a failure rate below 3/n. Evidence counts by itself."""
    if spec.analysis.mode is not Mode.THRESHOLD:
        return
    kinds = {metric.name: metric for metric in spec.monitoring_metrics}
    for index, criterion in enumerate(spec.promotion_criteria):
        metric = kinds.get(criterion.metric)
        ratio = metric and (metric.kind is MetricKind.RATIO or metric.name in PROVEN_BY_DEFAULT)
        threshold = criterion.threshold or 0.0
        share = 100 - threshold if criterion.metric == "successRate" else threshold
        needed = math.ceil(300 / share) if ratio and share > 0 else 0
        if needed > spec.analysis.minimum_requests:
            said = f"takes about {needed} requests without a failure to show; minimumRequests is only"
            yield _warn(f"spec.promotionCriteria[{index}].threshold", f"{said} {spec.analysis.minimum_requests}")


def _backwards(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    """The judges of evidence refuse it themselves, for what they count."""
    directions = {metric.name: metric.direction or Direction.LOWER for metric in spec.monitoring_metrics}
    values = {metric.name for metric in spec.monitoring_metrics if metric.kind is MetricKind.VALUE}
    directions["successRate"] = Direction.HIGHER
    for index, criterion in enumerate(spec.promotion_criteria):
        direction = directions.get(criterion.metric)
        wanted = Comparison.GREATER_THAN if direction is Direction.HIGHER else Comparison.LESS_THAN
        refused = spec.analysis.mode is not Mode.THRESHOLD and criterion.metric not in values
        if criterion.comparison not in (None, wanted) and not refused:
            said = f"asks {criterion.metric} to be worse than the threshold; leave it out, or write {wanted}"
            yield _warn(f"spec.promotionCriteria[{index}].comparison", said)


def _times(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    interval, step = spec.analysis.interval, spec.step_duration
    if step < interval:
        said = f"is shorter than analysis.interval ({format_duration(interval)}): every weight waits for its look"
        yield _warn("spec.stepDuration", said)
    if spec.rollback_criteria.deadline < step + interval:
        said = "is over before a weight has had its time and a look: the policies apply to every step"
        yield _warn("spec.rollbackCriteria.deadline", said)
    kinds = {metric.name: metric.kind for metric in spec.monitoring_metrics}
    for index, criterion in enumerate(spec.promotion_criteria):
        kind = kinds.get(criterion.metric)
        unused = spec.analysis.mode is not Mode.THRESHOLD and kind is not MetricKind.VALUE
        if criterion.window is not None and unused:
            said = "is for mode Threshold and for values: evidence counts since the weight changed"
            yield _warn(f"spec.promotionCriteria[{index}].window", said)
        elif criterion.window is not None and criterion.window < interval:
            said = f"is shorter than analysis.interval ({format_duration(interval)}): requests between go unseen"
            yield _warn(f"spec.promotionCriteria[{index}].window", said)


def _policies(spec: CanaryDeploymentSpec) -> Iterator[Finding]:
    if spec.rollback_criteria.on_inconclusive is Policy.PROMOTE:
        yield _warn("spec.rollbackCriteria.onInconclusive", "promotes at the deadline without proof")
    by_replicas = spec.provider in PROVIDERS and PROVIDERS[spec.provider].weight_by_replicas
    if by_replicas and spec.canary_replicas != "MatchWeight":
        yield _warn("spec.canaryReplicas", f"has no effect: with {spec.provider} the pods are the weight")


_LOOKS: Final[tuple[Callable[[CanaryDeploymentSpec], Iterator[Finding]], ...]] = (
    _no_limits,
    _idle_metrics,
    _too_few_requests,
    _backwards,
    _times,
    _policies,
)
