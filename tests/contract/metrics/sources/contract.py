"""What every source with a query language of its own has to do. Subclasses say which, and bring its fake."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from truststream.api.canarydeployment import Direction, MetricKind
from truststream.canary.observation import ArmReading, Block, Cell, Measurement, Outcome
from truststream.errors import ConfigurationError
from truststream.metrics.base import Arm, Query, Question
from truststream.metrics.polled import PolledSource
from truststream.metrics.rest import Secrets

from .server import SECRETS, Fake, Reply, Seen, serve

START = 1_800_000_000  # a whole minute, as every begin of an interval
DELAY = 30
RATIO = Query("errors", MetricKind.RATIO, "%", Direction.LOWER)
VALUE = Query("depth", MetricKind.VALUE, "", Direction.LOWER)


def arm(name: str) -> Arm:
    return Arm(name, "shop", f"web-{name}", "80", rf"web\-{name}\.x-[a-z0-9]+", "web", f"web-{name}")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START + seconds, UTC)


class Gate:
    """Keeps whoever asks waiting."""

    def __init__(self, fake: Fake) -> None:
        self._came, self._opened = threading.Event(), threading.Event()
        fake.reply = self._wait

    def _wait(self, _seen: Seen) -> Reply | None:
        self._came.set()
        self._opened.wait(5)
        return None

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._came.wait, 5)

    def open(self) -> None:
        self._opened.set()


class SourceContract(ABC):
    """Real sockets; the answers are those that the source's documentation shows."""

    SEVERAL = "2 series"
    PROBE_KNOWS_CREDENTIALS = True
    TOTAL: str
    BAD: str
    EXPRESSION: str

    @abstractmethod
    def make_fake(self) -> Fake:
        """A fresh one."""

    @abstractmethod
    def make_source(self, address: str, secrets: Secrets, **more: Any) -> PolledSource[Any]:
        """The source, told of the fake's address."""

    @pytest.fixture
    def fake(self) -> Fake:
        return self.make_fake()

    @pytest.fixture
    def address(self, fake: Fake) -> Iterator[str]:
        with serve(fake) as address:
            yield address

    @pytest.fixture
    async def source(self, address: str) -> AsyncIterator[PolledSource[Any]]:
        source = self.made(address)
        yield source
        await source.close()

    def made(self, address: str, **more: Any) -> PolledSource[Any]:
        settings = {"timeout": "10s", "delay": f"{DELAY}s", "interval": "1m", **more}
        return self.make_source(address, Secrets(SECRETS), **settings)

    def ratio(self) -> Query:
        return dataclasses.replace(RATIO, total=self.TOTAL, bad=self.BAD)

    def value(self) -> Query:
        return dataclasses.replace(VALUE, expression=self.EXPRESSION)

    def question(self, since: datetime, until: datetime) -> Question:
        return Question(self.value(), since, until, arm("canary"))

    async def ask_value(self, source: PolledSource[Any], *, stable: bool = False) -> Measurement:
        question = self.question(at(0), at(200))
        return await source.measure(dataclasses.replace(question, stable=arm("stable") if stable else None))

    async def ask_ratio(
        self, source: PolledSource[Any], since: float, until: float, block: float | None = None, *, stable: bool = True
    ) -> Measurement:
        question = Question(self.ratio(), at(since), at(until), arm("canary"), arm("stable") if stable else None, block)
        return await source.measure(question)

    async def test_one_value(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("depth_canary", START + 90, 7.5)
        fake.add("depth_stable", START + 90, 3)
        found = await self.ask_value(source, stable=True)
        assert (found.outcome, found.message) == (Outcome.OK, "")
        assert (found.canary, found.stable) == (ArmReading(value=7.5), ArmReading(value=3))

    async def test_no_value_is_no_data(self, source: PolledSource[Any]) -> None:
        found = await self.ask_value(source)
        assert (found.outcome, found.canary) == (Outcome.NO_DATA, None)
        assert "canary" in found.message
        assert "depth_canary" in found.message

    async def test_what_may_still_change_is_not_used(self, source: PolledSource[Any], fake: Fake) -> None:
        """It came in within the delay."""
        fake.add("depth_canary", START + 200 - DELAY + 5, 7.5)
        assert (await self.ask_value(source)).outcome is Outcome.NO_DATA

    async def test_stable_without_a_value_does_not_hide_the_canary(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("depth_canary", START + 90, 1)
        found = await self.ask_value(source, stable=True)
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, ArmReading(value=1), None)
        assert found.message.startswith("stable")

    async def test_several_series_are_invalid(self, source: PolledSource[Any], fake: Fake) -> None:
        for name in "ab":
            fake.add("depth_canary", START + 90, 1, name)
        found = await self.ask_value(source)
        assert (found.outcome, found.canary) == (Outcome.INVALID, None)
        assert self.SEVERAL in found.message

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, "seven", True])
    async def test_what_is_no_number_is_invalid(self, source: PolledSource[Any], fake: Fake, number: object) -> None:
        fake.add("depth_canary", START + 90, number)
        found = await self.ask_value(source)
        assert (found.outcome, found.canary) == (Outcome.INVALID, None)
        assert "no number" in found.message

    async def test_counts_of_whole_intervals(self, source: PolledSource[Any], fake: Fake) -> None:
        """Of (10 s, 270 s] with a delay of 30 s: the minutes that begin at 60, 120 and 180."""
        for second in (5, 59, 60, 119, 120, 239, 240, 265):
            fake.add("hits_canary", START + second, 10)
            fake.add("hits_stable", START + second, 100)
        fake.add("errors_canary", START + 119, 3)
        fake.add("errors_canary", START + 241, 9)
        found = await self.ask_ratio(source, 10, 270)
        assert (found.outcome, found.message) == (Outcome.OK, "")
        assert (found.canary, found.stable) == (ArmReading(requests=40, bad=3), ArmReading(requests=400, bad=0))
        assert (found.length, found.blocks) == (0, ())

    async def test_blocks(self, source: PolledSource[Any], fake: Fake) -> None:
        for second, hits, errors in ((0, 10, 1), (61, 20, 0), (130, 5, 5)):
            fake.add("hits_canary", START + second, hits)
            fake.add("hits_stable", START + second, 10 * hits)
            fake.add("errors_canary", START + second, errors)
        found = await self.ask_ratio(source, 0, 240 + DELAY, block=0)
        assert (found.outcome, found.length) == (Outcome.OK, 60)
        cells = [(10, 1, 100), (20, 0, 200), (5, 5, 50)]
        assert found.blocks == (
            *(
                Block(START + 60.0 * i, START + 60.0 * i + 60, (Cell("", hits, bad),), (Cell("", stable, 0),))
                for i, (hits, bad, stable) in enumerate(cells)
            ),
            Block(START + 180.0, START + 240.0),
        )
        assert found.canary == ArmReading(requests=35, bad=6)

    async def test_longer_blocks(self, source: PolledSource[Any], fake: Fake) -> None:
        for second in (0, 60, 119, 120, 239):
            fake.add("hits_canary", START + second, 1)
        found = await self.ask_ratio(source, 0, 240 + DELAY, block=120, stable=False)
        assert found.length == 120
        assert [block.canary for block in found.blocks] == [(Cell("", 3.0),), (Cell("", 2.0),)]

    async def test_blocks_that_are_no_intervals(self, source: PolledSource[Any], fake: Fake) -> None:
        found = await self.ask_ratio(source, 0, 300, block=90)
        assert found.outcome is Outcome.INVALID
        assert "change sources.other.config.interval" in found.message
        assert fake.seen == []

    async def test_blocks_are_the_same_however_time_is_cut(self, source: PolledSource[Any], fake: Fake) -> None:
        for minute in range(8):
            fake.add("hits_canary", START + 60 * minute + 7 * minute, 10 + minute)
            fake.add("hits_stable", START + 60 * minute, 100)
            fake.add("errors_canary", START + 60 * minute + 59 - minute, minute)
        whole = await self.ask_ratio(source, 0, 480 + DELAY, block=0)
        assert len(whole.blocks) == 8
        for cut in (60, 180, 240, 420):
            first = await self.ask_ratio(source, 0, cut + DELAY, block=0)
            second = await self.ask_ratio(source, cut, 480 + DELAY, block=0)
            assert first.blocks + second.blocks == whole.blocks

    async def test_history_of_stable_alone(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("hits_stable", START + 61, 12)
        fake.add("errors_stable", START + 62, 2)
        found = await source.measure(Question(self.ratio(), at(0), at(120 + DELAY), None, arm("stable"), 0))
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, None, ArmReading(requests=12, bad=2))
        assert [block.stable for block in found.blocks] == [(), (Cell("", 12, 2),)]

    async def test_no_requests_at_all_is_no_data(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("hits_stable", START + 10, 5)
        found = await self.ask_ratio(source, 0, 300, block=0)
        assert (found.outcome, found.canary, found.blocks) == (Outcome.NO_DATA, None, ())
        assert found.message.startswith("canary: nothing matches")

    async def test_stable_without_traffic_does_not_hide_the_canary(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("hits_canary", START + 10, 5)
        found = await self.ask_ratio(source, 0, 300)
        assert (found.outcome, found.canary, found.stable) == (Outcome.OK, ArmReading(requests=5), None)
        assert found.message.startswith("stable: nothing matches")

    async def test_nothing_is_complete_yet(self, source: PolledSource[Any], fake: Fake) -> None:
        found = await self.ask_ratio(source, 10, 120 + DELAY - 1)
        assert found.outcome is Outcome.NO_DATA
        assert "no interval of 1m is complete yet; numbers may come in 30s late" in found.message
        assert fake.seen == []

    async def test_more_bad_than_all_is_invalid_and_named(self, source: PolledSource[Any], fake: Fake) -> None:
        for second, hits, errors in ((0, 10, 1), (60, 2, 3)):
            fake.add("hits_canary", START + second, hits)
            fake.add("errors_canary", START + second, errors)
        found = await self.ask_ratio(source, 0, 120 + DELAY, block=0, stable=False)
        assert (found.outcome, found.canary) == (Outcome.INVALID, None)
        assert "canary: 3 bad of 2 requests" in found.message
        assert [bool(block.fault) for block in found.blocks] == [False, True]

    @pytest.mark.parametrize("number", [0.25, -1, math.nan])
    async def test_what_is_no_count_is_invalid(self, source: PolledSource[Any], fake: Fake, number: float) -> None:
        fake.add("hits_canary", START + 10, number)
        found = await self.ask_ratio(source, 0, 300, stable=False)
        assert (found.outcome, found.canary) == (Outcome.INVALID, None)
        assert "hits_canary" in found.message

    async def test_many_intervals(self, source: PolledSource[Any], fake: Fake) -> None:
        """More than one request may ask for."""
        minutes = source.MOST + 10
        for minute in range(minutes):
            fake.add("hits_canary", START + 60 * minute, 1)
        found = await self.ask_ratio(source, 0, 60 * minutes + DELAY, block=0, stable=False)
        assert found.canary == ArmReading(requests=minutes)
        assert len(found.blocks) == minutes

    async def test_histograms_are_refused(self, source: PolledSource[Any], fake: Fake) -> None:
        query = Query("latency", MetricKind.DISTRIBUTION, "ms", Direction.LOWER, buckets="x")
        found = await source.measure(Question(query, at(0), at(60), arm("canary")))
        assert found.outcome is Outcome.INVALID
        assert "no histograms" in found.message
        assert fake.seen == []

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (500, b"oops", "fails (HTTP 500)"),
            (503, b"", "fails (HTTP 503)"),
            (429, b"{}", "too often (HTTP 429)"),
            (200, b"<html>Log in</html>", "check the address in sources.other.config"),
            (404, b"", "HTTP 404: check the address in sources.other.config"),
            (204, b"", "HTTP 204"),
        ],
    )
    async def test_failures(self, source: PolledSource[Any], fake: Fake, status: int, body: bytes, said: str) -> None:
        fake.reply = lambda _: (status, {}, body)
        for found in (await self.ask_value(source), await self.ask_ratio(source, 0, 300)):
            assert (found.outcome, found.canary, found.stable) == (Outcome.SOURCE_DOWN, None, None)
            assert said in found.message

    async def test_answers_of_somebody_else(self, source: PolledSource[Any], fake: Fake) -> None:
        for body in (b"7", b'"x"', b'[{"a": 1}]', b'{"a": [1]}', b"[[1]]", b"null"):
            fake.reply = lambda _, body=body: (200, {}, body)  # type: ignore[misc]
            for found in (await self.ask_value(source), await self.ask_ratio(source, 0, 300)):
                assert found.outcome is not Outcome.OK, body
                assert (found.canary, found.stable) == (None, None)

    async def test_a_redirect_is_not_followed(self, source: PolledSource[Any], fake: Fake) -> None:
        """It would carry our credentials to wherever it leads."""
        fake.reply = lambda _: (302, {"Location": "/elsewhere"}, b"")
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "HTTP 302" in found.message
        assert len(fake.seen) == 1

    async def test_one_try_and_no_more(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reply = lambda _: (503, {"Retry-After": "0"}, b"")
        await self.ask_value(source)
        assert len(fake.seen) == 1

    @pytest.mark.parametrize("status", [401, 403])
    async def test_refused_credentials(self, source: PolledSource[Any], fake: Fake, status: int) -> None:
        fake.reply = lambda _: (status, {}, b"{}")
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        said = f"refuses our credentials (HTTP {status}): check the Secret that sources.other.config names"
        assert said in found.message
        if self.PROBE_KNOWS_CREDENTIALS:
            assert said in await source.probe()

    async def test_other_credentials_are_refused(self, address: str) -> None:
        wrong = Secrets(dict.fromkeys(SECRETS, "wr0ng-value"))
        source = self.make_source(address, wrong, timeout="2s")
        found = await self.ask_value(source)
        await source.close()
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "refuses our credentials" in found.message

    async def test_a_rejected_query_is_invalid(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.reject = "unexpected token near depth"
        for found in (await self.ask_value(source), await self.ask_ratio(source, 0, 300)):
            assert (found.outcome, found.canary) == (Outcome.INVALID, None)
            assert "rejects the query" in found.message
            assert "unexpected token near depth" in found.message

    async def test_credentials_are_never_shown(
        self, source: PolledSource[Any], fake: Fake, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not even when the source repeats what it was sent."""
        caplog.set_level(logging.DEBUG)

        def echo(seen: Seen) -> Reply | None:
            fake.reject = f"bad request: {dict(seen.headers)}"
            return None

        fake.reply = echo
        found = await self.ask_value(source)
        shown = found.message + repr(source) + repr(Secrets(SECRETS)) + caplog.text
        assert "s3cret" not in shown
        assert "cmVhZGVyOmxvZ2luLXMzY3JldA" not in shown  # the pair of user and password in base64

    @pytest.mark.parametrize("value", ["", "line\nbreak", "ünicode"])
    def test_a_secret_that_no_header_takes(self, value: str) -> None:
        broken = Secrets(dict.fromkeys(SECRETS, value))
        with pytest.raises(ConfigurationError, match=r"sources\.other\.config\.\w+") as caught:
            self.make_source("http://127.0.0.1:9", broken)
        assert "Secret keys" in str(caught.value)
        assert not value or value not in str(caught.value)

    async def test_a_source_that_hangs_is_down(self, address: str, fake: Fake) -> None:
        def hang(_seen: Seen) -> Reply | None:
            time.sleep(0.4)
            return None

        fake.reply = hang
        source = self.made(address, timeout="200ms")
        found = await self.ask_value(source)
        await source.close()
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "does not answer within 0.2s" in found.message

    async def test_a_source_that_nobody_serves_is_down(self) -> None:
        source = self.made("http://127.0.0.1:9")
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert found.message.endswith("cannot be reached (Connection refused)")
        assert "cannot be reached" in await source.probe()
        await source.close()

    async def test_asking_does_not_block_the_loop(self, source: PolledSource[Any], fake: Fake) -> None:
        """It turns while the source keeps us waiting."""
        gate = Gate(fake)
        question = asyncio.create_task(self.ask_value(source))
        await gate.reached()
        assert not question.done()
        gate.open()
        assert (await question).outcome is Outcome.NO_DATA

    async def test_one_look_asks_the_same_once(self, source: PolledSource[Any], fake: Fake) -> None:
        """Two metrics of one total, e.g.; some services bill every question."""
        fake.add("hits_canary", START + 10, 5)
        question = Question(self.ratio(), at(0), at(150), arm("canary"))
        other = dataclasses.replace(question, query=dataclasses.replace(self.ratio(), name="other"))
        first, second = await asyncio.gather(source.measure(question), source.measure(other))
        assert (first.canary, second.canary) == (ArmReading(requests=5), ArmReading(requests=5))
        assert len(fake.seen) == 2

    async def test_one_who_gives_up_leaves_the_others_their_answer(self, source: PolledSource[Any], fake: Fake) -> None:
        fake.add("depth_canary", START + 90, 7)
        gate = Gate(fake)
        first, second = (asyncio.create_task(self.ask_value(source)) for _ in range(2))
        await gate.reached()
        first.cancel()
        gate.open()
        assert (await second).canary == ArmReading(value=7)
        assert len(fake.seen) == 1

    async def test_a_source_that_is_closed_in_mid_look_is_down(self, source: PolledSource[Any], fake: Fake) -> None:
        """The configuration changed while somebody asked: nothing is raised, and nothing made up."""
        gate = Gate(fake)
        look = asyncio.create_task(self.ask_ratio(source, 0, 60 * (source.MOST + 10)))
        await gate.reached()
        await source.close()
        gate.open()
        found = await look
        assert found.outcome is Outcome.SOURCE_DOWN
        assert (found.canary, found.stable) == (None, None)

    async def test_a_source_that_is_closed_is_down(self, source: PolledSource[Any]) -> None:
        await source.close()
        found = await self.ask_value(source)
        assert found.outcome is Outcome.SOURCE_DOWN
        assert "configured anew" in found.message

    async def test_it_answers(self, source: PolledSource[Any]) -> None:
        assert await source.probe() == ""
        assert type(source).problem(MetricKind.VALUE, self.EXPRESSION, source._config) == ""
        assert type(source).problem(MetricKind.RATIO, self.TOTAL, source._config) == ""

    async def test_placeholders_are_checked(self, source: PolledSource[Any]) -> None:
        said = type(source).problem(MetricKind.VALUE, f"{self.EXPRESSION} {{{{pdos}}}}", source._config)
        assert "unknown placeholder {{pdos}}" in said
        assert "{{namespace}}" in said
