"""Which source a metric is asked of: the one under `prometheus`, or one of `sources` by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from pydantic import BaseModel

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import (
    DEFAULT_SOURCE,
    FILE,
    Configuration,
    MetricDefinition,
    PrometheusConfiguration,
    parse,
)
from truststream.canary.observation import Measurement, Outcome
from truststream.errors import ConfigurationError, SpecError
from truststream.metrics import SOURCES, source
from truststream.metrics.base import MetricSource, Query, Question
from truststream.metrics.connection import Credentials
from truststream.metrics.polled import PolledSource
from truststream.metrics.prometheus import Prometheus
from truststream.metrics.rest import RestConfiguration, Secrets

NO_DEFAULT = "no Prometheus is configured: set prometheus.address in the operator's configuration"


@dataclass(frozen=True, slots=True)
class SourceQuery(Query):
    """A query for a source other than the default; it is in that one's own language."""

    source: str = DEFAULT_SOURCE


def routed(query: Query, name: str) -> SourceQuery:
    """The same query, for a source by name."""
    return SourceQuery(**{field.name: getattr(query, field.name) for field in fields(Query)}, source=name)


class Router:
    """A MetricSource that passes each question on to the one that its query names."""

    name: ClassVar[str] = "Router"
    Config: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, sources: Mapping[str, MetricSource]) -> None:
        self._sources = dict(sources)

    async def measure(self, question: Question) -> Measurement:
        """See `MetricSource`."""
        query = question.query
        chosen = query.source if isinstance(query, SourceQuery) else DEFAULT_SOURCE
        if chosen not in self._sources:
            # Only while the configuration changes: a metric with an unknown source is refused when it is read.
            said = NO_DEFAULT if chosen == DEFAULT_SOURCE else f"no source {chosen} is configured: add it to sources"
            return Measurement(query.name, Outcome.SOURCE_DOWN, said)
        return await self._sources[chosen].measure(question)

    async def probe(self) -> str:
        """Empty when all of them answer, else why not."""
        answers = await asyncio.gather(*(one.probe() for one in self._sources.values()))
        return "; ".join(answer for answer in answers if answer)

    async def close(self) -> None:
        """Release the connections of all."""
        await asyncio.gather(*(one.close() for one in self._sources.values()))


def settings_of(name: str, configuration: Configuration, file: str = FILE) -> BaseModel:
    """The settings of a source by name.

    Raises:
        ConfigurationError: an unknown type, or settings that it does not take.
    """
    definition = configuration.sources[name]
    try:
        wanted: Any = source(definition.type).Config
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: sources.{name}.type: {error}") from None
    found: BaseModel = parse(wanted, definition.config, file, f"sources.{name}.config")
    return found


def make(name: str, config: BaseModel, secrets: Secrets, scrape_interval: float) -> MetricSource:
    """A source, ready to be asked.

    Raises:
        ConfigurationError: what a Secret holds cannot be used.
    """
    if isinstance(config, PrometheusConfiguration):
        return Prometheus(config, _credentials(config, secrets), scrape_interval=scrape_interval)
    kind = next(kind for kind in SOURCES.values() if kind.Config is type(config))
    assert issubclass(kind, PolledSource)
    assert isinstance(config, RestConfiguration)
    return kind(config, secrets, name)


def _credentials(config: PrometheusConfiguration, secrets: Secrets) -> Credentials:
    found = {}
    if token := config.bearer_token_secret:
        found["bearer"] = secrets.values[token.name, token.key]
    elif basic := config.basic_auth_secret:
        found = {key: secrets.values[basic.name, key] for key in ("username", "password")}
    if authority := config.tls.ca_secret:
        found["ca"] = secrets.values[authority.name, authority.key]
    return Credentials(**found)


def check_sources(configuration: Configuration, file: str = FILE) -> list[str]:
    """What is wrong with the sources; one text each."""
    problems = []
    for name in sorted(configuration.sources):
        try:
            settings_of(name, configuration, file)
        except ConfigurationError as error:
            problems.append(str(error))
    return problems


def polled(definition: MetricDefinition, configuration: Configuration, path: str) -> bool:
    """Whether the metric's queries are in another language than PromQL.

    Raises:
        SpecError: there is no source of that name.
    """
    name = definition.source or DEFAULT_SOURCE
    if name == DEFAULT_SOURCE:
        return False
    if name not in configuration.sources:
        known = ", ".join((DEFAULT_SOURCE, *sorted(configuration.sources)))
        raise SpecError(f"unknown source {name!r}; known: {known}", path=f"{path}.source")
    return issubclass(source(configuration.sources[name].type), PolledSource)


def query_problem(definition: MetricDefinition, configuration: Configuration, field: str) -> str:
    """Why a query for a polled source cannot be used; empty when it can."""
    name = definition.source or DEFAULT_SOURCE
    kind = source(configuration.sources[name].type)
    settings = settings_of(name, configuration)
    assert issubclass(kind, PolledSource)
    assert isinstance(settings, RestConfiguration)
    if definition.kind is MetricKind.DISTRIBUTION:
        return (
            f"{name} ({kind.name}) gives no histograms: ask for a Ratio of counts, or for a Value such as a percentile"
        )
    return kind.problem(definition.kind, getattr(definition, field), settings)
