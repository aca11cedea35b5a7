"""Native histograms of a real Prometheus, which makes them of classic ones: custom buckets, empty ones left out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.metrics.bench import LATENCY, Target, ask
from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import Outcome
from truststream.metrics.base import Query
from truststream.metrics.prometheus import Prometheus

from .real import Process, RealBench, Slot, exposed, job, running

_QUERY = Query(
    "latency", LATENCY.kind, "ms", LATENCY.direction, buckets='took_seconds{ns="{{namespace}}",arm="{{arm}}"}'
)
_BOUNDS = (0.1, 0.5, 1.0, math.inf)


class Typed(Target):
    """A histogram is only converted whole, and when its type is told."""

    def text(self) -> str:
        return f"# TYPE took_seconds histogram\n{super().text()}"


@pytest.fixture(scope="module")
def slot() -> Iterator[Slot]:
    with exposed(Slot()) as slot:
        yield slot


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, slot: Slot) -> Iterator[Process]:
    converted = {**job("apps", slot.port), "convert_classic_histograms_to_nhcb": True, "scrape_native_histograms": True}
    with running(tmp_path_factory.mktemp("prometheus"), jobs=[converted]) as process:
        yield process


@pytest.fixture
async def bench(process: Process, slot: Slot) -> AsyncIterator[RealBench]:
    source = Prometheus(PrometheusConfiguration(address=f"http://127.0.0.1:{process.port}"), scrape_interval=0.5)
    bench = RealBench(process, source, [slot])
    slot.target = Typed(bench.namespace)
    await bench.scrape()
    yield bench
    await source.close()


def took(target: Target, arm: str, *counts: float) -> None:
    target.took(arm, *counts)
    target.set("took_seconds_count", counts[-1], arm=arm)
    target.set("took_seconds_sum", 1.0, arm=arm)


async def test_it_counts_what_was_observed(bench: RealBench) -> None:
    """The canary restarts; nobody has seen a request between 0.5 s and 1 s yet."""
    target = bench.target()
    took(target, "canary", 100, 120, 120, 130)
    took(target, "stable", 1, 2, 2, 4)
    await bench.scrape(2)
    since = bench.now()
    await bench.scrape(3)
    took(target, "canary", 5, 7, 7, 10)
    took(target, "stable", 11, 22, 22, 44)
    await bench.scrape(5)
    found = await ask(bench, _QUERY, since, stable=True, block=bench.block)
    assert (found.outcome, found.message) == (Outcome.OK, "")
    assert found.canary is not None
    assert found.stable is not None
    assert found.canary.buckets == tuple(zip(_BOUNDS, (5, 7, 7, 10), strict=True))
    assert found.stable.buckets == tuple(zip(_BOUNDS, (10, 20, 20, 40), strict=True))
    full = [block for block in found.blocks if any(cell.requests for cell in block.canary)]
    assert [[cell.buckets for cell in block.canary] for block in full] == [[found.canary.buckets]]
    assert not any(block.fault for block in found.blocks)
