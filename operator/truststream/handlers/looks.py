"""Ask the metric source what the judge wants to know, in one go; an answer that fails is a measurement, too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from truststream.api.canarydeployment import Direction
from truststream.api.configuration import Configuration
from truststream.canary.judge import MetricShape
from truststream.canary.look import look_windows
from truststream.canary.observation import Measurement, Outcome
from truststream.cluster import kinds
from truststream.errors import SpecError
from truststream.handlers.resource import Resource
from truststream.metrics.base import Arm, MetricSource, Query, Question
from truststream.metrics.queries import resolve
from truststream.traffic.base import Objects

_POD_SUFFIX: Final = "-[a-z0-9]+-[a-z0-9]+"
NO_SOURCE: Final = "no metric source is configured: set prometheus.address in the operator's configuration"


def queries_of(resource: Resource, configuration: Configuration) -> tuple[Query, ...]:
    """What to ask for each metric of the spec.

    Raises:
        SpecError: a metric that nobody knows, or without what its kind needs.
    """
    if resource.traffic is None:
        return ()
    telemetry = resource.traffic.telemetry(resource.split)
    return tuple(
        resolve(metric, telemetry, configuration, f"spec.monitoringMetrics[{index}]")
        for index, metric in enumerate(resource.spec.monitoring_metrics)
    )


def shapes_of(queries: Sequence[Query]) -> Mapping[str, MetricShape]:
    """What the judge has to know of each metric."""
    return {
        query.name: MetricShape(query.name, query.unit, query.direction is Direction.HIGHER, query.quantile)
        for query in queries
    }


class Looker:
    """Asks all metrics of one resource together, since the source shares what they have in common."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def look(
        self, resource: Resource, queries: Sequence[Query], source: MetricSource | None, now: datetime
    ) -> Sequence[Measurement] | None:
        """Counts of each metric; None when no look is due."""
        windows = look_windows(resource.spec, resource.status, now)
        if not windows or resource.problem is not None:
            return None
        if source is None:
            return [Measurement(query.name, Outcome.SOURCE_DOWN, NO_SOURCE) for query in queries]
        canary, stable = self._arm(resource, "canary"), self._arm(resource, "stable")
        questions = (Question(query, *windows[query.name], canary, stable) for query in queries)
        return await asyncio.gather(*(source.measure(question) for question in questions))

    def _arm(self, resource: Resource, role: str) -> Arm:
        split = resource.split
        service = split.canary if role == "canary" else split.stable
        workload = split.canary_workload if role == "canary" else split.target
        return Arm(
            arm=role,
            namespace=split.namespace,
            service=service,
            port=self._port(split.namespace, service),
            pods=f"{re.escape(workload)}{_POD_SUFFIX}" if workload else ".*",
            target=split.target,
            workload=workload,
        )

    def _port(self, namespace: str, service: str) -> str:
        found = self._objects.get(kinds.SERVICE, namespace, service)
        ports = (found or {}).get("spec", {}).get("ports") or ()
        return str(ports[0]["port"]) if ports else ""


def check_metrics(resource: Resource, configuration: Configuration) -> tuple[tuple[Query, ...], SpecError | None]:
    """The queries, and what is wrong with the spec's metrics."""
    try:
        return queries_of(resource, configuration), None
    except SpecError as error:
        return (), error
