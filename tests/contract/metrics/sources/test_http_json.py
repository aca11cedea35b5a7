"""Any HTTP API that answers with JSON."""

from __future__ import annotations

import re
from typing import Any

import pytest

from truststream.api.canarydeployment import MetricKind
from truststream.api.configuration import parse
from truststream.canary.observation import Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.http_json import HttpJson, HttpJsonConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import START, SourceContract
from .server import SECRETS, Fake, Reply, Seen, reply, serve

URL = "/v1/stats/{{namespace}}?q={{query}}&from={{start}}&to={{stop}}&step={{interval}}"


class FakeStats(Fake):
    """An API of somebody's own."""

    def allowed(self, seen: Seen) -> bool:
        return seen.path == "/" or seen.headers.get("x-key") == "first-s3cret"

    def rejection(self, text: str) -> Reply:
        return reply(422, {"error": {"message": text}})

    def answer(self, seen: Seen) -> Reply:
        if seen.path == "/":
            return 404, {}, b""
        assert (seen.method, seen.path) == ("GET", "/v1/stats/shop")
        text, start, end = seen.query["q"], float(seen.query["from"]), float(seen.query["to"])
        if "depth" in text:
            values = [rows[-1][1] for rows in self.samples(text, start, end).values() if rows]
            return reply(200, {"data": {"a/b": values if len(values) > 1 else (values or [None])[0]}})
        sums = self.sums(text, start, end, int(seen.query["step"])).get("all", {})
        return reply(200, {"data": {"counts": [[begin, count] for begin, count in sorted(sums.items())]}})


def settings(address: str = "http://x", **more: Any) -> HttpJsonConfiguration:
    where = {"pointer": "/data/a~1b", "countsPointer": "/data/counts"}
    secret = {"secretHeaders": {"X-Key": {"name": "keys", "key": "one"}}}
    return parse(HttpJsonConfiguration, {"url": address + URL, **where, **secret, **more}, place="config")


class TestHttpJson(SourceContract):
    SEVERAL = "a list at '/data/a~1b': point to one number in it"
    PROBE_KNOWS_CREDENTIALS = False
    TOTAL = "hits_{{arm}} & service={{service}}"
    BAD = "errors_{{arm}} & service={{service}}"
    EXPRESSION = "depth_{{arm}} {{pods}}"

    def make_fake(self) -> Fake:
        return FakeStats()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        return HttpJson(settings(address, **more), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        await self.ask_value(source)
        sent = [seen.query for seen in fake.seen]
        times = {"from": str(START), "to": str(START + 120), "step": "60"}
        assert {"q": "hits_canary & service=web-canary", **times} in sent
        assert sent[-1]["q"] == "depth_canary web-canary[.]x-[a-z0-9]+"
        assert fake.seen[-1].headers["accept"] == "application/json"

    async def test_a_place_that_is_not_there(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: reply(200, {"data": {"b": 1, "c": 2}})
        found = await self.ask_value(source)
        assert found.outcome is Outcome.INVALID
        assert "nothing at '/data/a~1b': at 'a/b' there is b, c" in found.message

    async def test_counts_in_another_form(self, source: PolledSource[Any], fake: Fake) -> None:
        for counts in ({"a": 1}, [1, 2], [[1, 2, 3]], 7):
            fake.reply = lambda _, counts=counts: reply(200, {"data": {"counts": counts}})  # type: ignore[misc]
            found = await self.ask_ratio(source, 0, 150)
            assert found.outcome is Outcome.INVALID
            assert "no list of [start, count]" in found.message

    async def test_the_probe_is_content_with_any_answer(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: (403, {}, b"")
        assert await source.probe() == ""
        fake.reply = lambda _: (502, {}, b"")
        assert "fails (HTTP 502)" in await source.probe()


class FakePost(FakeStats):
    def answer(self, seen: Seen) -> Reply:
        assert seen.method == "POST"
        return reply(200, [{"value": 3}, {"value": len(seen.document["query"])}])


async def test_a_body() -> None:
    """What goes into it stays inside its string."""
    fake, text = FakePost(), 'a "quoted" \\ {{service}}'
    with serve(fake) as address:
        config = {
            "url": f"{address}/graphql",
            "method": "POST",
            "body": '{"query": "{{query}}", "times": [{{start}}, {{stop}}], "ns": {"is": "{{namespace}}"}}',
            "pointer": "/1/value",
            "secretHeaders": {"X-Key": {"name": "keys", "key": "one"}},
        }
        source = HttpJson(parse(HttpJsonConfiguration, config), Secrets(SECRETS), "other")
        bench = TestHttpJson()
        bench.EXPRESSION = text
        found = await bench.ask_value(source)
        await source.close()
    assert fake.seen[0].document == {
        "query": 'a "quoted" \\ web-canary',
        "times": [START, START + 140],
        "ns": {"is": "shop"},
    }
    assert fake.seen[0].headers["content-type"] == "application/json"
    assert found.canary is not None
    assert found.canary.value == len('a "quoted" \\ web-canary')


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"url": "stats.svc/x"}, "config.url: write it like https://"),
        ({"url": "http://{{service}}/x"}, "host without placeholders"),
        ({"url": "http://a b/x"}, "config.url: write it like https://"),
        ({"url": "http://u:p@x/{{query}}"}, "config.url: never carries credentials"),
        ({"url": "http://x/{{qeury}}"}, "unknown placeholder {{qeury}}"),
        ({"method": "POST"}, "body: POST needs it, and GET takes none"),
        ({"body": "x"}, "body: POST needs it, and GET takes none"),
        ({"pointer": "data.value"}, "no JSON pointer (RFC 6901)"),
        ({"pointer": "/a~2"}, "no JSON pointer (RFC 6901)"),
        ({"pointer": None, "countsPointer": None}, "say where the number of a Value stands"),
        ({"headers": {"Authorization": "x"}}, "headers.Authorization is a credential"),
        ({"interval": "500ms"}, "no whole number of seconds"),
        ({"timeouts": "1s"}, "config.timeouts: unknown key; known here: body, countsPointer,"),
    ],
)
def test_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        settings(**config)


@pytest.mark.parametrize(
    ("config", "kind", "said"),
    [
        ({"url": "http://x/"}, MetricKind.VALUE, "goes nowhere"),
        ({"pointer": None}, MetricKind.VALUE, "has no pointer, so a Value cannot be read"),
        ({"countsPointer": None}, MetricKind.RATIO, "has no countsPointer, so a Ratio cannot be read"),
        ({"url": "http://x/{{query}}?from={{start}}&to={{stop}}"}, MetricKind.RATIO, "lack {{interval}}"),
    ],
)
def test_queries_that_cannot_be_used(config: dict[str, Any], kind: MetricKind, said: str) -> None:
    assert said in HttpJson.problem(kind, "x", settings(**config))
