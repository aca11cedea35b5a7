"""InfluxDB in both languages, as its manuals describe annotated CSV and the answers to InfluxQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import parse
from truststream.canary.observation import ArmReading, Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.influxdb import InfluxDB, InfluxDBConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import SourceContract, at
from .server import SECRETS, Fake, Reply, Seen, reply, serve

_TIME = r"(\d{4}-\d\d-\d\dT[\d:.]+Z)"
_RANGE = re.compile(rf"range\(start: {_TIME}, stop: {_TIME}\)")
_WINDOW = re.compile(r'\n  \|> aggregateWindow\(every: (\d+)s, fn: sum, createEmpty: false, timeSrc: "_start"\)$')
_WHERE = re.compile(rf"time >= '{_TIME}' AND time < '{_TIME}'")
_GROUP = re.compile(r" GROUP BY time\((\d+)s\) fill\(none\)$")


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")


def datatype(number: object) -> str:
    return {bool: "boolean", int: "long", float: "double", str: "string"}[type(number)]


class FakeFlux(Fake):
    """Tables of annotated CSV, an empty line after each; a failure before the first row is JSON."""

    def allowed(self, seen: Seen) -> bool:
        return seen.headers.get("authorization") == "Token first-s3cret"

    def refusal(self) -> Reply:
        return reply(401, {"code": "unauthorized", "message": "unauthorized access"})

    def rejection(self, text: str) -> Reply:
        return reply(400, {"code": "invalid", "message": f"compilation failed: {text}"})

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path, seen.query) == ("POST", "/api/v2/query", {"org": "shop"})
        assert seen.document["type"] == "flux"
        assert seen.document["dialect"] == {"annotations": ["datatype"], "header": True, "delimiter": ","}
        text = seen.document["query"]
        if text.startswith("buckets()"):
            return csv("")
        times = _RANGE.search(text)
        assert times
        start, end = seconds(times[1]), seconds(times[2])
        series: dict[str, list[tuple[float, Any]]] = self.samples(text, start, end)
        if found := _WINDOW.search(text):
            length = int(found[1])
            series = {name: sorted(one.items()) for name, one in self.sums(text, start, end, length).items()}
        return csv("".join(self._table(number, rows) for number, rows in enumerate(series.values()) if rows))

    def _table(self, number: int, rows: list[tuple[float, Any]]) -> str:
        kind = datatype(rows[0][1])
        head = f"#datatype,string,long,dateTime:RFC3339,{kind}\r\n,result,table,_time,_value\r\n"
        return head + "".join(f",_result,{number},{moment(time)},{value}\r\n" for time, value in rows) + "\r\n"


def csv(text: str) -> Reply:
    return 200, {"Content-Type": "text/csv; charset=utf-8"}, text.encode()


class TestFlux(SourceContract):
    TOTAL = """from(bucket: "web") |> range(start: {{start}}, stop: {{stop}})
      |> filter(fn: (r) => r._measurement == "hits_{{arm}}" and r.pod =~ /^{{pods}}$/) |> group()"""
    BAD = TOTAL.replace("hits", "errors")
    EXPRESSION = 'from(bucket: "web") |> range(start: {{start}}, stop: {{stop}}) |> x("depth_{{arm}}") |> last()'

    def make_fake(self) -> Fake:
        return FakeFlux()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        token = {"tokenSecret": {"name": "keys", "key": "one"}}
        config = parse(InfluxDBConfiguration, {"address": address, "org": "shop", **token, **more})
        return InfluxDB(config, secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        sent = next(seen.document["query"] for seen in fake.seen if b"hits" in seen.body)
        assert sent.startswith(
            'from(bucket: "web") |> range(start: 2027-01-15T08:00:00.000Z, stop: 2027-01-15T08:02:00.000Z)'
        )
        assert "r.pod =~ /^web-canary[.]x-[a-z0-9]+$/" in sent
        assert sent.endswith('aggregateWindow(every: 60s, fn: sum, createEmpty: false, timeSrc: "_start")')

    async def test_several_numbers_of_one_series(self, source: PolledSource[Any], fake: Fake) -> None:
        for second in (30, 60):
            fake.add("depth_canary", at(second).timestamp(), 1)
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "2 numbers of one series: end with last()" in found.message

    async def test_a_query_that_fails_in_mid_answer(self, source: PolledSource[Any], fake: Fake) -> None:
        text = "#datatype,string,string\r\n,error,reference\r\n,failed to execute: cannot divide,897\r\n"
        fake.reply = lambda _: csv(text)
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "cannot divide" in found.message

    async def test_a_table_without_value(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: csv("#datatype,string,long,double\r\n,result,table,mean\r\n,_result,0,7.5\r\n")
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "let _value be one" in found.message

    async def test_sums_without_a_time(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: csv("#datatype,string,long,long\r\n,result,table,_value\r\n,_result,0,7\r\n")
        found = await self.ask_ratio(source, 0, 150)
        assert found.outcome is Outcome.INVALID
        assert "keep the column of the time" in found.message

    async def test_an_empty_value_is_no_data(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: csv("#datatype,string,long,double\r\n,result,table,_value\r\n,_result,0,\r\n")
        assert (await self.ask_value(source)).outcome is Outcome.NO_DATA

    async def test_a_window_without_time(self, source: PolledSource[Any], fake: Fake) -> None:
        assert (await source.measure(self.question(at(0), at(20)))).outcome is Outcome.NO_DATA
        assert fake.seen == []


class FakeInfluxQL(Fake):
    """Statements answered with their series; a statement without points has no key `series`."""

    proof = "Token first-s3cret"
    partial = False

    def allowed(self, seen: Seen) -> bool:
        return seen.headers.get("authorization") == self.proof

    def refusal(self) -> Reply:
        return reply(401, {"error": "authorization failed"})

    def rejection(self, text: str) -> Reply:
        return reply(400, {"error": f"error parsing query: {text}"})

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path) == ("POST", "/query")
        assert {**seen.form, "q": ""} == {"db": "web", "q": "", "epoch": "ms", "rp": "week"}
        text = seen.form["q"]
        if text.startswith("SHOW"):
            return reply(200, {"results": [{"statement_id": 0}]})
        times = _WHERE.search(text)
        assert times
        start, end = seconds(times[1]), seconds(times[2])
        series: dict[str, list[tuple[float, Any]]] = self.samples(text, start, end)
        if found := _GROUP.search(text):
            sums = self.sums(text, start, end, int(found[1]))
            series = {name: sorted(one.items()) for name, one in sums.items()}
        made = [self._series(name, rows) for name, rows in series.items() if rows]
        result = {
            "statement_id": 0,
            **({"series": made} if made else {}),
            **({"partial": True} if self.partial else {}),
        }
        return reply(200, {"results": [result]})

    def _series(self, name: str, rows: list[tuple[float, Any]]) -> dict[str, Any]:
        values = [[int(time * 1000), number] for time, number in rows]
        return {"name": "m", "tags": {"pod": name}, "columns": ["time", "sum"], "values": values}


class TestInfluxQL(SourceContract):
    TOTAL = (
        "SELECT sum(n) FROM hits_{{arm}} WHERE time >= {{start}} AND time < {{stop}} "
        "GROUP BY time({{interval}}) fill(none)"
    )
    BAD = TOTAL.replace("hits", "errors")
    EXPRESSION = "SELECT last(n) FROM depth_{{arm}} WHERE time >= {{start}} AND time < {{stop}} AND pod =~ /^{{pods}}$/"

    def make_fake(self) -> Fake:
        return FakeInfluxQL()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        token = {"tokenSecret": {"name": "keys", "key": "one"}}
        place = {"address": address, "language": "InfluxQL", "database": "web", "retentionPolicy": "week"}
        return InfluxDB(parse(InfluxDBConfiguration, {**place, **token, **more}), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        sent = next(seen.form["q"] for seen in fake.seen if b"hits" in seen.body)
        times = "time >= '2027-01-15T08:00:00.000Z' AND time < '2027-01-15T08:02:00.000Z'"
        assert sent == f"SELECT sum(n) FROM hits_canary WHERE {times} GROUP BY time(60s) fill(none)"

    async def test_an_error_of_a_statement(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: reply(200, {"results": [{"statement_id": 0, "error": "database not found: web"}]})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "database not found: web" in found.message

    async def test_an_answer_in_part_is_none(self, source: PolledSource[Any], fake: Fake) -> None:
        assert isinstance(fake, FakeInfluxQL)
        fake.partial = True
        fake.add("depth_canary", at(60).timestamp(), 1)
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "in part only" in found.message

    async def test_two_columns(self, source: PolledSource[Any], fake: Fake) -> None:
        series = {"name": "m", "columns": ["time", "a", "b"], "values": [[0, 1, 2]]}
        fake.reply = lambda _: reply(200, {"results": [{"series": [series]}]})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "2 columns: select one number" in found.message

    async def test_a_null_is_no_data(self, source: PolledSource[Any], fake: Fake) -> None:
        series = {"name": "m", "columns": ["time", "mean"], "values": [[0, None]]}
        fake.reply = lambda _: reply(200, {"results": [{"series": [series]}]})
        assert (await self.ask_value(source)).outcome is Outcome.NO_DATA


async def test_user_and_password() -> None:
    fake = FakeInfluxQL()
    fake.proof = "Basic cmVhZGVyOmxvZ2luLXMzY3JldA=="
    with serve(fake) as address:
        place = {"address": address, "language": "InfluxQL", "database": "web", "retentionPolicy": "week"}
        config = parse(InfluxDBConfiguration, {**place, "basicAuthSecret": {"name": "login"}})
        source = InfluxDB(config, Secrets(SECRETS), "other")
        assert await source.probe() == ""
        await source.close()


async def test_numbers_of_one_series_may_come_without_a_time() -> None:
    fake = FakeInfluxQL()
    series = {"name": "m", "columns": ["n"], "values": [[4]]}
    fake.reply = lambda _: reply(200, {"results": [{"series": [series]}]})
    with serve(fake) as address:
        bench = TestInfluxQL()
        source = bench.made(address)
        assert (await bench.ask_value(source)).canary == ArmReading(value=4)
        await source.close()


@pytest.mark.parametrize(
    ("language", "kind", "missing"),
    [
        ("Flux", MetricKind.VALUE, "start"),
        ("Flux", MetricKind.RATIO, "start"),
        ("InfluxQL", MetricKind.VALUE, "start"),
    ],
)
def test_the_time_is_ours(language: str, kind: MetricKind, missing: str) -> None:
    place = {"org": "shop"} if language == "Flux" else {"database": "web"}
    config = parse(InfluxDBConfiguration, {"address": "http://x", "language": language, **place})
    assert f"has to use {{{{{missing}}}}}" in InfluxDB.problem(kind, "SELECT 1", config)


def test_influxql_groups_by_our_interval() -> None:
    config = parse(InfluxDBConfiguration, {"address": "http://x", "language": "InfluxQL", "database": "web"})
    said = InfluxDB.problem(
        MetricKind.RATIO, "SELECT sum(n) FROM m WHERE time >= {{start}} AND time < {{stop}}", config
    )
    assert "has to use {{interval}}" in said


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "org: Flux needs it"),
        ({"language": "InfluxQL"}, "database: InfluxQL needs it"),
        ({"org": "a", "database": "b"}, "belong to InfluxQL"),
        ({"org": "a", "tokenSecret": {"name": "a"}, "basicAuthSecret": {"name": "b"}}, "not both"),
        ({"org": "a", "language": "SQL"}, "Flux"),
    ],
)
def test_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        parse(InfluxDBConfiguration, {"address": "http://x", **config})
