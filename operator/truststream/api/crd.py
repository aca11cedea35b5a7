"""The CustomResourceDefinitions, made from the models; `crds/` is their copy on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from truststream.api.canarydeployment import Analysis, CanaryDeploymentSpec
from truststream.api.configuration import AnalysisDefaults, Defaults
from truststream.api.kinds import Kind
from truststream.api.names import GROUP, VERSION
from truststream.api.schema import Schema, structural


def crd(kind: Kind) -> dict[str, Any]:
    """The whole manifest, as it is applied."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "truststream"},
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["truststream"],
            },
            "scope": "Namespaced",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.printed() for column in kind.columns],
        "schema": {"openAPIV3Schema": root_schema(kind)},
    }


def root_schema(kind: Kind) -> Schema:
    """Schema of a whole object."""
    decorate = _decorator(kind)
    return {
        "description": kind.summary,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"{GROUP}/{VERSION}.", "type": "string"},
            "kind": {"description": f"{kind.name}.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec, decorate),
            "status": structural(kind.status, decorate, defaults=False),
        },
        "x-kubernetes-validations": [dict(rule) for rule in kind.root],
    }


_CONFIGURABLE: Final = frozenset(
    (spec.__name__, field.alias or name)
    for spec, defaults in ((CanaryDeploymentSpec, Defaults), (Analysis, AnalysisDefaults))
    for name, field in defaults.model_fields.items()
)
"""Fields whose default the operator's configuration may give, and could not if the API server filled it in."""


def _decorator(kind: Kind) -> Callable[[str, Schema], None]:
    """Adds the list types and the rules that belong to a model."""

    def decorate(model: str, schema: Schema) -> None:
        for name, field in schema["properties"].items():
            if (model, name) in _CONFIGURABLE and field["type"] != "object" and "default" in field:
                unless = f"Default: {field.pop('default')}, or what the operator's configuration says."
                field["description"] = f"{field['description']} {unless}"
            if field.get("type") == "array":
                key = kind.lists.get((model, name))
                field["x-kubernetes-list-type"] = "map" if key else "atomic"
                if key:
                    field["x-kubernetes-list-map-keys"] = [key]
        if model in kind.validations:
            schema["x-kubernetes-validations"] = [dict(rule) for rule in kind.validations[model]]

    return decorate
