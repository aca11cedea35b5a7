"""What is refused, with the field's path and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.bad_specs import BAD, FLAG, GOOD, PAIR, Bad, manifest
from truststream.api.canarydeployment import CanaryDeploymentSpec
from truststream.api.validate import examine, parse_spec
from truststream.errors import SpecError


def _watching(metric: dict[str, Any], limit: str | float) -> dict[str, Any]:
    return {"monitoringMetrics": [{"name": "errorRate"}, metric], "rollbackThresholds": {metric["name"]: limit}}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_a_bad_spec_is_refused_with_its_path(bad: Bad) -> None:
    with pytest.raises(SpecError) as refused:
        parse_spec(bad.manifest)
    assert refused.value.path == bad.path
    assert bad.said in str(refused.value)
    assert refused.value.reason == "InvalidSpec"


def test_the_shortest_spec_is_filled_with_defaults() -> None:
    spec = parse_spec(manifest(GOOD))
    assert spec.increments == [10, 25, 50, 100]
    assert spec.step_duration == 60
    assert spec.rollback_criteria.deadline == 3600
    assert [metric.name for metric in spec.monitoring_metrics] == ["errorRate"]


@pytest.mark.parametrize(
    "change",
    [
        {"targetRef": PAIR},
        FLAG,
        {**FLAG, "traffic": {"provider": "FeatureFlag", "config": {"settle": "2s"}}, "initialTraffic": 0.001},
        {**FLAG, "increments": [10.001, 33.333, 99.999]},
        {"canaryReplicas": 3},
        {"canaryReplicas": "Full"},
        {"increments": [50], "gates": [{"step": 5}, {"step": 50}]},
        {"rollbackThresholds": {"errorRate": 0.5}},
        {"rollbackThresholds": {"errorRate": "0.5%"}},
        _watching({"name": "responseTime", "quantile": 0.95}, limit="1.5s"),
        _watching({"name": "ofTheConfiguration"}, limit="5%"),
        _watching({"name": "depth", "kind": "Value", "query": "x", "direction": "HigherIsBetter"}, limit=-3),
        {
            "monitoringMetrics": [{"name": "responseTime"}],
            "promotionCriteria": [{"metric": "responseTime", "threshold": "300ms", "window": "5m"}],
        },
        {"rollbackCriteria": {"onInconclusive": "Promote", "onNoData": "Rollback"}},
    ],
)
def test_good_specs_pass(change: dict[str, Any]) -> None:
    parse_spec(manifest({**GOOD, **change}))


def test_what_is_dumped_parses_to_the_same() -> None:
    spec = parse_spec(manifest({**GOOD, "rollbackThresholds": {"errorRate": "5%"}, "analysis": {"warmup": "1.5s"}}))
    assert parse_spec(manifest(spec.dump())) == spec


def test_every_problem_is_found_at_once() -> None:
    spec, problems = examine(manifest({**GOOD, "initialTraffic": 0, "gates": [{"step": 30}]}))
    assert isinstance(spec, CanaryDeploymentSpec)
    assert [problem.path for problem in problems] == ["spec.initialTraffic", "spec.gates"]


def test_the_error_says_how_many_more_there_are() -> None:
    with pytest.raises(SpecError, match=r"^spec\.initialTraffic: .* \(and 1 more: spec\.gates\)$"):
        parse_spec(manifest({**GOOD, "initialTraffic": 0, "gates": [{"step": 30}]}))


@pytest.mark.parametrize("spec", [None, [], "text"])
def test_a_manifest_without_a_spec_is_refused(spec: Any) -> None:
    with pytest.raises(SpecError, match=r"^spec: "):
        parse_spec({"metadata": {"name": "x"}, "spec": spec})


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(SpecError, match=r"spec\.incremets: is no field of a CanaryDeployment"):
        parse_spec(manifest({**GOOD, "incremets": [10]}))


def test_a_name_that_fits_no_label_is_refused() -> None:
    with pytest.raises(SpecError, match=r"metadata\.name: is too long"):
        parse_spec(manifest(GOOD, name="x" * 64))
