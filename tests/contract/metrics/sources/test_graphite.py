"""Graphite, as its manual describes the render API."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from truststream.api.configuration import parse
from truststream.canary.observation import ArmReading
from truststream.errors import ConfigurationError
from truststream.metrics.graphite import Graphite, GraphiteConfiguration
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .contract import START, SourceContract
from .server import SECRETS, Fake, Reply, Seen, reply, serve

_SUMMARIZE = re.compile(r'summarize\((.*),"(\d+)s","sum",false\)')


class FakeGraphite(Fake):
    """`from` excludes its own moment, `until` includes it; an interval without points is null."""

    proof = "Bearer first-s3cret"

    def allowed(self, seen: Seen) -> bool:
        return seen.headers.get("authorization") == self.proof

    def rejection(self, text: str) -> Reply:
        return 400, {"Content-Type": "text/html"}, f"<h1>Bad Request</h1>\n<p>{text}</p>".encode()

    def answer(self, seen: Seen) -> Reply:
        assert (seen.method, seen.path, seen.query["format"]) == ("GET", "/render", "json")
        target, start, end = seen.query["target"], int(seen.query["from"]) + 1, int(seen.query["until"]) + 1
        if found := _SUMMARIZE.fullmatch(target):
            length = int(found.group(2))
            begins = range(start // length * length, math.ceil(end / length) * length, length)
            sums = self.sums(found.group(1), start, end, length)
            series: dict[str, list[tuple[float, Any]]] = {
                name: [(begin, one.get(begin)) for begin in begins] for name, one in sums.items()
            }
        else:
            series = self.samples(target, start, end)
        made = [{"target": name, "datapoints": [[n, int(t)] for t, n in rows]} for name, rows in series.items()]
        return reply(200, made)


class TestGraphite(SourceContract):
    TOTAL = "sumSeries(shop.{{workload}}.*.hits_{{arm}})"
    BAD = "sumSeries(shop.{{workload}}.*.errors_{{arm}})"
    EXPRESSION = "maxSeries(shop.{{workload}}.*.depth_{{arm}})"

    def make_fake(self) -> Fake:
        return FakeGraphite()

    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        token = {"bearerTokenSecret": {"name": "keys", "key": "one"}}
        return Graphite(parse(GraphiteConfiguration, {"address": address, **token, **more}), secrets, "other")

    async def test_what_is_sent(self, source: PolledSource[Any], fake: Fake) -> None:
        await self.ask_ratio(source, 0, 150, stable=False)
        target = 'summarize(sumSeries(shop.web-canary.*.hits_canary),"60s","sum",false)'
        sent = next(seen.query for seen in fake.seen if "hits" in seen.query["target"])
        assert sent == {"target": target, "from": str(START - 1), "until": str(START + 119), "format": "json"}

    async def test_the_newest_point_that_is_one(self, source: PolledSource[Any], fake: Fake) -> None:
        for second, value in ((30, 1), (60, 2), (90, None)):
            fake.add("depth_canary", START + second, value)
        assert (await self.ask_value(source)).canary == ArmReading(value=2)


async def test_user_and_password_and_headers() -> None:
    fake = FakeGraphite()
    fake.proof = "Basic cmVhZGVyOmxvZ2luLXMzY3JldA=="
    with serve(fake) as address:
        config = {"address": address, "basicAuthSecret": {"name": "login"}, "headers": {"X-Org": "shop"}}
        source = Graphite(parse(GraphiteConfiguration, config), Secrets(SECRETS), "other")
        assert await source.probe() == ""
        await source.close()
    assert fake.seen[0].headers["x-org"] == "shop"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"bearerTokenSecret": {"name": "a"}, "basicAuthSecret": {"name": "b"}}, "not both"),
        ({"headers": {"Cookie": "x"}}, "headers.Cookie is a credential"),
    ],
)
def test_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse(GraphiteConfiguration, {"address": "http://x", **config})
