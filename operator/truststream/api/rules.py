"""What the fields of a spec must be to each other: every rule once, in CEL for the API server and in Python.

The generator puts the CEL into the CRD, `validate` asks the Python side: the operator for objects that were admitted
under an older schema, `lint` without a cluster. Both say the same sentence about the same field; the tests compare
them input by input. What a field must be by itself is said where the field is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from truststream.api.base import ApiModel
from truststream.api.canarydeployment import (
    FLAG_PROVIDER,
    CanaryDeploymentSpec,
    Criterion,
    Metric,
    MetricKind,
    Mode,
    TargetKind,
    TargetRef,
)
from truststream.api.featureflag import THOUSANDTHS

BUILT_IN_METRICS: Final = ("errorRate", "successRate", "responseTime")
PROVEN_BY_DEFAULT: Final = ("errorRate", "successRate")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about a model; `field` is blamed (camelCase, empty for the model itself).

    `detail` goes on with the values; only in Python, for in CEL joining names costs more than the API server allows.
    """

    message: str
    cel: str
    holds: Callable[[Any], bool]
    field: str = ""
    detail: Callable[[Any], str] | None = None

    def sentence(self, model: ApiModel) -> str:
        """What is wrong, for this model."""
        return self.message + (self.detail(model) if self.detail else "")

    def validation(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.message, "reason": "FieldValueInvalid"}
        if self.field:
            entry["fieldPath"] = f".{self.field}"
        return entry


def validations(
    held: Mapping[type[ApiModel], tuple[Rule, ...]], transitions: Mapping[type[ApiModel], tuple[dict[str, str], ...]]
) -> dict[str, tuple[dict[str, str], ...]]:
    """Name of a model -> its entries of `x-kubernetes-validations`: what must hold, then what must stay."""
    models = dict.fromkeys((*held, *transitions))
    return {
        model.__name__: (*(rule.validation() for rule in held.get(model, ())), *transitions.get(model, ()))
        for model in models
    }


def _is(target: TargetRef, kind: TargetKind) -> bool:
    return target.kind is kind


_TARGET: Final = (
    Rule(
        "kind Deployment needs name",
        "self.kind != 'Deployment' || has(self.name)",
        lambda t: not _is(t, TargetKind.DEPLOYMENT) or t.name is not None,
    ),
    Rule(
        "stable, canary and revision belong to kind Services; kind Deployment takes a name",
        "self.kind != 'Deployment' || !(has(self.stable) || has(self.canary) || has(self.revision))",
        lambda t: not _is(t, TargetKind.DEPLOYMENT) or {t.stable, t.canary, t.revision} == {None},
        field="kind",
    ),
    Rule(
        "kind Services needs stable, canary and revision",
        "self.kind != 'Services' || (has(self.stable) && has(self.canary) && has(self.revision))",
        lambda t: not _is(t, TargetKind.SERVICES) or None not in {t.stable, t.canary, t.revision},
    ),
    Rule(
        "name belongs to kind Deployment; kind Services takes stable, canary and revision",
        "self.kind != 'Services' || !has(self.name)",
        lambda t: not _is(t, TargetKind.SERVICES) or t.name is None,
        field="kind",
    ),
    Rule(
        "kind FeatureFlag needs name and variant",
        "self.kind != 'FeatureFlag' || (has(self.name) && has(self.variant))",
        lambda t: not _is(t, TargetKind.FEATURE_FLAG) or None not in {t.name, t.variant},
    ),
    Rule(
        "stable, canary and revision belong to kind Services; kind FeatureFlag takes a name and a variant",
        "self.kind != 'FeatureFlag' || !(has(self.stable) || has(self.canary) || has(self.revision))",
        lambda t: not _is(t, TargetKind.FEATURE_FLAG) or {t.stable, t.canary, t.revision} == {None},
        field="kind",
    ),
    Rule(
        "belongs to kind FeatureFlag",
        "self.kind == 'FeatureFlag' || !has(self.variant)",
        lambda t: _is(t, TargetKind.FEATURE_FLAG) or t.variant is None,
        field="variant",
    ),
    Rule(
        "must be another Service than stable",
        "!has(self.stable) || !has(self.canary) || self.stable != self.canary",
        lambda t: t.stable is None or t.stable != t.canary,
        field="canary",
    ),
)

_QUERIES_CEL: Final = "has(self.bad) || has(self.total) || has(self.buckets) || has(self.query)"


def _queries(metric: Metric) -> set[str]:
    return {name for name in ("bad", "total", "buckets", "query") if getattr(metric, name) is not None}


def _takes(kind: MetricKind, *fields: str) -> Callable[[Metric], bool]:
    return lambda m: m.kind is not kind or _queries(m) == set(fields)


_METRIC: Final = (
    Rule(
        "is built in; give a metric with queries of your own another name",
        f"!(self.name in {list(BUILT_IN_METRICS)}) || !(has(self.kind) || {_QUERIES_CEL})",
        lambda m: m.name not in BUILT_IN_METRICS or not (m.kind or _queries(m)),
        field="name",
    ),
    Rule(
        "queries of your own need a kind: Ratio, Distribution or Value",
        f"has(self.kind) || !({_QUERIES_CEL})",
        lambda m: m.kind is not None or not _queries(m),
    ),
    Rule(
        "kind Ratio needs bad and total, and no other query",
        "!has(self.kind) || self.kind != 'Ratio' || "
        "(has(self.bad) && has(self.total) && !has(self.buckets) && !has(self.query))",
        _takes(MetricKind.RATIO, "bad", "total"),
    ),
    Rule(
        "kind Distribution needs buckets, and no other query",
        "!has(self.kind) || self.kind != 'Distribution' || "
        "(has(self.buckets) && !has(self.bad) && !has(self.total) && !has(self.query))",
        _takes(MetricKind.DISTRIBUTION, "buckets"),
    ),
    Rule(
        "kind Value needs query and direction, and no other query",
        "!has(self.kind) || self.kind != 'Value' || "
        "(has(self.query) && has(self.direction) && !has(self.bad) && !has(self.total) && !has(self.buckets))",
        lambda m: _takes(MetricKind.VALUE, "query")(m) and (m.kind is not MetricKind.VALUE or m.direction is not None),
    ),
    Rule(
        "belongs to kind Value; for the other kinds lower is better",
        "!has(self.direction) || (has(self.kind) && self.kind == 'Value')",
        lambda m: m.direction is None or m.kind is MetricKind.VALUE,
        field="direction",
    ),
    Rule(
        "belongs to kind Distribution and to responseTime",
        "!has(self.quantile) || "
        "(has(self.kind) ? self.kind == 'Distribution' : !(self.name in ['errorRate', 'successRate']))",
        lambda m: (
            m.quantile is None
            or (m.kind is MetricKind.DISTRIBUTION if m.kind else m.name not in ("errorRate", "successRate"))
        ),
        field="quantile",
    ),
)


_LEFT_OUT: Final = "Replicas"
"""What the API server fills in where no provider is named."""


def _of_flag(spec: CanaryDeploymentSpec) -> bool:
    return spec.target_ref.kind is TargetKind.FEATURE_FLAG


def _fine(weight: str) -> str:
    return f"int({weight} * 1e6 + 0.5) % 1000 == 0"


def _thousandths(weight: float) -> bool:
    return int(weight * 1e6 + 0.5) % 1000 == 0


def _rising(spec: CanaryDeploymentSpec) -> bool:
    return all(low < high for low, high in zip(spec.increments, spec.increments[1:], strict=False))


def _unwatched(spec: CanaryDeploymentSpec) -> list[str]:
    watched = {metric.name for metric in spec.monitoring_metrics}
    return [criterion.metric for criterion in spec.promotion_criteria if criterion.metric not in watched]


def _unwatched_detail(spec: CanaryDeploymentSpec) -> str:
    watched = ", ".join(metric.name for metric in spec.monitoring_metrics)
    return f": {', '.join(_unwatched(spec))}; watched are {watched}"


_CRITERION: Final = (
    Rule(
        "belongs to a threshold; a margin is against stable",
        "!has(self.comparison) || !has(self.margin)",
        lambda c: c.comparison is None or c.margin is None,
        field="comparison",
    ),
)

_SPEC: Final = (
    Rule(
        "must be above 0 and below the first increment",
        "self.initialTraffic > 0.0 && (size(self.increments) == 0 || self.initialTraffic < self.increments[0])",
        lambda s: s.initial_traffic > 0 and s.initial_traffic < s.increments[0],
        field="initialTraffic",
    ),
    Rule(
        "must rise from weight to weight, like [10, 25, 50, 100]",
        "self.increments.isSorted() && self.increments.all(x, self.increments.exists_one(y, y == x))",
        _rising,
        field="increments",
    ),
    Rule(
        "every step must be one of the weights: initialTraffic or an increment",
        "self.gates.all(g, g.step == self.initialTraffic || g.step in self.increments)",
        lambda s: all(gate.step in (s.initial_traffic, *s.increments) for gate in s.gates),
        field="gates",
    ),
    Rule(
        "names a metric that is not in monitoringMetrics",
        "self.promotionCriteria.all(c, self.monitoringMetrics.exists(m, m.name == c.metric))",
        lambda s: not _unwatched(s),
        field="promotionCriteria",
        detail=_unwatched_detail,
    ),
    Rule(
        "is empty, and without errorRate or successRate in monitoringMetrics nothing would be proven: add a criterion",
        "size(self.promotionCriteria) > 0 || self.analysis.mode != 'Threshold' || "
        f"self.monitoringMetrics.exists(m, m.name in {list(PROVEN_BY_DEFAULT)})",
        lambda s: (
            bool(s.promotion_criteria)
            or s.analysis.mode is not Mode.THRESHOLD
            or any(m.name in PROVEN_BY_DEFAULT for m in s.monitoring_metrics)
        ),
        field="promotionCriteria",
    ),
    Rule(
        "is empty, and values alone prove nothing: add a criterion, or a metric that counts",
        "size(self.promotionCriteria) > 0 || self.monitoringMetrics.exists(m, !has(m.kind) || m.kind != 'Value' || "
        f"m.name in {list(BUILT_IN_METRICS)})",
        lambda s: (
            bool(s.promotion_criteria)
            or any(m.kind is not MetricKind.VALUE or m.name in BUILT_IN_METRICS for m in s.monitoring_metrics)
        ),
        field="promotionCriteria",
    ),
    Rule(
        "a margin is proven in the modes TwoKey and Fast; mode Threshold takes a threshold",
        "self.analysis.mode != 'Threshold' || self.promotionCriteria.all(c, !has(c.margin))",
        lambda s: s.analysis.mode is not Mode.THRESHOLD or all(c.margin is None for c in s.promotion_criteria),
        field="promotionCriteria",
    ),
    Rule(
        "belongs to kind Deployment; kind Services has targetRef.stable, and a FeatureFlag has no Service",
        "!has(self.service) || self.targetRef.kind == 'Deployment'",
        lambda s: s.service is None or s.target_ref.kind is TargetKind.DEPLOYMENT,
        field="service",
    ),
    Rule(
        "belongs to the other kinds: a FeatureFlag has no pods",
        "self.targetRef.kind != 'FeatureFlag' || string(self.canaryReplicas) == 'MatchWeight'",
        lambda s: not _of_flag(s) or s.canary_replicas == "MatchWeight",
        field="canaryReplicas",
    ),
    Rule(
        "leave it out: for kind FeatureFlag the flag itself deals the units",
        f"self.targetRef.kind != 'FeatureFlag' || self.traffic.provider in ['{_LEFT_OUT}', '{FLAG_PROVIDER}']",
        lambda s: not _of_flag(s) or s.traffic.provider in (_LEFT_OUT, FLAG_PROVIDER),
        field="traffic.provider",
    ),
    Rule(
        "deals the units of a flag: it belongs to targetRef.kind FeatureFlag",
        f"self.targetRef.kind == 'FeatureFlag' || self.traffic.provider != '{FLAG_PROVIDER}'",
        lambda s: _of_flag(s) or s.traffic.provider != FLAG_PROVIDER,
        field="traffic.provider",
    ),
    Rule(
        "nothing counts a flag's requests by itself: for kind FeatureFlag every metric needs a kind and queries with "
        'the placeholder variant, like total: http_requests_total{variant="{{variant}}"}, or a name of the '
        "configuration",
        "self.targetRef.kind != 'FeatureFlag' || "
        f"!self.monitoringMetrics.exists(m, m.name in {list(BUILT_IN_METRICS)})",
        lambda s: not _of_flag(s) or not any(m.name in BUILT_IN_METRICS for m in s.monitoring_metrics),
        field="monitoringMetrics",
    ),
    Rule(
        f"of a FeatureFlag {THOUSANDTHS}",
        f"self.targetRef.kind != 'FeatureFlag' || {_fine('self.initialTraffic')}",
        lambda s: not _of_flag(s) or _thousandths(s.initial_traffic),
        field="initialTraffic",
    ),
    Rule(
        f"of a FeatureFlag {THOUSANDTHS}",
        f"self.targetRef.kind != 'FeatureFlag' || self.increments.all(x, {_fine('x')})",
        lambda s: not _of_flag(s) or all(map(_thousandths, s.increments)),
        field="increments",
    ),
)

RULES: Final[Mapping[type[ApiModel], tuple[Rule, ...]]] = {
    TargetRef: _TARGET,
    Metric: _METRIC,
    Criterion: _CRITERION,
    CanaryDeploymentSpec: _SPEC,
}

NAME_LENGTH: Final = 63
NAME_MESSAGE: Final = (
    "is too long: objects that belong to a CanaryDeployment carry its name in a label, which takes 63 characters"
)

_SAME: Final = " && ".join(
    f"(has(self.{name}) ? self.{name} : '') == (has(oldSelf.{name}) ? oldSelf.{name} : '')"
    for name in ("name", "stable", "canary")
)
TRANSITIONS: Final[Mapping[type[ApiModel], tuple[dict[str, str], ...]]] = {
    TargetRef: (
        {
            "rule": f"self.kind == oldSelf.kind && {_SAME}",
            "message": "the target cannot be changed; make a new CanaryDeployment for another one",
            "reason": "FieldValueForbidden",
        },
    ),
}
"""Rules about a change; there is nothing to ask of one object alone."""

ROOT: Final = (
    {
        "rule": f"size(self.metadata.name) <= {NAME_LENGTH}",
        "message": f"metadata.name {NAME_MESSAGE}",
        "reason": "FieldValueInvalid",
    },
    {
        # The provider that split the traffic has to put it back.
        "rule": "!has(self.status) || !has(self.status.release)"
        " || self.spec.traffic.provider == oldSelf.spec.traffic.provider",
        "message": "the traffic provider cannot be changed while a release runs; roll back or wait for its end",
        "fieldPath": ".spec.traffic.provider",
        "reason": "FieldValueForbidden",
    },
)
"""Rules about the object itself."""
