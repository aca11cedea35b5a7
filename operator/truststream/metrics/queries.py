"""Metrics as queries: built in for every telemetry, named in the configuration, or written into the spec."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from truststream.api.canarydeployment import Direction, Metric, MetricKind
from truststream.api.configuration import FILE, Configuration
from truststream.errors import ConfigurationError, SpecError
from truststream.metrics.arms import EXAMPLE, VARIANTS, arms_told_apart
from truststream.metrics.base import Query
from truststream.metrics.promql import expression_problem, selector_problem
from truststream.metrics.routing import check_sources, polled, query_problem, routed

_MILLISECONDS: Final = 0.001
_IN_MILLISECONDS: Final = re.compile(r"^\s*(?:envoy_\w*_time|\w+_(?:milliseconds|ms))(?:_bucket)?\b")


def _built_in(bad: str, total: str, buckets: str, scale: float, *, gateway: bool) -> Mapping[str, Query]:
    ratio = Query("errorRate", MetricKind.RATIO, "%", Direction.LOWER, bad=bad, total=total, gateway=gateway)
    return {
        "errorRate": ratio,
        "successRate": replace(ratio, name="successRate", direction=Direction.HIGHER, good_is_bad=True),
        "responseTime": Query(
            "responseTime",
            MetricKind.DISTRIBUTION,
            "ms",
            Direction.LOWER,
            buckets=buckets,
            scale=scale,
            gateway=gateway,
        ),
    }


# Envoy counts an answer once, after its retries, in exactly one class, also the 503 that it gives itself when no
# endpoint is left. Bad and all are one family: `_completed` is read a moment apart and may be the smaller of the two.
_ENVOY: Final = 'envoy_cluster_name="{{namespace}}_{{service}}_{{port}}"'
_PODS: Final = 'namespace="{{namespace}}",pod=~"{{pods}}"'

BUILT_IN: Final[Mapping[str, Mapping[str, Query]]] = {
    "Contour": _built_in(
        bad=f'envoy_cluster_upstream_rq_xx{{{_ENVOY},envoy_response_code_class="5"}}',
        total=f"envoy_cluster_upstream_rq_xx{{{_ENVOY}}}",
        buckets=f"envoy_cluster_upstream_rq_time_bucket{{{_ENVOY}}}",
        scale=_MILLISECONDS,
        gateway=True,
    ),
    "Pods": _built_in(
        bad=f'http_requests_total{{{_PODS},status=~"5.."}}',
        total=f"http_requests_total{{{_PODS}}}",
        buckets=f"http_request_duration_seconds_bucket{{{_PODS}}}",
        scale=1.0,
        gateway=False,
    ),
}

_BUILT_IN_NAMES: Final = tuple(BUILT_IN["Contour"])


def resolve(
    metric: Metric, telemetry: str, configuration: Configuration, path: str = "spec.monitoringMetrics[0]"
) -> Query:
    """What to ask for a metric of a spec.

    Args:
        telemetry: the traffic provider's word for whose counters see its requests.
        path: where in the spec the metric stands, for the message.

    Raises:
        SpecError: unknown name, missing query, or PromQL that cannot be used.
        ConfigurationError: no such telemetry.
    """
    if _queries(metric) or metric.kind:
        return arms_told_apart(_inline(metric, path), telemetry, path)
    if metric.name in configuration.metrics:
        found = arms_told_apart(named(metric.name, configuration), telemetry, f"metrics.{metric.name}")
        return _with_quantile(found, metric, path)
    if telemetry == VARIANTS and metric.name in _BUILT_IN_NAMES:
        raise SpecError(f"is not defined for kind FeatureFlag: {EXAMPLE}", path=f"{path}.name")
    built_in = {} if telemetry == VARIANTS else _built_in_for(telemetry)
    if metric.name not in built_in:
        known = ", ".join([*built_in, *sorted(configuration.metrics)])
        message = f"unknown metric {metric.name!r}; known: {known}; or give it kind and queries of its own"
        raise SpecError(message, path=f"{path}.name")
    return _with_quantile(built_in[metric.name], metric, path)


def check(configuration: Configuration, file: str = FILE) -> None:
    """Refuse a configuration whose named metrics cannot be used.

    Raises:
        ConfigurationError: every mistake at once.
    """
    problems = check_sources(configuration, file)
    if not problems:  # a query cannot be checked for a source that is not known
        named_wrong = (
            found for name in sorted(configuration.metrics) for found in _named_problems(name, configuration)
        )
        problems = [f"{file}: metrics.{problem}" for problem in named_wrong]
    if problems:
        raise ConfigurationError("\n".join(problems))


def named(name: str, configuration: Configuration) -> Query:
    """The query of a metric that the configuration names.

    Raises:
        SpecError: as for a metric written into a spec; `check` says it at the start.
    """
    definition, path = configuration.metrics[name], f"metrics.{name}"
    metric = Metric(name=name, **{field: value for field, value in definition if field != "source"})
    if polled(definition, configuration, path):
        query = _inline(metric, path, lambda field, _text: query_problem(definition, configuration, field))
    else:
        query = _inline(metric, path)
    return routed(query, definition.source) if definition.source else query


def _named_problems(name: str, configuration: Configuration) -> Iterator[str]:
    if name in _BUILT_IN_NAMES:
        yield f"{name}: is built in; choose another name"
        return
    try:
        named(name, configuration)
    except SpecError as error:
        yield str(error).removeprefix("metrics.")


def _built_in_for(telemetry: str) -> Mapping[str, Query]:
    try:
        return BUILT_IN[telemetry]
    except KeyError:
        message = f"no built-in metrics for the telemetry {telemetry!r}; known: {', '.join(sorted(BUILT_IN))}"
        raise ConfigurationError(message) from None


def _with_quantile(query: Query, metric: Metric, path: str) -> Query:
    if metric.quantile is None:
        return query
    if query.kind is not MetricKind.DISTRIBUTION:
        raise SpecError(f"{metric.name} is a {query.kind}; only a Distribution has one", path=f"{path}.quantile")
    return replace(query, quantile=metric.quantile)


_NEEDS: Final = {
    MetricKind.RATIO: ("bad", "total"),
    MetricKind.DISTRIBUTION: ("buckets",),
    MetricKind.VALUE: ("query",),
}
_UNITS: Final = {MetricKind.RATIO: "%", MetricKind.DISTRIBUTION: "ms", MetricKind.VALUE: ""}


def _queries(metric: Metric) -> dict[str, str]:
    found = {name: getattr(metric, name) for name in ("bad", "total", "buckets", "query")}
    return {name: text for name, text in found.items() if text is not None}


def _promql_problem(field: str, text: str) -> str:
    return expression_problem(text) if field == "query" else selector_problem(text)


def _inline(metric: Metric, path: str, problem_of: Callable[[str, str], str] = _promql_problem) -> Query:
    kind, queries = metric.kind, _queries(metric)
    if kind is None:
        raise SpecError("queries of your own need a kind: Ratio, Distribution or Value", path=f"{path}.kind")
    if metric.name in _BUILT_IN_NAMES:
        raise SpecError("is built in; give a metric with queries of your own another name", path=f"{path}.name")
    _check_fields(metric, kind, path)
    for field, text in queries.items():
        if problem := problem_of(field, text):
            raise SpecError(problem, path=f"{path}.{field}")
    return Query(
        metric.name,
        kind,
        _UNITS[kind],
        metric.direction or Direction.LOWER,
        bad=metric.bad or "",
        total=metric.total or "",
        buckets=metric.buckets or "",
        expression=metric.query or "",
        quantile=metric.quantile or 0.99,
        scale=_MILLISECONDS if _IN_MILLISECONDS.match(metric.buckets or "") else 1.0,
    )


def _check_fields(metric: Metric, kind: MetricKind, path: str) -> None:
    if set(_queries(metric)) != set(_NEEDS[kind]):
        raise SpecError(f"kind {kind} needs {' and '.join(_NEEDS[kind])}, and no other query", path=path)
    if (metric.direction is not None) is not (kind is MetricKind.VALUE):
        raise SpecError("kind Value needs it, the other kinds take none: lower is better", path=f"{path}.direction")
    if metric.quantile is not None and kind is not MetricKind.DISTRIBUTION:
        raise SpecError(f"{metric.name} is a {kind}; only a Distribution has one", path=f"{path}.quantile")
