"""Metric sources by name. A new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from truststream.errors import ConfigurationError
from truststream.metrics.base import MetricSource
from truststream.metrics.cloudwatch import CloudWatch
from truststream.metrics.datadog import Datadog
from truststream.metrics.graphite import Graphite
from truststream.metrics.http_json import HttpJson
from truststream.metrics.influxdb import InfluxDB
from truststream.metrics.newrelic import NewRelic
from truststream.metrics.prometheus import Prometheus

SOURCES: Final[Mapping[str, type[MetricSource]]] = {
    kind.name: kind for kind in (CloudWatch, Datadog, Graphite, HttpJson, InfluxDB, NewRelic, Prometheus)
}


def source(name: str) -> type[MetricSource]:
    """The class of a source.

    Raises:
        ConfigurationError: no such source.
    """
    try:
        return SOURCES[name]
    except KeyError:
        message = f"unknown metric source {name!r}; known: {', '.join(sorted(SOURCES))}"
        raise ConfigurationError(message) from None
