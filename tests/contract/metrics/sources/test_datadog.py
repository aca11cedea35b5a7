"""Datadog, as its API reference describes `GET /api/v1/query`."""

from __future__ import annotations

import re
from typing import Any

import pytest

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import parse
from truststream.canary.observation import ArmReading, Outcome
from truststream.metrics.datadog import Datadog, DatadogConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import START, SourceContract
from .server import Fake, Reply, Seen, reply

_ROLLUP = re.compile(r"\.rollup\(sum, (\d+)\)")


class FakeDatadog(Fake):
    def allowed(self, seen: Seen) -> bool:
        keys = seen.headers.get("dd-api-key"), seen.headers.get("dd-application-key")
        return keys == ("first-s3cret", "second-s3cret")

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path) == ("GET", "/api/v1/query")
        text, start, end = seen.query["query"], int(seen.query["from"]), int(seen.query["to"])
        if found := _ROLLUP.search(text):
            series = self.sums(text, start, end + 1, int(found.group(1)))
            points: dict[str, list[tuple[float, Any]]] = {name: sorted(sums.items()) for name, sums in series.items()}
        else:
            points = self.samples(text, start, end + 1)  # both ends belong to the window
        made = [self._series(name, rows) for name, rows in points.items() if rows]
        return reply(200, {"status": "ok", "res_type": "time_series", "series": made, "query": text, "error": ""})

    def _series(self, name: str, points: list[tuple[float, Any]]) -> dict[str, Any]:
        pointlist = [[1000.0 * time, number] for time, number in points]
        return {"metric": "m", "scope": f"pod:{name}", "interval": 60, "pointlist": pointlist, "length": len(points)}


def settings(address: str, **more: Any) -> DatadogConfiguration:
    keys = {"apiKeySecret": {"name": "keys", "key": "one"}, "applicationKeySecret": {"name": "keys", "key": "two"}}
    return parse(DatadogConfiguration, {"address": address, **keys, **more})


class TestDatadog(SourceContract):
    TOTAL = "sum:hits_{{arm}}{service:{{service}},kube_namespace:{{namespace}}}.as_count().rollup(sum, {{interval}})"
    BAD = "sum:errors_{{arm}}{service:{{service}},kube_namespace:{{namespace}}}.as_count().rollup(sum, {{interval}})"
    EXPRESSION = "avg:depth_{{arm}}{service:{{service}}}"

    def make_fake(self) -> Fake:
        return FakeDatadog()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        return Datadog(settings(address, **more), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        sent = {seen.query["query"] for seen in fake.seen}
        tags = "{service:web-canary,kube_namespace:shop}.as_count().rollup(sum, 60)"
        assert sent == {f"sum:hits_canary{tags}", f"sum:errors_canary{tags}"}
        assert {(seen.query["from"], seen.query["to"]) for seen in fake.seen} == {(str(START), str(START + 119))}

    async def test_the_newest_point_that_is_one(self, source: PolledSource[Any], fake: Fake) -> None:
        for second, value in ((30, 1), (60, 2), (90, None)):
            fake.add("depth_canary", START + second, value)
        assert (await self.ask_value(source)).canary == ArmReading(value=2)

    async def test_an_error_that_comes_with_status_200(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: reply(200, {"status": "error", "error": "Error parsing query", "series": []})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "Error parsing query" in found.message

    async def test_a_rollup_of_other_intervals(self, source: PolledSource[Any], fake: Fake) -> None:
        point = {"scope": "*", "pointlist": [[1000.0 * (START + 30), 5]]}
        fake.reply = lambda _: reply(200, {"status": "ok", "series": [point]})
        found = await self.ask_ratio(source, 0, 150)
        assert found.outcome is Outcome.INVALID
        assert "begins no interval of 60s" in found.message


def test_counts_need_our_interval() -> None:
    said = Datadog.problem(MetricKind.RATIO, "sum:hits{*}.as_count()", settings("http://x"))
    assert "has to use {{interval}}" in said


@pytest.mark.parametrize(
    ("site", "host"), [("datadoghq.com", "api.datadoghq.com"), ("ddog-gov.com", "api.ddog-gov.com")]
)
async def test_the_site_gives_the_address(site: str, host: str) -> None:
    keys = {"apiKeySecret": {"name": "k"}, "applicationKeySecret": {"name": "k"}}
    source = Datadog(parse(DatadogConfiguration, {"site": site, **keys}), Secrets({("k", "token"): "value"}), "other")
    assert source._address() == f"https://{host}"
    await source.close()
