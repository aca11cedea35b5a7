"""The contract against a fake that is programmed, and the failures that only a fake can be made to show."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from truststream.api.configuration import PrometheusConfiguration
from truststream.canary.observation import ArmReading, Outcome
from truststream.metrics.base import Question
from truststream.metrics.connection import Credentials
from truststream.metrics.prometheus import Prometheus

from .bench import RATIO, Bench, Target, arm, ask
from .contract import MetricSourceContract
from .fake import FakePrometheus, Reply, error, serve

START = 1_800_000_000.0


class FakeBench:
    """Scrapes every 5 seconds of a time that stands still in between."""

    def __init__(self, fake: FakePrometheus, source: Prometheus) -> None:
        self.fake, self.source, self.namespace = fake, source, "shop"
        self.block = 10.0
        self._targets = {0: Target()}
        self._time = START

    def target(self, number: int = 0) -> Target:
        return self._targets.setdefault(number, Target())

    def epoch(self) -> float:
        return self._time + 1

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.epoch(), UTC)

    async def scrape(self, times: int = 1) -> None:
        for _ in range(times):
            self.scrape_all()

    def scrape_all(self) -> None:
        self._time += 5
        for number, target in self._targets.items():
            self._scrape(target, {"job": "apps", "instance": f"10.0.0.{number}:80"})

    def _scrape(self, target: Target, labels: dict[str, str]) -> None:
        self.fake.add({"__name__": "up", **labels}, self._time, float(target.up))
        for (name, own), value in target.values.items() if target.up else ():
            self.fake.add({"__name__": name, **labels, **dict(own)}, self._time, value)

    async def wait(self, seconds: float) -> None:
        await self.scrape(round(seconds / 5) + 1)


@pytest.fixture
def fake() -> FakePrometheus:
    return FakePrometheus()


@pytest.fixture
def address(fake: FakePrometheus) -> Iterator[str]:
    with serve(fake) as address:
        yield address


@pytest.fixture
async def source(address: str) -> AsyncIterator[Prometheus]:
    source = Prometheus(PrometheusConfiguration(address=address, timeout=0.5), scrape_interval=5)
    yield source
    await source.close()


@pytest.fixture
def bench(fake: FakePrometheus, source: Prometheus) -> FakeBench:
    return FakeBench(fake, source)


class TestFakePrometheus(MetricSourceContract):
    """As every source."""


@pytest.mark.parametrize(
    ("reply", "outcome", "said"),
    [
        (error(500), Outcome.SOURCE_DOWN, "fails (HTTP 500)"),
        (error(503, "timeout", "query timed out"), Outcome.SOURCE_DOWN, "query timed out"),
        (error(429), Outcome.SOURCE_DOWN, "too often"),
        (error(401), Outcome.SOURCE_DOWN, "refuses our credentials (HTTP 401)"),
        (error(403), Outcome.SOURCE_DOWN, "refuses our credentials (HTTP 403)"),
        (error(404), Outcome.SOURCE_DOWN, "check prometheus.address"),
        (error(200), Outcome.SOURCE_DOWN, "check prometheus.address"),
        (error(400, "bad_data", "parse error"), Outcome.INVALID, "parse error"),
        (error(422, "execution", "many-to-many"), Outcome.INVALID, "many-to-many"),
        (lambda _: (302, {"Location": "http://login"}, b""), Outcome.SOURCE_DOWN, "HTTP 302"),
        (lambda _: (200, {}, b'{"status":"success","data":{}}'), Outcome.SOURCE_DOWN, "unknown form"),
        (
            lambda _: (200, {}, b'{"status":"success","data":{"resultType":"string","result":[]}}'),
            Outcome.INVALID,
            "string",
        ),
    ],
)
async def test_failures(bench: Bench, fake: FakePrometheus, reply: object, outcome: Outcome, said: str) -> None:
    fake.reply = reply  # type: ignore[assignment]
    found = await ask(bench, RATIO, bench.now(), stable=True)
    assert (found.outcome, found.canary, found.stable) == (outcome, None, None)
    assert said in found.message
    assert said in await bench.source.probe()


async def test_one_try_and_no_more(bench: Bench, fake: FakePrometheus) -> None:
    fake.reply = error(503)
    await ask(bench, RATIO, bench.now())
    assert len(fake.queries) == 1


async def test_a_source_that_hangs_is_down(bench: Bench, fake: FakePrometheus) -> None:
    def hang(_query: str) -> Reply | None:
        time.sleep(0.8)
        return None

    fake.reply = hang
    found = await ask(bench, RATIO, bench.now())
    assert found.outcome is Outcome.SOURCE_DOWN
    assert "does not answer within 0.5s" in found.message


async def test_asking_does_not_block_the_loop(bench: Bench, fake: FakePrometheus) -> None:
    def slow(_query: str) -> Reply | None:
        time.sleep(0.2)
        return None

    fake.reply = slow
    question = asyncio.create_task(ask(bench, RATIO, bench.now()))
    turns = 0
    while not question.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns >= 5


async def test_a_refused_connection_is_down() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        source = Prometheus(PrometheusConfiguration(address=f"http://127.0.0.1:{closed.getsockname()[1]}"))
        assert (await source.probe()).endswith("cannot be reached (Connection refused)")
        await source.close()


async def test_a_name_that_does_not_resolve_is_down() -> None:
    source = Prometheus(PrometheusConfiguration(address="http://no-such-host.invalid"))
    assert "cannot be reached" in await source.probe()
    await source.close()


async def test_an_answer_in_part_is_no_answer(bench: Bench, fake: FakePrometheus) -> None:
    bench.target().hits("canary", c2=5)
    await bench.scrape()
    fake.warnings = ["No StoreAPIs matched for this query"]
    found = await ask(bench, RATIO, bench.now())
    assert found.outcome is Outcome.SOURCE_DOWN
    assert "in part only: No StoreAPIs" in found.message


async def test_remarks_about_the_query_are_kept(bench: Bench, fake: FakePrometheus) -> None:
    bench.target().hits("canary", c2=5)
    await bench.scrape()
    fake.warnings, fake.infos = ["PromQL warning: one"], ["PromQL info: two"]
    found = await ask(bench, RATIO, bench.now())
    assert (found.outcome, found.message) == (Outcome.OK, "PromQL warning: one; PromQL info: two")


async def test_a_native_histogram_is_no_counter(bench: Bench, fake: FakePrometheus) -> None:
    native = {"metric": {"__name__": "took_seconds"}, "histograms": [[1, {"count": "1", "sum": "1"}]]}
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [native]}}).encode()
    fake.reply = lambda _: (200, {}, body)
    found = await ask(bench, RATIO, bench.now())
    assert found.outcome is Outcome.INVALID
    assert "kind Distribution takes it" in found.message


@pytest.mark.parametrize(("ahead", "who"), [(40, "Prometheus is ahead"), (-40, "the operator is ahead")])
async def test_clocks_that_differ_are_told(bench: Bench, fake: FakePrometheus, ahead: float, who: str) -> None:
    bench.target().hits("canary", c2=5)
    await bench.scrape(3)
    fake.ahead = ahead
    found = await ask(bench, RATIO, bench.now(), block=10)
    assert (found.outcome, found.blocks) == (Outcome.INVALID, ())
    assert re.search(r"the clocks of Prometheus and of the operator differ by about (39|40|41)s", found.message)
    assert who in found.message


async def test_a_store_that_answers_from_the_future(bench: Bench, fake: FakePrometheus) -> None:
    samples = [[START + step, str(step)] for step in range(0, 60, 5)]
    series = {"metric": {"__name__": "hits_total"}, "values": samples}
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [series]}}).encode()
    fake.reply = lambda _: (200, {}, body)
    found = await ask(bench, RATIO, bench.now())
    assert found.outcome is Outcome.INVALID
    assert "differ by about 54s" in found.message


async def test_one_look_asks_the_same_once(bench: Bench, fake: FakePrometheus) -> None:
    target = bench.target()
    target.hits("canary", c2=5)
    await bench.scrape()
    since = bench.now()
    success = dataclasses.replace(RATIO, name="success", good_is_bad=True)
    await asyncio.gather(*(ask(bench, query, since, stable=True) for query in (RATIO, success)))
    assert sorted(fake.queries) == sorted(set(fake.queries))


async def test_one_who_gives_up_leaves_the_others_their_answer(bench: Bench, fake: FakePrometheus) -> None:
    def slow(_query: str) -> Reply | None:
        time.sleep(0.1)
        return None

    bench.target().hits("canary", c2=5)
    await bench.scrape()
    fake.reply, since = slow, bench.now()
    first, second = (asyncio.create_task(ask(bench, RATIO, since)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await second).outcome is Outcome.OK


async def test_a_scrape_between_the_two_answers_is_left_out(bench: FakeBench, fake: FakePrometheus) -> None:
    """`bad` is asked after `total`; what it knows more must not be counted against less."""
    target = bench.target()
    target.hits("canary", c2=0, c5=0)
    await bench.scrape(2)
    since = bench.now()
    target.hits("canary", c2=10, c5=1)
    await bench.scrape()

    def scrape_in_between(query: str) -> Reply | None:
        if "class=" in query:
            target.hits("canary", c2=10, c5=90)
            bench.scrape_all()
        return None

    fake.reply = scrape_in_between
    found = await bench.source.measure(Question(RATIO, since, since + timedelta(seconds=12), arm("canary")))
    assert found.canary == ArmReading(requests=11, bad=1)


async def test_credentials_and_headers_arrive_and_are_never_shown(
    address: str, fake: FakePrometheus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = PrometheusConfiguration(address=address, headers={"X-Scope-OrgID": "shop"})
    for credentials, sent in (
        (Credentials(bearer="s3cret\n"), "Bearer s3cret"),
        (Credentials(username="ünal", password="s3cret"), "Basic w7xuYWw6czNjcmV0"),
    ):
        source = Prometheus(config, credentials)
        fake.reply = error(401)
        message = await source.probe()
        await source.close()
        assert fake.headers[-1]["Authorization"] == sent
        assert fake.headers[-1]["X-Scope-OrgID"] == "shop"
        assert "s3cret" not in message + repr(credentials) + caplog.text


async def test_a_source_that_is_closed_in_mid_look_is_down(bench: FakeBench, fake: FakePrometheus) -> None:
    """The configuration changed while somebody asked."""

    def slow(_query: str) -> Reply | None:
        time.sleep(0.1)
        return None

    bench.target().hits("canary", c2=5)
    await bench.scrape()
    fake.reply = slow
    look = asyncio.create_task(ask(bench, RATIO, bench.now()))
    await asyncio.sleep(0.05)
    await bench.source.close()
    assert (await look).outcome is Outcome.SOURCE_DOWN
