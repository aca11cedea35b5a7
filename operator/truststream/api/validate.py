"""Parsing an object as the API server would admit it; a CanaryDeployment also with what a schema cannot say.

The operator does not trust that the API server checked: an object may have been admitted under an older schema, and
`lint` has no API server at all. Every problem names its field as it stands in the YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from truststream.api.base import ApiModel
from truststream.api.canarydeployment import CanaryDeploymentSpec, Comparison, Metric, MetricKind, Mode
from truststream.api.quantities import parse_limit
from truststream.api.rules import NAME_LENGTH, NAME_MESSAGE, RULES, Rule
from truststream.errors import SpecError

Manifest = Mapping[str, Any]
Spec = TypeVar("Spec", bound=ApiModel)

_BUILT_IN_KINDS: Final = {
    "errorRate": MetricKind.RATIO,
    "successRate": MetricKind.RATIO,
    "responseTime": MetricKind.DISTRIBUTION,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field's path and a sentence without it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def parse_spec(manifest: Manifest) -> CanaryDeploymentSpec:
    """The spec of a CanaryDeployment manifest.

    Raises:
        SpecError: the object cannot be carried out; it names the first field that is wrong and how many more are.
    """
    spec, problems = examine(manifest)
    if spec is None or problems:
        first, *more = problems
        rest = f" (and {len(more)} more: {', '.join(problem.path for problem in more)})" if more else ""
        raise SpecError(first.message + rest, path=first.path)
    return spec


def examine(manifest: Manifest) -> tuple[CanaryDeploymentSpec | None, list[Problem]]:
    """The spec as far as it can be read, and everything that is wrong with the object."""
    problems = list(_name(manifest))
    spec, unread = read(manifest, CanaryDeploymentSpec, "CanaryDeployment")
    if spec is None:
        return None, [*problems, *unread]
    raw = manifest["spec"]
    return spec, [*problems, *broken(spec, "spec", RULES), *_metric_names(spec), *_limits(spec, raw)]


def read(manifest: Manifest, model: type[Spec], kind: str) -> tuple[Spec | None, list[Problem]]:
    """The spec of a manifest of this kind, or what its fields are not by themselves."""
    raw = manifest.get("spec")
    if not isinstance(raw, Mapping):
        return None, [Problem("spec", "is missing" if raw is None else "must be an object")]
    try:
        return model.model_validate_json(json.dumps(raw, default=str), strict=True), []
    except ValidationError as error:
        return None, [_problem(details, kind) for details in error.errors(include_url=False)]


def _name(manifest: Manifest) -> Iterator[Problem]:
    metadata = manifest.get("metadata")
    name = str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
    if len(name) > NAME_LENGTH:
        yield Problem("metadata.name", NAME_MESSAGE)


def _problem(details: ErrorDetails, kind: str) -> Problem:
    path = "spec"
    for part in details["loc"]:
        if part == "[key]":  # of a map: the name before it is what is wrong
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return Problem(path, _sentence(details, kind))


def _sentence(details: ErrorDetails, kind: str) -> str:
    """pydantic speaks of inputs; the user has fields."""
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is no field of a {kind}; see `kubectl explain {kind.lower()}.spec`"
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            return f"must be {context['expected']}, not {details['input']!r}"
    return details["msg"].replace("Input should", "should", 1)


def broken(value: object, path: str, rules: Mapping[type[ApiModel], tuple[Rule, ...]]) -> Iterator[Problem]:
    """Every rule that does not hold, of every model below, parents first."""
    for where, model in models(value, path):
        for rule in rules.get(type(model), ()):
            if not rule.holds(model):
                yield Problem(f"{where}.{rule.field}" if rule.field else where, rule.sentence(model))


def models(value: object, path: str) -> Iterator[tuple[str, ApiModel]]:
    """Every model below with its path, parents first."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from models(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from models(item, f"{path}.{key}")
    elif isinstance(value, ApiModel):
        yield path, value
        for name, field in type(value).model_fields.items():
            yield from models(getattr(value, name), f"{path}.{field.alias}")


def _metric_names(spec: CanaryDeploymentSpec) -> Iterator[Problem]:
    """Twice the same (the API server says so by the list's key), and limits for what nobody watches."""
    names = [metric.name for metric in spec.monitoring_metrics]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"spec.monitoringMetrics[{index}]", f'Duplicate value: "{name}"')
    for name in spec.rollback_thresholds:
        if name not in names:
            yield Problem(
                f"spec.rollbackThresholds.{name}",
                f"names a metric that is not in monitoringMetrics; watched are {', '.join(names)}",
            )


def _limits(spec: CanaryDeploymentSpec, raw: Manifest) -> Iterator[Problem]:
    """A limit has to be of its metric's kind; what the operator's configuration names has a kind that only it knows."""
    kinds = {metric.name: kind for metric in spec.monitoring_metrics if (kind := _kind(metric))}
    for name, limit in raw.get("rollbackThresholds", {}).items():
        yield from _limit(f"spec.rollbackThresholds.{name}", kinds.get(name), limit)
    for index, criterion in enumerate(raw.get("promotionCriteria", [])):
        path = f"spec.promotionCriteria[{index}].threshold"
        if "threshold" in criterion:
            yield from _limit(path, kinds.get(criterion["metric"]), criterion["threshold"])
    yield from _provable(spec, kinds)


def _provable(spec: CanaryDeploymentSpec, kinds: Mapping[str, MetricKind]) -> Iterator[Problem]:
    """What evidence on counts cannot say; named metrics of the configuration have a kind that only it knows."""
    for index, criterion in enumerate(spec.promotion_criteria):
        kind, path = kinds.get(criterion.metric), f"spec.promotionCriteria[{index}]"
        if (criterion.threshold is None) is (criterion.margin is None):
            yield Problem(path, "needs either a threshold or a margin")
        if criterion.margin is not None and kind is MetricKind.VALUE:
            yield Problem(f"{path}.margin", "is proven on counts; a Value takes a threshold")
        counted = kind in (MetricKind.RATIO, MetricKind.DISTRIBUTION)
        if spec.analysis.mode is Mode.THRESHOLD or not counted or criterion.comparison is None:
            continue
        better = Comparison.GREATER_THAN if criterion.metric == "successRate" else Comparison.LESS_THAN
        if criterion.comparison is not better:
            yield Problem(f"{path}.comparison", f"must be {better}: only what is better can be proven before promotion")


def _kind(metric: Metric) -> MetricKind | None:
    return metric.kind or _BUILT_IN_KINDS.get(metric.name)


def _limit(path: str, kind: MetricKind | None, limit: object) -> Iterator[Problem]:
    value, text = parse_limit(limit), str(limit)
    if kind is MetricKind.RATIO and (text[-1].isalpha() or not 0 <= value <= 100):
        yield Problem(path, f"is a limit for a share of requests: from 0% to 100%, not {text}")
    if kind is MetricKind.DISTRIBUTION and (text.endswith("%") or value < 0):
        yield Problem(path, f"is a limit for a latency: milliseconds or a duration like 250ms, not {text}")
