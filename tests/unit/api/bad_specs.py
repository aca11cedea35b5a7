"""Specs that must be refused: here by `parse_spec`, in tests/integration/crd by a real API server.

One table for both, so that they cannot drift apart. `said` is a sentence that both say; where the API server words a
plain type check its own way, `server` is what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GOOD: dict[str, Any] = {"targetRef": {"name": "shop"}}
PAIR: dict[str, Any] = {"kind": "Services", "stable": "blue", "canary": "green", "revision": "1"}
COUNTED: dict[str, Any] = {
    "name": "failures",
    "kind": "Ratio",
    "bad": 'shop_requests_total{variant="{{variant}}",code="500"}',
    "total": 'shop_requests_total{variant="{{variant}}"}',
}
FLAG: dict[str, Any] = {
    "targetRef": {"kind": "FeatureFlag", "name": "checkout", "variant": "blue"},
    "monitoringMetrics": [COUNTED],
}
DURATION = "must be a duration like 90s, 5m or 1h30m, without a sign"


@dataclass(frozen=True)
class Bad:
    """A change of the good spec, the field blamed, and the sentence."""

    id: str
    change: dict[str, Any]
    path: str
    said: str
    server: str = ""
    admitted: bool = False  # what no structural schema can say: the operator makes it Stalled, lint finds it

    @property
    def manifest(self) -> dict[str, Any]:
        """The whole object."""
        return manifest({**GOOD, **self.change})


def manifest(spec: dict[str, Any], name: str = "bad") -> dict[str, Any]:
    """A CanaryDeployment with this spec."""
    return {
        "apiVersion": "truststream.dev/v1alpha1",
        "kind": "CanaryDeployment",
        "metadata": {"name": name},
        "spec": spec,
    }


def _metric(**fields: str | float) -> dict[str, Any]:
    return {"monitoringMetrics": [{"name": "errorRate"}, {"name": "own", **fields}]}


def _criterion(**fields: Any) -> dict[str, Any]:
    return {"promotionCriteria": [{"metric": "errorRate", "threshold": 1, **fields}]}


BAD = [
    # targetRef
    Bad("no-name", {"targetRef": {}}, "spec.targetRef", "kind Deployment needs name"),
    Bad(
        "deployment-with-services",
        {"targetRef": {"name": "shop", "stable": "blue"}},
        "spec.targetRef.kind",
        "stable, canary and revision belong to kind Services",
    ),
    Bad(
        "services-without-revision",
        {"targetRef": {"kind": "Services", "stable": "blue", "canary": "green"}},
        "spec.targetRef",
        "kind Services needs stable, canary and revision",
    ),
    Bad(
        "services-with-name",
        {"targetRef": {**PAIR, "name": "shop"}},
        "spec.targetRef.kind",
        "belongs to kind Deployment",
    ),
    Bad(
        "same-service",
        {"targetRef": {**PAIR, "canary": "blue"}},
        "spec.targetRef.canary",
        "must be another Service than stable",
    ),
    Bad(
        "unknown-kind",
        {"targetRef": {"kind": "StatefulSet", "name": "db"}},
        "spec.targetRef.kind",
        "",
        "Unsupported value",
    ),
    Bad("bad-name", {"targetRef": {"name": "Shop_1"}}, "spec.targetRef.name", "should match"),
    Bad("pair-with-service", {"targetRef": PAIR, "service": "shop"}, "spec.service", "belongs to kind Deployment"),
    # a flag
    Bad(
        "flag-without-variant",
        {**FLAG, "targetRef": {"kind": "FeatureFlag", "name": "checkout"}},
        "spec.targetRef",
        "kind FeatureFlag needs name and variant",
    ),
    Bad(
        "flag-with-services",
        {**FLAG, "targetRef": {**FLAG["targetRef"], "stable": "blue"}},
        "spec.targetRef.kind",
        "kind FeatureFlag takes a name and a variant",
    ),
    Bad(
        "deployment-with-variant",
        {"targetRef": {"name": "shop", "variant": "blue"}},
        "spec.targetRef.variant",
        "belongs to kind FeatureFlag",
    ),
    Bad("flag-with-service", {**FLAG, "service": "shop"}, "spec.service", "a FeatureFlag has no Service"),
    Bad("flag-with-pods", {**FLAG, "canaryReplicas": 2}, "spec.canaryReplicas", "a FeatureFlag has no pods"),
    Bad(
        "flag-by-a-route",
        {**FLAG, "traffic": {"provider": "GatewayAPI", "config": {"route": "shop"}}},
        "spec.traffic.provider",
        "leave it out: for kind FeatureFlag the flag itself deals the units",
    ),
    Bad(
        "units-of-a-deployment",
        {"traffic": {"provider": "FeatureFlag"}},
        "spec.traffic.provider",
        "belongs to targetRef.kind FeatureFlag",
    ),
    Bad(
        "flag-by-default-metrics",
        {"targetRef": FLAG["targetRef"]},
        "spec.monitoringMetrics",
        "every metric needs a kind and queries with the placeholder variant",
    ),
    Bad("flag-too-fine", {**FLAG, "initialTraffic": 0.0005}, "spec.initialTraffic", "0.001 is the smallest share"),
    Bad("flag-steps-too-fine", {**FLAG, "increments": [10.0005]}, "spec.increments", "0.001 is the smallest share"),
    # weights
    Bad("nothing-first", {"initialTraffic": 0}, "spec.initialTraffic", "must be above 0 and below the first increment"),
    Bad(
        "first-too-high", {"initialTraffic": 10}, "spec.initialTraffic", "must be above 0 and below the first increment"
    ),
    Bad("falling", {"increments": [10, 50, 25]}, "spec.increments", "must rise from weight to weight"),
    Bad("twice", {"increments": [10, 10, 100]}, "spec.increments", "must rise from weight to weight"),
    Bad("over-100", {"increments": [10, 120]}, "spec.increments[1]", "should be less than or equal to 100"),
    Bad("negative", {"initialTraffic": -5}, "spec.initialTraffic", "should be greater than or equal to 0"),
    Bad("no-increments", {"increments": []}, "spec.increments", "at least 1 item"),
    Bad(
        "weight-as-text",
        {"initialTraffic": "5%"},
        "spec.initialTraffic",
        "should be a valid number",
        "must be of type number",
    ),
    Bad("gate-beside", {"gates": [{"step": 30}]}, "spec.gates", "every step must be one of the weights"),
    # durations
    Bad("negative-duration", {"stepDuration": "-90s"}, "spec.stepDuration", DURATION),
    Bad("no-unit", {"stepDuration": "90"}, "spec.stepDuration", DURATION),
    Bad("number-duration", {"stepDuration": 90}, "spec.stepDuration", DURATION, "must be of type string"),
    Bad("days", {"rollbackCriteria": {"deadline": "1d"}}, "spec.rollbackCriteria.deadline", DURATION),
    Bad("no-step", {"stepDuration": "0s"}, "spec.stepDuration", "must be longer than 0s"),
    Bad(
        "no-deadline",
        {"rollbackCriteria": {"deadline": "0m"}},
        "spec.rollbackCriteria.deadline",
        "must be longer than 0s",
    ),
    Bad("hasty", {"analysis": {"interval": "500ms"}}, "spec.analysis.interval", "must be at least 1s"),
    Bad("negative-warmup", {"analysis": {"warmup": "-1s"}}, "spec.analysis.warmup", DURATION),
    Bad("negative-window", _criterion(window="-5m"), "spec.promotionCriteria[0].window", DURATION),
    # metrics and limits
    Bad("no-metrics", {"monitoringMetrics": []}, "spec.monitoringMetrics", "at least 1 item"),
    Bad(
        "metric-twice",
        {"monitoringMetrics": [{"name": "errorRate"}, {"name": "errorRate"}]},
        "spec.monitoringMetrics[1]",
        "Duplicate value",
    ),
    Bad(
        "built-in-with-query",
        {"monitoringMetrics": [{"name": "errorRate", "kind": "Value", "query": "1", "direction": "LowerIsBetter"}]},
        "spec.monitoringMetrics[0].name",
        "is built in",
    ),
    Bad("query-without-kind", _metric(query="1"), "spec.monitoringMetrics[1]", "queries of your own need a kind"),
    Bad(
        "ratio-without-total",
        _metric(kind="Ratio", bad="x"),
        "spec.monitoringMetrics[1]",
        "kind Ratio needs bad and total",
    ),
    Bad(
        "ratio-with-query",
        _metric(kind="Ratio", bad="x", total="y", query="z"),
        "spec.monitoringMetrics[1]",
        "kind Ratio needs bad and total",
    ),
    Bad("no-buckets", _metric(kind="Distribution"), "spec.monitoringMetrics[1]", "kind Distribution needs buckets"),
    Bad(
        "no-direction",
        _metric(kind="Value", query="x"),
        "spec.monitoringMetrics[1]",
        "kind Value needs query and direction",
    ),
    Bad(
        "direction-of-ratio",
        _metric(kind="Ratio", bad="x", total="y", direction="LowerIsBetter"),
        "spec.monitoringMetrics[1].direction",
        "belongs to kind Value",
    ),
    Bad(
        "quantile-of-ratio",
        _metric(kind="Ratio", bad="x", total="y", quantile=0.5),
        "spec.monitoringMetrics[1].quantile",
        "belongs to kind Distribution",
    ),
    Bad(
        "quantile-of-all",
        {"monitoringMetrics": [{"name": "responseTime", "quantile": 1}]},
        "spec.monitoringMetrics[0].quantile",
        "should be less than 1",
    ),
    Bad(
        "unknown-metric",
        _criterion(metric="latency"),
        "spec.promotionCriteria",
        "names a metric that is not in monitoringMetrics",
    ),
    Bad(
        "no-threshold",
        {"promotionCriteria": [{"metric": "errorRate"}]},
        "spec.promotionCriteria[0]",
        "needs either a threshold or a margin",
        "must validate one and only one schema (oneOf)",
    ),
    Bad(
        "threshold-and-margin",
        {"promotionCriteria": [{"metric": "errorRate", "threshold": 1, "margin": 50}]},
        "spec.promotionCriteria[0]",
        "needs either a threshold or a margin",
        "must validate one and only one schema (oneOf)",
    ),
    Bad(
        "margin-by-threshold",
        {"promotionCriteria": [{"metric": "errorRate", "margin": 50}], "analysis": {"mode": "Threshold"}},
        "spec.promotionCriteria",
        "a margin is proven in the modes TwoKey and Fast",
    ),
    Bad(
        "comparison-of-margin",
        {"promotionCriteria": [{"metric": "errorRate", "margin": 50, "comparison": "LessThan"}]},
        "spec.promotionCriteria[0].comparison",
        "belongs to a threshold",
    ),
    Bad(
        "values-alone",
        {"monitoringMetrics": [{"name": "queue", "kind": "Value", "query": "1", "direction": "LowerIsBetter"}]},
        "spec.promotionCriteria",
        "values alone prove nothing",
    ),
    Bad("alpha", {"analysis": {"rollbackAlpha": 0.5}}, "spec.analysis.rollbackAlpha", "", "should be less than"),
    Bad("mode", {"analysis": {"mode": "Guess"}}, "spec.analysis.mode", "", "Unsupported value"),
    Bad(
        "threshold-text",
        _criterion(threshold="low"),
        "spec.promotionCriteria[0].threshold",
        "must be a number",
        "should match",
    ),
    Bad(
        "threshold-flag",
        _criterion(threshold=True),
        "spec.promotionCriteria[0].threshold",
        "must be a number",
        "must not",
    ),
    Bad(
        "threshold-list",
        _criterion(threshold=[1]),
        "spec.promotionCriteria[0].threshold",
        "must be a number",
        "Too many",
    ),
    Bad(
        "limit-text",
        {"rollbackThresholds": {"errorRate": "5 %"}},
        "spec.rollbackThresholds.errorRate",
        "must be",
        "should match",
    ),
    Bad("comparison", _criterion(comparison="Below"), "spec.promotionCriteria[0].comparison", "", "Unsupported value"),
    Bad(
        "no-proof",
        {"monitoringMetrics": [{"name": "responseTime"}], "analysis": {"mode": "Threshold"}},
        "spec.promotionCriteria",
        "nothing would be proven",
    ),
    # policies and sizes
    Bad(
        "promote-without-data",
        {"rollbackCriteria": {"onNoData": "Promote"}},
        "spec.rollbackCriteria.onNoData",
        "",
        "Unsupported value",
    ),
    Bad(
        "no-requests",
        {"analysis": {"minimumRequests": 0}},
        "spec.analysis.minimumRequests",
        "should be greater than or equal to 1",
    ),
    Bad("no-replicas", {"canaryReplicas": 0}, "spec.canaryReplicas", "must be MatchWeight, Full or a number of pods"),
    Bad(
        "replicas-word",
        {"canaryReplicas": "Half"},
        "spec.canaryReplicas",
        "must be MatchWeight, Full or a number of pods",
    ),
    # what the schema cannot say
    Bad(
        "limit-for-unwatched",
        {"rollbackThresholds": {"latency": 5}},
        "spec.rollbackThresholds.latency",
        "names a metric that is not in monitoringMetrics; watched are errorRate",
        admitted=True,
    ),
    Bad(
        "latency-for-ratio",
        {"rollbackThresholds": {"errorRate": "250ms"}},
        "spec.rollbackThresholds.errorRate",
        "from 0% to 100%, not 250ms",
        admitted=True,
    ),
    Bad(
        "share-over-100",
        _criterion(threshold=101),
        "spec.promotionCriteria[0].threshold",
        "from 0% to 100%",
        admitted=True,
    ),
    Bad(
        "percent-for-latency",
        {
            "monitoringMetrics": [{"name": "errorRate"}, {"name": "responseTime"}],
            "rollbackThresholds": {"responseTime": "5%"},
        },
        "spec.rollbackThresholds.responseTime",
        "milliseconds or a duration like 250ms",
        admitted=True,
    ),
]
