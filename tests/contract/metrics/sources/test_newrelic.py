"""New Relic, as its manual describes NRQL through NerdGraph."""

from __future__ import annotations

import re
from typing import Any

import pytest

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import parse
from truststream.canary.observation import ArmReading, Outcome
from truststream.metrics.newrelic import NewRelic, NewRelicConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import START, SourceContract, at
from .server import Fake, Reply, Seen, reply

_SERIES = re.compile(r" SINCE (\d+) UNTIL (\d+) TIMESERIES (\d+) seconds$")
_ONE = re.compile(r" SINCE (\d+) UNTIL (\d+)$")


def failed(kind: str, message: str) -> Reply:
    """GraphQL's errors have status 200."""
    error = {"message": message, "extensions": {"errorClass": kind}, "path": ["actor", "account", "nrql"]}
    return reply(200, {"data": {"actor": {"account": {"nrql": None}}}, "errors": [error]})


class FakeNewRelic(Fake):
    """count(*) is 0 where nothing happened; an average of nothing is null."""

    def allowed(self, seen: Seen) -> bool:
        return seen.headers.get("api-key") == "first-s3cret"

    def refusal(self) -> Reply:
        return reply(401, {"error": "invalid user key"})

    def rejection(self, text: str) -> Reply:
        return failed("INVALID_INPUT", f"NRQL Syntax Error: {text}")

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path) == ("POST", "/graphql")
        assert seen.document["variables"]["id"] == 1234567
        if "nrql" not in seen.document["variables"]:
            return reply(200, {"data": {"actor": {"account": {"name": "shop"}}}})
        rows = self._rows(seen.document["variables"]["nrql"])
        return reply(200, {"data": {"actor": {"account": {"nrql": {"results": rows}}}}})

    def _rows(self, nrql: str) -> list[dict[str, Any]]:
        if found := _SERIES.search(nrql):
            start, end, length = (int(text) for text in found.groups())
            assert (end - start) / 1000 / length <= 366
            sums = self.sums(nrql, start / 1000, end / 1000, length).get("all", {})
            begins = range(start // 1000, end // 1000, length)
            return [{"beginTimeSeconds": b, "endTimeSeconds": b + length, "count": sums.get(b, 0)} for b in begins]
        times = _ONE.search(nrql)
        assert times
        series = self.samples(nrql, int(times[1]) / 1000, int(times[2]) / 1000)
        rows = [{"max.depth": points[-1][1], "name": name} for name, points in series.items() if points]
        if len(rows) > 1:
            return [{**row, "facet": row["name"]} for row in rows]
        return [{"max.depth": rows[0]["max.depth"] if rows else None}]


def settings(**more: Any) -> NewRelicConfiguration:
    key = {"apiKeySecret": {"name": "keys", "key": "one"}}
    return parse(NewRelicConfiguration, {"accountId": 1234567, **key, **more})


class TestNewRelic(SourceContract):
    TOTAL = "SELECT count(*) FROM Transaction WHERE m = 'hits_{{arm}}' AND podName RLIKE '^{{pods}}$'"
    BAD = "SELECT count(*) FROM Transaction WHERE m = 'errors_{{arm}}' AND podName RLIKE '^{{pods}}$'"
    EXPRESSION = "SELECT max(depth) FROM Metric WHERE m = 'depth_{{arm}}' AND service = '{{service}}'"

    def make_fake(self) -> Fake:
        return FakeNewRelic()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        return NewRelic(settings(address=address, **more), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        sent = next(seen.document["variables"] for seen in fake.seen if b"hits" in seen.body)
        where = "m = 'hits_canary' AND podName RLIKE '^web-canary[.]x-[a-z0-9]+$'"
        times = f"SINCE {START}000 UNTIL {START + 120}000 TIMESERIES 60 seconds"
        assert sent["nrql"] == f"SELECT count(*) FROM Transaction WHERE {where} {times}"
        assert sent["timeout"] == 10

    async def test_a_percentile(self, source: PolledSource[Any], fake: Fake) -> None:
        row = {"percentile.duration": {"99": 0.25}}
        fake.reply = lambda _: reply(200, {"data": {"actor": {"account": {"nrql": {"results": [row]}}}}})
        assert (await self.ask_value(source)).canary == ArmReading(value=0.25)

    async def test_two_columns(self, source: PolledSource[Any], fake: Fake) -> None:
        row = {"max.a": 1, "max.b": 2}
        fake.reply = lambda _: reply(200, {"data": {"actor": {"account": {"nrql": {"results": [row]}}}}})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "2 columns: select one number" in found.message

    @pytest.mark.parametrize(
        ("kind", "outcome", "said"),
        [
            ("TIMEOUT", Outcome.SOURCE_DOWN, "TIMEOUT: because"),
            ("SERVER_ERROR", Outcome.SOURCE_DOWN, "SERVER_ERROR: because"),
            ("ACCESS_DENIED", Outcome.SOURCE_DOWN, "refuses our credentials"),
            ("TOO_MANY_REQUESTS", Outcome.SOURCE_DOWN, "too often"),
            ("INVALID_INPUT", Outcome.INVALID, "rejects the query (because)"),
        ],
    )
    async def test_errors_with_status_200(
        self, source: PolledSource[Any], fake: Fake, kind: str, outcome: Outcome, said: str
    ) -> None:
        fake.reply = lambda _: failed(kind, "because")
        found = await self.ask_value(source)
        assert (found.outcome, found.canary) == (outcome, None)
        assert said in found.message

    async def test_an_account_that_the_key_may_not_read(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: reply(200, {"data": {"actor": {"account": None}}})
        assert "refuses our credentials" in (await self.ask_value(source)).message
        assert "refuses our credentials" in await source.probe()

    async def test_a_window_without_time(self, source: PolledSource[Any], fake: Fake) -> None:
        question = self.question(at(0), at(20))
        found = await source.measure(question)
        assert found.outcome is Outcome.NO_DATA
        assert "complete yet" in found.message
        assert fake.seen == []


@pytest.mark.parametrize("clause", ["SINCE 1 hour ago", "until now", "TIMESERIES", "FACET appName", "COMPARE WITH"])
def test_the_time_is_ours(clause: str) -> None:
    said = NewRelic.problem(MetricKind.VALUE, f"SELECT count(*) FROM Transaction {clause}", settings())
    assert said.startswith(f"leave out {clause.split(maxsplit=1)[0].upper()}")


def test_a_word_inside_quotes_is_no_clause() -> None:
    text = "SELECT count(*) FROM Log WHERE message = 'up since noon' AND `facet` = 'x'"
    assert NewRelic.problem(MetricKind.VALUE, text, settings()) == ""


@pytest.mark.parametrize(("region", "host"), [("US", "api.newrelic.com"), ("EU", "api.eu.newrelic.com")])
async def test_the_region_gives_the_address(region: str, host: str) -> None:
    source = NewRelic(settings(region=region), Secrets({("keys", "one"): "value"}), "other")
    assert source._address() == f"https://{host}"
    await source.close()
