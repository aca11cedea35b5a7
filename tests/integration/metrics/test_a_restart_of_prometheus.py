"""Prometheus ends and comes back while a step goes on; so does a target. Nothing is lost, nothing counted twice."""

from __future__ import annotations

from pathlib import Path

from tests.contract.metrics.bench import RATIO, ask
from tests.contract.metrics.contract import counted
from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import ArmReading, Outcome
from truststream.metrics.prometheus import Prometheus

from .real import Process, RealBench, Slot, exposed, job, running


async def test_counters_go_on_over_the_gap(tmp_path: Path) -> None:
    with exposed(Slot()) as slot, exposed(Slot()) as other:
        jobs = [job("apps", slot.port, other.port)]
        with running(tmp_path, jobs=jobs) as process:
            bench = RealBench(process, _source(process), [slot, other])
            target, second = bench.target(), bench.target(1)
            target.hits("canary", c2=100)
            second.hits("canary", c2=50)
            await bench.scrape(3)
            since = bench.now()
            await bench.scrape(5)
            target.hits("canary", c2=110, c5=1)
            await bench.scrape(2)
            await bench.source.close()
        target.hits("canary", c2=130, c5=3)
        second.forget()
        second.hits("canary", c2=4)
        with running(tmp_path, jobs=jobs) as process:
            again = RealBench(process, _source(process), [slot, other])
            again.namespace, slot.target, other.target = bench.namespace, target, second
            await again.scrape(6)
            found = await ask(again, RATIO, since, block=again.block)
            await again.source.close()
    assert (found.outcome, found.message) == (Outcome.OK, "")
    assert found.canary == ArmReading(requests=37, bad=3)
    assert counted(found, "canary") == (37, 3)
    assert not any(block.fault for block in found.blocks)


def _source(process: Process) -> Prometheus:
    return Prometheus(PrometheusConfiguration(address=f"http://127.0.0.1:{process.port}"), scrape_interval=0.5)
