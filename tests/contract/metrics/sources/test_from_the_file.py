"""From the operator's configuration file to a measurement: Secret, source, query and answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from truststream.api.canarydeployment import Metric
from truststream.canary.observation import ArmReading, Cell, Outcome
from truststream.handlers.settings import Settings
from truststream.metrics.base import Question
from truststream.metrics.queries import resolve

from .contract import START, arm, at
from .server import SECRETS, serve
from .test_graphite import FakeGraphite

FILE = """
sources:
  graphite:
    type: Graphite
    config: {{address: {address}, bearerTokenSecret: {{name: keys, key: one}}, interval: 30s, delay: 0s, timeout: 10s}}
metrics:
  checkout:
    source: graphite
    kind: Ratio
    bad: 'sumSeries(errors_{{{{arm}}}}.{{{{workload}}}}.*)'
    total: 'sumSeries(hits_{{{{arm}}}}.{{{{workload}}}}.*)'
"""


async def read_secret(name: str) -> dict[str, str]:
    return {key: value for (secret, key), value in SECRETS.items() if secret == name}


async def test_a_metric_of_another_source(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fake, file = FakeGraphite(), tmp_path / "config.yaml"
    for second, hits in ((0, 10), (30, 20)):
        fake.add("hits_canary", START + second, hits)
        fake.add("hits_stable", START + second, 5)
    fake.add("errors_canary", START + 31, 2)
    with serve(fake) as address:
        file.write_text(FILE.format(address=address))
        settings = Settings(file, read_secret)
        await settings.start()
        query = resolve(Metric(name="checkout"), "Pods", settings.configuration)
        assert settings.source is not None
        found = await settings.source.measure(Question(query, at(0), at(60), arm("canary"), arm("stable"), 0))
        await settings.close()
    assert (found.metric, found.outcome, found.length) == ("checkout", Outcome.OK, 30)
    assert (found.canary, found.stable) == (ArmReading(requests=30, bad=2), ArmReading(requests=10))
    assert [block.canary for block in found.blocks] == [(Cell("", 10),), (Cell("", 20, 2),)]
    assert "s3cret" not in caplog.text
