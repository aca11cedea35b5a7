"""The built-in metrics, counted by the real Envoy and the real podinfo through the real Prometheus."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from truststream.api.canarydeployment import Metric
from truststream.api.configuration import Configuration, PrometheusConfiguration
from truststream.canary.observation import ArmReading, Measurement, Outcome
from truststream.metrics.base import Arm, Question
from truststream.metrics.prometheus import Prometheus
from truststream.metrics.queries import resolve

from . import proxied, real


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[proxied.Ports]:
    with proxied.running(tmp_path_factory.mktemp("proxied")) as ports:
        yield ports


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, ports: proxied.Ports) -> Iterator[real.Process]:
    jobs = [
        real.job("envoy", ports.admin, path="/stats/prometheus"),
        real.job("podinfo", ports.app_metrics, namespace="shop", pod="web-canary-6f7d8-abcde"),
    ]
    directory: Path = tmp_path_factory.mktemp("prometheus")
    with real.running(directory, jobs=jobs) as process:
        yield process


class Bench:
    """A look at one metric since the last `mark`."""

    def __init__(self, ports: proxied.Ports, process: real.Process, source: Prometheus) -> None:
        self.ports, self._process, self._source = ports, process, source
        self._since = datetime.now(UTC)

    async def mark(self) -> None:
        await self._scraped()
        self._since = datetime.now(UTC)

    async def measure(self, name: str, telemetry: str, service: str = "web-canary") -> Measurement:
        query = resolve(Metric(name=name), telemetry, Configuration())
        await self._scraped()
        pods = f"{re.escape('web-canary')}-[a-z0-9]+-[a-z0-9]+"
        arm = Arm("canary", "shop", service, "80", pods, "web", "web-canary")
        return await self._source.measure(Question(query, self._since, datetime.now(UTC), arm))

    async def _scraped(self) -> None:
        await self.ports.flushed()
        await self._process.scraped({f"127.0.0.1:{port}" for port in (self.ports.admin, self.ports.app_metrics)})


@pytest.fixture
async def bench(ports: proxied.Ports, process: real.Process) -> AsyncIterator[Bench]:
    address = f"http://127.0.0.1:{process.port}"
    source = Prometheus(PrometheusConfiguration(address=address), scrape_interval=0.5)
    bench = Bench(ports, process, source)
    await bench.mark()
    yield bench
    await source.close()


async def test_envoy_counts_an_answer_once_whatever_it_took(bench: Bench) -> None:
    """Five answers, of which one failed twice behind a retry; none of the series was there before."""
    await bench.ports.get("/", 3)
    await bench.ports.get("/status/404")
    await bench.ports.get("/status/500")
    found = await bench.measure("errorRate", "Contour")
    assert (found.outcome, found.canary) == (Outcome.OK, ArmReading(requests=5, bad=1))
    assert (await bench.measure("successRate", "Contour")).canary == ArmReading(requests=5, bad=1)


async def test_envoy_counts_what_no_endpoint_could_answer(bench: Bench) -> None:
    await bench.ports.get("/gone", 4)
    found = await bench.measure("errorRate", "Contour", "web-gone")
    assert found.canary == ArmReading(requests=4, bad=4)


async def test_envoy_measures_in_milliseconds(bench: Bench) -> None:
    await bench.ports.get("/delay/1", 2)
    found = await bench.measure("responseTime", "Contour")
    assert found.canary is not None
    assert found.canary.requests == 2
    counts = dict(found.canary.buckets)
    assert (counts[0.5], counts[60], counts[math.inf]) == (0, 2, 2)  # a second each, however busy the machine is


async def test_podinfo_counts_for_itself(bench: Bench) -> None:
    await bench.ports.get("/", 3)
    await bench.ports.get("/status/500")
    found = await bench.measure("errorRate", "Pods")
    assert found.canary == ArmReading(requests=5, bad=2)  # the application sees the retry, too
    latency = await bench.measure("responseTime", "Pods")
    assert latency.canary is not None
    assert latency.canary.requests == 5


async def test_a_service_that_nobody_asked_for_is_no_data(bench: Bench) -> None:
    assert (await bench.measure("errorRate", "Contour", "web-unknown")).outcome is Outcome.NO_DATA
