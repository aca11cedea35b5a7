"""The CRD: as made from the models, complete, and structural."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from truststream.api.crd import FILE_NAME, canarydeployment_crd, root_schema
from truststream.api.schema import walk
from truststream.api.status import Phase, Verdict

ROOT = Path(__file__).parents[3]
FIELDS = dict(walk(root_schema()))


@pytest.mark.parametrize("copy", ["crds", "charts/truststream/files/crds"])
def test_the_file_is_what_the_models_make(copy: str) -> None:
    on_disk = yaml.safe_load((ROOT / copy / FILE_NAME).read_text(encoding="utf-8"))
    assert on_disk == canarydeployment_crd(), "run `make crds`"


def test_every_field_has_a_description() -> None:
    implied = {"metadata"}  # the API server refuses a description of its own field
    missing = [path for path, field in FIELDS.items() if path[-1] not in "]}" and not field.get("description")]
    assert set(missing) == implied
    assert len(FIELDS) > 80


def _nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for one in node for found in _nodes(one)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for key, one in node.items() if key != "default" for found in _nodes(one))]


def test_the_schema_is_structural() -> None:
    for node in _nodes(root_schema()):
        # Structural schemas take a oneOf that speaks of presence only; nothing else of the kind.
        choices = node.pop("oneOf", [])
        assert all(choice.keys() == {"required"} for choice in choices)
        assert not {"$ref", "$defs", "anyOf", "allOf", "title", "const"} & (node.keys() - {"properties"})
        assert node.get("additionalProperties") is not False


@pytest.mark.parametrize("path", [path for path, field in FIELDS.items() if field.get("type") == "object"])
def test_an_object_that_need_not_be_given_is_filled_with_its_defaults(path: str) -> None:
    field = FIELDS[path]
    children = field.get("properties", {}).values()
    if path.startswith("spec.") and "[]" not in path and any("default" in child for child in children):
        assert field.get("default") == {} or path == "spec.targetRef"


def test_a_status_has_no_defaults() -> None:
    assert [path for path, field in FIELDS.items() if path.startswith("status") and "default" in field] == []


def test_defaults_are_written_as_in_yaml() -> None:
    assert FIELDS["spec.rollbackCriteria.deadline"]["default"] == "1h"
    assert FIELDS["spec.increments"]["default"] == [10, 25, 50, 100]
    assert FIELDS["spec.monitoringMetrics"]["default"] == [{"name": "errorRate"}]
    assert FIELDS["spec.paused"]["default"] is False


@pytest.mark.parametrize("path", ["stepDuration", "analysis.interval", "analysis.warmup", "analysis.minimumRequests"])
def test_what_the_configuration_may_default_is_left_to_it(path: str) -> None:
    field = FIELDS[f"spec.{path}"]
    assert "default" not in field
    assert "or what the operator's configuration says" in field["description"]


def test_enums_are_those_of_the_models() -> None:
    assert FIELDS["status.phase"]["enum"] == [phase.value for phase in Phase]
    assert FIELDS["status.metrics[].verdict"]["enum"] == [verdict.value for verdict in Verdict]


def test_lists_say_how_they_merge() -> None:
    kinds = {path: field["x-kubernetes-list-type"] for path, field in FIELDS.items() if field.get("type") == "array"}
    assert {path for path, kind in kinds.items() if kind == "map"} == {
        "spec.monitoringMetrics",
        "status.conditions",
        "status.metrics",
    }


def test_names_columns_and_labels() -> None:
    crd = canarydeployment_crd()
    assert crd["metadata"] == {
        "name": "canarydeployments.truststream.dev",
        "labels": {"app.kubernetes.io/part-of": "truststream"},
    }
    assert crd["spec"]["names"]["shortNames"] == ["cdep"]
    assert crd["spec"]["names"]["categories"] == ["truststream"]
    (version,) = crd["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    for column in version["additionalPrinterColumns"]:
        assert column["jsonPath"].removeprefix(".") in FIELDS or column["jsonPath"].startswith(".metadata")
