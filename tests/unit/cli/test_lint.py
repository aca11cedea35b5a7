"""`lint`: errors and warnings with file and line, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.api.bad_specs import BAD, COUNTED, FLAG, GOOD, Bad, manifest
from tests.unit.cli.conftest import Run
from truststream.api.configuration import Configuration, load
from truststream.cli.findings import Level, findings

CONFIGURATION = load("metrics: {queue: {kind: Value, query: 'sum(q{x=\"{{service}}\"})', direction: LowerIsBetter}}")
MIXED = """\
apiVersion: v1
kind: Service
metadata: {name: other}
---
apiVersion: truststream.dev/v1alpha1
kind: CanaryDeployment
metadata: {name: shop}
spec:
  targetRef: {name: shop}
  increments:
    - 10
    - 5
---
---
apiVersion: truststream.dev/v1alpha1
kind: Unheard
metadata: {name: what}
"""


def _say(change: dict[str, Any], configuration: Configuration | None = None) -> list[tuple[str, str, str]]:
    found = findings(manifest({**GOOD, **change}), configuration)
    return [(one.level.value, one.path, one.message) for one in found]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_what_the_operator_refuses_is_an_error(bad: Bad) -> None:
    found = findings(bad.manifest)
    assert (Level.ERROR, bad.path) in {(one.level, one.path) for one in found}


def test_the_shortest_spec_is_clean() -> None:
    assert _say({}) == []


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"traffic": {"provider": "Istio"}}, "spec.traffic.provider", "known: FeatureFlag, GatewayAPI, Replicas"),
        ({"traffic": {"provider": "GatewayAPI", "config": {"rout": "x"}}}, "spec.traffic.config", ""),
        (
            {"targetRef": {"kind": "Services", "stable": "a", "canary": "b", "revision": "1"}},
            "spec.traffic.provider",
            "providers that can: GatewayAPI",
        ),
        (
            {"monitoringMetrics": [{"name": "errorRate"}, {"name": "q", "kind": "Ratio", "bad": "a{", "total": "b"}]},
            "spec.monitoringMetrics[1].bad",
            "does not parse",
        ),
        (
            {**FLAG, "monitoringMetrics": [{**COUNTED, "total": "shop_requests_total"}]},
            "spec.monitoringMetrics[0].total",
            "reads the same for both arms",
        ),
        (
            {**FLAG, "monitoringMetrics": [{**COUNTED, "bad": 'a{variant="{{variant}}",pod=~"{{pods}}"}'}]},
            "spec.monitoringMetrics[0].bad",
            "{{pods}} stands for nothing here: kind FeatureFlag has none; use {{variant}}",
        ),
        (
            {"monitoringMetrics": [COUNTED]},
            "spec.monitoringMetrics[0].bad",
            "{{variant}} stands for nothing here: only kind FeatureFlag has one",
        ),
        ({**FLAG, "traffic": {"config": {"route": "web"}}}, "spec.traffic.config.route", "provider FeatureFlag"),
    ],
)
def test_errors_that_need_providers(change: dict[str, Any], path: str, said: str) -> None:
    assert any(level == "error" and at.startswith(path) and said in text for level, at, text in _say(change))


LIMITS: dict[str, Any] = {"analysis": {"mode": "Threshold"}}


def _value(query: str) -> dict[str, Any]:
    return {"name": "queue", "kind": "Value", "query": query, "direction": "LowerIsBetter"}


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (
            {**LIMITS, "monitoringMetrics": [{"name": "errorRate"}, {"name": "responseTime"}]},
            "spec.monitoringMetrics[1]",
            "decides nothing",
        ),
        (
            {**LIMITS, "promotionCriteria": [{"metric": "errorRate", "threshold": "0.5%"}]},
            "spec.promotionCriteria[0].threshold",
            "about 600 requests without a failure",
        ),
        (
            {**LIMITS, "promotionCriteria": [{"metric": "errorRate", "threshold": 5, "comparison": "GreaterThan"}]},
            "spec.promotionCriteria[0].comparison",
            "write LessThan",
        ),
        ({"stepDuration": "10s"}, "spec.stepDuration", "shorter than analysis.interval (30s)"),
        ({"rollbackCriteria": {"deadline": "1m"}}, "spec.rollbackCriteria.deadline", "is over before"),
        (
            {**LIMITS, "promotionCriteria": [{"metric": "errorRate", "threshold": 5, "window": "5s"}]},
            "spec.promotionCriteria[0].window",
            "requests between go unseen",
        ),
        (
            {"promotionCriteria": [{"metric": "errorRate", "threshold": 5, "window": "5m"}]},
            "spec.promotionCriteria[0].window",
            "evidence counts since the weight changed",
        ),
        ({"rollbackCriteria": {"onInconclusive": "Promote"}}, "spec.rollbackCriteria.onInconclusive", "without proof"),
        ({"canaryReplicas": 2}, "spec.canaryReplicas", "has no effect"),
        (
            {"monitoringMetrics": [{"name": "errorRate"}, _value("sum(up)")], "rollbackThresholds": {"queue": 5}},
            "spec.monitoringMetrics[1].query",
            "reads the same for both arms",
        ),
        (
            {"monitoringMetrics": [{"name": "errorRate"}, {"name": "queue"}], "rollbackThresholds": {"queue": 5}},
            "spec.monitoringMetrics[1].name",
            "the operator's configuration has to name it; see --config",
        ),
        (
            {
                **LIMITS,
                "monitoringMetrics": [{"name": "responseTime"}],
                "promotionCriteria": [{"metric": "responseTime", "threshold": "1s"}],
            },
            "spec.rollbackThresholds",
            "no number of these metrics ever rolls back",
        ),
    ],
)
def test_warnings(change: dict[str, Any], path: str, said: str) -> None:
    found = _say(change)
    assert [level for level, _, _ in found if level == "error"] == []
    assert any(at == path and said in text for _, at, text in found)


def test_with_the_configuration_its_metrics_and_defaults_are_known() -> None:
    watching = {"monitoringMetrics": [{"name": "errorRate"}, {"name": "queue"}], "rollbackThresholds": {"queue": 5}}
    assert _say(watching, CONFIGURATION) == []
    unknown = {**watching, "monitoringMetrics": [{"name": "errorRate"}, {"name": "queue"}, {"name": "depth"}]}
    assert any(level == "error" and "unknown metric 'depth'" in text for level, _, text in _say(unknown, CONFIGURATION))
    slow = load("defaults: {analysis: {interval: 5m}}")
    assert any(path == "spec.stepDuration" for _, path, _ in _say({}, slow))


def test_files_folders_and_many_documents(run: Run, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / "all.yaml"
    file.write_text(MIXED)
    told = run("lint", str(tmp_path))
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{file}:10: error: CanaryDeployment shop: spec.increments: "
        "must rise from weight to weight, like [10, 25, 50, 100]",
        f"{file}:16: error: Unheard what: kind: truststream.dev/v1alpha1 Unheard is not known; "
        "known are truststream.dev/v1alpha1 CanaryDeployment and FeatureFlag",
    ]
    assert told.stderr == "2 checked: 2 errors, 0 warnings\n"


def test_lists_and_standard_input(run: Run) -> None:
    items = [{"kind": "Pod"}, manifest({**GOOD, "initialTraffic": 0})]
    told = run("lint", "-", stdin=yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    assert told.exit_code == 1
    assert "spec.initialTraffic: must be above 0" in told.stdout


def test_warnings_are_errors_when_strict(run: Run) -> None:
    text = yaml.safe_dump(manifest({**GOOD, "stepDuration": "10s"}))
    assert run("lint", "-", stdin=text).exit_code == 0
    assert run("lint", "--strict", "-", stdin=text).exit_code == 1


def test_findings_as_data(run: Run) -> None:
    text = yaml.safe_dump(manifest({**GOOD, "increments": [10, 120]}))
    (found,) = json.loads(run("lint", "-o", "json", "-", stdin=text).stdout)
    assert found["path"] == "spec.increments[1]"
    assert (found["level"], found["object"], found["file"]) == ("error", "CanaryDeployment bad", "-")


@pytest.mark.parametrize("text", ["a: [", "a: b: c"])
def test_what_is_no_yaml_is_told_with_its_line(text: str, run: Run) -> None:
    told = run("lint", "-", stdin=text)
    assert told.exit_code == 2
    assert "this is no YAML" in told.stderr


def test_a_file_that_is_not_there(run: Run) -> None:
    told = run("lint", "/not/there.yaml")
    assert told.exit_code == 2
    assert "/not/there.yaml" in told.stderr


def test_a_date_is_a_string_as_it_is_for_kubectl(run: Run) -> None:
    pair = "{kind: Services, stable: a, canary: b, revision: 2026-01-01}"
    head = "apiVersion: truststream.dev/v1alpha1\nkind: CanaryDeployment\nmetadata: {name: x}\n"
    text = f"{head}spec: {{targetRef: {pair}}}"
    assert "revision" not in run("lint", "-", stdin=text).stdout
