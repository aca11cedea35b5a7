"""The CustomResourceDefinition of CanaryDeployment, made from the models; `crds/` is its copy on disk."""

from __future__ import annotations

from typing import Any, Final

from truststream.api.base import ApiModel
from truststream.api.canarydeployment import Analysis, CanaryDeploymentSpec
from truststream.api.configuration import AnalysisDefaults, Defaults
from truststream.api.names import GROUP, VERSION
from truststream.api.rules import ROOT, RULES, TRANSITIONS
from truststream.api.schema import Schema, structural
from truststream.api.status import CanaryDeploymentStatus

KIND: Final = "CanaryDeployment"
PLURAL: Final = "canarydeployments"
FILE_NAME: Final = f"{GROUP}_{PLURAL}.yaml"

# (column, type, path, description, priority); priority 1 is shown with `-o wide` only.
_COLUMNS: Final = (
    ("Phase", "string", ".status.phase", "Where the release stands.", 0),
    ("Weight", "number", ".status.weight", "Percent of the requests that the canary gets.", 0),
    ("Step", "string", ".status.step", "Which weight of how many.", 0),
    ("Verdict", "string", ".status.verdict", "What the numbers say.", 0),
    ("Samples", "string", ".status.samples", "Requests judged: canary / stable.", 0),
    ("Health", "string", ".status.health", "The whole at a glance.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Since when the resource exists.", 0),
    ("Target", "string", ".spec.targetRef.name", "The Deployment that is released.", 1),
    ("Message", "string", ".status.message", "What happens, and what it waits for.", 1),
)

# How the API server merges a list: by key where the entries have names, else as one value.
_LIST_KEYS: Final = {
    ("CanaryDeploymentSpec", "monitoringMetrics"): "name",
    ("CanaryDeploymentStatus", "conditions"): "type",
    ("CanaryDeploymentStatus", "metrics"): "name",
}

_BY_NAME: Final[dict[str, type[ApiModel]]] = {model.__name__: model for model in (*RULES, *TRANSITIONS)}


def canarydeployment_crd() -> dict[str, Any]:
    """The whole manifest, as it is applied."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{PLURAL}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "truststream"},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": "canarydeployment",
                "shortNames": ["cdep"],
                "categories": ["truststream"],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
        "schema": {"openAPIV3Schema": root_schema()},
    }


def _column(name: str, kind: str, path: str, description: str, priority: int) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return {**column, "priority": priority} if priority else column


def root_schema() -> Schema:
    """Schema of a whole CanaryDeployment."""
    return {
        "description": "CanaryDeployment releases something step by step and decides by evidence.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"{GROUP}/{VERSION}.", "type": "string"},
            "kind": {"description": f"{KIND}.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(CanaryDeploymentSpec, _decorate),
            "status": structural(CanaryDeploymentStatus, _decorate, defaults=False),
        },
        "x-kubernetes-validations": [dict(rule) for rule in ROOT],
    }


_CONFIGURABLE: Final = frozenset(
    (spec.__name__, field.alias or name)
    for spec, defaults in ((CanaryDeploymentSpec, Defaults), (Analysis, AnalysisDefaults))
    for name, field in defaults.model_fields.items()
)
"""Fields whose default the operator's configuration may give, and could not if the API server filled it in."""


def _decorate(model_name: str, schema: Schema) -> None:
    """Add the list types and the rules that belong to a model."""
    for name, field in schema["properties"].items():
        if (model_name, name) in _CONFIGURABLE and field["type"] != "object" and "default" in field:
            unless = f"Default: {field.pop('default')}, or what the operator's configuration says."
            field["description"] = f"{field['description']} {unless}"
        if field.get("type") == "array":
            key = _LIST_KEYS.get((model_name, name))
            field["x-kubernetes-list-type"] = "map" if key else "atomic"
            if key:
                field["x-kubernetes-list-map-keys"] = [key]
    model = _BY_NAME.get(model_name)
    if model:
        rules = [rule.validation() for rule in RULES.get(model, ())]
        schema["x-kubernetes-validations"] = rules + [dict(rule) for rule in TRANSITIONS.get(model, ())]
