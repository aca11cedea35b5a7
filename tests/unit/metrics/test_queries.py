"""From a metric's name or queries to what is asked."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from truststream.api.canarydeployment import Direction, Metric, MetricKind
from truststream.api.configuration import Configuration, load
from truststream.errors import ConfigurationError, SpecError
from truststream.metrics.base import Arm
from truststream.metrics.promql import render
from truststream.metrics.queries import BUILT_IN, check, resolve

NOTHING = Configuration.model_validate({})
NAMED = load("""
metrics:
  checkout: {kind: Ratio, bad: 'orders_total{result="failed"}', total: orders_total}
  backlog: {kind: Value, query: 'sum(queue_depth{pod=~"{{pods}}"})', direction: LowerIsBetter}
  upload: {kind: Distribution, buckets: 'upload_milliseconds_bucket{pod=~"{{pods}}"}', quantile: 0.9}
""")
CANARY = Arm("canary", "shop", "web-canary", "80", r"^web-canary-[a-z0-9]+\.x$", "web", "web-canary")
TEMPLATES = [
    text for queries in BUILT_IN.values() for q in queries.values() for text in (q.bad, q.total, q.buckets) if text
]


def metric(**fields: Any) -> Metric:
    return Metric.model_validate({"name": "own", **fields})


@pytest.mark.parametrize("telemetry", ["Contour", "Pods"])
def test_built_in(telemetry: str) -> None:
    errors, success, latency = (
        resolve(metric(name=name), telemetry, NOTHING) for name in ("errorRate", "successRate", "responseTime")
    )
    assert (errors.kind, errors.unit, errors.direction) == (MetricKind.RATIO, "%", Direction.LOWER)
    assert (success.bad, success.total, success.good_is_bad) == (errors.bad, errors.total, True)
    assert success.direction is Direction.HIGHER
    assert (latency.kind, latency.unit, latency.quantile) == (MetricKind.DISTRIBUTION, "ms", 0.99)


@pytest.mark.parametrize("template", TEMPLATES)
def test_built_in_queries_parse_for_every_arm(template: str) -> None:
    assert "{{" not in render(template, CANARY)
    assert isinstance(promql_parser.parse(f"{render(template, CANARY)}[5m]"), promql_parser.MatrixSelector)


def test_envoy_counts_milliseconds_and_names_its_clusters_so() -> None:
    query = resolve(metric(name="responseTime", quantile=0.5), "Contour", NOTHING)
    assert (query.scale, query.quantile) == (0.001, 0.5)
    assert 'envoy_cluster_name="shop_web-canary_80"' in render(query.buckets, CANARY)


def test_a_regular_expression_stays_one_inside_its_quotes() -> None:
    assert render('a{pod=~"{{ pods }}"}', CANARY) == r'a{pod=~"^web-canary-[a-z0-9]+\\.x$"}'


def test_named_in_the_configuration() -> None:
    check(NAMED)
    assert resolve(metric(name="checkout"), "Pods", NAMED).total == "orders_total"
    assert resolve(metric(name="backlog"), "Pods", NAMED).expression.startswith("sum(")
    upload = resolve(metric(name="upload", quantile=0.5), "Pods", NAMED)
    assert (upload.scale, upload.quantile) == (0.001, 0.5)


def test_inline() -> None:
    query = resolve(metric(kind="Value", query="sum(a)", direction="HigherIsBetter"), "Pods", NOTHING)
    assert (query.name, query.kind, query.unit, query.direction) == ("own", MetricKind.VALUE, "", Direction.HIGHER)


FAILED = metric(kind="Ratio", bad='a{variant="{{variant}}",code="500"}', total='a{variant="{{ variant }}"}')
GREEN = Arm("stable", "shop", "", "", ".*", "", "", flag="checkout", variant="green")


def test_the_arms_of_a_flag_are_its_variants() -> None:
    query = resolve(FAILED, "Variants", NOTHING)
    assert (render(query.total, GREEN), query.gateway) == ('a{variant="green"}', False)
    exposures = (
        'truststream_flag_evaluations_total{flag_namespace="{{namespace}}",flag="{{flag}}",variant="{{variant}}"}'
    )
    counted = resolve(metric(kind="Ratio", bad='a{variant="{{variant}}"}', total=exposures), "Variants", NOTHING).total
    assert render(counted, GREEN).endswith('{flag_namespace="shop",flag="checkout",variant="green"}')


def test_one_number_for_both_variants_may_stand_beside_their_counts() -> None:
    queue = metric(kind="Value", query="sum(queue)", direction="LowerIsBetter")
    assert resolve(queue, "Variants", NOTHING).expression == "sum(queue)"


@pytest.mark.parametrize(
    ("fields", "telemetry", "path", "said"),
    [
        ({"name": "errorRate"}, "Variants", "spec.monitoringMetrics[2].name", "is not defined for kind FeatureFlag"),
        ({"name": "checkout"}, "Variants", "metrics.checkout.bad", "reads the same for both arms"),
        ({"name": "backlog"}, "Variants", "metrics.backlog.query", "{{pods}} stands for nothing here"),
        ({"name": "nope"}, "Variants", "spec.monitoringMetrics[2].name", "unknown metric 'nope'; known: backlog"),
        (FAILED.dump(), "Contour", "spec.monitoringMetrics[2].bad", "only kind FeatureFlag has one"),
    ],
)
def test_placeholders_belong_to_kinds(fields: dict[str, Any], telemetry: str, path: str, said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)) as caught:
        resolve(metric(**fields), telemetry, NAMED, "spec.monitoringMetrics[2]")
    assert caught.value.path == path


RATIO = {"kind": "Ratio", "bad": "a", "total": "b"}


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ({"name": "nope"}, "name", "known: errorRate, successRate, responseTime, backlog, checkout, upload; or"),
        ({"bad": "a"}, "kind", "need a kind"),
        ({"name": "errorRate", **RATIO}, "name", "is built in"),
        ({"kind": "Ratio", "bad": "a"}, "", "needs bad and total, and no other query"),
        ({"kind": "Distribution", "buckets": "a", "query": "b"}, "", "needs buckets, and no other query"),
        ({"kind": "Value", "query": "a"}, "direction", "kind Value needs it"),
        ({**RATIO, "quantile": 0.5}, "quantile", "only a Distribution"),
        ({"name": "errorRate", "quantile": 0.5}, "quantile", "only a Distribution"),
        ({**RATIO, "bad": "rate(a[1m])"}, "bad", "rate() in 'rate(a[1m])'"),
        ({**RATIO, "bad": "sum(a)"}, "bad", "aggregate expr"),
        ({**RATIO, "total": "a[1m]"}, "total", "a range in"),
        ({**RATIO, "total": "a offset 5m"}, "total", "offset and @"),
        ({**RATIO, "total": "a @ 5"}, "total", "offset and @"),
        ({**RATIO, "total": "a # all"}, "total", "leave out the comment"),
        ({**RATIO, "total": 'a{b="{{pod}}"}'}, "total", "unknown placeholder {{pod}}"),
        ({**RATIO, "total": 'a{b="c" d}'}, "total", "at or after column 2 of"),
        ({"kind": "Value", "query": "sum(a", "direction": "LowerIsBetter"}, "query", "unclosed left parenthesis"),
        ({"kind": "Value", "query": "nope(a)", "direction": "LowerIsBetter"}, "query", "unknown function"),
        ({"kind": "Value", "query": "a[1m]", "direction": "LowerIsBetter"}, "query", "no instant vector"),
    ],
)
def test_refused(fields: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)) as caught:
        resolve(metric(**fields), "Pods", NAMED, "spec.monitoringMetrics[2]")
    assert caught.value.path == ("spec.monitoringMetrics[2]." + path).rstrip(".")


def test_unknown_telemetry() -> None:
    with pytest.raises(ConfigurationError, match="'Mesh'; known: Contour, Pods"):
        resolve(metric(name="errorRate"), "Mesh", NOTHING)


def test_a_configuration_is_refused_at_the_start() -> None:
    wrong = load("metrics: {errorRate: {kind: Ratio, bad: a, total: b}, x: {kind: Ratio, bad: 'sum(a)', total: b}}")
    with pytest.raises(ConfigurationError) as caught:
        check(wrong)
    first, second = str(caught.value).splitlines()
    assert first == "config.yaml: metrics.errorRate: is built in; choose another name"
    assert second.startswith("config.yaml: metrics.x.bad: aggregate expr in 'sum(a)'")
