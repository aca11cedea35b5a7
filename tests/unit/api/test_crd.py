"""The CRD: as made from the models, complete, and structural."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from truststream.api.crd import crd, root_schema
from truststream.api.flagstatus import FlagState
from truststream.api.kinds import CANARY_DEPLOYMENT, FEATURE_FLAG, KINDS, Kind
from truststream.api.schema import walk
from truststream.api.status import Phase, Verdict

ROOT = Path(__file__).parents[3]
FIELDS = dict(walk(root_schema(CANARY_DEPLOYMENT)))
FLAG_FIELDS = dict(walk(root_schema(FEATURE_FLAG)))

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)


@every_kind
@pytest.mark.parametrize("copy", ["crds", "charts/truststream/files/crds"])
def test_the_file_is_what_the_models_make(kind: Kind, copy: str) -> None:
    on_disk = yaml.safe_load((ROOT / copy / kind.file_name).read_text(encoding="utf-8"))
    assert on_disk == crd(kind), "run `make crds`"


@every_kind
def test_every_field_has_a_description(kind: Kind) -> None:
    fields = dict(walk(root_schema(kind)))
    implied = {"metadata"}  # the API server refuses a description of its own field
    missing = [path for path, field in fields.items() if path[-1] not in "]}" and not field.get("description")]
    assert set(missing) == implied
    assert len(fields) > 80


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for one in node for found in _nodes(one)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for key, one in node.items() if key != "default" for found in _nodes(one))]


@every_kind
def test_the_schema_is_structural(kind: Kind) -> None:
    for node in _nodes(root_schema(kind)):
        # Structural schemas take a oneOf that speaks of presence only; nothing else of the kind.
        choices = node.pop("oneOf", [])
        assert all(choice.keys() == {"required"} for choice in choices)
        unknown = {"$ref", "$defs", "anyOf", "allOf", "title", "const", "propertyNames", "patternProperties"}
        assert not unknown & (node.keys() - {"properties"})
        assert node.get("additionalProperties") is not False


@pytest.mark.parametrize("path", [path for path, field in FIELDS.items() if field.get("type") == "object"])
def test_an_object_that_need_not_be_given_is_filled_with_its_defaults(path: str) -> None:
    field = FIELDS[path]
    children = field.get("properties", {}).values()
    if path.startswith("spec.") and "[]" not in path and any("default" in child for child in children):
        assert field.get("default") == {} or path == "spec.targetRef"


@every_kind
def test_a_status_has_no_defaults(kind: Kind) -> None:
    fields = walk(root_schema(kind))
    assert [path for path, field in fields if path.startswith("status") and "default" in field] == []


def test_defaults_are_written_as_in_yaml() -> None:
    assert FIELDS["spec.rollbackCriteria.deadline"]["default"] == "1h"
    assert FIELDS["spec.increments"]["default"] == [10, 25, 50, 100]
    assert FIELDS["spec.monitoringMetrics"]["default"] == [{"name": "errorRate"}]
    assert FIELDS["spec.paused"]["default"] is False
    assert FLAG_FIELDS["spec.staleAfter"]["default"] == "720h"
    assert FLAG_FIELDS["spec.rules[].rolloutPercentage"]["default"] == 100
    assert "default" not in FLAG_FIELDS["spec.environments{}.rules"]  # left out is something else than none


@pytest.mark.parametrize("path", ["stepDuration", "analysis.interval", "analysis.warmup", "analysis.minimumRequests"])
def test_what_the_configuration_may_default_is_left_to_it(path: str) -> None:
    field = FIELDS[f"spec.{path}"]
    assert "default" not in field
    assert "or what the operator's configuration says" in field["description"]


def test_enums_are_those_of_the_models() -> None:
    assert FIELDS["status.phase"]["enum"] == [phase.value for phase in Phase]
    assert FIELDS["status.metrics[].verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert FLAG_FIELDS["status.state"]["enum"] == [state.value for state in FlagState]


@pytest.mark.parametrize(
    ("kind", "keyed"),
    [
        (CANARY_DEPLOYMENT, {"spec.monitoringMetrics", "status.conditions", "status.metrics"}),
        (FEATURE_FLAG, {"spec.rules", "spec.environments{}.rules", "spec.prerequisites", "status.conditions"}),
    ],
    ids=lambda value: getattr(value, "plural", ""),
)
def test_lists_say_how_they_merge(kind: Kind, keyed: set[str]) -> None:
    fields = walk(root_schema(kind))
    kinds = {path: field["x-kubernetes-list-type"] for path, field in fields if field.get("type") == "array"}
    assert {path for path, way in kinds.items() if way == "map"} == keyed
    assert set(kinds.values()) == {"map", "atomic"}


def test_any_json_may_be_a_value() -> None:
    values = FLAG_FIELDS["spec.variants"]["additionalProperties"], FLAG_FIELDS["spec.rules[].conditions[].value"]
    for field in values:
        assert field.keys() - {"description"} == {"x-kubernetes-preserve-unknown-fields", "nullable"}


@pytest.mark.parametrize(
    ("kind", "plural", "short"),
    [(CANARY_DEPLOYMENT, "canarydeployments", "cdep"), (FEATURE_FLAG, "featureflags", "fflag")],
    ids=["cdep", "fflag"],
)
def test_names_columns_and_labels(kind: Kind, plural: str, short: str) -> None:
    made, fields = crd(kind), dict(walk(root_schema(kind)))
    assert made["metadata"] == {
        "name": f"{plural}.truststream.dev",
        "labels": {"app.kubernetes.io/part-of": "truststream"},
    }
    assert made["spec"]["names"]["shortNames"] == [short]
    assert made["spec"]["names"]["categories"] == ["truststream"]
    (version,) = made["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    for column in version["additionalPrinterColumns"]:
        assert column["jsonPath"].removeprefix(".") in fields or column["jsonPath"].startswith(".metadata")
