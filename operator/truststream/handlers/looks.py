"""Ask the metric source what the judge wants to know, in one go; an answer that fails is a measurement, too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from truststream.api.canarydeployment import Direction
from truststream.api.configuration import Configuration
from truststream.canary.judging.judge import MetricShape
from truststream.canary.look import Window, look_windows
from truststream.canary.observation import Measurement, Outcome
from truststream.cluster import kinds
from truststream.errors import SpecError, TrafficError
from truststream.handlers.resource import Resource
from truststream.metrics.base import Arm, MetricSource, Query, Question
from truststream.metrics.queries import BUILT_IN, resolve
from truststream.traffic.base import Objects

_POD_SUFFIX: Final = "-[a-z0-9]+-[a-z0-9]+"
NO_SOURCE: Final = "no metric source is configured: set prometheus.address, or sources, in the operator's configuration"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The metrics of a spec, resolved. `unanswerable` says why nobody can be asked although the spec is right."""

    queries: tuple[Query, ...] = ()
    problem: SpecError | None = None
    unanswerable: str = ""

    @property
    def shapes(self) -> Mapping[str, MetricShape]:
        """What the judge has to know of each metric."""
        return {
            query.name: MetricShape(
                query.name, query.unit, query.direction is Direction.HIGHER, query.quantile, query.gateway
            )
            for query in self.queries
        }


def wanted_metrics(resource: Resource, configuration: Configuration) -> Wanted:
    """What to ask for each metric of the spec."""
    telemetry, unanswerable = _telemetry(resource)
    try:
        queries = tuple(
            resolve(metric, telemetry, configuration, f"spec.monitoringMetrics[{index}]")
            for index, metric in enumerate(resource.spec.monitoring_metrics)
        )
    except SpecError as error:
        return Wanted(problem=error)
    return Wanted(queries, unanswerable=unanswerable)


def _telemetry(resource: Resource) -> tuple[str, str]:
    """Whose counters see the traffic; while that is not known, what stands for it and why nobody can be asked."""
    anyone = next(iter(BUILT_IN))
    if resource.traffic is None:
        return anyone, "the traffic provider is not known"
    try:
        return resource.traffic.telemetry(resource.split), ""
    except TrafficError as error:
        return anyone, str(error)


class Looker:
    """Asks all metrics of one resource together, since the source shares what they have in common."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def look(
        self, resource: Resource, wanted: Wanted, source: MetricSource | None, now: datetime
    ) -> Sequence[Measurement] | None:
        """Counts of each metric; None when no look is due."""
        windows = look_windows(resource.spec, resource.status, now, wanted.shapes)
        if not windows or resource.problem is not None:
            return None
        if source is None or wanted.unanswerable:
            why = wanted.unanswerable or NO_SOURCE
            return [Measurement(query.name, Outcome.SOURCE_DOWN, why) for query in wanted.queries]
        canary, stable = self._arm(resource, "canary"), self._arm(resource, "stable")
        asked = (_measure(source, query, windows[query.name], canary, stable) for query in wanted.queries)
        return await asyncio.gather(*asked)

    def _arm(self, resource: Resource, role: str) -> Arm:
        split = resource.split
        service = split.canary if role == "canary" else split.stable
        workload = split.canary_workload if role == "canary" else split.target
        return Arm(
            arm=role,
            namespace=split.namespace,
            service="" if split.flag else service,
            port=self._port(resource, service),
            pods=f"{re.escape(workload)}{_POD_SUFFIX}" if workload else ".*",
            target=split.target,
            workload=workload,
            flag=self._key(resource),
            variant=service if split.flag else "",
        )

    def _key(self, resource: Resource) -> str:
        """What applications call the flag; the counters of evaluations carry it."""
        name = resource.flag
        found = self._objects.get(kinds.FEATURE_FLAG, resource.namespace, name) if name else None
        return str(((found or {}).get("spec") or {}).get("key") or name)

    def _port(self, resource: Resource, service: str) -> str:
        """The one that the route names; a Service may have others, such as gRPC beside HTTP."""
        if resource.traffic is not None and (port := resource.traffic.port(resource.split)) is not None:
            return str(port)
        found = self._objects.get(kinds.SERVICE, resource.namespace, service)
        ports = (found or {}).get("spec", {}).get("ports") or ()
        return str(ports[0]["port"]) if ports else ""


async def _measure(source: MetricSource, query: Query, window: Window, canary: Arm, stable: Arm) -> Measurement:
    """The window's counts; before the first of a release also those of the time before it."""
    if window.history is None:
        return await source.measure(Question(query, window.since, window.until, canary, stable, window.block))
    before = await source.measure(Question(query, *window.history, None, stable, window.block))
    if before.outcome is Outcome.SOURCE_DOWN:
        return before
    length = before.length or window.block
    found = await source.measure(Question(query, window.since, window.until, canary, stable, length))
    return replace(found, history=before.blocks)
